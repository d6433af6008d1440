"""The functions of functions.cc for Optuna: branin, hartmann6, ackley5, conditional, and the table of real trials."""
import csv
import math

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


def table_function(path):
    """(function, lowest value): 1 - validation accuracy of a cell's first seed; levels as in functions.cc."""
    with open(path) as file:
        rows = [row for row in csv.DictReader(file) if row["seed"] == "0"]
    last = [name for name in rows[0] if name.startswith("accuracy")][-1]
    losses = {(row["adapter"], float(row["rank"]), float(row["learning_rate"])): 1 - float(row[last] or 0)
              for row in rows}
    adapters = sorted({key[0] for key in losses})
    ranks = sorted({key[1] for key in losses})
    rates = sorted({key[2] for key in losses})

    def table(trial):
        return losses[trial.suggest_categorical("adapter", adapters),
                      ranks[trial.suggest_int("rank", 0, len(ranks) - 1)],
                      rates[trial.suggest_int("learning_rate", 0, len(rates) - 1)]]

    return table, min(losses.values())


def functions(table_path):
    """{name: (function, lowest value, trials)}"""
    found = {name: (function, LOWEST[name], 100) for name, function in
             {"branin": branin, "hartmann6": hartmann6, "ackley5": ackley5, "conditional": conditional}.items()}
    found["table"] = (*table_function(table_path), 40)
    return found
