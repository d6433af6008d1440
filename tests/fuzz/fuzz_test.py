"""Builds the fuzz targets with clang and lets each search for 20 seconds (PLATEAU_FUZZ_SECONDS),
two at a time. What it finds is kept beside the build; the message says what to do with it."""
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

TARGETS = ["wire", "yaml", "pipe", "safetensors", "gguf"]
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("PLATEAU_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(SOURCE, "build", "fuzz")
SECONDS = int(os.environ.get("PLATEAU_FUZZ_SECONDS", "20"))
PROBE = "extern \"C\" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }"


def links_fuzzers(compiler):
    """Whether this clang++ has libFuzzer's library."""
    with tempfile.TemporaryDirectory() as folder:
        probe = os.path.join(folder, "probe.cc")
        with open(probe, "w", encoding="utf-8") as file:
            file.write(PROBE)
        return subprocess.run([compiler, "-fsanitize=fuzzer", probe, "-o", probe + ".out"],
                              capture_output=True, check=False).returncode == 0


def find_compiler():
    for name in ["clang++"] + [f"clang++-{version}" for version in range(20, 13, -1)]:
        if shutil.which(name) and links_fuzzers(name):
            return name
    print("skipped: no clang++ with libFuzzer (apt-get install clang-14 libclang-rt-14-dev); the "
          "corpora are run again without it")
    sys.exit(77)


def build(compiler):
    arguments = ["cmake", "--preset", "fuzz", f"-DCMAKE_CXX_COMPILER={compiler}",
                 f"-DCMAKE_C_COMPILER={compiler.replace('++', '')}"]
    for command in (arguments, ["cmake", "--build", BUILD, "--parallel", "2", "--target",
                                "fuzz-targets"]):
        done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def search(name):
    """Runs one target; returns (passed, what it said last)."""
    found = os.path.join(BUILD, "found", name)
    grown = os.path.join(BUILD, "grown", name)  # what reaches new code; the next run goes on from it
    os.makedirs(found, exist_ok=True)
    os.makedirs(grown, exist_ok=True)
    command = [os.path.join(BUILD, "bin", "fuzz-" + name), grown,
               os.path.join(HERE, "corpus", name), f"-max_total_time={SECONDS}", "-timeout=10",
               "-rss_limit_mb=2048", "-max_len=4096", f"-artifact_prefix={found}/",
               "-print_final_stats=1"]
    words = os.path.join(HERE, "words", name + ".dict")
    if os.path.exists(words):
        command.append(f"-dict={words}")
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        stats = dict(line[6:].split(":", 1) for line in done.stderr.splitlines()
                     if line.startswith("stat::"))
        return True, f"{name}: {stats.get('number_of_executed_units', '?').strip()} inputs"
    return False, (f"{name}: found something. Its input is in {found}; copy it to "
                   f"tests/fuzz/corpus/{name}, mend the reader, and give the mistake a test of its "
                   f"own.\n{done.stderr[-4000:]}")


def main():
    build(find_compiler())
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(search, sys.argv[1:] or TARGETS))
    for _, said in results:
        print(said)
    sys.exit(0 if all(passed for passed, _ in results) else 1)


if __name__ == "__main__":
    main()
