"""LoReFT goes to pyreft and comes back with the same logits (1e-4), on MiniLM and on decoders."""
import os
import unittest

import pyreft
import torch
import transformers

import families
import plateau

TOLERANCE = 1e-4
RANK = 4


class Pyreft(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.manual_seed(0)
        cls.run_ = plateau.Run("loreft")
        cls.addClassCleanup(cls.run_.close)
        cls.batch = cls.run_.batch()

    def reft_model(self, repeats):
        """pyreft's model with its interventions at every layer, `repeats` times, in float32.

        ReftModel.load() cannot make it: pyvene does not know BERT's dimensions, and its
        interventions would be bfloat16.
        """
        base = transformers.AutoModelForSequenceClassification.from_pretrained(
            self.run_.base, num_labels=2, attn_implementation="eager")
        width, layers = base.config.hidden_size, base.config.num_hidden_layers
        model = pyreft.get_reft_model(base, pyreft.ReftConfig(representations=[
            {"component": f"bert.encoder.layer[{layer}].output", "low_rank_dimension": RANK,
             "intervention": pyreft.LoreftIntervention(
                 embed_dim=width, low_rank_dimension=RANK, dtype=torch.float32)}
            for _ in range(repeats) for layer in range(layers)]))
        for name, parameter in base.named_parameters():  # save() takes what requires a gradient.
            parameter.requires_grad = name.startswith("classifier")
        return model

    def logits(self, model, ends):
        """With the interventions on the first or last token of every text, one list an end."""
        last = (self.batch["attention_mask"].sum(1) - 1).tolist()
        places = {"first": [[0] for _ in last], "last": [[end] for end in last],
                  "both": [[0, end] for end in last]}
        layers = len(model.interventions) // len(ends)
        model.model.eval()
        with torch.no_grad():
            _, output = model(self.batch, unit_locations={
                "sources->base": (None, [places[end] for end in ends for _ in range(layers)])})
        return output.logits

    def assert_close(self, ours, theirs, what):
        difference = (ours - theirs).abs().max().item()
        print(f"{what}: {difference:.1e}", flush=True)
        self.assertLess(difference, TOLERANCE, what)

    def test_loreft_trained_here_loads_in_pyreft(self):
        folder = self.run_.export("loreft", "pyreft")
        model = self.reft_model(repeats=2)
        saved = torch.load(os.path.join(folder, "pytorch_model.bin"))
        self.assertFalse(model.model.load_state_dict(saved, strict=False).unexpected_keys)
        for key, intervention in model.interventions.items():
            intervention.load_state_dict(torch.load(os.path.join(folder, f"intkey_{key}.bin")))
        theirs = self.logits(model, ["first", "last"])
        self.assert_close(self.run_.test_scores("loreft"), theirs.softmax(1), "loreft to pyreft")
        self.assert_close(self.run_.predict(folder), theirs, "loreft to pyreft and back")

    def test_loreft_of_pyreft_loads_here(self):
        for positions, ends in (("f1+l1", ["first", "last"]), ("f1+l1", ["both"]),
                                ("l1", ["last"])):
            with self.subTest(positions=positions, interventions=len(ends)):
                model = self.reft_model(len(ends))
                for intervention in model.interventions.values():
                    torch.nn.init.normal_(intervention.learned_source.weight)
                folder = self.run_.path("pyreft", positions + str(len(ends)))
                model.save(folder, include_model=True)
                self.assert_close(self.run_.predict(folder, "--positions", positions),
                                  self.logits(model, ends), f"{positions}, {ends} from pyreft")


# The rest of each text is what is to be predicted: pyreft's positions count in the prompt alone.
PROMPTS = [len(ids) - max(1, len(ids) // 3) for ids in families.IDS]
WITH_PROMPTS = [{"input_ids": ids, "labels": [-100] * prompt + ids[prompt:]}
                for ids, prompt in zip(families.IDS, PROMPTS)]


class Decoders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.manual_seed(0)
        cls.runs = {}
        for family, kind in families.CASES:
            if family != "roberta":
                cls.runs[family, kind] = families.run(
                    family, kind, ["loreft"], {"loreft": "{rank: 4, positions: f2+l1}"},
                    rows=WITH_PROMPTS if kind == "causal_lm" else None)
                cls.addClassCleanup(cls.runs[family, kind].close)

    def reft_model(self, run, kind):
        base = families.base(run, kind)
        layers, width = base.config.num_hidden_layers, base.config.hidden_size
        model = pyreft.get_reft_model(base, pyreft.ReftConfig(representations=[
            {"layer": layer, "component": "block_output", "low_rank_dimension": RANK,
             "intervention": pyreft.LoreftIntervention(
                 embed_dim=width, low_rank_dimension=RANK, dtype=torch.float32)}
            for _ in range(2) for layer in range(layers)]))
        for name, parameter in base.named_parameters():
            parameter.requires_grad = name.startswith("score")
        return model

    def reference(self, model, kind, prompts=None):
        model.model.eval()
        answers = []
        for i, ids in enumerate(families.IDS):
            text, prompt = torch.tensor([ids]), prompts[i] if prompts else len(ids)
            inputs = {"input_ids": text, "attention_mask": torch.ones_like(text)}
            first, last = [0, 1][:prompt // 2], [prompt - 1]
            half = len(model.interventions) // 2
            with torch.no_grad():
                if first:
                    _, output = model(inputs, unit_locations={
                        "sources->base": (None, [[first]] * half + [[last]] * half)})
                else:  # A prompt of one token has no half of one: nothing is intervened.
                    output = model.model(**inputs)
            answers.append(families.answer(output.logits.float(), ids, kind,
                                           prompt if prompts else 1))
        return torch.stack(answers)

    def test_loreft_trained_here_loads_in_pyreft(self):
        for (family, kind), run in self.runs.items():
            with self.subTest(family=family, kind=kind):
                folder = run.export("loreft", "pyreft")
                model = self.reft_model(run, kind)
                saved = torch.load(os.path.join(folder, "pytorch_model.bin"))
                self.assertFalse(model.model.load_state_dict(saved, strict=False).unexpected_keys)
                for key, intervention in model.interventions.items():
                    intervention.load_state_dict(
                        torch.load(os.path.join(folder, f"intkey_{key}.bin")))
                theirs = self.reference(model, kind, PROMPTS if kind == "causal_lm" else None)
                families.assert_close(self, run.test_scores("loreft"), theirs,
                                      f"{family}, {kind} to pyreft")

    def test_loreft_of_pyreft_loads_here(self):
        for (family, kind), run in self.runs.items():
            with self.subTest(family=family, kind=kind):
                model = self.reft_model(run, kind)
                for intervention in model.interventions.values():
                    torch.nn.init.normal_(intervention.learned_source.weight)
                folder = run.path("pyreft")
                model.save(folder, include_model=True)
                ours = families.predict(run, kind, folder, "--positions", "f2+l1")
                families.assert_close(self, ours, self.reference(model, kind),
                                      f"{family}, {kind} from pyreft")
                if kind == "causal_lm":
                    masked = families.predict(run, kind, folder, "--positions", "f2+l1",
                                              texts=WITH_PROMPTS)
                    families.assert_close(self, masked, self.reference(model, kind, PROMPTS),
                                          f"{family}, prompts masked, from pyreft")


if __name__ == "__main__":
    unittest.main()
