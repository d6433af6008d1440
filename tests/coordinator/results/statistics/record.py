#!/usr/bin/env python3
"""Records what SciPy and statsmodels say, for statistics_test.cc.

    pip install scipy statsmodels && python3 record.py > recorded.json

Inputs are drawn once from a fixed seed and written beside the answers, so the test needs neither
package nor generator.
"""
import json
from itertools import combinations

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import stats
from scipy.optimize import minimize_scalar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.tools.eval_measures import aicc

rng = np.random.default_rng(20260601)


def t_cases():
    for n in (2, 3, 5, 12):
        values = np.round(rng.normal(0.85, 0.02, n), 4)
        for confidence in (0.9, 0.95):
            low, high = stats.t.interval(
                confidence, n - 1, loc=values.mean(), scale=stats.sem(values))
            yield {
                "values": values.tolist(), "confidence": confidence,
                "mean": values.mean(), "deviation": values.std(ddof=1),
                "low": low, "high": high, "threshold": 0.84,
                "p_above": stats.ttest_1samp(values, 0.84, alternative="greater").pvalue}


def power_cases():
    for effect, deviation, n in ((0.5, 0.7, 5), (0.5, 0.3, 3), (1.0, 0.5, 10), (0.0, 1.0, 4)):
        yield {
            "effect": effect, "deviation": deviation, "count": n, "alpha": 0.05,
            "power": TTestPower().power(effect / deviation, n, 0.05, alternative="larger")}


def bootstrap_cases():
    for n in (3, 5, 8):
        values = np.round(rng.normal(0.5, 0.1, n), 4)
        resamples = rng.integers(0, n, (199, n))
        means = values[resamples].mean(axis=1)
        low, high = np.percentile(means, [2.5, 97.5])
        yield {"values": values.tolist(), "resamples": resamples.tolist(), "confidence": 0.95,
               "low": low, "high": high}


def paired_cases():
    sets = [np.round(rng.normal(0.01, 0.02, n), 4) for n in (3, 5, 8, 11)]
    sets.append(np.array([0.01, -0.01, 0.02, 0.02, 0.03, -0.01, 0.0, 0.01]))  # ties and a zero
    sets.append(np.array([0.5, 0.5, 0.5, 0.5, 0.5]))
    sets.append(np.array([1.0, -1.0, 2.0, -2.0]))
    for values in sets:
        zeros = np.zeros_like(values)
        permutation = stats.permutation_test(
            (values, zeros), lambda a, b, axis: np.mean(a - b, axis=axis),
            permutation_type="samples", n_resamples=np.inf, vectorized=True)
        wilcoxon = stats.wilcoxon(
            values, zero_method="wilcox", method=stats.PermutationMethod(n_resamples=np.inf))
        yield {"differences": values.tolist(), "permutation_p": permutation.pvalue,
               "wilcoxon_statistic": wilcoxon.statistic, "wilcoxon_p": wilcoxon.pvalue}


def paired_bootstrap_cases():
    for n in (3, 6, 20):
        differences = np.round(rng.normal(0.01, 0.02, n), 4)
        resamples = rng.integers(0, n, (499, n))
        means = differences[resamples].sum(axis=1)
        low, high = np.percentile(means / n, [2.5, 97.5])
        sides = min((means <= 0).sum() + 1, (means >= 0).sum() + 1)
        yield {"differences": differences.tolist(), "resamples": resamples.tolist(),
               "confidence": 0.95, "low": low, "high": high, "p": min(1.0, 2 * sides / 500)}


def many_pairs_cases():
    """Above 200 pairs: the normal approximation, with many ties and zeros."""
    for n, values in ((250, rng.integers(-3, 5, 250)), (400, np.round(rng.normal(0.1, 1, 400), 1))):
        wilcoxon = stats.wilcoxon(values, zero_method="wilcox", correction=False,
                                  method="approx")
        yield {"differences": [float(v) for v in values], "statistic": wilcoxon.statistic,
               "p": wilcoxon.pvalue}


def average_rank_cases():
    for tasks, adapters in ((3, 4), (7, 3)):
        scores = np.round(rng.normal(80, 3, (tasks, adapters)))
        ranks = stats.rankdata(-scores, axis=1).mean(axis=0)
        yield {"scores": scores.tolist(), "ranks": ranks.tolist()}


def parameter_ratio_cases():
    """numpy's interp over the running maximum, for log(parameters) against the metric."""
    for seeds in (3, 5):
        sizes = [[1e3, 4e3, 1.6e4], [2e4, 8e4, 3.2e5, 1.28e6]]
        values = [np.round(np.sort(rng.normal(80, 2, (seeds, len(s))), axis=1), 2) for s in sizes]
        resamples = rng.integers(0, seeds, (199, seeds))

        def ratio(chosen):
            tops = [np.maximum.accumulate(v[chosen].mean(axis=0)) for v in values]
            level = min(top[-1] for top in tops)
            need = [np.exp(np.interp(level, top, np.log(size))) for top, size in zip(tops, sizes)]
            return need[1] / need[0]

        low, high = np.percentile([ratio(r) for r in resamples], [2.5, 97.5])
        yield {"sizes": sizes, "values": [v.tolist() for v in values],
               "resamples": resamples.tolist(), "ratio": ratio(np.arange(seeds)),
               "low": low, "high": high}


def holm_cases():
    for p in ([0.01, 0.04, 0.03, 0.005], [0.2, 0.2, 0.9], [0.0625], [0.5, 0.001, 0.02, 0.02, 1.0]):
        yield {"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()}


def smallest_effect_cases():
    for deviation, n in ((0.7, 5), (0.3, 3), (0.5, 10)):
        effect = TTestPower().solve_power(
            effect_size=None, nobs=n, alpha=0.05, power=0.8, alternative="larger")
        yield {"deviation": deviation, "count": n, "alpha": 0.05, "power": 0.8,
               "effect": float(np.squeeze(effect)) * deviation}


def step_down_cases():
    """One-sided t tests of "the loss is at least the margin", largest rank first."""
    for seeds, spread in ((3, 0.1), (5, 0.4), (10, 0.4)):
        means = np.array([84.0, 86.0, 87.6, 88.0, 88.0])
        values = np.round(means[:, None] + rng.normal(0, spread, (5, seeds)), 3)
        steps = []
        for row in values[-2::-1]:
            loss = values[-1] - row
            steps.append({"loss": loss.mean(), "deviation": loss.std(ddof=1),
                          "p": stats.ttest_1samp(loss, 0.8, alternative="less").pvalue})
            if steps[-1]["p"] > 0.05:
                break
        yield {"ranks": [1, 2, 4, 8, 16], "values": values.tolist(), "margin": 0.8,
               "steps": steps}


def least_squares(x, values, at):
    """statsmodels' fit with an effect of each seed; at: "none", "line", or the break."""
    seeds, ranks = values.shape
    effects = np.kron(np.eye(seeds), np.ones((ranks, 1)))
    shape = {"none": np.zeros((ranks, 0)), "line": x[:, None]}.get(
        at if isinstance(at, str) else "", None)
    if shape is None:
        shape = np.minimum(x - at, 0.0)[:, None]
    return sm.OLS(values.ravel(), np.hstack([effects, np.tile(shape, (seeds, 1))])).fit()


def best_break(x, values):
    """Between each two ranks the squares are smooth in the break."""
    found = [minimize_scalar(lambda at: least_squares(x, values, at).ssr, bounds=pair,
                             method="bounded", options={"xatol": 1e-9})
             for pair in zip(x[1:-1], x[2:])]
    ends = [(least_squares(x, values, at).ssr, at) for at in x[1:]]
    return min([(one.fun, one.x) for one in found] + ends)[1]


def hockey_stick_cases():
    for seeds, spread in ((3, 0.2), (6, 0.5)):
        x = np.arange(6.0)  # ranks 1 to 32
        values = np.round(88 + np.minimum(x - 2.4, 0) * 1.5 + rng.normal(0, 1, (seeds, 1))
                          + rng.normal(0, spread, (seeds, 6)), 3)
        at = best_break(x, values)
        count = values.size

        def criterion(fit, shape):
            # The variance and every seed's own mean but one count beside the shape.
            return aicc(fit.llf, count, shape + seeds) - count * (np.log(2 * np.pi) + 1)

        resamples = rng.integers(0, seeds, (19, seeds))
        low, high = np.percentile([best_break(x, values[r]) for r in resamples], [2.5, 97.5])
        bent = least_squares(x, values, at)
        yield {"ranks": [1, 2, 4, 8, 16, 32], "values": values.tolist(), "break": at,
               "slope": bent.params[-1], "level": bent.params[:seeds].mean(),
               "constant": criterion(least_squares(x, values, "none"), 1),
               "line": criterion(least_squares(x, values, "line"), 2),
               "hockey_stick": criterion(bent, 3),
               "resamples": resamples.tolist(), "low": low, "high": high}


def clique_cases():
    """Wilcoxon over all pairs, Holm, and every set of neighbours by rank without a difference."""
    for tasks, gaps in ((12, (3, 2, 0.2, 0)), (9, (1, 0.8, 0.2)), (6, (4, 2, 0))):
        scores = np.round(rng.normal(80, 1, (tasks, len(gaps))) + np.array(gaps), 2)
        pairs = list(combinations(range(len(gaps)), 2))
        p = [stats.wilcoxon(scores[:, a] - scores[:, b], method=stats.PermutationMethod(
            n_resamples=np.inf)).pvalue for a, b in pairs]
        adjusted = multipletests(p, method="holm")[1]
        same = {frozenset(pair) for pair, one in zip(pairs, adjusted) if one > 0.05}
        order = [int(i) for i in np.argsort(stats.rankdata(-scores, axis=1).mean(axis=0),
                                            kind="stable")]
        runs = [order[i:j] for i in range(len(order)) for j in range(i + 2, len(order) + 1)
                if all(frozenset(pair) in same for pair in combinations(order[i:j], 2))]
        yield {"scores": scores.tolist(), "adjusted": adjusted.tolist(),
               "cliques": [run for run in runs if not any(set(run) < set(o) for o in runs)]}


print(json.dumps({
    "made_with": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__,
                  "numpy": np.__version__},
    "t": list(t_cases()), "power": list(power_cases()), "bootstrap": list(bootstrap_cases()),
    "paired": list(paired_cases()), "holm": list(holm_cases()),
    "paired_bootstrap": list(paired_bootstrap_cases()), "many_pairs": list(many_pairs_cases()),
    "average_ranks": list(average_rank_cases()),
    "parameter_ratios": list(parameter_ratio_cases()),
    "smallest_effects": list(smallest_effect_cases()), "step_down": list(step_down_cases()),
    "hockey_sticks": list(hockey_stick_cases()), "cliques": list(clique_cases())}, separators=(",", ":")))
