"""Times trec_eval, pytrec_eval and ranx beside this project on the same files.

    go build -o quality ./benchmarks/quality
    python3 benchmarks/speed/evaluation/peers.py --cascade ./quality --trec-eval trec_eval qrels.txt run.txt

Files are plain TREC columns (.gz is unpacked to a temporary file first). What is
not installed is named and left out. "process" is a whole process, start and
reading included; "warm" is evaluation alone, a second time, of what has been
read and, for ranx, compiled. The least of --repeat is shown; cpu is user and
system time, which other processes of a busy machine change less than the wall
clock.
"""
import argparse, gzip, importlib, importlib.metadata, os, resource, shutil, subprocess, sys, tempfile, time

OURS = "AP,RR,P@10,R@100,nDCG@10"
TREC = ["map", "recip_rank", "P.10", "recall.100", "ndcg_cut.10"]
PYTREC = {"map", "recip_rank", "P.10", "recall.100", "ndcg_cut.10"}
RANX = ["map", "mrr", "precision@10", "recall@100", "ndcg@10"]


def plain(name, folder):
    if not name.endswith(".gz"):
        return name
    out = os.path.join(folder, os.path.basename(name)[:-3])
    with gzip.open(name) as f, open(out, "wb") as g:
        shutil.copyfileobj(f, g)
    return out


def used(who):
    u = resource.getrusage(who)
    return u.ru_utime + u.ru_stime


def timed(work, repeat, who=resource.RUSAGE_SELF):
    """Least wall and cpu seconds."""
    walls, cpus = [], []
    for _ in range(repeat):
        begin, before = time.perf_counter(), used(who)
        work()
        walls.append(time.perf_counter() - begin)
        cpus.append(used(who) - before)
    return min(walls), min(cpus)


def process(command, repeat):
    def work():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return timed(work, repeat, resource.RUSAGE_CHILDREN)


class Table:
    def __init__(self, entries):
        self.entries, self.base = entries, None

    def row(self, what, cost):
        wall, cpu = cost
        self.base = self.base or cpu
        print(f"{what:<46} wall {wall:9.3f} s  cpu {cpu:9.3f} s  {cpu / self.entries * 1e9:8.1f} ns/entry  {cpu / self.base:8.2f} x", flush=True)


def has(module):
    try:
        importlib.import_module(module)
        return True
    except ImportError:
        print(f"{module}: not installed for this Python, left out")
        return False


def with_pytrec_eval(qrels, run, table, repeat):
    if not has("pytrec_eval"):
        return
    import pytrec_eval
    state = {}

    def read():
        with open(qrels) as f:
            state["qrels"] = pytrec_eval.parse_qrel(f)
        with open(run) as f:
            state["run"] = pytrec_eval.parse_run(f)

    table.row("pytrec_eval reads", timed(read, 1))
    table.row("pytrec_eval evaluates, 5 measures, warm", timed(lambda: pytrec_eval.RelevanceEvaluator(state["qrels"], PYTREC).evaluate(state["run"]), repeat))


def with_ranx(qrels, run, table, repeat):
    if not has("ranx"):
        return
    import ranx
    state = {}

    def read():
        state["qrels"] = ranx.Qrels.from_file(qrels, kind="trec")
        state["run"] = ranx.Run.from_file(run, kind="trec").make_comparable(state["qrels"])

    def evaluate():
        ranx.evaluate(state["qrels"], state["run"], RANX)

    table.row("ranx reads (and compiles)", timed(read, 1))
    table.row("ranx evaluates, 5 measures, cold", timed(evaluate, 1))
    table.row("ranx evaluates, 5 measures, warm", timed(evaluate, repeat))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("qrels")
    p.add_argument("run")
    p.add_argument("--cascade", help="binary of benchmarks/quality")
    p.add_argument("--trec-eval", help="binary of trec_eval")
    p.add_argument("--no-python", action="store_true", help="leave pytrec_eval and ranx out")
    p.add_argument("--repeat", type=int, default=3)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        qrels, run = plain(a.qrels, folder), plain(a.run, folder)
        with open(run, "rb") as f:
            entries = sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b""))
        print(f"{entries} entries, {os.path.getsize(run) / 1e6:.1f} MB; least of {a.repeat}; Python {sys.version.split()[0]}", *(f"{m} {importlib.metadata.version(m)}" for m in ("pytrec-eval-terrier", "ranx", "numba") if not a.no_python and importlib.util.find_spec(m.replace("-terrier", "").replace("-", "_"))))
        table = Table(entries)
        for name, command in (
            ("this project, 5 measures", [a.cascade, "evaluate", "-qrels", qrels, "-runs", run, "-measures", OURS]),
            ("this project, 5 measures, -stream", [a.cascade, "evaluate", "-qrels", qrels, "-runs", run, "-measures", OURS, "-stream"]),
            ("trec_eval, 5 measures", [a.trec_eval, "-c", *(x for m in TREC for x in ("-m", m)), qrels, run]),
            ("this project, all_trec", [a.cascade, "evaluate", "-qrels", qrels, "-runs", run, "-measures", "all_trec", "-format", "trec"]),
            ("trec_eval, all_trec", [a.trec_eval, "-c", "-m", "all_trec", qrels, run]),
        ):
            if command[0] is None or shutil.which(command[0]) is None:
                print(f"{name}: no binary given or found, left out")
                continue
            table.row(name + ", process", process(command, a.repeat))
        if not a.no_python:
            with_pytrec_eval(qrels, run, table, a.repeat)
            with_ranx(qrels, run, table, a.repeat)


if __name__ == "__main__":
    main()
