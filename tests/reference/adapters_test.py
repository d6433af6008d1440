"""Bottlenecks go to the library adapters and come back with the same logits (1e-4), on MiniLM and on
random bases of the other families."""
import unittest

import adapters
import torch
import transformers

import families
import plateau
from families import assert_close

METHODS = ("houlsby", "pfeiffer")
SETTINGS = {"houlsby": "{rank: 5}", "pfeiffer": "{rank: 4}"}
CONFIGS = {"houlsby": adapters.DoubleSeqBnConfig, "pfeiffer": adapters.SeqBnConfig}


class MiniLm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.manual_seed(0)
        cls.run_ = plateau.Run(*METHODS, settings=SETTINGS)
        cls.addClassCleanup(cls.run_.close)
        cls.batch = cls.run_.batch()

    def model(self):
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            self.run_.base, num_labels=2, attn_implementation="eager")
        adapters.init(model)
        return model

    def test_bottlenecks_trained_here_load_there(self):
        for method in METHODS:
            with self.subTest(method):
                model, info = self.model(), {}
                model.load_adapter(self.run_.export(method, "adapters"), set_active=True,
                                   use_safetensors=True, loading_info=info)
                self.assertFalse(info["missing_keys"] or info["unexpected_keys"], info)
                assert_close(self, self.run_.test_scores(method),
                             plateau.logits(model, self.batch).softmax(1), f"{method} to adapters")

    def test_bottlenecks_trained_there_load_here(self):
        for method in METHODS:
            with self.subTest(method):
                model = self.model()
                model.add_adapter("mine", config=CONFIGS[method](reduction_factor=24))
                model.train_adapter("mine")
                labels = torch.arange(len(plateau.TEXTS)) % 2
                optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
                for _ in range(3):
                    model(**self.batch, labels=labels).loss.backward()
                    optimizer.step()
                    optimizer.zero_grad()
                folder = self.run_.path("adapters-" + method)
                model.save_adapter(folder, "mine", use_safetensors=True)
                assert_close(self, self.run_.predict(folder), plateau.logits(model, self.batch),
                             f"{method} from adapters")


class Families(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.manual_seed(0)
        cls.runs = {}
        for family, kind in families.CASES:
            cls.runs[family, kind] = families.run(family, kind, METHODS, SETTINGS)
            cls.addClassCleanup(cls.runs[family, kind].close)

    def cases(self):
        for (family, kind), run in self.runs.items():
            for method in METHODS:
                model = families.base(run, kind)
                adapters.init(model)
                yield f"{family}, {kind}: {method}", kind, run, method, model

    def test_bottlenecks_trained_here_load_there(self):
        for what, kind, run, method, model in self.cases():
            with self.subTest(what):
                model.load_adapter(run.export(method, "adapters"), set_active=True,
                                   use_safetensors=True)
                assert_close(self, run.test_scores(method), families.reference(model, kind),
                             f"{what} to adapters")

    def test_bottlenecks_trained_there_load_here(self):
        for what, kind, run, method, model in self.cases():
            with self.subTest(what):
                model.add_adapter("mine", config=CONFIGS[method](reduction_factor=8))
                model.train_adapter("mine")
                families.train(model, kind)
                folder = run.path("adapters-" + method)
                model.save_adapter(folder, "mine", use_safetensors=True)
                assert_close(self, families.predict(run, kind, folder),
                             families.reference(model, kind), f"{what} from adapters")


if __name__ == "__main__":
    unittest.main()
