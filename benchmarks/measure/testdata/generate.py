"""Makes the random set and what trec_eval says of it.

Run: python3 generate.py TREC_EVAL_9 (a trec_eval 9.0.4 binary; the one used is
the Linux binary of uk.ac.gla.dcs.terrierteam:jtreceval:0.0.5). The set is made
from a fixed seed; ties, unjudged and negatively judged documents are frequent.
"""
import gzip, random, subprocess, sys

random.seed(20260301)
qrels, run = [], []
for topic in range(1, 501):
    docs = [f"d{i:03d}" for i in range(60)]
    judged = random.sample(docs, random.randint(1, 40))
    rate = random.random()
    for d in judged:
        grade = random.choice([1, 1, 2, 3]) if random.random() < rate * .5 else random.choice([0, 0, 0, 0, -1])
        qrels.append(f"{topic} 0 {d} {grade}\n")
    if topic % 97 == 0:
        continue  # a judged topic that the run lacks
    for rank, d in enumerate(random.sample(docs, random.randint(1, 45)), 1):
        score = random.choice([round(random.gauss(0, 3), 1), random.gauss(0, 3), 1 + rank * 1e-9])
        run.append(f"{topic} Q0 {d} {rank} {score!r} random\n")

def write(name, lines):
    with gzip.GzipFile(name, "wb", 9, mtime=0) as f:
        f.write("".join(lines).encode())

write("random.qrels.gz", qrels)
write("random.run.gz", run)
for level, name in ((1, "trec_eval-9.0.4.gz"), (2, "trec_eval-9.0.4-l2.gz")):
    open("q.tmp", "w").writelines(qrels)
    open("r.tmp", "w").writelines(run)
    out = subprocess.run([sys.argv[1], "-q", "-l", str(level), "-m", "all_trec", "q.tmp", "r.tmp"], capture_output=True, text=True, check=True).stdout
    write(name, out.splitlines(keepends=True))
