"""Rules of the house that a script can see: lengths, clocks, randomness, markers, READMEs."""
import os
import re

import tidy

SOURCES = ["common", "coordinator", "worker"]
TREE = SOURCES + ["tests", "sweeps", ".ci"]
SCRIPTS = (".py", ".sh", ".cmake", "CMakeLists.txt", ".yaml", ".yml", ".proto")
LINES, TEST_LINES, FUNCTION_LINES = 600, 800, 60
MARKERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
LOADS_ONE_LIBRARY = "worker/kernels/cuda_library.cc"  # by a name that stands there
DRAW_SEEDS = ("main.cc", "session_parts.cc", "node.cc")  # where a process begins
OPENS = re.compile(r"^[A-Za-z_~].*\{$")
# A base, a task or a trial is data: nothing that reads one can run what it says. `torch::load` and its
# kin read pickles, which are programs.
READS_DATA = ("worker/trainer/", "worker/kernels/", "common/spec/")
RUNS_DATA = re.compile(r"(?<![\w.>])(system|popen|dlopen|exec[lv]p?e?|posix_spawnp?)\("
                       r"|torch::(jit::|serialize::)?(pickle_)?load\(|InputArchive")
NOT_A_FUNCTION = re.compile(r"^(namespace|class|struct|enum|union|extern|constexpr|const|static const"
                            r"|inline constexpr|template.*(class|struct) )")


def long_functions(path, text):
    """Functions that begin in the first column and are longer than FUNCTION_LINES."""
    found, start = [], None
    for number, line in enumerate(text.splitlines(), 1):
        if OPENS.match(line) and not NOT_A_FUNCTION.match(line):
            start = number
        elif line.startswith("}") and start:
            if number - start + 1 > FUNCTION_LINES:
                found.append(f"{path}:{start}: a function of {number - start + 1} lines; "
                             f"the limit is {FUNCTION_LINES}")
            start = None
    return found


def line_rules(path, text):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        if "::now(" in code and path != "common/base/clock.cc":
            found.append(f"{path}:{number}: reads a clock; time is an argument (common/base/clock.h)")
        if "random_device" in code and os.path.basename(path) not in DRAW_SEEDS:
            found.append(f"{path}:{number}: random_device; randomness is an argument "
                         "(common/base/random.h)")
        may_run = path == LOADS_ONE_LIBRARY or not path.startswith(READS_DATA)
        if not may_run and RUNS_DATA.search(re.sub(r'"[^"]*"', '""', code)):
            found.append(f"{path}:{number}: could run what a file says; what reads bases, tasks and "
                         "trials starts no program, loads no code and reads no pickle")
    return found


def findings(source, _build):
    found = []
    for path in tidy.files(source, TREE, tidy.CODE + SCRIPTS):
        text = tidy.read(source, path)
        limit = TEST_LINES if path.startswith("tests/") else LINES
        lines = text.count("\n")
        if lines > limit:
            found.append(f"{path}: {lines} lines; the limit is {limit}")
        for number, line in enumerate(text.splitlines(), 1):
            if MARKERS.search(line):
                found.append(f"{path}:{number}: a leftover marker: {line.strip()}")
        if path.startswith(tuple(SOURCES)) and path.endswith(tidy.CODE):
            found += line_rules(path, text) + long_functions(path, text)
    # Two levels deep each folder explains itself; deeper ones may leave it to the folder above.
    folders = {"/".join(os.path.dirname(path).split("/")[:2])
               for path in tidy.files(source, SOURCES)} | {"sweeps", "tests"}
    found += [f"{folder}: has no README.md" for folder in sorted(folders)
              if not os.path.exists(os.path.join(source, folder, "README.md"))]
    return found


if __name__ == "__main__":
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "the rules of the house")
