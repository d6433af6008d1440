#!/usr/bin/env python3
"""Tokens a second and peak memory of every method, beside the library that people use for it.

    compare.py BIN_FOLDER BASE [--language-model] [--texts N] [--tokens N] [--steps N] [--rounds N]
               [--methods M,…] [--precisions P,…] [--kept FILE] [--minutes N]

BASE is a Hugging Face folder or a GGUF file; of the latter the other libraries get the same numbers
as a folder (gguf_folder.py). Ours and theirs take turns, each in a process of its own, --rounds
times; the best median of a side counts, since other work on the machine only ever makes a run
slower. A round measures everything once, so what is broken off, or stopped by --minutes, prints the
table of what there is. With --kept, measurements are kept in FILE and the same command goes on.
Prints Markdown. PLATEAU_REFERENCE is the environment that `./plateau test --with-reference` makes
(default: that in the cache), PLATEAU_LIBTORCH LibTorch's folder.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import work

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "reference"))
import run_reference  # noqa: E402  pylint: disable=wrong-import-position

CACHE = os.environ.get("PLATEAU_CACHE", os.path.expanduser("~/.cache/plateau"))
REFERENCE = os.environ.get("PLATEAU_REFERENCE", os.path.join(CACHE, "reference"))
LIBTORCH = os.environ.get("PLATEAU_LIBTORCH", os.path.join(CACHE, "libtorch-2.11.0"))
# Row: (method here and there, how ours keeps the base, the peer's name or none).
ROWS = {
    "LoRA": ("lora", "numbers", "PEFT"),
    "DoRA": ("dora", "numbers", "PEFT"),
    "LoReFT": ("loreft", "numbers", "pyreft"),
    "LoReFT, upper half": ("loreft", "numbers", "pyreft"),
    "IA3": ("ia3", "numbers", "PEFT"),
    "prompt tuning": ("prompt", "numbers", "PEFT"),
    "prefix tuning": ("prefix", "numbers", "PEFT"),
    "BitFit": ("bitfit", "numbers", "transformers"),
    "full": ("full", "numbers", "transformers"),
    "QLoRA, NF4": ("lora", "nf4", None),
    "QLoRA, GGUF": ("lora", "file", None),
}


def output_of(words, environment=None):
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"compare.py: {' '.join(words)} exits with {done.returncode}:\n{done.stderr}")
    return done.stdout


def reference_python(script, *words):
    return output_of([os.path.join(REFERENCE, "bin", "python"), os.path.join(HERE, script), *words],
                     run_reference.environment(LIBTORCH))


def is_gguf(base):
    return base.endswith(".gguf")


def folder_for_peers(base):
    """The base itself, or a folder of the same numbers, made once."""
    if not is_gguf(base):
        if not os.path.exists(os.path.join(base, "config.json")):
            sys.exit(f"compare.py: {base} has no config.json; give a Hugging Face folder or a .gguf file")
        return base
    folder = os.path.join(tempfile.gettempdir(),
                          f"plateau-bench-{os.getuid()}-{os.path.getsize(base)}")
    if not os.path.exists(os.path.join(folder, "config.json")):  # written last
        reference_python("gguf_folder.py", base, folder)
    return folder


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = folder_for_peers(options.base)
        with open(os.path.join(self.folder, "config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        self.shape = ["--steps", str(options.steps), "--texts", str(options.texts),
                      "--tokens", str(options.tokens)]
        self.end = time.monotonic() + 60 * options.minutes
        self.kept = {}
        if options.kept and os.path.exists(options.kept):
            with open(options.kept, encoding="utf-8") as file:
                self.kept = {key: value for key, value in map(json.loads, file)}

    def names(self):
        """The rows that this base has."""
        names = re.split(r",(?! )", self.options.methods) if self.options.methods else list(ROWS)
        if self.options.methods:
            unknown = [name for name in names if name not in ROWS]
            if unknown:
                sys.exit(f"compare.py: no row '{unknown[0]}'; there are: {'; '.join(ROWS)}")
            return names
        left_out = [] if is_gguf(self.options.base) else ["QLoRA, GGUF"]
        left_out += ["BitFit"] if self.config["model_type"] != "bert" else []  # has no biases
        return [name for name in names if name not in left_out]

    def ours(self, name, precision):
        method, storage, _ = ROWS[name]
        layers = self.config["num_hidden_layers"]
        parameters = {"layers": list(range(layers // 2, layers))} if "upper" in name else {}
        report = json.loads(output_of([
            os.path.join(self.options.bin, "trainer_bench"), self.options.base, "--method", method,
            "--pack", "1", "--parameters", json.dumps(parameters), "--precision", precision,
            *(["--storage", storage] if is_gguf(self.options.base) or storage != "numbers" else []),
            *self.shape,
            "--language-model", "yes" if self.options.language_model else "no",
            "--benchmark_format=json"]))
        step = report["benchmarks"][0]
        return {"median": step["tokens_per_s"], "peak_mib": step["peak_MiB"],
                "base_mib": float(report["context"]["base_MiB"])}

    def theirs(self, name, precision):
        words = [self.folder, ROWS[name][0], "--precision", precision, *self.shape]
        words += ["--layers", "upper"] if "upper" in name else []
        words += ["--language-model"] if self.options.language_model else []
        return json.loads(reference_python("peer_step.py", *words).splitlines()[-1])

    def ceiling(self, _name, precision):
        words = [self.folder, "ceiling", "--precision", precision, *self.shape]
        return json.loads(reference_python("peer_step.py", *words).splitlines()[-1])

    def measure(self, side, name, precision, number):
        """Measures unless it is kept. False: the time is over."""
        options = self.options
        key = " ".join([os.path.basename(self.folder), *self.shape, "lm" * options.language_model,
                        side, name, precision, str(number)])
        if key not in self.kept:
            if time.monotonic() > self.end:
                return False
            print(f"{side}: {name}, {precision}, round {number + 1}", file=sys.stderr, flush=True)
            self.kept[key] = getattr(self, side)(name, precision)
            self.kept[key].update(side=side, name=name, precision=precision)
            if options.kept:
                with open(options.kept, "a", encoding="utf-8") as file:
                    file.write(json.dumps([key, self.kept[key]]) + "\n")
        self.kept[key]["asked"] = True
        return True

    def run(self):
        for number in range(self.options.rounds):
            for precision in self.options.precisions.split(","):
                todo = [("ceiling", "matrix product")]
                for name in self.names():
                    todo.append(("ours", name))
                    todo += [("theirs", name)] if ROWS[name][2] else []
                for side, name in todo:
                    if not self.measure(side, name, precision, number):
                        return

    def best(self, side, name, precision):
        found = [m for m in self.kept.values() if m.get("asked") and
                 (m["side"], m["name"], m["precision"]) == (side, name, precision)]
        if not found:
            return None
        return {key: (min if key.endswith("mib") else max)(m[key] for m in found)
                for key in ("median", "peak_mib", "base_mib", "gflops") if key in found[0]}


def share(bench, name, precision, tokens_per_second):
    ceiling = bench.best("ceiling", "matrix product", precision)
    needed = work.flop_per_token(bench.config, name, bench.options.language_model)
    if ceiling is None or needed is None:
        return "–"
    return f"{1e-9 * needed * tokens_per_second / ceiling['gflops']:.0%}"


def row(bench, name, precision):
    mine, other = bench.best("ours", name, precision), bench.best("theirs", name, precision)
    library = ROWS[name][2]
    if mine is None or (library and other is None):
        return None
    cells = [name, precision, f"{mine['median']:,.0f}", share(bench, name, precision, mine["median"])]
    if library:
        cells += [library, f"{other['median']:,.0f}", f"{mine['median'] / other['median']:.2f}",
                  f"{mine['peak_mib']:,.0f}", f"{other['peak_mib']:,.0f}",
                  f"{mine['peak_mib'] / other['peak_mib']:.2f}"]
    else:
        cells += ["–", "–", "–", f"{mine['peak_mib']:,.0f}", "–", "–"]
    return cells + [f"{mine['base_mib']:,.0f}" if "base_mib" in mine else "–"]


def beside_lora(bench, precision):
    """What a step of the others takes of LoRA's, in our own trainer."""
    lora, parts = bench.best("ours", "LoRA", precision), []
    for name in ("DoRA", "QLoRA, NF4", "QLoRA, GGUF"):
        mine = bench.best("ours", name, precision)
        if lora and mine:
            parts.append(f"{name} {lora['median'] / mine['median']:.2f} times LoRA's time and "
                         f"{mine['peak_mib'] / lora['peak_mib']:.2f} times its memory")
    return "; ".join(parts)


def report(bench):
    options = bench.options
    print(f"\n{os.path.basename(options.base.rstrip('/'))}, {options.texts} x {options.tokens} tokens "
          f"a step, {os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads:\n")
    print("| method | precision | tokens/s | of the ceiling | library | its tokens/s | ratio | MiB "
          "| its MiB | ratio | base MiB |")
    print("| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    precisions = options.precisions.split(",")
    for precision in precisions:
        rows = [row(bench, name, precision) for name in bench.names()]
        for cells in filter(None, rows):
            print("| " + " | ".join(cells) + " |")
    print()
    for precision in precisions:
        ceiling = bench.best("ceiling", "matrix product", precision)
        if ceiling:
            print(f"- {precision}: the feed-forward layer's matrix product alone makes "
                  f"{ceiling['gflops']:.0f} GFLOP/s. {beside_lora(bench, precision)}")
    print(f"- load at the end {os.getloadavg()[0]:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("base")
    parser.add_argument("--language-model", action="store_true")
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", help=f"of: {'; '.join(ROWS)} (default: those that the base has)")
    parser.add_argument("--precisions", default="float32,bfloat16")
    parser.add_argument("--kept", help="a file that keeps the measurements")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin nothing after these")
    bench = Bench(parser.parse_args())
    try:
        bench.run()
    except KeyboardInterrupt:
        print("broken off", file=sys.stderr)
    report(bench)


if __name__ == "__main__":
    main()
