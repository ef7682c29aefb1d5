"""Makes bits.json.gz: doubles of pytrec_eval and ranx for the random set.

Run: python3 generate_bits.py, in this folder, with a Python that has
pytrec_eval-terrier and ranx. Numbers are Python's shortest decimal forms, which
read back to the same bits. The order of ranx among equal scores is that of an
unstable sort, so it is given scores without ties, in the order of a stable sort.
"""
import gzip, importlib.metadata, json, sys
import pytrec_eval, ranx

def rows(name):
    with gzip.open(name, "rt") as f:
        yield from (line.split() for line in f)

qrels, run = {}, {}
for t, _, d, g in rows("random.qrels.gz"):
    qrels.setdefault(t, {})[d] = int(g)
for t, _, d, _, s, _ in rows("random.run.gz"):
    run.setdefault(t, {})[d] = float(s)
PYTREC = ["map", "ndcg", "ndcg_cut_5", "ndcg_cut_20", "bpref", "infAP", "recip_rank", "Rprec", "P_5", "recall_10", "map_cut_10", "11pt_avg", "set_F", "G", "binG", "Rndcg", "ndcg_rel"]
evaluator = pytrec_eval.RelevanceEvaluator(qrels, {m for m in pytrec_eval.supported_measures})
values = evaluator.evaluate(run)
out = {"versions": {m: importlib.metadata.version(m) for m in ("pytrec_eval-terrier", "ranx", "numpy", "numba")}}
out["pytrec_eval"] = {m: {t: values[t][m] for t in values} for m in PYTREC}

distinct = {t: {d: -float(i) for i, (d, _) in enumerate(sorted(r.items(), key=lambda e: -e[1]))} for t, r in run.items()}
judged = {t: q for t, q in qrels.items() if t in run}
r = ranx.Run(distinct)
RANX = ["map", "map@10", "mrr", "mrr@10", "ndcg", "ndcg@10", "ndcg_burges@10", "precision@10", "recall@10", "hit_rate@10", "hits@10", "r-precision", "rbp.80", "f1@10"]
means = ranx.evaluate(ranx.Qrels(judged), r, RANX)
out["ranx"] = {m: {t: float(v) for t, v in r.scores[m].items()} for m in RANX}
out["ranx_means"] = {m: float(v) for m, v in means.items()}
with gzip.GzipFile("bits.json.gz", "wb", 9, mtime=0) as f:
    f.write(json.dumps(out, separators=(",", ":")).encode())
