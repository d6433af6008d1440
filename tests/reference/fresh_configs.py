"""Cases beside those of fresh_cases.py whose bases differ in what config.json says: every activation of every
family, and the other fields that change the mathematics."""
import torch
import transformers

import fresh_cases as fresh
import fresh_loreft
from fresh_cases import CAUSAL, CLS, DECODER, DECODER_CASES, ENCODER, ENCODER_CASES, GPT2, GPT2_CASES

BOTH = ("lora_patterns", "full")
# Other names of the same function are tried once.
ACTIVATIONS = {"gelu": BOTH, "gelu_new": BOTH, "quick_gelu": BOTH, "relu": BOTH, "silu": BOTH, "tanh": BOTH,
               "gelu_python": ("full",), "gelu_pytorch_tanh": ("full",), "gelu_fast": ("full",),
               "gelu_accurate": ("full",), "swish": ("full",)}
ROBERTA = ENCODER | {"type_vocab_size": 1, "pad_token_id": 1}


# By base, as fresh_loreft.CASES: positions count in the prompt where labels mask one.
LOREFT = {
    "gpt2-prompts": [([0, 1, 2], "f1+l1", False, 3), ([1], "l1", False, 2)],
    "llama-prompts": [([0, 2], "f1+l1", True, 4)],
    "qwen2-prompts": [([0, 1], "f1+l1", False, 3)],
    "llama-tanh": [([0, 2], "f2+l2", False, 3)],
    "mistral-window": [([1, 2], "f2", False, 3)],
}


def some(cases, *names):
    return {name: cases[name] for name in names}


def bert(**fields):
    return lambda: transformers.BertConfig(**ENCODER | {"num_labels": 3} | fields)


def roberta(**fields):
    return lambda: transformers.RobertaConfig(**ROBERTA | {"num_labels": 3} | fields)


def gpt2(**fields):
    return lambda: transformers.GPT2Config(**GPT2 | {"num_labels": 3} | fields)


def llama(**fields):
    return lambda: transformers.LlamaConfig(**DECODER | {"num_labels": 3} | fields)


def mistral(**fields):
    return lambda: transformers.MistralConfig(**DECODER | fields)


def qwen2(**fields):
    return lambda: transformers.Qwen2Config(**DECODER | fields)


ENCODED = some(ENCODER_CASES, *BOTH)
DECODED = some(DECODER_CASES, *BOTH)
OF_GPT2 = some(GPT2_CASES, *BOTH)
WINDOWED = some(DECODER_CASES, "lora_layers", "prompt", "prefix", "full")

MODELS = {}
for act, methods in ACTIVATIONS.items():
    MODELS["bert-" + act] = (CLS, bert(hidden_act=act), some(ENCODER_CASES, *methods))
    MODELS["roberta-" + act] = (CLS, roberta(hidden_act=act), some(ENCODER_CASES, *methods))
    MODELS["gpt2-" + act] = (CAUSAL, gpt2(activation_function=act), some(GPT2_CASES, *methods))
    MODELS["llama-" + act] = (CAUSAL, llama(hidden_act=act), some(DECODER_CASES, *methods))
# IA3 scales what the curve gives before it is multiplied: a way of its own through the trainer.
MODELS["llama-ia3"] = (CAUSAL, llama(hidden_act="gelu_new"), some(DECODER_CASES, "ia3"))
MODELS["bert-ia3"] = (CLS, bert(hidden_act="tanh"), some(ENCODER_CASES, "ia3"))
MODELS |= {
    "bert-epsilon": (CLS, bert(layer_norm_eps=1e-2), ENCODED),
    "bert-types": (CLS, bert(type_vocab_size=3), ENCODED),
    "bert-regression": (CLS, bert(num_labels=1), ENCODED),
    "bert-whole-targets": (CLS, bert(num_labels=1, problem_type="regression"), ENCODED),
    "roberta-padding": (CLS, roberta(pad_token_id=5, layer_norm_eps=1e-3), some(ENCODER_CASES, *BOTH, "prompt")),
    "roberta-regression": (CLS, roberta(num_labels=1), ENCODED),
    "gpt2-unscaled": (CAUSAL, gpt2(scale_attn_weights=False), GPT2_CASES),
    "gpt2-by-layer": (CAUSAL, gpt2(scale_attn_by_inverse_layer_idx=True), GPT2_CASES),
    "gpt2-upcast": (CAUSAL, gpt2(reorder_and_upcast_attn=True, scale_attn_by_inverse_layer_idx=True),
                    OF_GPT2),
    "gpt2-untied": (CAUSAL, gpt2(tie_word_embeddings=False), OF_GPT2),
    "gpt2-inner": (CAUSAL, gpt2(n_inner=72, layer_norm_epsilon=1e-2), OF_GPT2),
    "gpt2-ends": (CLS, gpt2(pad_token_id=2), OF_GPT2),
    "llama-ends": (CLS, llama(pad_token_id=2), DECODED),
    "llama-padding": (CAUSAL, llama(pad_token_id=2, tie_word_embeddings=True), DECODED),
    "llama-biases": (CAUSAL, llama(mlp_bias=True, attention_bias=True, rms_norm_eps=1e-2, rope_theta=500.0),
                     DECODED),
    "llama-regression": (CLS, llama(num_labels=1, head_dim=4), DECODED),
    "gpt2-prompts": (CAUSAL, gpt2(), OF_GPT2),
    "llama-prompts": (CAUSAL, llama(), DECODED),
    "qwen2-prompts": (CAUSAL, qwen2(), some(DECODER_CASES, "prompt")),
    "mistral-window": (CAUSAL, mistral(sliding_window=4, head_dim=10), WINDOWED),
    "qwen2-window": (CAUSAL, qwen2(use_sliding_window=True, sliding_window=3, max_window_layers=1), WINDOWED),
    "qwen2-types": (CAUSAL, qwen2(use_sliding_window=True, sliding_window=5, layer_types=[
        "sliding_attention", "full_attention", "sliding_attention"]), some(DECODER_CASES, "lora_layers")),
}


def add_types(batch):
    batch["token_type_ids"] = torch.arange(batch["input_ids"].numel()).view_as(batch["input_ids"]) % 3


def take_fractions(batch):
    batch["labels"] = torch.tensor([0.5, -1.25, 2.0, 0.125])


def take_whole_targets(batch):
    batch["labels"] = torch.tensor([3.0, 0.0, 1.0, 2.0])


def end_in_padding(batch, padding=2):
    """The token that pads also stands inside of a text, and at the end of another."""
    batch["input_ids"][0, 8] = batch["input_ids"][2, 5] = padding


def mask_prompts(batch):
    for labels, prompt in zip(batch["labels"], (5, 2, 7, 3)):
        labels[:prompt] = -100


BATCHES = {"gpt2-prompts": mask_prompts, "llama-prompts": mask_prompts, "qwen2-prompts": mask_prompts,
           "bert-types": add_types, "bert-regression": take_fractions, "roberta-regression": take_fractions,
           "llama-regression": take_fractions, "bert-whole-targets": take_whole_targets,
           "roberta-padding": lambda batch: end_in_padding(batch, 5), "gpt2-ends": end_in_padding, "llama-ends": end_in_padding, "llama-padding": end_in_padding}


def write_all(root):
    return fresh.write_all(root, MODELS, BATCHES) + fresh_loreft.write_all(root, MODELS, LOREFT)
