#!/usr/bin/env python3
"""Records what SciPy and statsmodels say, for statistics_test.cc.

    pip install scipy statsmodels && python3 record.py > recorded.json

Inputs are drawn once from a fixed seed and written beside the answers, so the test needs neither
package nor generator.
"""
import json

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

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


print(json.dumps({
    "made_with": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__,
                  "numpy": np.__version__},
    "t": list(t_cases()), "power": list(power_cases()), "bootstrap": list(bootstrap_cases()),
    "paired": list(paired_cases()), "holm": list(holm_cases()),
    "paired_bootstrap": list(paired_bootstrap_cases()), "many_pairs": list(many_pairs_cases()),
    "average_ranks": list(average_rank_cases()),
    "parameter_ratios": list(parameter_ratio_cases())}, separators=(",", ":")))
