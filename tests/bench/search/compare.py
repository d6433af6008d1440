"""Plateau's searches beside Optuna's on the functions of functions.cc: regret after 20, 50, 100 trials.

    compare.py build/release/bin/search-bench [--repeats 30] [--methods tpe,random] [--gp] [--alone]

Needs optuna and scipy; --methods: ours, of random, sobol, tpe and bayes; --gp (Optuna's GPSampler) needs torch too; --alone: without
Optuna, TPE against our random search. Both sides run the same functions
with the same number of start-up trials (10), a seed a repeat. "p" is an exact two-sided Wilcoxon test
over the repeats, paired by seed, ours against theirs, with Holm's correction over all rows.
"""
import argparse
import math
import statistics
import subprocess

import optuna
from scipy import stats

MARKS = (20, 50, 100)
LOWEST = {"branin": 0.39788735772973816, "hartmann6": -3.322368011391339, "ackley5": 0.0,
          "conditional": 0.0}
ALPHA = (1.0, 1.2, 3.0, 3.2)
A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8),
     (17, 8, 0.05, 10, 0.1, 14))
P = ((0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
     (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
     (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
     (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381))


def floats(trial, names):
    return [trial.suggest_float(name, 0.0, 1.0) for name in names]


def cube(trial, dimensions):
    return floats(trial, [f"x{d}" for d in range(dimensions)])


def branin(trial):
    u, v = cube(trial, 2)
    x, y = 15 * u - 5, 15 * v
    bent = y - 5.1 / (4 * math.pi ** 2) * x * x + 5 / math.pi * x - 6
    return bent * bent + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(trial):
    x = cube(trial, 6)
    return -sum(alpha * math.exp(-sum(a[d] * (x[d] - p[d]) ** 2 for d in range(6)))
                for alpha, a, p in zip(ALPHA, A, P))


def ackley5(trial):
    x = [65.536 * (u - 0.4) for u in cube(trial, 5)]
    squares = sum(each * each for each in x) / 5
    cosines = sum(math.cos(2 * math.pi * each) for each in x) / 5
    return -20 * math.exp(-0.2 * math.sqrt(squares)) - math.exp(cosines) + 20 + math.e


def conditional(trial):
    branch = trial.suggest_categorical("branch", [0, 1, 2])
    x = floats(trial, [f"b{branch}x{i}" for i in range(branch + 2)])
    return 0.3 - 0.15 * branch + sum((u - 0.2 - 0.15 * i) ** 2 for i, u in enumerate(x))


FUNCTIONS = {"branin": branin, "hartmann6": hartmann6, "ackley5": ackley5, "conditional": conditional}


def samplers(with_gp):
    found = {"optuna-random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
             "optuna-tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
             "optuna-tpe-multivariate": lambda seed: optuna.samplers.TPESampler(
                 seed=seed, multivariate=True, group=True)}
    if with_gp:
        found["optuna-gp"] = lambda seed: optuna.samplers.GPSampler(seed=seed)
    return found


def theirs(repeats, with_gp):
    """{(function, method, seed): regrets at the marks}"""
    found = {}
    for name, function in FUNCTIONS.items():
        for method, sampler in samplers(with_gp).items():
            # Optuna's GP takes no space that depends on a choice.
            if method == "optuna-gp" and name == "conditional":
                continue
            for seed in range(repeats):
                study = optuna.create_study(sampler=sampler(seed))
                study.optimize(function, n_trials=MARKS[-1])
                values = [trial.value for trial in study.trials]
                found[name, method, seed] = [min(values[:mark]) - LOWEST[name] for mark in MARKS]
    return found


def ours(program, repeats, methods):
    lines = subprocess.run([program, str(repeats), *methods], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    rows = [line.split(",") for line in lines]
    return {(row[0], row[1], int(row[2])): [float(value) for value in row[3:]] for row in rows}


def holm(ps):
    """Adjusted p-values, in the order given."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    adjusted, running = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = running
    return adjusted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--methods", type=lambda text: text.split(","),
                        default=["random", "sobol", "tpe", "bayes"])
    parser.add_argument("--gp", action="store_true")
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    regrets = ours(options.program, options.repeats, options.methods)
    if not options.alone:
        regrets |= theirs(options.repeats, options.gp)
    methods = list(dict.fromkeys(method for _, method, _ in regrets))

    def at(function, method, mark):
        return [regrets[function, method, seed][mark] for seed in range(options.repeats)]

    print(f"Optuna {optuna.__version__}, {options.repeats} repeats, median regret\n")
    print("| function | trials | " + " | ".join(methods) + " |")
    print("| --- | ---: |" + " ---: |" * len(methods))
    for function in FUNCTIONS:
        for mark, trials in enumerate(MARKS):
            cells = [f"{statistics.median(at(function, method, mark)):.3g}"
                     if (function, method, 0) in regrets else "–" for method in methods]
            print(f"| {function} | {trials} | " + " | ".join(cells) + " |")

    pairs = [("tpe", "random")] if options.alone else [
        ("tpe", "optuna-tpe"), ("tpe", "optuna-tpe-multivariate"), ("tpe", "optuna-random"),
        ("bayes", "optuna-random")] + ([("bayes", "optuna-gp")] if options.gp else [])
    rows = [(function, mark, a, b) for a, b in pairs for function in FUNCTIONS
            for mark in range(len(MARKS))
            if (function, a, 0) in regrets and (function, b, 0) in regrets]
    ps = holm([stats.wilcoxon(at(f, a, m), at(f, b, m)).pvalue for f, m, a, b in rows])
    print("\n| ours | theirs | function | trials | lower regret in | p (Holm) |")
    print("| --- | --- | --- | ---: | ---: | ---: |")
    for (function, mark, a, b), p in zip(rows, ps):
        wins = sum(x < y for x, y in zip(at(function, a, mark), at(function, b, mark)))
        print(f"| {a} | {b} | {function} | {MARKS[mark]} | {wins}/{options.repeats} | {p:.2g} |")


if __name__ == "__main__":
    main()
