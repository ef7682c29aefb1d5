"""Correctly rounded values of elementary functions, computed by mpmath.

How to run, outside the repository:

    python3.11 -m venv venv && venv/bin/pip install mpmath==1.3.0
    venv/bin/python fusion/testdata/generate/elementary.py > fusion/internal/elementary/testdata/mpmath.json
"""
import json
import random
import struct
import sys

import mpmath as m

m.mp.prec = 300
rnd = random.Random(5)


def bits(v):
    return struct.pack(">d", v).hex()


def row(f, *xs):
    return [bits(x) for x in xs] + [bits(float(f(*map(m.mpf, xs))))]


def logistic(x):
    return 1 / (1 + m.exp(-x))


out = {"exp": [], "log": [], "pow": [], "atan": [], "logistic": []}
for _ in range(200):
    x = rnd.uniform(-10, 10)
    out["exp"].append(row(m.exp, x))
    out["atan"].append(row(m.atan, x))
    out["logistic"].append(row(logistic, x))
    out["exp"].append(row(m.exp, rnd.uniform(-740, 709)))
    out["log"].append(row(m.log, rnd.expovariate(1e-3)))
    out["log"].append(row(m.log, rnd.uniform(0.5, 2)))
    out["atan"].append(row(m.atan, rnd.uniform(-1e6, 1e6)))
    out["pow"].append(row(lambda a, b: a**b, rnd.uniform(0, 20), rnd.uniform(-3, 3)))
for n in range(2, 402):
    out["log"].append(row(m.log, float(n)))
for phi in (0.1, 0.8, 0.95, 0.99):
    for n in range(100):
        out["pow"].append(row(lambda a, b: a**b, phi, float(n)))
json.dump({"reference": f"mpmath {m.__version__}, 300 bits, rounded to nearest", "values": out}, sys.stdout, separators=(",", ":"))
