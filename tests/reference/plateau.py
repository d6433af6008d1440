"""The built programs, a small task, and one run over every method on MiniLM, shared by the tests."""
import glob
import json
import os
import subprocess
import tempfile

import tokenizers
import torch

BIN = os.environ.get("PLATEAU_BIN_DIR", "")
PATIENCE_S = 600
LABELS = ["no", "yes"]
TEXTS = ["what a day", "it rains again, and the train is late", "no", "thank you!",
         "they played well; nobody expected that they would win in the end", "so so",
         "the food was cold and the waiter rude", "I would go there again tomorrow"]
SWEEP = """
name: round-trip
parameters:
  base: BASE
  pooling: cls
  task: TASK
  adapter: [METHODS]
  seed: 1
MORE  epochs: 1
  batch_size: 8
  learning_rate: 3e-3
replicate: seed
adapters:
"""
# Every method that another library can take over, with what has no default.
METHODS = {"lora": "{rank: 4}", "dora": "{rank: 4, target_modules: {value: [query, value]}}",
           "ia3": "{}", "prompt": "{tokens: 5}", "prefix": "{tokens: 5}", "loreft": "{rank: 4, positions: f1+l1}",
           "bitfit": "{}", "layer_norm": "{}", "last_layers": "{trained_layers: 2}", "full": "{}"}
CLASSIFICATION = '{path: task, labels: ["no", "yes"]}'


def program(name, *arguments, folder=None, text=None):
    """Runs one of the programs to its end and returns its standard output."""
    done = subprocess.run([os.path.join(BIN, name), *arguments], cwd=folder, input=text,
                          capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    if done.returncode != 0:
        raise AssertionError(f"{name} {arguments} exits with {done.returncode}: {done.stderr}")
    return done.stdout


class Run:
    """A finished run of SWEEP over some of METHODS, in a temporary folder.

    make_base(folder) writes another base than the catalogue's `named`; rows are the task's, in place
    of TEXTS; more are lines of the sweep's parameters.
    """

    def __init__(self, *methods, make_base=None, named="minilm-l6", rows=None, task=CLASSIFICATION,
                 settings=None, more=""):
        self._keep = tempfile.TemporaryDirectory(prefix="plateau-reference-")
        self.folder = self._keep.name
        os.makedirs(os.path.join(self.folder, "task"))
        for split, repeats in (("train", 5), ("validation", 1), ("test", 1)):
            lines = (rows or [{"sentence": text, "label": i % 2}
                              for i, text in enumerate(TEXTS)]) * repeats
            self.write(f"task/{split}.jsonl", "".join(json.dumps(row) + "\n" for row in lines))
        if make_base:
            make_base(self.path("base"))
        sweep = SWEEP.replace("METHODS", ", ".join(methods)).replace("TASK", task).replace(
            "BASE", "{path: base}" if make_base else named).replace("MORE", more)
        settings = {**METHODS, **(settings or {})}
        self.write("round-trip.yaml", sweep + "".join(
            f"  {method}: {settings[method]}\n" for method in methods))
        program("plateau", "run", "round-trip.yaml", folder=self.folder)
        self.base = self.path("base") if make_base else self._base(named)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def close(self):
        self._keep.cleanup()

    def _base(self, named):
        cache = os.environ.get("PLATEAU_CACHE") or os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "plateau")
        return glob.glob(os.path.join(cache, "bases", named + "-*"))[0]

    def trial(self, method):
        """The folder of the one trial of a method."""
        found = glob.glob(self.path("runs", "round-trip", "trials", f"task-{method}-*"))
        assert len(found) == 1, (method, found)
        return found[0]

    def export(self, method, form):
        out = self.path("out", method, form)
        program("plateau", "export", "round-trip", os.path.basename(self.trial(method)),
                "--format", form, "--out", out, folder=self.folder)
        return out

    def test_scores(self, method):
        """Scores of the test split, as training itself wrote them, in its order: class
        probabilities, or a text's loss and number of predicted tokens."""
        with open(os.path.join(self.trial(method), "predictions.jsonl"), encoding="utf-8") as file:
            return torch.tensor([json.loads(line)["scores"] for line in file])

    def predict(self, adapter, *options, texts=None):
        """This trainer's logits of TEXTS with an adapter's folder, whoever wrote it."""
        lines = program("plateau-trainer", "predict", adapter, "--base", self.base, *options,
                        text="".join(json.dumps(text) + "\n" for text in texts or TEXTS))
        return torch.tensor([json.loads(line) for line in lines.splitlines()])

    def batch(self):
        """TEXTS as the reference libraries take them, padded on the right."""
        tokenizer = tokenizers.Tokenizer.from_file(os.path.join(self.base, "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.enable_padding()
        encoded = tokenizer.encode_batch(TEXTS)
        return {"input_ids": torch.tensor([text.ids for text in encoded]),
                "attention_mask": torch.tensor([text.attention_mask for text in encoded])}


def logits(model, batch):
    model.eval()
    with torch.no_grad():
        return model(**batch).logits.float()
