"""An independent reading of sweep files: the rules of the grammar (common/spec/README.md) again, in Python and
PyYAML, compared with what `plateau plan --resolved --json` expands: the same cells, each with the same values from the
file and none besides. Covers `sweeps/`, in `grammar/` conditions, zip groups and fragments, and in `wandb/` the forms
that W&B's documentation shows for a grid, with the parameters renamed. Its searches, in `wandb/search/`, are taken as
they are, with their caps; those over choices alone expand as a grid to the same cells.
"""
import collections
import itertools
import json
import math
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parents[2]
SOURCES = ("base", "task", "adapter")
# What only some methods have; all else belongs to every trial.
LORA = {"rank", "alpha", "dropout", "rslora", "target_modules", "layers", "rank_pattern", "alpha_pattern",
        "b_rate_ratio"}
OWN = {"lora": LORA, "dora": LORA,
       "loreft": {"rank", "dropout", "positions", "layers", "share_weights", "pad_first"}}
# Of these a text is a value; elsewhere it is an expression.
TEXTS = {"positions", "layers", "target_modules", "schedule", "checkpoint", "precision", "pooling", "quantization"}
DEFINES = {"value", "values", "expression", "distribution", "min", "max", "when"}
FUNCTIONS = {"min": min, "max": max, "round": round, "floor": math.floor, "ceil": math.ceil,
             "sqrt": math.sqrt, "log2": math.log2, "abs": abs}
NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$")


def number(value):
    """PyYAML reads YAML 1.1, where 1e-3 is a text."""
    return float(value) if isinstance(value, str) and NUMBER.match(value) else value


def steps(definition):
    low, high, q = definition["min"], definition["max"], definition.get("q", 1)
    if definition.get("distribution") == "q_uniform":
        return [low + i * q for i in range(10**6) if low + i * q < high - 1e-9 * q]
    return list(range(low, high + 1))


def values(definition):
    """The values of one parameter; a text that names others is an expression and stays one text."""
    if isinstance(definition, dict):
        if "values" in definition:
            return values(definition["values"])
        if "min" in definition:
            return steps(definition)
        value = definition.get("value", definition.get("expression"))
        return [value] if isinstance(value, list) else values(value)  # [4, 5] may be one value
    if isinstance(definition, str) and definition.startswith("range("):
        return list(range(*map(int, definition[6:-1].split(","))))
    return [number(v) for v in definition] if isinstance(definition, list) else [number(definition)]


def flat(parameters):
    found = {}
    for name, definition in (parameters or {}).items():
        if isinstance(definition, dict) and "parameters" in definition:
            found.update(flat(definition["parameters"]))
        else:
            found[name] = definition
    return found


def extended(node, fragments):
    """`extends` replaced by what it names: own keys win, then the last fragment; a parameter is taken whole."""
    if isinstance(node, list):
        return [extended(item, fragments) for item in node]
    if not isinstance(node, dict):
        return node
    own = {key: extended(value, fragments) for key, value in node.items() if key not in ("extends", "fragments")}
    names = node.get("extends", [])
    for name in reversed([names] if isinstance(names, str) else names):
        fill(own, extended(fragments[name], fragments))
    return own


def fill(own, other):
    for key, value in other.items():
        both = isinstance(own.get(key), dict) and isinstance(value, dict)
        if key not in own:
            own[key] = value
        elif both and not DEFINES & (own[key].keys() | value.keys()):
            fill(own[key], value)


def definitions(sweep, base, task, adapter):
    """What holds in one cell: adapter before task before base before general."""
    merged = {}
    for layer in (sweep["parameters"], sweep.get("bases", {}).get(base),
                  sweep.get("tasks", {}).get(task), sweep.get("adapters", {}).get(adapter)):
        merged.update(flat(layer))
    known = set().union(*OWN.values())
    return {name: definition for name, definition in merged.items()
            if name not in SOURCES + ("path", "labels", "metric")
            and (name not in known or name in OWN[adapter])}


class Absent:
    """A parameter that does not exist in the cell: no comparison with it holds."""
    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: False
    __hash__ = None


class Names(dict):
    """A word that is no parameter is a text."""
    def __missing__(self, word):
        return word


def evaluated(text, cell, own):
    parameters = set(own).union(*OWN.values())
    names = Names(dict.fromkeys(parameters, Absent()), **FUNCTIONS)
    names.update(cell)
    return eval(text, {"__builtins__": {}}, names)  # noqa: S307: our own files


def condition(definition):
    """The text of a parameter's `when`; a mapping is all of its keys."""
    when = definition.get("when") if isinstance(definition, dict) else None
    if not isinstance(when, dict):
        return when
    return " and ".join(f"{name} {'in' if isinstance(value, list) else '=='} {value!r}"
                        for name, value in when.items())


def formula(name, definition):
    """The text of a parameter's expression, or None."""
    if isinstance(definition, dict):
        definition = definition.get("value", definition.get("expression"))
    is_text = isinstance(definition, str) and not NUMBER.match(definition)
    return definition if is_text and name not in TEXTS and not definition.startswith("range(") else None


def needs(name, definition):
    """The words of its condition and its expression: parameters among them are chosen before it."""
    return set(re.findall(r"[A-Za-z_]\w*", f"{condition(definition)} {formula(name, definition)}"))


def cells(own, groups, cell, left, places):
    """Each way to choose the parameters in `left`; `places`: at which value each zip group is."""
    if not left:
        yield cell
        return
    name = next(name for name in left if not (needs(name, own[name]) & left.keys()) - {name})
    rest = {other: None for other in left if other != name}
    when = condition(own[name])
    if when and not evaluated(when, cell, own):
        yield from cells(own, groups, cell, rest, places)
        return
    text = formula(name, own[name])
    choices = [evaluated(text, cell, own)] if text else values(own[name])
    group = next((i for i, names in enumerate(groups) if name in names), None)
    for place, value in enumerate(choices):
        if group is None:
            yield from cells(own, groups, {**cell, name: value}, rest, places)
        elif places.get(group, place) == place:
            yield from cells(own, groups, {**cell, name: value}, rest, {**places, group: place})


def trials(sweep):
    general = flat(sweep["parameters"])
    groups = sweep.get("zip", [])
    groups = groups if groups and isinstance(groups[0], list) else [groups]
    for base, task, adapter in itertools.product(*(values(general[name]) for name in SOURCES)):
        own = definitions(sweep, base, task, adapter)
        yield from cells(own, groups, {"base": base, "task": task, "adapter": adapter}, dict.fromkeys(own), {})


def read(path, yaml):
    sweep = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
    return extended(sweep, sweep.get("fragments", {}))


def plan(program, *arguments):
    said = subprocess.run([program, "plan", *arguments, "--json"], capture_output=True, text=True, check=False)
    if said.returncode != 0:
        sys.exit(f"{arguments[0]}: plan exits with {said.returncode}: {said.stderr}")
    return json.loads(said.stdout)


def expanded(program, path):
    """Of each trial the values that come from the file."""
    for entry in plan(program, path, "--resolved", "method=grid")["trials"]:
        if not entry["baseline"]:
            yield {name: value for name, value in leaves(entry["trial"]).items()
                   if name in SOURCES or entry["origins"].get(name, "").startswith(path)}


def only_choices(sweep):
    return not any(isinstance(d, dict) and ("min" in d or "mu" in d) for d in flat(sweep["parameters"]).values())


def search_differences(program, path, yaml):
    """A search has no cells before it runs: that it is one, what ends it, and what it says of other keys."""
    sweep = read(path, yaml)
    said = plan(program, path)
    caps = {"max_trials": sweep["run_cap"]}
    if "target" in sweep["metric"]:
        caps["target"] = sweep["metric"]["target"]
    foreign = {key for key in sweep if key in ("program", "command", "entity", "project")}
    noticed = {key for key in foreign if any(f"'{key}' has no meaning here" in n for n in said["notices"])}
    found = [f"{path}: {what}: {mine} here, {theirs} there" for what, mine, theirs in (
        ("search", True, said["search"]), ("budgets", caps, said["budgets"]), ("notices", foreign, noticed))
        if mine != theirs]
    return found + (differences(program, path, yaml) if only_choices(sweep) else [])


def leaves(trial):
    """Every value of a resolved trial by the name that sweep files have for it."""
    found = {"base": trial["base"]["name"], "task": trial["task"]["name"],
             "adapter": trial["adapter"]["method"], **trial["adapter"]["parameters"]}
    for group in ("base", "task", "optimizer", "protocol"):
        found.update({k: v for k, v in trial[group].items() if k != "name"})
    found.update({k: v for k, v in trial.items() if not isinstance(v, dict)})
    return found


def normal(value):
    return round(float(value), 12) if isinstance(value, (int, float)) else str(value)


def counted(all_trials):
    return collections.Counter(tuple(sorted((k, normal(v)) for k, v in trial.items()))
                               for trial in all_trials)


def differences(program, path, yaml):
    # What was written twice is trained once.
    mine = [dict(trial) for trial in counted(trials(read(path, yaml)))]
    theirs = list(expanded(program, path))
    print(f"{os.path.relpath(path, SOURCE)}: {len(mine)} trials here, {len(theirs)} there")
    only_here, only_there = counted(mine) - counted(theirs), counted(theirs) - counted(mine)
    return [f"{path}: only in Python's reading: {dict(t)}" for t in list(only_here)[:3]] + \
           [f"{path}: only in plateau's: {dict(t)}" for t in list(only_there)[:3]]


def main():
    try:
        import yaml
    except ImportError:
        print("skipped: PyYAML is not installed")
        sys.exit(77)
    files = [path for folder in (SOURCE / "sweeps", HERE / "grammar", HERE / "wandb")
             for path in sorted(folder.glob("*.yaml"))]
    searches = sorted((HERE / "wandb" / "search").glob("*.yaml"))
    found = [line for path in files for line in differences(sys.argv[1], str(path), yaml)]
    found += [line for path in searches for line in search_differences(sys.argv[1], str(path), yaml)]
    print("\n".join(found) or f"{len(files)} files and {len(searches)} searches are read alike")
    sys.exit(1 if found or len(files) < 10 or len(searches) < 5 else 0)


if __name__ == "__main__":
    main()
