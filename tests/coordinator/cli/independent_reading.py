"""An independent reading of sweep files: the rules of the grammar again, in Python and PyYAML, compared with
what `plateau plan --resolved --json` expands. Covers `sweeps/` and, in `wandb/`, the forms that W&B's
documentation shows for a grid, with the parameters renamed. Its searches, in `wandb/search/`, are taken as they are,
with their caps; those over choices alone expand as a grid to the same cells. It knows no `when`, `zip` and fragments.
"""
import collections
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SOURCE = HERE.parents[2]
SOURCES = ("base", "task", "adapter")
# What only some methods have; all else belongs to every trial.
OWN = {"lora": {"rank", "alpha", "dropout", "rslora", "target_modules"},
       "dora": {"rank", "alpha", "dropout", "rslora", "target_modules"},
       "loreft": {"rank", "dropout", "positions", "layers", "share_weights"}}
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


def trials(sweep):
    general = flat(sweep["parameters"])
    for base, task, adapter in itertools.product(*(values(general[name]) for name in SOURCES)):
        own = definitions(sweep, base, task, adapter)
        for chosen in itertools.product(*(values(definition) for definition in own.values())):
            trial = dict(zip(own, chosen), base=base, task=task, adapter=adapter)
            for name, value in trial.items():
                if isinstance(value, str) and re.search(r"\brank\b", value):
                    trial[name] = eval(value, {"__builtins__": {}}, trial)  # noqa: S307: our own files
            yield trial


def plan(program, *arguments):
    said = subprocess.run([program, "plan", *arguments, "--json"], capture_output=True, text=True, check=False)
    if said.returncode != 0:
        sys.exit(f"{arguments[0]}: plan exits with {said.returncode}: {said.stderr}")
    return json.loads(said.stdout)


def expanded(program, path):
    return [entry["trial"] for entry in plan(program, path, "--resolved", "method=grid")["trials"]
            if not entry["baseline"]]


def only_choices(sweep):
    return not any(isinstance(d, dict) and ("min" in d or "mu" in d) for d in flat(sweep["parameters"]).values())


def search_differences(program, path, yaml):
    """A search has no cells before it runs: that it is one, what ends it, and what it says of other keys."""
    sweep = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
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
    mine = list(trials(yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))))
    theirs = [leaves(trial) for trial in expanded(program, path)]
    # Compared in what the sweep sets, which may differ between adapters.
    names = {(t["base"], t["task"], t["adapter"]): set(t) for t in mine}
    theirs = [{name: t[name] for name in names.get((t["base"], t["task"], t["adapter"]), t)}
              for t in theirs]
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
    files = sorted((SOURCE / "sweeps").glob("*.yaml")) + sorted((HERE / "wandb").glob("*.yaml"))
    searches = sorted((HERE / "wandb" / "search").glob("*.yaml"))
    found = [line for path in files for line in differences(sys.argv[1], str(path), yaml)]
    found += [line for path in searches for line in search_differences(sys.argv[1], str(path), yaml)]
    print("\n".join(found) or f"{len(files)} files and {len(searches)} searches are read alike")
    sys.exit(1 if found or len(files) < 6 or len(searches) < 5 else 0)


if __name__ == "__main__":
    main()
