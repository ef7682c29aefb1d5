"""Makes cases.json.gz: small runs and what five tools say of them.

Run: python3 generate_cases.py TREC_EVAL_9 > /dev/null, in this folder, with a
Python that has pytrec_eval-terrier, ir_measures and ranx; perl runs gdeval.pl of
ir_measures. Versions stand in the file. A value under "derived" comes from the
formula written here, because no tool at hand computes it: trec_eval 10 (iprec,
unj, rbp_resid), cwl_eval (RBP) and BEIR are described by their source code.
"""
import gzip, importlib.metadata, json, math, os, random, subprocess, sys, tempfile
from fractions import Fraction
import ir_measures, pytrec_eval, ranx

ROOT = tempfile.mkdtemp()
GDEVAL = os.path.join(os.path.dirname(ir_measures.__file__), "bin", "gdeval.pl")

def lines(rows):
    return "".join(" ".join(map(str, r)) + "\n" for r in rows)

def parse(qrels, run):
    q, r = {}, {}
    for line in qrels.splitlines():
        t, _, d, g = line.split()
        q.setdefault(t, {})[d] = int(g)
    for line in run.splitlines():
        t, _, d, _, s, _ = line.split()
        r.setdefault(t, {})[d] = float(s)
    return q, r

def files(qrels, run):
    names = [os.path.join(ROOT, "q"), os.path.join(ROOT, "r")]
    for name, text in zip(names, (qrels, run)):
        with open(name, "w") as f:
            f.write(text)
    return names

def trec_eval(qrels, run, *flags):
    p = subprocess.run([sys.argv[1], "-q", *flags, *files(qrels, run)], capture_output=True, text=True)
    if p.returncode:
        return {"exit": p.returncode}
    out = {}
    for line in p.stdout.splitlines():
        name, topic, value = line.split()
        if name not in ("runid", "relstring"):
            out.setdefault(topic, {})[name] = value
    return out

def gdeval(qrels, run, k):
    out = subprocess.run(["perl", GDEVAL, *files(qrels, run), str(k)], capture_output=True, text=True, check=True).stdout
    return {c[1]: {f"nDCG(gain=exp)@{k}": c[2], f"ERR@{k}": c[3]} for c in (l.split(",") for l in out.splitlines()[1:])}

def through_ir_measures(qrels, run, names):
    q, r = parse(qrels, run)
    out = {}
    for m in ir_measures.iter_calc([ir_measures.parse_measure(n) for n in names], q, r):
        out.setdefault(m.query_id, {})[str(m.measure)] = m.value
    return out

def ranked(run, topic):  # trec_eval's order
    return sorted(parse("", run)[1].get(topic, {}).items(), key=lambda e: (e[1], e[0]), reverse=True)

def rbp(qrels, run, p, graded):
    """(1-p) sum g p^(r-1) in rational arithmetic, p being the double."""
    q, p, out = parse(qrels, run)[0], Fraction(p), {}
    for t in q:
        top = max([g for g in q[t].values()] + [1])
        total = Fraction(0)
        for i, (d, _) in enumerate(ranked(run, t)):
            g = q[t].get(d, 0)
            total += (Fraction(g, top) if graded else 1) * p ** i if g > 0 else 0
        out[t] = float((1 - p) * total)
    return out

def residual(qrels, run, p):
    q, p, out = parse(qrels, run)[0], Fraction(p), {}
    for t in q:
        order = ranked(run, t)
        out[t] = float(p ** len(order) + (1 - p) * sum(p ** i for i, (d, _) in enumerate(order) if q[t].get(d, -1) < 0))
    return out

def unjudged(qrels, run, k):
    q = parse(qrels, run)[0]
    return {t: sum(q[t].get(d, -1) < 0 for d, _ in ranked(run, t)[:k]) / k for t in q}

def iprec(qrels, run, x, cut):
    q, out = parse(qrels, run)[0], {}
    for t in q:
        need, order, found, best = cut(x * sum(g > 0 for g in q[t].values())), ranked(run, t), 0, 0.
        for i, (d, _) in enumerate(order, 1):
            found += q[t].get(d, 0) > 0
            if found >= need:
                best = max(best, found / i)
        out[t] = best
    return out

def beir(qrels, run, k):
    """beir.retrieval.evaluation: identical ids removed, recall_cap and hole."""
    q, r = parse(qrels, run)
    annotated = {d for t in q.values() for d in t}
    out = {}
    for t in q:
        order = [d for d, _ in sorted(((d, s) for d, s in r.get(t, {}).items() if d != t), key=lambda e: (e[1], e[0]), reverse=True)][:k]
        relevant = {d for d, g in q[t].items() if g > 0}
        hits = sum(d in relevant for d in order)
        out[t] = {f"RCap@{k}": hits / min(len(relevant), k) if relevant else 0., f"Hole@{k}": sum(d not in annotated for d in order) / k, f"P@{k}": hits / k}
    return out

def with_ranx(qrels, run, names):
    q, r = parse(qrels, run)
    q, r = ranx.Qrels({t: q[t] for t in r}), ranx.Run(r)
    ranx.evaluate(q, r, names)
    out = {}
    for n in names:
        for t, v in r.scores[n].items():
            v = float(v)
            out.setdefault(t, {})[n] = v if math.isfinite(v) else str(v)
    return out

rng = random.Random(8)
cases = {}
cases["reference"] = ("1 0 a 1\n1 0 b 2\n1 0 c 3\n1 0 n1 0\n1 0 n2 0\n1 0 n3 -1\n", lines(("1", "Q0", d, i, 8 - i, "t") for i, d in enumerate(["n1", "b", "u1", "c", "n3", "n2", "a"], 1)))
cases["three tied documents"] = ("1 0 a 1\n1 0 b 0\n", lines(("1", "Q0", d, i, 1, "t") for i, d in enumerate("abc", 1)))
cases["ties across the cut-off"] = ("1 0 d05 2\n1 0 d09 1\n1 0 d02 1\n1 0 d07 0\n", lines(("1", "Q0", f"d{i:02}", i, [9, 8, 7, 5, 5, 5, 5, 5, 2, 2, 2, 1][i - 1], "t") for i in range(1, 13)))
cases["without relevant, missing, unjudged"] = ("1 0 a 1\n1 0 b 0\n2 0 a 0\n2 0 b 0\n3 0 a 1\n", "1 Q0 a 1 2 t\n1 Q0 b 2 1 t\n2 Q0 a 1 2 t\n4 Q0 a 1 1 t\n")
cases["negative judgements"] = ("1 0 a 1\n1 0 b -1\n1 0 c -2\n1 0 d 0\n1 0 e 2\n1 0 f 0\n", lines(("1", "Q0", d, i, 9 - i, "t") for i, d in enumerate(["b", "c", "d", "a", "u", "f", "e"], 1)))
cases["deeper than retrieved"] = ("1 0 a 3\n1 0 b 1\n1 0 c 1\n1 0 d 2\n", "1 Q0 b 1 2 t\n1 Q0 a 2 1 t\n")
cases["no judged non-relevant"] = ("1 0 a 1\n1 0 b 2\n", "1 Q0 x 1 3 t\n1 Q0 a 2 2 t\n1 Q0 b 3 1 t\n")
cases["nothing found"] = ("1 0 a 1\n2 0 a 1\n", "1 Q0 x 1 3 t\n2 Q0 a 2 2 t\n")
cases["one to eleven relevant"] = (
    lines((R, 0, f"r{i}", 1) for R in range(1, 12) for i in range(R)),
    lines((R, "Q0", d, i, 100 - i, "t") for R in range(1, 12) for i, d in enumerate((x for j in range(R) for x in (f"r{j}", f"n{j}")), 1)))
cases["queries that are documents"] = ("q1 0 a 1\nq1 0 b 1\nq2 0 c 1\n", "q1 Q0 q1 1 9 t\nq1 Q0 a 2 8 t\nq1 Q0 x 3 7 t\nq1 Q0 c 4 6 t\nq2 Q0 a 1 5 t\nq2 Q0 y 2 4 t\n")
graded_q = lines((t, 0, f"d{i:02}", rng.choice([0, 0, 1, 2, 3, 4])) for t in range(1, 6) for i in range(0, 40, 2))
graded_r = lines((t, "Q0", f"d{d:02}", i, round(9 - i / 4, 2), "t") for t in range(1, 6) for i, d in enumerate(rng.sample(range(40), 30), 1))
cases["grades to four"] = (graded_q, graded_r)

RANX = ["ndcg", "ndcg@5", "ndcg_burges", "ndcg_burges@5", "mrr", "mrr@2", "precision", "precision@5", "f1", "f1@5", "r-precision", "bpref", "rbp.80", "map", "map@5", "recall@5", "hit_rate@5", "hits@5"]
V9, V10 = (lambda v: int(v + .9)), (lambda v: math.floor(v + .5))
out = {"versions": {"trec_eval": "9.0.4", "gdeval": "1.2a", "python": sys.version.split()[0], **{m: importlib.metadata.version(m) for m in ("ir_measures", "pytrec_eval-terrier", "ranx", "numpy", "numba")}}, "cases": {}}
for name, (qrels, run) in cases.items():
    c = {"qrels": qrels, "run": run, "trec_eval": {f: trec_eval(qrels, run, *f.split(), "-m", "all_trec") for f in ("-l 1", "-l 2", "-c")}}
    c["derived"] = {f"RBP(p={p}{',gain=graded' if g else ''})": rbp(qrels, run, p, g) for p in (.5, .8, .95) for g in (False, True)}
    c["derived"].update({f"RBPResidual(p={p})": residual(qrels, run, p) for p in (.5, .9)})
    c["derived"].update({f"Unjudged@{k}": unjudged(qrels, run, k) for k in (5, 10, 20)})
    c["derived"].update({f"IPrec@{x}": iprec(qrels, run, x, V10) for x in (0., .1, .2, .3, .4, .5, .6, .7, .8, .9, 1.)})
    c["derived9"] = {f"IPrec@{x}": iprec(qrels, run, x, V9) for x in (0., .1, .2, .3, .4, .5, .6, .7, .8, .9, 1.)}
    c["beir"] = beir(qrels, run, 3)
    if all(t.isdigit() for t in parse(qrels, run)[0]):
        c["gdeval"] = gdeval(qrels, run, 20)
    c["ir_measures"] = through_ir_measures(qrels, run, ["RR", "RR@10", "Compat(p=0.95)", "Compat(p=0.8)", "Judged@5", "Judged@10", "nDCG@10", "Success@1", "P(rel=2)@5"])
    c["ranx"] = with_ranx(qrels, "".join(l + "\n" for l in run.splitlines() if l.split()[0] in parse(qrels, run)[0]), RANX)
    out["cases"][name] = c
    print(name, file=sys.stderr, flush=True)

out["gains"] = {g: trec_eval(*cases["deeper than retrieved"], "-m", "ndcg." + g)["1"] for g in ("1=3,2=9,3=10", "1=5,2=9,3=2", "1=0.5,2=0.9,3=0.2")}
with gzip.GzipFile("cases.json.gz", "wb", 9, mtime=0) as f:
    f.write(json.dumps(out, separators=(",", ":")).encode())
