"""Reads samples of differences, and the bootstrap means that were drawn from each, as JSON from a file. Prints what
scipy makes of each sample, and of its own bootstrap."""
import json
import math
import sys

import numpy
from scipy import stats


def number(x):
    return float(x) if math.isfinite(x) else None


def statistics(sample):
    d = numpy.array(sample["differences"])
    means = numpy.array(sample["means"])
    found = {"mean": number(d.mean()), "p": number(stats.wilcoxon(d).pvalue)}
    if len(d) > 1:
        found["deviation"] = number(d.std(ddof=1))
        found["t"] = [number(x) for x in stats.t.interval(0.95, len(d) - 1, loc=d.mean(), scale=stats.sem(d))]
    if len(set(d)) > 1:  # scipy's bootstrap of equal values is an interval without a width
        given = stats.bootstrap((d,), numpy.mean, n_resamples=0, method="percentile",
                                bootstrap_result=type("Result", (), {"bootstrap_distribution": means}))
        found["bootstrap"] = list(map(number, given.confidence_interval))
        own = stats.bootstrap((d,), numpy.mean, n_resamples=20000, method="percentile", rng=numpy.random.default_rng(1))
        found["own"] = list(map(number, own.confidence_interval))
    return found


numpy.seterr(all="ignore")
with open(sys.argv[1]) as file:
    print(json.dumps([statistics(sample) for sample in json.load(file)]))
