"""Makes agreement.json; run: python3 generate_agreement.py > agreement.json

Kendall's tau is scipy's, RBO that of repro_eval, in rational arithmetic.
"""
import json, random, sys
from fractions import Fraction
import scipy
from scipy.stats import kendalltau

rng = random.Random(5)
out = {"versions": {"scipy": scipy.__version__}, "tau": [], "rbo": []}
for n, values in ((2, 9), (10, 4), (50, 10), (200, 10**6)):
    x, y = ([rng.randrange(values) + (i if n == 2 else 0) for i in range(n)] for _ in "xy")
    out["tau"].append({"x": x, "y": y, "tau": float(kendalltau(x, y).statistic)})
for a, b, p in (("abcde", "abcde", .9), ("abcde", "edcba", .9), ("abc", "xyz", .5), ("abcdefgh", "bax", .8), ("", "a", .8), ("qwertyuiop", "poiuytrewqasd", .95)):
    q, score, norm = Fraction(p), Fraction(0), Fraction(0)
    for d in range(1, max(len(a), len(b)) + 1):
        score += q ** (d - 1) * len(set(a[:d]) & set(b[:d])) / d
        norm += q ** (d - 1)
    out["rbo"].append({"a": list(a), "b": list(b), "p": p, "rbo": float(score / norm)})
json.dump(out, sys.stdout, separators=(",", ":"))
print()
