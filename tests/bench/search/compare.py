"""Plateau's searches beside Optuna's: regret after 20, 50 and 100 trials of functions, 10, 20 and 40 of the table.

    compare.py build/release/bin/search-bench [--repeats 30] [--first 0] [--running 1] [--methods tpe,random] [--gp] [--alone]
               [--functions branin,table] [--keep FILE.json] [--plots FOLDER]

Needs optuna and scipy; --gp (Optuna's GPSampler) needs torch too; --plots matplotlib. --methods: ours, of random, sobol,
tpe and bayes; --first: the first seed; --alone: without Optuna; --keep: regrets of Optuna's samplers are read from there and added.

Both sides run the same functions with 10 start-up trials, a seed a repeat, and --running trials at a time, of
which the oldest ends and another begins; a file of --keep is of one --running. A pair is
compared by an exact two-sided Wilcoxon test over the repeats, paired by seed, with Holm's correction over all
rows of the table. "Worse" and "better" are said where p is below 0.05, else "not worse".
"""
import argparse
import json
import math
import os
import statistics
import subprocess

import optuna
from scipy import stats

import functions as judged

HERE = os.path.dirname(os.path.abspath(__file__))
TITLES = {"branin": "Branin", "hartmann6": "Hartmann, 6 dimensions", "ackley5": "Ackley, 5 dimensions",
          "conditional": "conditional", "table": "table of real trials"}
SAMPLERS = {
    "optuna-random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "optuna-tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "optuna-tpe-multivariate": lambda seed: optuna.samplers.TPESampler(
        seed=seed, multivariate=True, group=True, constant_liar=True),
    "optuna-gp": lambda seed: optuna.samplers.GPSampler(seed=seed, deterministic_objective=False),
}
PAIRS = [("tpe", "optuna-tpe"), ("tpe", "optuna-tpe-multivariate"), ("tpe", "random"),
         ("bayes", "optuna-gp"), ("bayes", "random")]


def marks(name):
    return (10, 20, 40) if name == "table" else (20, 50, 100)


def lowest_so_far(values, lowest):
    found, best = [], math.inf
    for value in values:
        best = min(best, value)
        found.append(best - lowest)
    return found


def optimise(study, function, trials, running):
    """Values in the order in which trials end: the oldest of those that run."""
    begun, values = [], []
    for _ in range(trials):
        while len(begun) - len(values) < running and len(begun) < trials:
            trial = study.ask()
            begun.append((trial, function(trial)))
        trial, value = begun[len(values)]
        study.tell(trial, value)
        values.append(value)
    return values


def theirs(cases, seeds, running, with_gp, keep):
    """{"function/method/seed": regret after each trial}; what is in the file `keep` is not run again."""
    found = json.load(open(keep)) if keep and os.path.exists(keep) else {}
    for name, (function, lowest, trials) in cases.items():
        for method, sampler in SAMPLERS.items():
            # Optuna's GP takes no space that depends on a choice.
            if method == "optuna-gp" and (not with_gp or name == "conditional"):
                continue
            for seed in seeds:
                if f"{name}/{method}/{seed}" in found:
                    continue
                study = optuna.create_study(sampler=sampler(seed))
                values = optimise(study, function, trials, running)
                found[f"{name}/{method}/{seed}"] = lowest_so_far(values, lowest)
            if keep:
                with open(keep + ".new", "w") as file:
                    json.dump(found, file)
                os.replace(keep + ".new", keep)
    return found


def ours(program, table, seeds, running, methods, names):
    command = [program, "search", table, str(seeds.stop), str(running), ",".join(methods), ",".join(names)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [line.split(",") for line in lines]
    return {"/".join(row[:3]): [float(value) for value in row[3:]] for row in rows}


def holm(ps):
    """Adjusted p-values, in the order given."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    adjusted, running = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = running
    return adjusted


def paired(a, b):
    """p of the exact two-sided Wilcoxon test; 1 where no pair differs."""
    return stats.wilcoxon(a, b).pvalue if any(x != y for x, y in zip(a, b)) else 1.0


class Regrets:
    def __init__(self, by_run, seeds):
        self.by_run, self.seeds = by_run, seeds
        self.methods = list(dict.fromkeys(key.split("/")[1] for key in by_run))

    def has(self, function, method):
        return all(f"{function}/{method}/{seed}" in self.by_run for seed in self.seeds)

    def at(self, function, method, trials):
        return [self.by_run[f"{function}/{method}/{seed}"][trials - 1] for seed in self.seeds]


def print_medians(regrets, names):
    print("| function | trials | " + " | ".join(regrets.methods) + " |")
    print("| --- | ---: |" + " ---: |" * len(regrets.methods))
    for name in names:
        for number, trials in enumerate(marks(name)):
            cells = [f"{statistics.median(regrets.at(name, method, trials)):.3g}"
                     if regrets.has(name, method) else "–" for method in regrets.methods]
            print(f"| {TITLES[name] if number == 0 else ''} | {trials} | " + " | ".join(cells) + " |")


def print_pairs(regrets, names):
    rows = [(name, trials, a, b) for a, b in PAIRS for name in names for trials in marks(name)
            if regrets.has(name, a) and regrets.has(name, b)]
    ps = holm([paired(regrets.at(f, a, m), regrets.at(f, b, m)) for f, m, a, b in rows])
    print("\n| ours | against | function | trials | lower | higher | p (Holm) | |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | --- |")
    for (name, trials, a, b), p in zip(rows, ps):
        left, right = regrets.at(name, a, trials), regrets.at(name, b, trials)
        lower = sum(x < y for x, y in zip(left, right))
        higher = sum(x > y for x, y in zip(left, right))
        verdict = "not worse" if p >= 0.05 else "better" if lower > higher else "worse"
        print(f"| {a} | {b} | {TITLES[name]} | {trials} | {lower} | {higher} | {p:.2g} | {verdict} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--running", type=int, default=1)
    words = {"type": lambda text: text.split(",")}
    parser.add_argument("--methods", default=["random", "sobol", "tpe", "bayes"], **words)
    parser.add_argument("--functions", default=list(TITLES), **words)
    parser.add_argument("--table", default=os.path.join(HERE, "trials.csv"))
    parser.add_argument("--gp", action="store_true")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--keep")
    parser.add_argument("--plots")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    cases = {name: case for name, case in judged.functions(options.table).items() if name in options.functions}
    seeds = range(options.first, options.first + options.repeats)
    by_run = ours(options.program, options.table, seeds, options.running, options.methods, cases)
    if not options.alone:
        by_run |= theirs(cases, seeds, options.running, options.gp, options.keep)
    regrets = Regrets(by_run, seeds)
    print(f"Optuna {optuna.__version__}, {options.repeats} repeats, {options.running} running, median regret\n")
    print_medians(regrets, cases)
    print_pairs(regrets, cases)
    if options.plots:
        import plots
        plots.draw_regrets(regrets, cases, options.plots)


if __name__ == "__main__":
    main()
