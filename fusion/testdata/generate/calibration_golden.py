"""Golden vectors for calibration and distribution functions.

How to run, outside the repository:

    python3.11 -m venv venv && venv/bin/pip install scikit-learn==1.9.1 scipy mpmath==1.3.0
    venv/bin/python fusion/testdata/generate/calibration_golden.py > fusion/testdata/calibration.json

Platt's A and B, the temperature and the parameters of beta calibration are the
maxima of the likelihood, solved by mpmath to 50 digits; what scikit-learn's
optimiser stops at is kept beside Platt's.
"""
import json
import random
import struct
import sys

import mpmath as mp
import numpy as np
import scipy
import scipy.stats
import sklearn
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

mp.mp.dps = 50


def bits(x):
    return struct.pack(">d", float(x)).hex()


def maximum(rows, targets):
    """Logistic regression without a penalty, by Newton's method."""
    d = len(rows[0])
    beta = mp.matrix(d, 1)
    for _ in range(60):
        g, h = mp.matrix(d, 1), mp.matrix(d, d)
        for row, t in zip(rows, targets):
            p = 1 / (1 + mp.e ** -mp.fsum(b * x for b, x in zip(beta, row)))
            for i in range(d):
                g[i] += (p - t) * row[i]
                for j in range(d):
                    h[i, j] += p * (1 - p) * row[i] * row[j]
        beta -= mp.lu_solve(h, g)
    return list(beta)


rnd = random.Random(40)
out = {"reference": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}, mpmath {mp.__version__}", "platt": [], "isotonic": [], "temperature": [], "beta": [], "cdf": [], "softmax": []}

overlapping = [(s, int(rnd.random() < 1 / (1 + np.exp(-(1.5 * s - 0.5))))) for s in (rnd.gauss(0, 2) for _ in range(40))]
separable = [(float(i), int(i >= 20)) for i in range(40)]
for name, samples in [("overlapping", overlapping), ("separable", separable)]:
    s, y = np.array([a for a, _ in samples]), np.array([b for _, b in samples])
    pos, neg = int(y.sum()), int(len(y) - y.sum())
    targets = [mp.mpf(pos + 1) / (pos + 2) if b else mp.mpf(1) / (neg + 2) for _, b in samples]
    exact = maximum([[mp.mpf(a), mp.mpf(1)] for a, _ in samples], targets)
    a, b = _sigmoid_calibration(s, y)
    out["platt"].append({"name": name, "s": [bits(v) for v in s], "y": y.tolist(), "params": [bits(-exact[0]), bits(-exact[1])], "sklearn": [bits(a), bits(b)]})

iso = [([1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 1, 0], [0, 1, 1.5, 3.5, 4.25, 6, 9]),
       ([1, 2, 2, 2, 3, 5, 5, 8], [0, 1, 0, 0, 1, 0, 1, 1], [0, 1, 1.5, 2, 2.5, 3, 4, 5, 6.5, 8, 9]),
       ([round(rnd.gauss(0, 3), 1) for _ in range(60)], None, [-9, -1.05, 0, 0.33, 2, 7.7])]
for x, y, ask in iso:
    if y is None:
        y = [int(rnd.random() < 1 / (1 + np.exp(-v))) for v in x]
    f = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    out["isotonic"].append({"s": [bits(v) for v in x], "y": y, "ask": [bits(v) for v in ask], "want": [bits(v) for v in f.predict(ask)]})

t = maximum([[mp.mpf(a)] for a, _ in overlapping], [b for _, b in overlapping])
out["temperature"].append({"s": [bits(a) for a, _ in overlapping], "y": [b for _, b in overlapping], "params": [bits(1 / t[0])]})

squashed = [(p, int(rnd.random() < p * p)) for p in (rnd.uniform(0.02, 0.98) for _ in range(150))]
b = maximum([[mp.log(mp.mpf(a)), -mp.log(1 - mp.mpf(a)), mp.mpf(1)] for a, _ in squashed], [y for _, y in squashed])
out["beta"].append({"s": [bits(a) for a, _ in squashed], "y": [y for _, y in squashed], "params": [bits(v) for v in b]})

points = [-5, -1.25, -0.1, 0, 0.3, 1, 2.5, 7]
for spec, f in [("gumbel(location=0.5, scale=1.5)", scipy.stats.gumbel_r(0.5, 1.5).cdf),
                ("logistic(location=0.5, scale=1.5)", scipy.stats.logistic(0.5, 1.5).cdf),
                ("normal(location=0.5, scale=1.5)", scipy.stats.norm(0.5, 1.5).cdf)]:
    out["cdf"].append({"spec": spec, "s": [bits(v) for v in points], "want": [bits(f(v)) for v in points]})

for s in ([3.0, 1.0, 0.2], [1e3, 0.0, -1e3], [1e3, 999.5, 998.0]):
    top = max(s)
    e = [mp.e ** (mp.mpf(v) - mp.mpf(top)) for v in s]
    out["softmax"].append({"s": [bits(v) for v in s], "want": [bits(v / mp.fsum(e)) for v in e]})

json.dump(out, sys.stdout, separators=(",", ":"))
