"""Golden vectors for normalisers and fusion methods, computed by ranx.

How to run, outside the repository:

    python3.11 -m venv venv && venv/bin/pip install ranx==0.3.21
    venv/bin/python fusion/testdata/generate/ranx_golden.py > fusion/testdata/ranx.json

The first run compiles for some minutes. Floats are IEEE 754 bits in hexadecimal.
"""
import hashlib
import json
import random
import struct
import sys

import numba
import numpy
from ranx import Qrels, Run, fuse
from ranx.fusion import bayesfuse, mapfuse, posfuse, probfuse, segfuse, slidefuse
from ranx.fusion.bayesfuse import bayesfuse_train
from ranx.fusion.mapfuse import mapfuse_train
from ranx.fusion.posfuse import posfuse_train
from ranx.fusion.probfuse import probfuse_train
from ranx.fusion.segfuse import segfuse_train
from ranx.fusion.slidefuse import slidefuse_train
from ranx.normalization import norm_switch
from ranx.metrics import get_hit_lists


def bits(x):
    return struct.pack(">d", float(x)).hex()


def stored(run, q="q"):
    """The list as ranx holds it, in its own order."""
    return [[d, bits(s)] for d, s in run.run[q].items()]


def as_runs(lists):
    return [Run({"q": dict(l)}) for l in lists]


EXAMPLE = [
    [("a", 0.9), ("b", 0.8), ("c", 0.7)],
    [("b", 3.0), ("d", 2.0), ("e", -1.0)],
    [("a", 10.0), ("d", 5.0)],
]


def random_lists(seed, lists, n, universe, ties):
    rnd = random.Random(seed)
    out = []
    for _ in range(lists):
        docs = rnd.sample(range(universe), n)
        scores = [round(rnd.gauss(3, 5), 1) if ties else rnd.gauss(3, 5) for _ in docs]
        out.append(sorted(((f"d{d:03d}", s) for d, s in zip(docs, scores)), key=lambda p: -p[1]))
    return out


SETS = {
    "e": EXAMPLE,
    "ties": random_lists(7, 5, 50, 120, True),
    "plain": random_lists(8, 3, 40, 90, False),
    "disjoint": [[("a", 2.0), ("b", 1.0)], [("c", 5.0), ("d", 4.0)]],
    "identical": [[("a", 2.0), ("b", 1.0), ("c", 0.3)]] * 2,
    "one": [[("a", 2.5)], [("a", 0.5), ("b", 0.25)]],
}

NORMS = {
    "min-max": "minmax(clamp=1e-09)",
    "max": "max(clamp=1e-09)",
    "sum": "sum(clamp=1e-09)",
    "zmuv": "zscore(clamp=1e-09)",
    "rank": "rank",
    "borda": "borda",
    "min-max-inverted": "minmax(invert=true, clamp=1e-09)",
}

LISTS = {
    "three": [3.0, 2.0, 1.0],
    "one document": [4.2],
    "all equal": [2.0, 2.0, 2.0],
    "zeros": [0.0, 0.0],
    "all negative": [-1.0, -2.5, -7.0],
    "mixed": [3.0, 0.5, -2.0],
    "spread 1e-12": [1.0 + 1e-12, 1.0 + 5e-13, 1.0],
    "large": [1e308, 5e307, 1e300],
    "small": [3e-308, 2e-308, 1e-308],
}


def normalisers():
    cases = []
    for name, scores in LISTS.items():
        run = Run({"q": {f"d{i:03d}": s for i, s in enumerate(scores)}})
        for norm, spec in NORMS.items():
            if norm == "borda":
                continue
            got = norm_switch(norm)(run).run["q"]
            cases.append({"list": name, "norm": norm, "spec": spec, "ids": [d for d, _ in run.run["q"].items()],
                          "in": [bits(s) for s in run.run["q"].values()],
                          "out": [bits(got[d]) for d in run.run["q"].keys()]})
    return cases


def splitmix(n, seed=1):
    state, out = seed, []
    mask = (1 << 64) - 1
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
        out.append((z >> 11) * 2.0**-53 * 200 - 100)
    return out


def digests():
    """Normalised scores of 10,000 random doubles, as a hash over their bits."""
    scores = sorted(splitmix(10000), reverse=True)
    run = Run({"q": {f"d{i:05d}": s for i, s in enumerate(scores)}})
    out = {}
    for norm, spec in NORMS.items():
        if norm in ("borda", "min-max-inverted"):
            continue
        got = norm_switch(norm)(run).run["q"]
        h = hashlib.sha256()
        for d in run.run["q"].keys():
            h.update(struct.pack(">d", got[d]))
        out[spec] = h.hexdigest()
    return out


def fused(runs, norm, method, params):
    return {d: bits(s) for d, s in fuse(runs=runs, norm=norm, method=method, params=params).run["q"].items()}


def fusions():
    cases = []

    def add(name, norm, method, params, spec):
        cases.append({"set": name, "ranx": [norm, method, params], "spec": spec,
                      "scores": fused(as_runs(SETS[name]), norm, method, params)})
        print(name, norm, method, file=sys.stderr, flush=True)

    for name, lists in SETS.items():
        weights = [0.5, 0.3, 0.2, 0.7, 0.1][: len(lists)]
        w = "[" + ", ".join(map(repr, weights)) + "]"
        for method, ours in [("sum", "combsum"), ("max", "combmax"), ("min", "combmin"), ("med", "combmed"),
                             ("anz", "combanz"), ("mnz", "combmnz")]:
            add(name, None, method, {}, f"{ours}(norm=none)")
        for gamma in (0.01, 0.5, 1.0):
            add(name, None, "gmnz", {"gamma": gamma}, f"combgmnz(gamma={gamma}, norm=none)")
        for method, ours in [("wsum", "wsum"), ("wmnz", "wmnz"), ("mixed", "mixed")]:
            add(name, None, method, {"weights": weights}, f"{ours}(w={w}, norm=none)")
        add(name, None, "isr", {}, "isr")
        add(name, None, "log_isr", {}, "log-isr")
        for sigma in (0.01, 1.0):
            add(name, None, "logn_isr", {"sigma": sigma}, f"log-isr(sigma={sigma})")
        for k in (1, 10, 60):
            add(name, None, "rrf", {"k": k}, f"rrf(k={k})")
        for phi in (0.1, 0.8, 0.99):
            add(name, None, "rbc", {"phi": phi}, f"rbc(phi={phi}, ranx=true)")
        add(name, None, "bordafuse", {}, "borda")
        add(name, None, "w_bordafuse", {"weights": weights}, f"borda(w={w})")
    add("e", None, "condorcet", {}, "condorcet")
    add("e", None, "w_condorcet", {"weights": [0.5, 0.3, 0.2]}, "condorcet(w=[0.5, 0.3, 0.2])")
    for norm, spec in NORMS.items():
        for method, ours in [("sum", "combsum"), ("mnz", "combmnz")]:
            add("ties", norm, method, {}, f"{ours}(norm={spec}, missing=zero)")
        if norm not in ("min-max-inverted", "borda"):
            add("ties", norm, "rrf", {"k": 60}, "rrf(k=60)")
    return cases


def supervised():
    rnd = random.Random(20)
    queries = [f"q{i:02d}" for i in range(20)]
    qrels = {q: {f"d{d:03d}": 1 for d in rnd.sample(range(80), 12)} for q in queries}
    lengths = [[rnd.randint(8, 60) for _ in queries] for _ in range(3)]
    runs = []
    for l in range(3):
        runs.append({q: {f"d{d:03d}": round(9 - 0.1 * i + 0.01 * l, 4) for i, d in enumerate(rnd.sample(range(80), lengths[l][j]))}
                     for j, q in enumerate(queries)})
    test = [{"q": {f"d{d:03d}": 7 - 0.125 * i for i, d in enumerate(rnd.sample(range(150), n))}} for n in (70, 20, 45)]
    Q, R, T = Qrels(qrels), [Run(r) for r in runs], [Run(t) for t in test]
    out = {"training": [], "lists": [stored(t) for t in T], "cases": []}
    for run in R:
        system = []
        for q in queries:
            docs = list(run.run[q].keys())
            system.append({"relevant": [int(d in qrels[q]) for d in docs], "total": len(qrels[q])})
        out["training"].append(system)

    def add(method, params, learnt, run):
        out["cases"].append({"method": method, "params": params, "learnt": [[bits(v) for v in numpy.atleast_1d(row)] for row in learnt],
                             "scores": {d: bits(s) for d, s in run.run["q"].items()}})
        print(method, params, file=sys.stderr, flush=True)

    p = mapfuse_train(Q, R); add("mapfuse", {}, [p], mapfuse(T, p))
    p = posfuse_train(Q, R); add("posfuse", {}, p, posfuse(T, p))
    for x in (1, 5, 100):
        p = probfuse_train(Q, R, x); add("probfuse", {"segments": x}, p, probfuse(T, p))
    p = segfuse_train(Q, R)
    normalised = [norm_switch("min-max")(t) for t in T]
    add("segfuse", {}, p, segfuse(normalised, p))
    p = slidefuse_train(Q, R)
    for w in (1, 5, 100):
        add("slidefuse", {"width": w}, p, slidefuse(T, p, w))
    p = bayesfuse_train(Q, R); add("bayesfuse", {}, [], bayesfuse(T, p))
    return out


def main():
    import ranx
    from importlib.metadata import version
    json.dump({
        "reference": f"ranx {version('ranx')}, numba {numba.__version__}, numpy {numpy.__version__}, python {sys.version.split()[0]}",
        "sets": {name: [stored(r) for r in as_runs(lists)] for name, lists in SETS.items()},
        "normalisers": normalisers(),
        "digests": digests(),
        "fusions": fusions(),
        "supervised": supervised(),
    }, sys.stdout, separators=(",", ":"))


main()
