"""Language modelling with the real trainer: a small decoder of random weights, the README's text."""
import csv
import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

import harness

SOURCE = os.environ.get("PLATEAU_SOURCE_DIR",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
HIDDEN, LAYERS, POSITIONS, VOCABULARY = 16, 2, 64, 256
SWEEP = """
name: language
parameters:
  base: {path: base}
  adapter: [full, lora, none]
  seed: 0
  learning_rate: 1e-2
  epochs: 2
  batch_size: 8
  max_length: 64
replicate: seed
tasks:
  prose: {path: prose, kind: causal_lm}
  answers: {path: answers, kind: causal_lm, metric: loss}
adapters:
  lora: {rank: 4}
"""
ZERO_SHOT = """
name: zero-shot
parameters:
  base: {path: base}
  task: {path: classes, labels: [bad, good]}
  adapter: none
  seed: 0
  max_length: 64
replicate: seed
adapters:
  none: {template: "{text} is", shots: [0, 2]}
"""


def byte_alphabet():
    """GPT-2's character for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {**{byte: chr(byte) for byte in plain},
            **{byte: chr(256 + i) for i, byte in enumerate(others)}}


def shapes():
    h = HIDDEN
    yield "transformer.wte.weight", [VOCABULARY, h]
    yield "transformer.wpe.weight", [POSITIONS, h]
    for layer in range(LAYERS):
        name = f"transformer.h.{layer}."
        for norm in ("ln_1", "ln_2"):
            yield name + norm + ".weight", [h]
            yield name + norm + ".bias", [h]
        for part, rows, columns in (("attn.c_attn", h, 3 * h), ("attn.c_proj", h, h),
                                    ("mlp.c_fc", h, 4 * h), ("mlp.c_proj", 4 * h, h)):
            yield name + part + ".weight", [rows, columns]
            yield name + part + ".bias", [columns]
    yield "transformer.ln_f.weight", [h]
    yield "transformer.ln_f.bias", [h]


def write_base(folder):
    os.makedirs(folder)
    draw = random.Random(1)
    header, data = {}, b""
    for name, shape in shapes():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        start = 1.0 if len(shape) == 1 and name.endswith("weight") else 0.0
        values = [start + draw.gauss(0.0, 0.2) for _ in range(count)]
        block = struct.pack(f"<{count}f", *values)
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(data), len(data) + len(block)]}
        data += block
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    config = {"model_type": "gpt2", "n_embd": HIDDEN, "n_layer": LAYERS, "n_head": 2,
              "vocab_size": VOCABULARY, "n_positions": POSITIONS, "activation_function": "gelu_new"}
    tokenizer = {"added_tokens": [], "normalizer": None,
                 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
                 "post_processor": None, "decoder": {"type": "ByteLevel"},
                 "model": {"type": "BPE", "merges": [],
                           "vocab": {char: byte for byte, char in byte_alphabet().items()}}}
    for name, content in (("config.json", config), ("tokenizer.json", tokenizer)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file)


def write_rows(folder, rows):
    os.makedirs(folder)
    with open(os.path.join(folder, "train.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


class LanguageModel(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="plateau-language-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        write_base(self.path("base"))
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
            lines = [line.strip() for line in file if len(line) > 40]
        write_rows(self.path("prose"), [{"text": line} for line in lines])
        write_rows(self.path("answers"), [{"prompt": f"{a} and {b} make", "completion": f" {a + b}"}
                                          for a in range(8) for b in range(8)])
        write_rows(self.path("classes"), [
            {"text": f"{word} {i}", "label": label}
            for i in range(8) for word, label in (("cake", "good"), ("rain", "bad"))])

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def run_sweep(self, text):
        with open(self.path("sweep.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        environment = dict(os.environ, PLATEAU_CACHE=self.path("cache"))
        done = subprocess.run([harness.PLATEAU, "run", "sweep.yaml", "--json"], cwd=self.folder,
                              env=environment, capture_output=True, text=True, timeout=280,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def metrics(self, name):
        """Test metrics by (task, adapter), and the rows of table.csv."""
        with open(self.path("runs", name, "results", "table.csv"), encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_perplexity_and_loss_fall_below_the_frozen_bases(self):
        summary = self.run_sweep(SWEEP)
        self.assertEqual(summary["counts"]["finished"], 6)
        with open(self.path("runs", "language", "results", "table.md"), encoding="utf-8") as file:
            table = file.read()
        self.assertIn("prose: perplexity ↓", table)
        self.assertIn("answers: loss ↓", table)
        found = {}
        for row in self.metrics("language"):
            found[row["task"], row["adapter"]] = float(row["mean"])
        for task in ("prose", "answers"):
            self.assertLess(found[task, "full"], found[task, "none"], found)
            self.assertLess(found[task, "lora"], found[task, "none"], found)

    def test_a_template_classifies_without_training(self):
        summary = self.run_sweep(ZERO_SHOT)
        self.assertEqual(summary["counts"]["finished"], 2)
        trials = self.path("runs", "zero-shot", "trials")
        for name in os.listdir(trials):
            with open(os.path.join(trials, name, "predictions.jsonl"), encoding="utf-8") as file:
                answers = [json.loads(line) for line in file]
            self.assertGreater(len(answers), 0)
            self.assertTrue(all(answer["prediction"] in ("bad", "good") for answer in answers))


if __name__ == "__main__":
    harness.main()
