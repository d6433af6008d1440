"""Texts and pairs, cut to a length, are what the reference tokenises: a trial's own predictions equal
those of peft on ids, types and masks of the library tokenizers (1e-4), padded in one batch."""
import os
import unittest

import peft
import tokenizers
import torch
import transformers

import families
import plateau

MAX_LENGTH = 11
PAIRS = list(zip(plateau.TEXTS, plateau.TEXTS[3:] + plateau.TEXTS[:3]))
ROWS = {"texts": [{"sentence": text, "label": i % 2} for i, text in enumerate(plateau.TEXTS)],
        "pairs": [{"sentence1": a, "sentence2": b, "label": i % 2}
                  for i, (a, b) in enumerate(PAIRS)]}
INPUTS = {"texts": plateau.TEXTS, "pairs": PAIRS}


def byte_pairs(family):
    """A tokenizer of the family's kind: RoBERTa puts two separators between the texts of a pair."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(plateau.TEXTS, trainer)
    made.post_processor = (
        tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
        if family == "roberta" else tokenizers.processors.ByteLevel(trim_offsets=True))
    return made


def make_base(family):
    def write(folder):
        torch.manual_seed(2)
        config = families.CONFIGS[family]()
        config.vocab_size, config.pad_token_id = 400, 1
        kind = (transformers.AutoModelForMaskedLM if family == "roberta"
                else transformers.AutoModelForCausalLM)
        kind.from_config(config).save_pretrained(folder)
        byte_pairs(family).save(os.path.join(folder, "tokenizer.json"))
    return write


def encoded(folder, inputs):
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH, strategy="longest_first")
    pad = tokenizer.token_to_id("<pad>")
    tokenizer.enable_padding(pad_id=0 if pad is None else pad)
    batch = tokenizer.encode_batch(inputs)
    return {"input_ids": torch.tensor([text.ids for text in batch]),
            "attention_mask": torch.tensor([text.attention_mask for text in batch]),
            "token_type_ids": torch.tensor([text.type_ids for text in batch])}


class Texts(unittest.TestCase):
    def check(self, family, what, batch_of_types):
        run = plateau.Run("lora", rows=ROWS[what], more=f"  max_length: {MAX_LENGTH}\n",
                          make_base=make_base(family) if family != "bert" else None)
        self.addCleanup(run.close)
        batch = encoded(run.base, INPUTS[what])
        lengths = batch["attention_mask"].sum(1)
        self.assertEqual(lengths.max(), MAX_LENGTH, "nothing is cut")
        self.assertLess(lengths.min(), MAX_LENGTH, "nothing is padded")
        self.assertEqual(bool(batch["token_type_ids"].any()), batch_of_types)
        if family != "bert":
            del batch["token_type_ids"]  # their tables have one row, or none
        base = transformers.AutoModelForSequenceClassification.from_pretrained(
            run.base, num_labels=2, attn_implementation="eager")
        model = peft.PeftModel.from_pretrained(base, run.export("lora", "peft"))
        families.assert_close(self, run.test_scores("lora"),
                              plateau.logits(model, batch).softmax(1), f"{family}: {what}")

    def test_texts_of_bert(self):
        self.check("bert", "texts", False)

    def test_pairs_of_bert_have_two_types(self):
        self.check("bert", "pairs", True)

    def test_pairs_of_roberta_have_two_separators(self):
        self.check("roberta", "pairs", False)
        ids = byte_pairs("roberta").encode("no", "so so").ids
        self.assertEqual([i for i in ids if i in (0, 2)], [0, 2, 2, 2])

    def test_texts_of_roberta(self):
        self.check("roberta", "texts", False)

    def test_texts_of_gpt2(self):
        self.check("gpt2", "texts", False)


if __name__ == "__main__":
    unittest.main()
