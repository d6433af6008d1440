"""Training steps of PEFT, pyreft or transformers on what trainer_bench trains: one method a process.

    peer_step.py BASE_FOLDER METHOD [--precision P] [--steps N] [--texts N] [--tokens N]
                 [--language-model] [--layers upper]

Prints one JSON object: tokens a second (median, best), peak resident memory in MiB, trainable
parameters. As fast as these libraries go: fused AdamW, scaled-dot-product attention, no attention
mask since nothing is padded, no dropout. In bfloat16 everything is, adapters too (PEFT's autocast
of them to float32 would only slow it down).

    peer_step.py BASE_FOLDER ceiling [--precision P] [--texts N] [--tokens N]

prints the GFLOP/s of the matrix product that the base's feed-forward layer makes of these tokens.
"""
import argparse
import json
import os
import resource
import time

import torch

RANK = 8


def timed(step, steps):
    """Sorted seconds of `steps` calls; two more come first and do not count."""
    seconds = []
    for i in range(steps + 2):
        begin = time.perf_counter()
        step()
        if i >= 2:
            seconds.append(time.perf_counter() - begin)
    return sorted(seconds)


def ceiling(arguments, dtype):
    with open(os.path.join(arguments.base, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    rows = arguments.texts * arguments.tokens
    inner, outer = config["hidden_size"], config["intermediate_size"]
    left, right = torch.randn(rows, inner, dtype=dtype), torch.randn(outer, inner, dtype=dtype)
    seconds = timed(lambda: torch.nn.functional.linear(left, right), 50)
    return {"gflops": 2e-9 * rows * inner * outer / seconds[len(seconds) // 2]}


def load(arguments, dtype):
    import transformers
    kind = (transformers.AutoModelForCausalLM if arguments.language_model else
            transformers.AutoModelForSequenceClassification)
    settings = {} if arguments.language_model else {"num_labels": 2}
    config = transformers.AutoConfig.from_pretrained(arguments.base, **settings)
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout"):
        if hasattr(config, name):
            setattr(config, name, 0.0)
    return kind.from_pretrained(arguments.base, config=config, dtype=dtype,
                                attn_implementation="sdpa")


def with_peft(model, arguments):
    import peft
    task = "CAUSAL_LM" if arguments.language_model else "SEQ_CLS"
    config = {
        "lora": lambda: peft.LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear",
                                        task_type=task),
        "dora": lambda: peft.LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear",
                                        use_dora=True, task_type=task),
        "ia3": lambda: peft.IA3Config(task_type=task),
        "prompt": lambda: peft.PromptTuningConfig(num_virtual_tokens=16, task_type=task),
        "prefix": lambda: peft.PrefixTuningConfig(num_virtual_tokens=16, task_type=task),
    }[arguments.method]()
    return peft.get_peft_model(model, config, autocast_adapter_dtype=False)


def with_pyreft(model, arguments, dtype):
    """Rank 4 on the first and the last token, separate weights: two interventions a layer."""
    import pyreft
    config = model.config
    layers = range(config.num_hidden_layers // 2 if arguments.layers == "upper" else 0,
                   config.num_hidden_layers)
    name = "model.layers[{}].output" if arguments.language_model else "bert.encoder.layer[{}].output"
    reft = pyreft.get_reft_model(model, pyreft.ReftConfig(representations=[
        {"component": name.format(layer), "low_rank_dimension": 4,
         "intervention": pyreft.LoreftIntervention(
             embed_dim=config.hidden_size, low_rank_dimension=4, dtype=dtype)}
        for _ in range(2) for layer in layers]))
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("classifier")
    places = [[[0]] * arguments.texts] * len(layers) + \
        [[[arguments.tokens - 1]] * arguments.texts] * len(layers)
    return reft, {"sources->base": (None, places)}


def with_itself(model, method):
    for name, parameter in model.named_parameters():
        head = name.startswith(("classifier", "score"))
        parameter.requires_grad = head or method == "full" or (
            method == "bitfit" and name.endswith("bias"))
    return model


def training_step(arguments, dtype):
    """(the function that makes one step, its trained parameters)"""
    model, places = load(arguments, dtype), None
    if arguments.method == "loreft":
        model, places = with_pyreft(model, arguments, dtype)
        trained = list(model.interventions.parameters()) + [
            p for p in model.model.parameters() if p.requires_grad]
    else:
        model = (with_itself(model, arguments.method) if arguments.method in ("full", "bitfit")
                 else with_peft(model, arguments))
        trained = [p for p in model.parameters() if p.requires_grad]
        model.train()
    ids = torch.randint(0, model.config.vocab_size if places is None else
                        model.model.config.vocab_size, (arguments.texts, arguments.tokens))
    labels = ids if arguments.language_model else torch.randint(0, 2, (arguments.texts,))
    batch = {"input_ids": ids, "labels": labels}
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)

    def step():
        loss = (model(**batch) if places is None else
                model(batch, unit_locations=places)[1]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return step, sum(p.numel() for p in trained)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("base")
    parser.add_argument("method")
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--language-model", action="store_true")
    parser.add_argument("--layers", default="all", choices=["all", "upper"])
    arguments = parser.parse_args()
    dtype = getattr(torch, arguments.precision)
    torch.manual_seed(0)
    if arguments.method == "ceiling":
        print(json.dumps(ceiling(arguments, dtype)))
        return
    step, trained = training_step(arguments, dtype)
    seconds = timed(step, arguments.steps)
    tokens = arguments.texts * arguments.tokens
    print(json.dumps({
        "median": tokens / seconds[len(seconds) // 2], "best": tokens / seconds[0],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "trained": trained}))


if __name__ == "__main__":
    main()
