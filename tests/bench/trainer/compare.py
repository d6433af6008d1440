#!/usr/bin/env python3
"""Tokens a second and peak memory of every method, beside the library that people use for it.

    compare.py BIN_FOLDER BASE_FOLDER [--language-model] [--texts N] [--tokens N] [--steps N]
               [--rounds N] [--methods M,…] [--precisions P,…]

Ours and theirs take turns, each in a process of its own, --rounds times; the best median of a side
counts, since other work on the machine only ever makes a run slower. Prints a Markdown table.
PLATEAU_REFERENCE is the environment that `./plateau test --with-reference` makes (default: that in
the cache), PLATEAU_LIBTORCH LibTorch's folder.
"""
import argparse
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "reference"))
import run_reference  # noqa: E402  pylint: disable=wrong-import-position

CACHE = os.environ.get("PLATEAU_CACHE", os.path.expanduser("~/.cache/plateau"))
REFERENCE = os.environ.get("PLATEAU_REFERENCE", os.path.join(CACHE, "reference"))
LIBTORCH = os.environ.get("PLATEAU_LIBTORCH", os.path.join(CACHE, "libtorch-2.11.0"))
# Row: (method here and there, our parameters, further words for the peer, the peer's name).
ROWS = {
    "LoRA": ("lora", {}, [], "PEFT"),
    "DoRA": ("dora", {}, [], "PEFT"),
    "LoReFT": ("loreft", {}, [], "pyreft"),
    "LoReFT, upper half": ("loreft", {"layers": "upper"}, ["--layers", "upper"], "pyreft"),
    "IA3": ("ia3", {}, [], "PEFT"),
    "prompt tuning": ("prompt", {}, [], "PEFT"),
    "prefix tuning": ("prefix", {}, [], "PEFT"),
    "BitFit": ("bitfit", {}, [], "transformers"),
    "full": ("full", {}, [], "transformers"),
}


def output_of(words, environment=None):
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"compare.py: {' '.join(words)} exits with {done.returncode}:\n{done.stderr}")
    return done.stdout


def peer(*words):
    python = os.path.join(REFERENCE, "bin", "python")
    text = output_of([python, os.path.join(HERE, "peer_step.py"), *words],
                     run_reference.environment(LIBTORCH))
    return json.loads(text.splitlines()[-1])


def ours(options, method, parameters, precision):
    text = output_of([
        os.path.join(options.bin, "trainer_bench"), options.base, "--method", method, "--pack", "1",
        "--parameters", json.dumps(parameters), "--precision", precision,
        "--steps", str(options.steps), "--texts", str(options.texts),
        "--tokens", str(options.tokens),
        "--language-model", "yes" if options.language_model else "no"])
    median = re.search(rf"^{method} +1 +(\d+)", text, re.MULTILINE)
    return {"median": float(median[1]),
            "peak_mib": float(re.search(r"memory (\d+) MiB", text)[1])}


def best(measurements):
    return {"median": max(m["median"] for m in measurements),
            "peak_mib": min(m["peak_mib"] for m in measurements)}


def row(options, name, precision):
    method, parameters, words, library = ROWS[name]
    if parameters.get("layers") == "upper":
        with open(os.path.join(options.base, "config.json"), encoding="utf-8") as file:
            layers = json.load(file)["num_hidden_layers"]
        parameters = {"layers": list(range(layers // 2, layers))}
    words = [options.base, method, *words, "--precision", precision, "--steps", str(options.steps),
             "--texts", str(options.texts), "--tokens", str(options.tokens)]
    words += ["--language-model"] if options.language_model else []
    mine, theirs = [], []
    for _ in range(options.rounds):
        mine.append(ours(options, method, parameters, precision))
        theirs.append(peer(*words))
    return library, best(mine), best(theirs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("base")
    parser.add_argument("--language-model", action="store_true")
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(ROWS),
                        help="BitFit needs a base with biases, which the Llama family lacks")
    parser.add_argument("--precisions", default="float32,bfloat16")
    options = parser.parse_args()
    print("| method | precision | tokens/s | library | its tokens/s | ratio | MiB | its MiB | ratio |")
    print("| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for precision in options.precisions.split(","):
        for name in re.split(r",(?! )", options.methods):
            library, mine, theirs = row(options, name, precision)
            print(f"| {name} | {precision} | {mine['median']:,.0f} | {library} | "
                  f"{theirs['median']:,.0f} | {mine['median'] / theirs['median']:.2f} | "
                  f"{mine['peak_mib']:,.0f} | {theirs['peak_mib']:,.0f} | "
                  f"{mine['peak_mib'] / theirs['peak_mib']:.2f} |", flush=True)
        gflops = peer("ceiling", "--precision", precision)["gflops"]
        print(f"\n{precision}: the feed-forward layer's matrix product alone makes {gflops:.0f} "
              f"GFLOP/s; load {os.getloadavg()[0]:.1f}\n", flush=True)


if __name__ == "__main__":
    main()
