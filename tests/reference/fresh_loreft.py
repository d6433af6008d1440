"""LoReFT's part of fresh_cases.py: pyreft trains it over the same bases, at other layers, ranks and positions
than the recorded cases, all of which fit into the shortest text (pyreft pads the others)."""
import json
import os

import pyreft
import torch
import transformers
from safetensors.torch import load_file, save_file

import fresh_cases as fresh

# base: [(layers, positions, shared, rank)]
CASES = {
    "bert": [([0, 2], "f2+l2", False, 3), ([1], "f1+l1", True, 5)],
    "roberta": [([0, 1, 2], "f1+l1", False, 2)],
    "gpt2": [([2], "l2", False, 4), ([0, 1, 2], "f2+l2", True, 3)],
    "llama3": [([0, 1], "f2", False, 4), ([1, 2], "f1+l1", False, 6)],
    "llama-classifier": [([0, 2], "f2+l2", True, 4)],
    "qwen2": [([0, 1, 2], "f1+l1", False, 1)],
}


def model_of(base, layers, positions, shared, rank):
    is_encoder = base.config.model_type in ("bert", "roberta")
    name = base.config.model_type
    places = [{"component": f"{name}.encoder.layer[{layer}].output"} if is_encoder else
              {"layer": layer, "component": "block_output"} for layer in layers]
    if not shared and "+" in positions:
        places = places * 2
    model = pyreft.get_reft_model(base, pyreft.ReftConfig(representations=[
        place | {"low_rank_dimension": rank, "intervention": pyreft.LoreftIntervention(
            embed_dim=base.config.hidden_size, low_rank_dimension=rank, dtype=torch.float32)}
        for place in places]))
    for key, parameter in model.model.named_parameters():
        parameter.requires_grad = key.startswith(("classifier.", "score."))
    return model, len(places)


def prompts_of(batch):
    """What stands before the first token that is to be predicted, else the whole text."""
    lengths = batch["attention_mask"].sum(1).tolist()
    if batch["labels"].dim() == 1:
        return lengths
    prompts = (batch["labels"] >= 0).int().argmax(1).tolist()
    return [prompt or length for prompt, length in zip(prompts, lengths)]


def locations_of(batch, positions, shared, count):
    """pyreft's own, by intervention and text."""
    texts = [pyreft.dataset.get_intervention_locations(
        last_position=prompt, positions=positions, share_weights=shared, num_interventions=count,
        pad_mode="first") for prompt in prompts_of(batch)]
    assert min(min(min(places) for places in text) for text in texts) >= 0, "a padded position"
    return [[text[i] for text in texts] for i in range(count)]


def trained(model):
    """What learns, by the names of the recorded cases."""
    found = {}
    for key, intervention in model.interventions.items():
        found |= {f"{key}.learned_source.{name}": p for name, p in intervention.learned_source.named_parameters()}
        found[f"{key}.param.original"] = intervention.rotate_layer.parametrizations.weight.original
    return found | {"model." + key: p for key, p in model.model.named_parameters() if p.requires_grad}


def save(model, folder, with_base):
    tensors = {key: p.detach().clone() for key, p in trained(model).items()}
    for key, intervention in model.interventions.items():
        tensors[f"{key}.rotate_layer"] = intervention.rotate_layer.weight.detach().clone()
        if with_base:
            tensors[f"{key}.param.base"] = intervention.rotate_layer.parametrizations.weight[0].base.clone()
    os.makedirs(folder)
    save_file({key: t.contiguous() for key, t in tensors.items()}, os.path.join(folder, "weights.safetensors"))


def steps_of(model, batch, locations, rate):
    def output():
        inputs = {key: value for key, value in batch.items() if key != "labels"}
        return model(inputs, unit_locations={"sources->base": (None, locations)}, labels=batch["labels"])[1]
    parameters = list(trained(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0, eps=fresh.EPSILON, foreach=False)
    losses, norms, logits = [], [], {}
    for step in range(fresh.STEPS + 1):
        out = output()
        losses.append(out.loss.item())
        if step in (0, fresh.STEPS):
            logits["logits_after" if step else "logits_before"] = out.logits.detach().contiguous()
        if step == fresh.STEPS:
            break
        optimizer.zero_grad()
        out.loss.backward()
        norms.append(torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in parameters])).item())
        optimizer.step()
    return losses, norms, logits


def write_case(root, models, model_name, layers, positions, shared, rank):
    torch.manual_seed(5)
    loader = models[model_name][0]
    base = getattr(transformers, loader).from_pretrained(os.path.join(root, "models", model_name),
                                                         attn_implementation="eager")
    base.eval()
    model, count = model_of(base, layers, positions, shared, rank)
    batch = load_file(os.path.join(root, "batches", model_name + ".safetensors"))
    locations = locations_of(batch, positions, shared, count)
    name = f"loreft_{positions.replace('+', '')}_r{rank}" + ("_shared" if shared else "")
    folder = os.path.join(root, "cases", model_name, name)
    save(model, os.path.join(folder, "init"), with_base=True)
    own = sum(p.numel() for p in trained(model).values())
    losses, norms, logits = steps_of(model, batch, locations, rate=2e-3)
    save(model, os.path.join(folder, "final"), with_base=False)
    save_file(logits, os.path.join(folder, "logits.safetensors"))
    result = {"model": model_name, "method": name, "status": "ok", "steps": fresh.STEPS, "lr": 2e-3,
              "weight_decay": 0.0, "eps": fresh.EPSILON, "trainable_params": own, "losses": losses,
              "grad_norms": norms, "info": {"family": "loreft", "layers": layers, "share_weights": shared,
                                            "positions": positions, "rank": rank,
                                            "keys": list(model.interventions)}}
    with open(os.path.join(folder, "result.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    return folder


def write_all(root, models, cases):
    """Behind fresh_cases.write_all() of the same models, whose bases and batches it takes."""
    return [write_case(root, models, name, *case) for name, some in cases.items() for case in some]
