"""Adapters and models go to peft and transformers and come back with the same logits (1e-4)."""
import os
import unittest

import peft
import torch
import transformers

import plateau

TOLERANCE = 1e-4
# What PEFT can be asked for; each is trained there for some steps and read here.
PEFT_CONFIGS = {
    "lora, suffixes": lambda: peft.LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value"]),
    "lora, all-linear, rsLoRA, dropout": lambda: peft.LoraConfig(
        r=8, lora_alpha=16, target_modules="all-linear", use_rslora=True, lora_dropout=0.1),
    "lora, a regular expression": lambda: peft.LoraConfig(
        r=2, target_modules=r".*layer\.[0-2]\..*(query|output\.dense)"),
    "lora, layers 2 and 3, one module left out": lambda: peft.LoraConfig(
        r=4, target_modules=["query", "dense"], layers_to_transform=[2, 3],
        exclude_modules=["attention.output.dense"]),
    "dora": lambda: peft.LoraConfig(r=4, target_modules="all-linear", use_dora=True),
    "ia3": peft.IA3Config,
    "prompt": lambda: peft.PromptTuningConfig(num_virtual_tokens=6),
    "prefix": lambda: peft.PrefixTuningConfig(num_virtual_tokens=6),
}


class RoundTrip(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.manual_seed(0)
        cls.run_ = plateau.Run(*(name for name in plateau.METHODS if name != "loreft"))
        cls.addClassCleanup(cls.run_.close)
        cls.batch = cls.run_.batch()

    def base(self):
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            self.run_.base, num_labels=2, attn_implementation="eager")

    def assert_close(self, ours, theirs, what):
        difference = (ours - theirs).abs().max().item()
        print(f"{what}: {difference:.1e}", flush=True)
        self.assertLess(difference, TOLERANCE, what)

    def test_adapters_trained_here_load_in_peft(self):
        for method in ("lora", "dora", "ia3", "prompt", "prefix"):
            with self.subTest(method):
                folder = self.run_.export(method, "peft")
                model = peft.PeftModel.from_pretrained(self.base(), folder)
                theirs = plateau.logits(model, self.batch)
                self.assert_close(self.run_.predict(folder), theirs, f"{method} to peft")
                self.assert_close(self.run_.test_scores(method), theirs.softmax(1),
                                  f"{method} to peft, against the trial's own predictions")

    def test_merged_and_fine_tuned_models_load_in_transformers(self):
        for method in ("lora", "dora", "ia3", "bitfit", "layer_norm", "last_layers", "full"):
            with self.subTest(method):
                model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
                    self.run_.export(method, "merged"), attn_implementation="eager",
                    output_loading_info=True)
                self.assertFalse(info["missing_keys"] or info["unexpected_keys"], info)
                self.assertEqual(model.config.id2label, {0: "no", 1: "yes"})
                self.assert_close(self.run_.test_scores(method),
                                  plateau.logits(model, self.batch).softmax(1),
                                  f"{method}, merged, to transformers")

    def test_an_adapter_in_a_pickle_is_refused_with_advice(self):
        model = peft.get_peft_model(self.base(), PEFT_CONFIGS["lora, suffixes"]())
        folder = self.run_.path("peft", "pickle")
        model.save_pretrained(folder, safe_serialization=False)
        self.assertEqual(sorted(os.listdir(folder)),
                         ["README.md", "adapter_config.json", "adapter_model.bin"])
        with self.assertRaisesRegex(AssertionError, "adapter_model.bin is a pickle.*save_pretrained"):
            self.run_.predict(folder)

    def trained_there(self, config):
        config.task_type = peft.TaskType.SEQ_CLS
        model = peft.get_peft_model(self.base(), config)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        labels = torch.arange(len(plateau.TEXTS)) % 2
        model.train()
        for _ in range(3):
            model(**self.batch, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return model

    def test_adapters_trained_with_peft_load_here(self):
        untrained = None
        for name, config in PEFT_CONFIGS.items():
            with self.subTest(name):
                model = self.trained_there(config())
                folder = self.run_.path("peft", name.replace(" ", "-"))
                model.save_pretrained(folder)
                theirs = plateau.logits(model, self.batch)
                self.assert_close(self.run_.predict(folder), theirs, f"{name} from peft")
                # Two adapters never agree by chance, so agreement says something.
                if untrained is not None:
                    self.assertGreater((theirs - untrained).abs().max().item(), 100 * TOLERANCE)
                untrained = theirs


if __name__ == "__main__":
    unittest.main()
