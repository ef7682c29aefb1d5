"""Golden vectors of trectools: reciprocal rank fusion and the Comb methods.

    python3.11 -m venv venv && venv/bin/pip install trectools==0.0.50
    venv/bin/python fusion/testdata/generate/trectools_golden.py > fusion/testdata/trectools.json
"""
import json
import random
import struct
import sys
import tempfile
from importlib.metadata import version

from trectools import TrecRun, fusion


def bits(x):
    return struct.pack(">d", float(x)).hex()


rnd = random.Random(65)
lists = []
for _ in range(3):
    docs = rnd.sample(range(60), 30)
    lists.append(sorted(((f"d{d:02d}", rnd.uniform(0.1, 20)) for d in docs), key=lambda p: -p[1]))
runs = []
for n, l in enumerate(lists):
    f = tempfile.NamedTemporaryFile("w", suffix=".run", delete=False)
    f.write("".join(f"1 Q0 {d} {r + 1} {s!r} run{n}\n" for r, (d, s) in enumerate(l)))
    f.close()
    runs.append(TrecRun(f.name))
cases = []


def add(spec, fused, lists_used=3):
    data = fused.run_data
    cases.append({"spec": spec, "lists": lists_used, "scores": {str(d): bits(s) for d, s in zip(data["docid"], data["score"])}})


for k in (10, 60):
    add(f"rrf(k={k})", fusion.reciprocal_rank_fusion(runs, k=k))
for strategy in ("sum", "max", "min", "anz", "mnz", "med"):
    # Two runs: with more, combos of this version forgets runs or fails.
    add(f"comb{strategy}(norm=none)", fusion.combos(runs[:2], strategy=strategy), 2)
json.dump({"reference": f"trectools {version('trectools')}",
           "lists": [[[d, bits(s)] for d, s in l] for l in lists], "cases": cases}, sys.stdout, separators=(",", ":"))
