"""The figures of coordinator/search/README.md, as SVG; drawn by compare.py and stopping.py. Needs matplotlib."""
import os
import statistics

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "plateau", "font.size": 8, "axes.spines.top": False,
                            "axes.spines.right": False, "svg.fonttype": "none", "font.family": "sans-serif"})

from matplotlib import pyplot  # noqa: E402

# Okabe and Ito's colours; ours are drawn through, others' dashed.
STYLES = {"random": ("#999999", "-"), "sobol": ("#E69F00", "-"), "tpe": ("#0072B2", "-"), "bayes": ("#D55E00", "-"),
          "optuna-tpe": ("#56B4E9", "--"), "optuna-tpe-multivariate": ("#009E73", "--"), "optuna-gp": ("#CC79A7", "--")}


def save(figure, folder, name):
    os.makedirs(folder, exist_ok=True)
    figure.tight_layout()
    figure.savefig(os.path.join(folder, name), metadata={"Date": None, "Creator": None})


def draw_regrets(regrets, cases, folder):
    """Median regret against trials, with the middle half of the repeats of ours."""
    rows, columns = (1, 2) if len(cases) == 1 else (2, 3)
    figure, axes = pyplot.subplots(rows, columns, figsize=(3 * columns, 2.5 * rows))
    for axis, (name, (_, _, trials)) in zip(axes.flat, cases.items()):
        for method, (colour, line) in STYLES.items():
            if not regrets.has(name, method):
                continue
            by_trial = [regrets.at(name, method, trial) for trial in range(1, trials + 1)]
            quarters = [statistics.quantiles(values, n=4) for values in by_trial]
            numbers = range(1, trials + 1)
            axis.plot(numbers, [q[1] for q in quarters], line, color=colour, linewidth=1.2, label=method)
            if method == "tpe":
                axis.fill_between(numbers, [q[0] for q in quarters], [q[2] for q in quarters], color=colour,
                                  alpha=0.15, linewidth=0)
        axis.set_title(name, fontsize=8)
        axis.set_xlabel("trials")
        axis.set_ylabel("regret")
        if name not in ("table", "ackley5"):
            axis.set_yscale("log")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    for axis in axes.flat[len(cases):]:
        axis.axis("off")
    axes.flat[-1].legend(handles, labels, loc="center", frameon=False)
    save(figure, folder, "regret.svg")


def draw_stopping(by_rule, deviation, folder):
    """Mean regret against the share of the steps: each rule on the accuracy, and beside it its control."""
    figure, axis = pyplot.subplots(figsize=(5.5, 3.4))
    for rule, runs in by_rule.items():
        if " on the loss" in rule or "from the second" in rule:
            continue  # Too many names for one figure; the table has them.
        share, regret = statistics.mean(run[0] for run in runs), 100 * statistics.mean(run[2] for run in runs)
        by_chance = rule.endswith("by chance")
        axis.plot(share, regret, "x" if by_chance else "o", color="#999999" if by_chance else "#0072B2", markersize=5)
        if not by_chance:
            axis.annotate(rule, (share, regret), xytext=(4, -9), textcoords="offset points", fontsize=7)
    axis.axhline(100 * deviation, color="#D55E00", linewidth=0.8, linestyle=":")
    axis.annotate("one standard deviation over seeds", (1, 100 * deviation), ha="right", va="bottom", fontsize=7,
                  color="#D55E00")
    axis.set_xlim(0, 1)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("share of the steps")
    axis.set_ylabel("mean regret (points of accuracy)")
    axis.plot([], [], "o", color="#0072B2", label="rule")
    axis.plot([], [], "x", color="#999999", label="same lengths, by chance")
    axis.legend(frameon=False)
    save(figure, folder, "stopping.svg")
