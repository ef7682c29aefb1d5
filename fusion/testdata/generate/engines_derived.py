"""DERIVED vectors: what engines in other languages compute, from their formulas.

No engine ran here. Each function below was written from the engine's formula, in
float32 (numpy) where the engine has it, apart from this project's code.

    python3.11 -m venv venv && venv/bin/pip install numpy
    venv/bin/python fusion/testdata/generate/engines_derived.py > fusion/testdata/engines_derived.json
"""
import json
import math
import struct
import sys
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np

f4 = np.float32


def bits(x):
    return struct.pack(">d", float(x)).hex()


A = [("a", 0.9), ("b", 0.8), ("c", 0.8), ("d", 0.1)]
B = [("d", 31.5), ("b", 12.25), ("e", 12.25), ("f", 3.0), ("a", 1.5)]
NEG = [("a", -1.0), ("b", -2.5), ("c", -7.0)]
FLAT = [("a", 2.0), ("b", 2.0)]
ONE = [("a", 0.7)]
MIXED = [("a", 2.0), ("b", 0.5), ("c", -1.0)]
PAIR, cases = [A, B], []


def add(spec, lists, scores, scale="unknown"):
    cases.append({"spec": spec, "scale": scale, "lists": [[[d, bits(s)] for d, s in l] for l in lists],
                  "scores": {d: bits(s) for d, s in scores.items()}})


def total(lists, share, width=f4):
    out = {}
    for l, entries in enumerate(lists):
        for p, (d, s) in enumerate(entries):
            out[d] = width(out.get(d, width(0)) + width(share(l, p + 1, s)))
    return out


# 66: every effective k on one pair of lists.
for name in ("elastic", "milvus", "infinity", "lancedb"):
    add(f"{name}-rrf", PAIR, total(PAIR, lambda l, r, s: f4(1) / f4(60 + r)))
for name in ("lancedb-rust-rrf", "weaviate-ranked", "rank-fusion-rrf"):
    add(name, PAIR, total(PAIR, lambda l, r, s: f4(1) / f4(60 + r - 1)))
for name in ("llamaindex", "eino"):
    add(f"{name}-rrf", PAIR, total(PAIR, lambda l, r, s: 1 / (60 + r - 1), float))
add("elastic-rrf(k=20, w=[0.7, 1.5])", PAIR, total(PAIR, lambda l, r, s: f4([0.7, 1.5][l]) * (f4(1) / f4(20 + r))))
add("bleve-rrf(w=[0.7, 1.5])", PAIR, total(PAIR, lambda l, r, s: [0.7, 1.5][l] * (1 / (60 + r)), float))
add("langchain-rrf", PAIR, total(PAIR, lambda l, r, s: 0.5 / (60 + r), float))
add("langchain-rrf(w=[0.3, 0.7])", PAIR, total(PAIR, lambda l, r, s: [0.3, 0.7][l] / (60 + r), float))
# 67: Qdrant's weights inside the rank.
for w in ((1, 1), (1, 2), (2, 4), (0, 1)):
    add(f"qdrant-rrf(k=2, w=[{w[0]}, {w[1]}])", PAIR,
        total(PAIR, lambda l, r, s: f4(0) if w[l] == 0 else f4(1) / (f4(r) / f4(w[l]) + f4(2) - f4(1))))
add("qdrant-rrf(k=61)", PAIR, total(PAIR, lambda l, r, s: f4(1) / (f4(r) + f4(61) - f4(1))))


# 68: OpenSearch's ten decimals.
def ten(n):
    f = Fraction(1, n)
    d = (Decimal(f.numerator) / Decimal(f.denominator)).quantize(Decimal("1e-10"), ROUND_HALF_UP)
    return f4(d)


for k in (1, 60, 63):
    add(f"opensearch-rrf(k={k})", PAIR, total(PAIR, lambda l, r, s: ten(k + r)))
# 69: Haystack's rescale.
scores = total(PAIR, lambda l, r, s: (0.5 * 2) / (61 + r - 1), float)
add("haystack-rrf", PAIR, {d: s / (2 / 61) for d, s in scores.items()})
# 70: Typesense's dense text ranks.
dense = {0.9: 1, 0.8: 2, 0.1: 3}
add("typesense-rrf", PAIR, total(PAIR, lambda l, r, s: f4(0.7) / f4(dense[s]) if l == 0 else f4(0.3) / f4(r)))
# 71: Chroma with and without a default rank.
full = total(PAIR, lambda l, r, s: f4(1) / f4(60 + r - 1))
add("chroma-rrf", PAIR, {d: full[d] for d in ("a", "b", "d")})
with_default = {}
for d in full:
    acc = f4(0)
    for l in PAIR:
        r = next((p + 1 for p, (e, _) in enumerate(l) if e == d), 101)
        acc = f4(acc + f4(1) / f4(60 + r - 1))
    with_default[d] = acc
add("chroma-rrf(missing=rank(101))", PAIR, with_default)


# Score fusion.
def norm32(l, low, spread):
    return {d: f4((f4(s) - f4(low)) / f4(spread)) for d, s in l}


def combine(norms, weights, width=f4):
    out = {}
    for n, w in zip(norms, weights):
        for d, v in n.items():
            out[d] = width(out.get(d, width(0)) + width(width(w) * width(v)))
    return out


def minmax32(l, equal=1.0):
    s = [f4(v) for _, v in l]
    if min(s) == max(s):
        return {d: f4(equal) for d, _ in l}
    return {d: (f4(v) - min(s)) / (max(s) - min(s)) for d, v in l}


# 24: Weaviate.
add("weaviate-relative", PAIR, combine([minmax32(A), minmax32(B)], [0.25, 0.75]))
add("weaviate-relative(w=[0.5, 0.5])", [FLAT, ONE], combine([minmax32(FLAT), minmax32(ONE)], [0.5, 0.5]))
# 21: Elasticsearch after the fix of a lone score.
add('elastic-linear(norm="minmax", w=[2, 1])', PAIR, combine([minmax32(A), minmax32(B)], [2, 1]))
add('elastic-linear(norm="minmax")', [ONE, B], combine([minmax32(ONE), minmax32(B)], [1, 1]))


# 20: L2.
def l2(l, tiny):
    n = f4(0)
    for _, s in l:
        n = f4(n + f4(f4(s) * f4(s)))
    n = f4(math.sqrt(float(n)))
    if n < tiny:
        return {d: f4(s) for d, s in l}
    return {d: f4(f4(s) / n) for d, s in l}


add('elastic-linear(norm="l2_norm")', PAIR, combine([l2(A, 1e-6), l2(B, 1e-6)], [1, 1]))
small = [("a", 3e-8), ("b", 1e-8)]
add('elastic-linear(norm="l2_norm")', [small, B], combine([l2(small, 1e-6), l2(B, 1e-6)], [1, 1]))


# 17, 19, 73: OpenSearch.
def os_minmax(l):
    return {d: (f4(0.001) if v == 0 else f4(v)) for d, v in minmax32(l).items()}


def os_z(l):
    s = [f4(v) for _, v in l]
    mean = f4(0)
    for v in s:
        mean = f4(mean + v)
    mean = f4(mean / f4(len(s)))
    sq = f4(0)
    for v in s:
        sq = f4(sq + f4((v - mean) * (v - mean)))
    dev = f4(math.sqrt(float(f4(sq / f4(len(s) - 1))))) if len(s) > 1 else f4(0)
    if dev == 0:
        return {d: min(s) for d, _ in l}
    return {d: max(s) if f4(v) == mean else max(f4((f4(v) - mean) / dev), f4(0.001)) for d, v in l}


def os_mean(kind, norms, weights):
    out = {}
    for d in {d for n in norms for d in n}:
        t = w_sum = f4(0)
        for n, w in zip(norms, weights):
            w, s = f4(w), n.get(d, f4(0))
            if kind == "arithmetic_mean":
                t, w_sum = f4(t + f4(max(s, f4(0)) * w)), f4(w_sum + w)
            elif s > 0:
                t = f4(t + (f4(w * f4(math.log(float(s)))) if kind == "geometric_mean" else f4(w / s)))
                w_sum = f4(w_sum + w)
        if w_sum == 0:
            out[d] = f4(0)
        elif kind == "geometric_mean":
            out[d] = f4(math.exp(float(f4(t / w_sum))))
        else:
            out[d] = f4(w_sum / t) if kind == "harmonic_mean" else f4(t / w_sum)
    return out


for kind in ("arithmetic_mean", "geometric_mean", "harmonic_mean"):
    for lists in (PAIR, [MIXED, B]):
        for norm, f in (("min_max", os_minmax), ("z_score", os_z), ("l2", lambda l: l2(l, 0))):
            add(f'opensearch(w=[0.3, 0.7], norm="{norm}", mean="{kind}")', lists, os_mean(kind, [f(l) for l in lists], [0.3, 0.7]))
odd = [("a", 3.0), ("b", 2.0), ("c", 1.0)]  # b equals the mean
add('opensearch(norm="z_score")', [odd, FLAT], os_mean("arithmetic_mean", [os_z(odd), os_z(FLAT)], [1, 1]))


# 22: Qdrant DBSF, Welford in float32.
def dbsf(l):
    mean = m2 = n = f4(0)
    for _, s in l:
        n = f4(n + 1)
        delta = f4(f4(s) - mean)
        mean = f4(mean + f4(delta / n))
        m2 = f4(m2 + f4(delta * f4(f4(s) - mean)))
    dev = f4(math.sqrt(float(f4(m2 / f4(n - 1))))) if n > 1 else f4(0)
    if dev == 0:
        return {d: f4(0.5) for d, _ in l}
    low, high = f4(mean - f4(3 * dev)), f4(mean + f4(3 * dev))
    return {d: f4(f4(f4(s) - low) / f4(high - low)) for d, s in l}


outlier = [("a", 500.0)] + [(f"x{i}", 1.0 + i / 16) for i in range(20)]
outlier = sorted(outlier, key=lambda p: -p[1])
for lists in (PAIR, [ONE, B], [FLAT, B], [outlier, B]):
    add("qdrant-dbsf", lists, combine([dbsf(l) for l in lists], [1] * len(lists)))


# 23: Haystack and LlamaIndex DBSF, 29: LlamaIndex relative.
def sigma(l, equal):
    s = [v for _, v in l]
    mean = sum(s) / len(s)
    dev = math.sqrt(sum((v - mean) * (v - mean) for v in s) / len(s))
    low, high = mean - 3 * dev, mean + 3 * dev
    if high - low == 0:
        return {d: equal(max(s)) for d, _ in l}
    return {d: (v - low) / (high - low) for d, v in l}


for lists in (PAIR, [FLAT, B]):
    n = [sigma(l, lambda m: 0.0) for l in lists]
    add("haystack-dbsf", lists, {d: max(x[d] for x in n if d in x) for d in {d for x in n for d in x}})
    n = [sigma(l, lambda m: 1.0 if m > 0 else 0.0) for l in lists]
    t = combine(n, [1, 1], float)
    add("llamaindex-dist", lists, {d: v / 2 for d, v in t.items()})


def relative(l):
    s = [v for _, v in l]
    if min(s) == max(s):
        return {d: 1.0 if max(s) > 0 else 0.0 for d, _ in l}
    return {d: (v - min(s)) / (max(s) - min(s)) for d, v in l}


below = [("a", -2.0), ("b", -2.0)]
for lists in (PAIR, [FLAT, B], [below, B]):
    t = combine([relative(l) for l in lists], [0.6, 0.4], float)
    add("llamaindex-relative(w=[0.6, 0.4])", lists, {d: v / 2 for d, v in t.items()})


# 25: Milvus per metric; the atan of a C library may differ in the last place of
# float64 and does not in float32 here.
def milvus(l, scale):
    f = {"cosine": lambda s: (1 + s) * 0.5, "dot product": lambda s: 0.5 + math.atan(s) / math.pi,
         "BM25": lambda s: 2 * math.atan(s) / math.pi, "negated distance": lambda s: 1 - 2 * math.atan(-s) / math.pi}[scale]
    return {d: f4(f(s)) for d, s in l}


cos = [("a", 0.9), ("b", 0.2), ("c", -0.3)]
for scale, lists in (("cosine", [cos, ONE]), ("dot product", PAIR), ("BM25", PAIR), ("negated distance", [NEG, [("c", -0.25)]])):
    add("milvus-weighted(w=[0.4, 0.6])", lists, combine([milvus(l, scale) for l in lists], [0.4, 0.6]), scale)


# 26: Vespa.
def vespa(l):
    s = [v for _, v in l]
    if min(s) == max(s):
        return {d: 0.5 for d, _ in l}
    return {d: (v - (min(s) + max(s)) / 2) / (max(s) - min(s)) + 0.5 for d, v in l}


for lists in (PAIR, [ONE, B]):
    add("vespa-linear", lists, combine([vespa(l) for l in lists], [1, 1], float))


# 74: pyserini's hybrid searcher, dense first, missing the list's minimum.
def hybrid(dense_list, sparse_list, alpha, normalise):
    def bounds(l):
        return min(s for _, s in l), max(s for _, s in l)
    out = {}
    D, S = dict(dense_list), dict(sparse_list)
    (d0, d1), (s0, s1) = bounds(dense_list), bounds(sparse_list)
    for d in {**D, **S}:
        x, y = D.get(d, d0), S.get(d, s0)
        if normalise:
            x, y = (x - (d0 + d1) / 2) / (d1 - d0), (y - (s0 + s1) / 2) / (s1 - s0)
        out[d] = x + alpha * y
    return out


add("pyserini-hybrid", PAIR, hybrid(A, B, 0.1, False))
add('pyserini-hybrid(norm="normalization")', PAIR, hybrid(A, B, 0.1, True))
add("redis-linear", PAIR, combine([dict(A), dict(B)], [0.3, 0.7], float))
add("meilisearch(w=[0.5, 0.02])", PAIR, {d: max(w * dict(l)[d] for l, w in zip(PAIR, (0.5, 0.02)) if d in dict(l)) for d in "abcdef"})

# 27, 28: Infinity's atan and Elasticsearch's squash of negative logits.
add("combsum(norm=arctan)", [A], {d: 0.5 + math.atan(s) / math.pi for d, s in A})
add("combsum(norm=exptail)", [NEG], {d: max(s, 0.0) + min(math.exp(s), 1.0) for d, s in NEG})
# 72: a rank column that contradicts the scores: the list's order is the rank.
add("rrf", [[("a", 1.0), ("b", 5.0)]], {"a": 1 / 61, "b": 1 / 62})

json.dump({"reference": f"DERIVED from formulas, numpy {np.__version__}, python {sys.version.split()[0]}", "cases": cases}, sys.stdout, separators=(",", ":"))
