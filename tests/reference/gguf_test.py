"""Merged models of a GGUF base (SmolLM2 in blocks of 4 bits) load in transformers, tokenizer included, and
give the logits that the trial itself predicted over the blocks (1e-4)."""
import json
import os
import unittest

import torch
import transformers

import families
import plateau

BASE = "smollm2-135m"
METHODS = ("lora", "dora", "qlora", "layer_norm", "full")
SETTINGS = {"dora": "{rank: 4}", "qlora": "{rank: 4}"}


def merged(run, method, kind):
    folder = run.export(method, "merged")
    model, info = families.CLASSES[kind].from_pretrained(folder, attn_implementation="eager",
                                                         output_loading_info=True)
    assert not (info["missing_keys"] or info["unexpected_keys"]), info
    return model.eval(), transformers.AutoTokenizer.from_pretrained(folder)


class Gguf(unittest.TestCase):
    def test_merged_classifiers_load_in_transformers(self):
        run = plateau.Run(*METHODS, named=BASE, settings=SETTINGS)
        self.addCleanup(run.close)
        for method in METHODS:
            with self.subTest(method):
                model, tokenizer = merged(run, method, "classification")
                batch = tokenizer(plateau.TEXTS, padding=True, return_tensors="pt")
                families.assert_close(self, run.test_scores(method),
                                      plateau.logits(model, batch).softmax(1), f"{method}, merged")

    def test_a_merged_language_model_loads_in_transformers(self):
        run = plateau.Run("lora", named=BASE, rows=[{"text": text} for text in plateau.TEXTS],
                          task=families.TASKS["causal_lm"])
        self.addCleanup(run.close)
        model, tokenizer = merged(run, "lora", "causal_lm")
        losses = []
        for text in plateau.TEXTS:
            ids = tokenizer(text).input_ids
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits.float()
            losses.append(families.answer(logits, ids, "causal_lm"))
        families.assert_close(self, run.test_scores("lora"), torch.stack(losses), "lora, merged")

    def test_the_tokenizer_gives_the_ids_that_the_file_gives_here(self):
        run = plateau.Run("none", named=BASE, settings={"none": "{}"})
        self.addCleanup(run.close)
        folder = run.export("none", "merged")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        texts = [*plateau.TEXTS, "", "  two  spaces\n\nand 2026 digits", "caf\u00e9 \u4f60\u597d \U0001f600"]
        ours = plateau.program("plateau-trainer", "tokenize", run.base,
                               text="".join(json.dumps(text) + "\n" for text in texts))
        self.assertEqual([json.loads(line) for line in ours.splitlines()],
                         [tokenizer(text).input_ids for text in texts])
        self.assertTrue(os.path.exists(os.path.join(folder, "tokenizer.json")))


if __name__ == "__main__":
    unittest.main()
