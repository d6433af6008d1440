"""Small bases of every family with random weights, their tasks, and what the reference says.

Texts are token ids, one at a time, so that nothing is padded.
"""
import os

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
CLASSES = {"classification": transformers.AutoModelForSequenceClassification,
           "causal_lm": transformers.AutoModelForCausalLM}
CONFIGS = {
    "roberta": lambda: transformers.RobertaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        vocab_size=100, max_position_embeddings=130, type_vocab_size=1, initializer_range=0.2,
        pad_token_id=0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
    "gpt2": lambda: transformers.GPT2Config(
        n_embd=32, n_layer=2, n_head=4, vocab_size=100, n_positions=128, initializer_range=0.2,
        pad_token_id=0, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0),
    "llama": lambda: transformers.LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, vocab_size=100, max_position_embeddings=128, initializer_range=0.2,
        pad_token_id=0, tie_word_embeddings=False)}
# An encoder models no language.
CASES = [("roberta", "classification"), ("gpt2", "classification"), ("gpt2", "causal_lm"),
         ("llama", "classification"), ("llama", "causal_lm")]


def make_base(family):
    def write(folder):
        torch.manual_seed(1)
        kind = (transformers.AutoModelForMaskedLM if family == "roberta"
                else transformers.AutoModelForCausalLM)
        kind.from_config(CONFIGS[family]()).save_pretrained(folder)
        # Nothing is tokenised, but a base without a tokenizer is refused.
        words = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={"a": 0}, merges=[]))
        words.save(os.path.join(folder, "tokenizer.json"))
    return write


def run(family, kind, methods, settings, rows=None):
    return plateau.Run(*methods, make_base=make_base(family), rows=rows or ROWS[kind],
                       task=TASKS[kind], settings=settings)


def base(run_, kind):
    extra = {"num_labels": 2} if kind == "classification" else {}
    return CLASSES[kind].from_pretrained(run_.base, attn_implementation="eager", **extra)


def answer(logits, ids, kind, prompt=1):
    """Probabilities of the classes, or the loss of what stands behind a prompt and its number of tokens.

    Prompt tuning's virtual tokens predict the text's first token too.
    """
    if kind == "classification":
        return logits[0].softmax(0)
    virtual = logits.shape[1] - len(ids)
    first = 0 if virtual else prompt
    rows = logits[0, virtual + first - 1:-1]
    targets = torch.tensor(ids[first:])
    loss = torch.nn.functional.cross_entropy(rows, targets, reduction="sum")
    return torch.tensor([loss.item(), float(len(targets))])


def reference(model, kind):
    model.eval()
    answers = []
    for ids in IDS:
        text = torch.tensor([ids])
        with torch.no_grad():
            logits = model(input_ids=text, attention_mask=torch.ones_like(text)).logits.float()
        answers.append(answer(logits, ids, kind))
    return torch.stack(answers)


def train(model, kind):
    """Three steps, one text each."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()
    for i, ids in enumerate(IDS[:3]):
        text = torch.tensor([ids])
        labels = torch.tensor([i % 2]) if kind == "classification" else text
        model(input_ids=text, attention_mask=torch.ones_like(text), labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def predict(run_, kind, folder, *options, texts=None):
    answers = run_.predict(folder, "--pooling", POOLINGS[kind], *options, texts=texts or IDS)
    return answers.softmax(1) if kind == "classification" else answers


def assert_close(test, ours, theirs, what):
    difference = (ours - theirs).abs().max().item()
    print(f"{what}: {difference:.1e}", flush=True)
    test.assertLess(difference, TOLERANCE * max(1.0, theirs.abs().max().item()), what)
