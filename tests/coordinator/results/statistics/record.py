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


def holm_cases():
    for p in ([0.01, 0.04, 0.03, 0.005], [0.2, 0.2, 0.9], [0.0625], [0.5, 0.001, 0.02, 0.02, 1.0]):
        yield {"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()}


print(json.dumps({
    "made_with": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__,
                  "numpy": np.__version__},
    "t": list(t_cases()), "power": list(power_cases()), "bootstrap": list(bootstrap_cases()),
    "paired": list(paired_cases()), "holm": list(holm_cases())}, separators=(",", ":")))
