"""Fits of scikit-learn, for TestFitsEqualScikitLearn.

    pip install scikit-learn==1.9.1 && python golden.py > golden.json

Every topic has the weight 1, shared by its rows or pairs. scikit-learn adds C times
the losses to half the squared weights, so C is 1/L2 for losses that are means, and
Ridge takes L2 for squares that are not halved on either side.
"""
import itertools
import json

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

L2 = 0.02
rng = np.random.default_rng(5)
topics = []
for t in range(12):
    n = int(rng.integers(4, 12))
    x = rng.normal(size=(n, 3)) * [1, 5, 0.1] + [0, 3, -1]
    s = x[:, 0] - 0.2 * x[:, 1] + 5 * x[:, 2] + rng.normal(size=n)
    g = np.digitize(s, np.quantile(s, [0.5, 0.8]))
    topics.append((x, g))

every = np.vstack([x for x, _ in topics])
mean, deviation = every.mean(0), every.std(0)
z = [(x - mean) / deviation for x, _ in topics]
X = np.vstack(z)
share = np.concatenate([np.full(len(x), 1 / len(x) / len(topics)) for x, _ in topics])
grade = np.concatenate([g for _, g in topics])

pairs, pair_share = [], []
for rows, (_, g) in zip(z, topics):
    own = [rows[i] - rows[j] for i, j in itertools.permutations(range(len(g)), 2) if g[i] > g[j]]
    pairs += own
    pair_share += [1 / len(own) / len(topics)] * len(own)
pairs, pair_share = np.array(pairs), np.array(pair_share)
# Both signs of every pair, at half the weight: a classifier needs two classes.
both = np.vstack([pairs, -pairs])
label = np.r_[np.ones(len(pairs)), np.zeros(len(pairs))]

tight = dict(C=1 / L2, tol=1e-14, max_iter=100000, solver="newton-cholesky")
fits = {}
m = LogisticRegression(fit_intercept=False, **tight).fit(both, label, np.r_[pair_share, pair_share] / 2)
fits["pairwise"] = (m.coef_[0], 0.0)
m = LogisticRegression(**tight).fit(X, grade >= 1, share)
fits["logistic"] = (m.coef_[0], m.intercept_[0])
m = Ridge(alpha=L2, solver="cholesky").fit(X, grade, share)
fits["linear"] = (m.coef_, m.intercept_)

print(json.dumps({
    "L2": L2,
    "Topics": [{"ID": str(i), "Rows": [{"Document": str(k), "Values": list(r), "Grade": int(q)} for k, (r, q) in enumerate(zip(x, g))]} for i, (x, g) in enumerate(topics)],
    "Fits": {k: {"Mean": list(mean), "Deviation": list(deviation), "Weights": list(w), "Bias": float(b)} for k, (w, b) in fits.items()},
}))
