"""Decoders: classifiers and language models go to peft and transformers and come back (1e-4).

Small GPT-2 and Llama bases with random weights; texts are token ids, one at a time, so that nothing
is padded.
"""
import os
import unittest

import peft
import tokenizers
import torch
import transformers

import plateau

TOLERANCE = 1e-4
IDS = [[7, 19, 4, 55, 23, 8], [3, 61, 61], [90, 12, 5, 41, 2, 77, 30, 9], [44, 45, 46, 47],
       [18, 80, 6, 33, 71], [99, 1, 50, 27, 64, 13, 38], [21, 20], [58, 72, 11, 86, 16]]
ROWS = {"classification": [{"input_ids": ids, "label": i % 2} for i, ids in enumerate(IDS)],
        "causal_lm": [{"input_ids": ids} for ids in IDS]}
TASKS = {"classification": plateau.CLASSIFICATION, "causal_lm": "{path: task, kind: causal_lm}"}
POOLINGS = {"classification": "cls", "causal_lm": "tokens"}
TO_PEFT = ("lora", "dora", "ia3", "prompt", "prefix")
MERGED = ("lora", "dora", "ia3", "layer_norm", "full")
SETTINGS = {"dora": "{rank: 4}", "prefix": "{tokens: 3}", "last_layers": "{trained_layers: 1}"}
CONFIGS = {
    "gpt2": lambda: transformers.GPT2Config(
        n_embd=32, n_layer=2, n_head=4, vocab_size=100, n_positions=128, initializer_range=0.2,
        pad_token_id=0, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0),
    "llama": lambda: transformers.LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, vocab_size=100, max_position_embeddings=128, initializer_range=0.2,
        pad_token_id=0, tie_word_embeddings=False)}
TARGETS = {"gpt2": ["c_attn", "c_proj"], "llama": ["q_proj", "v_proj", "down_proj"]}
CLASSES = {"classification": transformers.AutoModelForSequenceClassification,
           "causal_lm": transformers.AutoModelForCausalLM}


def make_base(family):
    def write(folder):
        torch.manual_seed(1)
        transformers.AutoModelForCausalLM.from_config(CONFIGS[family]()).save_pretrained(folder)
        # Nothing is tokenised, but a base without a tokenizer is refused.
        words = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={"a": 0}, merges=[]))
        words.save(os.path.join(folder, "tokenizer.json"))
    return write


def reference(model, kind):
    """Probabilities of the classes, or each text's loss and number of predicted tokens."""
    model.eval()
    answers = []
    for ids in IDS:
        text = torch.tensor([ids])
        with torch.no_grad():
            logits = model(input_ids=text, attention_mask=torch.ones_like(text)).logits.float()
        if kind == "classification":
            answers.append(logits[0].softmax(0))
        else:
            virtual = logits.shape[1] - len(ids)  # prompt tuning's, which predict the first token
            rows = logits[0, virtual - 1:-1] if virtual else logits[0, :-1]
            targets = text[0] if virtual else text[0, 1:]
            loss = torch.nn.functional.cross_entropy(rows, targets, reduction="sum")
            answers.append(torch.tensor([loss.item(), float(len(targets))]))
    return torch.stack(answers)


class Decoders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.manual_seed(0)
        cls.runs = {}
        for family in CONFIGS:
            for kind in TASKS:
                run = plateau.Run(*dict.fromkeys(TO_PEFT + MERGED), make_base=make_base(family),
                                  rows=ROWS[kind], task=TASKS[kind], settings=SETTINGS)
                cls.addClassCleanup(run.close)
                cls.runs[family, kind] = run

    def assert_close(self, ours, theirs, what):
        difference = (ours - theirs).abs().max().item()
        print(f"{what}: {difference:.1e}", flush=True)
        self.assertLess(difference, TOLERANCE * max(1.0, theirs.abs().max().item()), what)

    def base(self, run, kind):
        extra = {"num_labels": 2} if kind == "classification" else {}
        return CLASSES[kind].from_pretrained(run.base, attn_implementation="eager", **extra)

    def predict(self, run, kind, folder):
        answers = run.predict(folder, "--pooling", POOLINGS[kind], texts=IDS)
        return answers.softmax(1) if kind == "classification" else answers

    def test_adapters_trained_here_load_in_peft(self):
        for (family, kind), run in self.runs.items():
            for method in TO_PEFT:
                with self.subTest(family=family, kind=kind, method=method):
                    model = peft.PeftModel.from_pretrained(self.base(run, kind),
                                                           run.export(method, "peft"))
                    self.assert_close(run.test_scores(method), reference(model, kind),
                                      f"{family}, {kind}: {method} to peft")

    def test_merged_and_fine_tuned_models_load_in_transformers(self):
        for (family, kind), run in self.runs.items():
            for method in MERGED:
                with self.subTest(family=family, kind=kind, method=method):
                    model, info = CLASSES[kind].from_pretrained(
                        run.export(method, "merged"), attn_implementation="eager",
                        output_loading_info=True)
                    self.assertFalse(info["missing_keys"] or info["unexpected_keys"], info)
                    self.assert_close(run.test_scores(method), reference(model, kind),
                                      f"{family}, {kind}: {method}, merged, to transformers")

    def trained_there(self, run, kind, config):
        config.task_type = (peft.TaskType.SEQ_CLS if kind == "classification"
                            else peft.TaskType.CAUSAL_LM)
        model = peft.get_peft_model(self.base(run, kind), config)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        model.train()
        for i, ids in enumerate(IDS[:3]):
            text = torch.tensor([ids])
            labels = torch.tensor([i % 2]) if kind == "classification" else text
            model(input_ids=text, attention_mask=torch.ones_like(text), labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return model

    def test_adapters_trained_with_peft_load_here(self):
        for (family, kind), run in self.runs.items():
            configs = {"lora": peft.LoraConfig(r=4, target_modules=TARGETS[family]),
                       "dora": peft.LoraConfig(r=4, target_modules="all-linear", use_dora=True),
                       "ia3": peft.IA3Config(),
                       "prompt": peft.PromptTuningConfig(num_virtual_tokens=4),
                       "prefix": peft.PrefixTuningConfig(num_virtual_tokens=3)}
            for name, config in configs.items():
                with self.subTest(family=family, kind=kind, method=name):
                    model = self.trained_there(run, kind, config)
                    folder = run.path("peft", name)
                    model.save_pretrained(folder)
                    self.assert_close(self.predict(run, kind, folder), reference(model, kind),
                                      f"{family}, {kind}: {name} from peft")


if __name__ == "__main__":
    unittest.main()
