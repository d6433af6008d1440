"""Writes cases in the recorded format (worker/trainer/check/golden_case.h) that nobody has seen: other
shapes, heads, position codes and options than the recorded ones, trained by peft and torch right now.

    fresh_cases.py FOLDER     makes models/, batches/ and cases/ below it
"""
import json
import os
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

STEPS = 10
# With torch's 1e-8 gradients that are all rounding still move a weight: PEFT in float32 is then as far from
# PEFT in float64 as the tolerance is wide.
EPSILON = 1e-5
SEQ_CLS, LM = "SEQ_CLS", "CAUSAL_LM"
SHAPE = {"hidden_size": 48, "num_hidden_layers": 3, "initializer_range": 0.15, "vocab_size": 97,
         "max_position_embeddings": 40, "attn_implementation": "eager", "pad_token_id": 0}
ENCODER = SHAPE | {"num_attention_heads": 6, "intermediate_size": 80, "hidden_dropout_prob": 0.0,
                   "attention_probs_dropout_prob": 0.0}
DECODER = SHAPE | {"num_attention_heads": 6, "num_key_value_heads": 3, "intermediate_size": 80,
                   "bos_token_id": 1, "eos_token_id": 2}
ROPE = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16}
GPT2 = {"n_embd": 48, "n_layer": 3, "n_head": 4, "vocab_size": 97, "n_positions": 40, "attn_pdrop": 0.0,
        "embd_pdrop": 0.0, "resid_pdrop": 0.0, "initializer_range": 0.15, "pad_token_id": 0,
        "bos_token_id": 1, "eos_token_id": 2, "attn_implementation": "eager"}


def lora(**options):
    return lambda task: peft.LoraConfig(task_type=task, lora_dropout=0.0, **options)


ENCODER_CASES = {
    "lora_patterns": lora(r=3, lora_alpha=7, target_modules=["query", "value", "intermediate.dense"],
                          rank_pattern={"query": 5, "intermediate.dense": 2},
                          alpha_pattern={"layer.1.attention.self.value": 11}),
    "lora_layers": lora(r=4, lora_alpha=4, target_modules=["key", "output.dense"],
                        layers_to_transform=[0, 2]),
    "lora_pattern_text": lora(r=2, lora_alpha=9, use_rslora=True,
                              target_modules=r".*\.layer\.[12]\..*(query|dense)"),
    "dora_all_linear": lora(r=3, lora_alpha=5, use_dora=True, target_modules="all-linear"),
    "dora_rslora": lora(r=6, lora_alpha=6, use_dora=True, use_rslora=True, target_modules=["query", "key"]),
    "ia3": lambda task: peft.IA3Config(task_type=task, target_modules=["key", "value", "output.dense"],
                                       feedforward_modules=["output.dense"]),
    "prompt": lambda task: peft.PromptTuningConfig(task_type=task, num_virtual_tokens=7),
    "bitfit": "bias", "full": "",
}
DECODER_CASES = {
    "lora_patterns": lora(r=3, lora_alpha=7, target_modules=["q_proj", "v_proj", "down_proj"],
                          rank_pattern={"q_proj": 5}, alpha_pattern={"layers.1.mlp.down_proj": 2}),
    "lora_layers": lora(r=4, lora_alpha=6, use_rslora=True, target_modules=["k_proj", "o_proj", "up_proj"],
                        layers_to_transform=[1]),
    "dora_all_linear": lora(r=3, lora_alpha=5, use_dora=True, target_modules="all-linear"),
    "ia3": lambda task: peft.IA3Config(task_type=task, target_modules=["k_proj", "v_proj", "down_proj"],
                                       feedforward_modules=["down_proj"]),
    "prompt": lambda task: peft.PromptTuningConfig(task_type=task, num_virtual_tokens=5),
    "prefix": lambda task: peft.PrefixTuningConfig(task_type=task, num_virtual_tokens=6),
    "full": "",
}
GPT2_CASES = {
    "lora_patterns": lora(r=3, lora_alpha=7, fan_in_fan_out=True, target_modules=["c_attn", "mlp.c_proj"],
                          rank_pattern={"c_attn": 6}),
    "dora_all_linear": lora(r=2, lora_alpha=8, use_dora=True, fan_in_fan_out=True,
                            target_modules="all-linear"),
    "ia3": lambda task: peft.IA3Config(task_type=task, target_modules=["c_attn", "mlp.c_proj"],
                                       feedforward_modules=["mlp.c_proj"], fan_in_fan_out=True),
    "prefix": lambda task: peft.PrefixTuningConfig(task_type=task, num_virtual_tokens=3),
    "bitfit": "bias", "full": "",
}
CLS = "AutoModelForSequenceClassification"
CAUSAL = "AutoModelForCausalLM"
MODELS = {
    "bert": (CLS, lambda: transformers.BertConfig(**ENCODER, num_labels=4), ENCODER_CASES),
    "roberta": (CLS, lambda: transformers.RobertaConfig(
        **ENCODER | {"pad_token_id": 1}, type_vocab_size=1, num_labels=3), ENCODER_CASES),
    "gpt2": (CAUSAL, lambda: transformers.GPT2Config(**GPT2), GPT2_CASES),
    "gpt2-classifier": (CLS, lambda: transformers.GPT2Config(**GPT2, num_labels=3), GPT2_CASES),
    "llama3": (CAUSAL, lambda: transformers.LlamaConfig(
        **DECODER, head_dim=16, rope_scaling=ROPE, rope_theta=1000.0, tie_word_embeddings=True),
        DECODER_CASES),
    "llama-linear": (CAUSAL, lambda: transformers.LlamaConfig(
        **DECODER, attention_bias=True, rope_scaling={"rope_type": "linear", "factor": 2.0}),
        {name: DECODER_CASES[name] for name in ("lora_patterns", "dora_all_linear", "full")}),
    # No prompts there: transformers takes the last column for the text's last token when it is given
    # embeddings, padding or not; here it is the text's own.
    "llama-classifier": (CLS, lambda: transformers.LlamaConfig(**DECODER, num_labels=3),
                         {name: how for name, how in DECODER_CASES.items() if name != "prompt"}),
    "mistral": (CAUSAL, lambda: transformers.MistralConfig(**DECODER, sliding_window=None),
                {name: DECODER_CASES[name] for name in ("lora_layers", "full")}),
    "qwen2": (CAUSAL, lambda: transformers.Qwen2Config(**DECODER, tie_word_embeddings=True), DECODER_CASES),
}


def batch_of(config, is_lm):
    """Four texts of unlike lengths, padded on the right; no padding id inside."""
    torch.manual_seed(7)
    lengths = [9, 4, 12, 7]
    ids = torch.full((4, 12), config.pad_token_id)
    mask = torch.zeros((4, 12), dtype=torch.long)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(3, config.vocab_size, (length,))
        mask[row, :length] = 1
    if is_lm:
        labels = torch.where(mask == 1, ids, -100)
    else:
        labels = torch.arange(4) % config.num_labels
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def logits_of(model, batch):
    model.eval()
    with torch.no_grad():
        return model(**{k: v for k, v in batch.items() if k != "labels"}).logits


def trained(model):
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def train(model, batch, rate, decay):
    parameters = list(trained(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, eps=EPSILON, foreach=False)
    losses, norms = [], []
    model.train()
    for step in range(STEPS + 1):
        loss = model(**batch).loss
        losses.append(loss.item())
        if step == STEPS:
            break
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.linalg.vector_norm(torch.stack(
            [p.grad.norm() for p in parameters if p.grad is not None])).item())
        optimizer.step()
    return losses, norms


def by_suffix(model, suffix):
    """BitFit trains what ends in "bias" and the head; the empty suffix is full fine-tuning."""
    for name, parameter in model.named_parameters():
        head = name.startswith(("classifier.", "score."))
        parameter.requires_grad = head or name.endswith(suffix)
    return model


def save(model, folder):
    if isinstance(model, peft.PeftModel):
        model.save_pretrained(folder)
        return
    os.makedirs(folder)
    save_file({name: p.detach().clone() for name, p in trained(model).items()},
              os.path.join(folder, "weights.safetensors"))


def family_of(name, model):
    if isinstance(model, peft.PeftModel) and getattr(model.peft_config["default"], "use_dora", False):
        return "dora"
    return name.split("_", maxsplit=1)[0]


def targets_of(model):
    return model.peft_config["default"].target_modules


def write_case(root, model_name, loader, name, how):
    torch.manual_seed(3)
    base = getattr(transformers, loader).from_pretrained(os.path.join(root, "models", model_name),
                                                         attn_implementation="eager")
    is_lm = loader == CAUSAL
    model = by_suffix(base, how) if isinstance(how, str) else peft.get_peft_model(
        base, how(LM if is_lm else SEQ_CLS))
    with torch.no_grad():  # PEFT starts B at zero and IA3 at one, where much is hidden
        for key, parameter in model.named_parameters():
            if "lora_B" in key or "ia3_l" in key:
                parameter += 0.05 * torch.randn_like(parameter)
    batch = load_file(os.path.join(root, "batches", model_name + ".safetensors"))
    folder = os.path.join(root, "cases", model_name, name)
    save(model, os.path.join(folder, "init"))
    logits = {"logits_before": logits_of(model, batch)}
    rate, decay = (3e-3, 0.0) if name in ("prompt", "prefix") else (1e-3, 0.01)
    count = sum(p.numel() for p in trained(model).values())
    losses, norms = train(model, batch, rate, decay)
    logits["logits_after"] = logits_of(model, batch)
    save(model, os.path.join(folder, "final"))
    result = {"model": model_name, "method": name, "status": "ok", "steps": STEPS, "lr": rate,
              "weight_decay": decay, "eps": EPSILON, "trainable_params": count, "losses": losses, "grad_norms": norms,
              "info": {"family": family_of(name, model)}}
    merges = isinstance(model, peft.PeftModel) and name.startswith(("lora", "dora", "ia3"))
    # PEFT 0.21 cannot put RoBERTa's two-layer head back when a suffix of the targets matches it.
    if merges and not (model_name == "roberta" and "dense" in str(targets_of(model))):
        logits["logits_merged"] = logits_of(model.merge_and_unload(), batch)
    save_file({key: value.contiguous() for key, value in logits.items()},
              os.path.join(folder, "logits.safetensors"))
    with open(os.path.join(folder, "result.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)


def write_all(root, models=None, batches=None):
    """`batches` has by a model's name what is made of its batch."""
    os.makedirs(os.path.join(root, "batches"), exist_ok=True)
    folders = []
    for number, (model_name, (loader, config, cases)) in enumerate((models or MODELS).items()):
        torch.manual_seed(100 + number)
        model = getattr(transformers, loader).from_config(config())
        with torch.no_grad():  # biases and norms start at zero and one, where much is hidden
            for key, parameter in model.named_parameters():
                if parameter.dim() == 1:
                    parameter += 0.1 * torch.randn_like(parameter)
        model.save_pretrained(os.path.join(root, "models", model_name))
        batch = batch_of(model.config, loader == CAUSAL)
        if batches and model_name in batches:
            batches[model_name](batch)
        save_file(batch, os.path.join(root, "batches", model_name + ".safetensors"))
        for name, how in cases.items():
            write_case(root, model_name, loader, name, how)
            folders.append(os.path.join(root, "cases", model_name, name))
    return folders


if __name__ == "__main__":
    print("\n".join(write_all(sys.argv[1])))
