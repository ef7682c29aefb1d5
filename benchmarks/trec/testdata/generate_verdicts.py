"""Makes verdicts.json: what other tools do with odd run files.

Run: python3 generate_verdicts.py TREC_EVAL_9 > verdicts.json, with a Python that
has pytrec_eval-terrier, ir_measures and ranx. A verdict is the number of entries
that a tool reads, or how it refuses: its exit status or the exception's name.
"""
import gzip, importlib.metadata, json, os, subprocess, sys, tempfile
import ir_measures, pytrec_eval, ranx

GOOD = "1 Q0 a 1 2.5 t\n1 Q0 b 2 1.5 t\n"
CORPUS = {
    "sound": GOOD.encode(),
    "blank line": b"1 Q0 a 1 2.5 t\n\n1 Q0 b 2 1.5 t\n",
    "tabs": GOOD.replace(" ", "\t").encode(),
    "CRLF": GOOD.replace("\n", "\r\n").encode(),
    "five fields": b"1 Q0 a 1 2.5 t\n1 Q0 b 2 1.5\n",
    "seven fields": b"1 Q0 a 1 2.5 t\n1 Q0 b 2 1.5 t u\n",
    "duplicate": b"1 Q0 a 1 2.5 t\n1 Q0 a 2 1.5 t\n",
    "NaN": b"1 Q0 a 1 2.5 t\n1 Q0 b 2 nan t\n",
    "word as score": b"1 Q0 a 1 2.5 t\n1 Q0 b 2 abc t\n",
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "not UTF-8": b"1 Q0 \xe9a 1 2.5 t\n1 Q0 b 2 1.5 t\n",
    "gzip": gzip.compress(GOOD.encode(), mtime=0),
    "last line without end": GOOD.encode()[:-1],
    "comment": b"# a comment\n" + GOOD.encode(),
    "empty": b"",
}
folder = tempfile.mkdtemp()
qrels = os.path.join(folder, "q")
with open(qrels, "w") as f:
    f.write("1 0 a 1\n1 0 b 1\n1 0 \xe9a 1\n")

def trec_eval(name):
    p = subprocess.run([sys.argv[1], "-m", "num_ret", qrels, name], capture_output=True)
    return f"exit {p.returncode}" if p.returncode else int(p.stdout.split()[-1])

def count(read):
    def verdict(name):
        try:
            return read(name)
        except Exception as e:
            return type(e).__name__
    return verdict

def with_pytrec(name):
    with open(name) as f:
        return sum(len(d) for d in pytrec_eval.parse_run(f).values())

TOOLS = {
    "trec_eval": trec_eval,
    "pytrec_eval": count(with_pytrec),
    "ir_measures": count(lambda name: sum(1 for _ in ir_measures.read_trec_run(name))),
    "ranx": count(lambda name: sum(len(d) for d in ranx.Run.from_file(name, kind="trec").to_dict().values())),
}
out = {"versions": {"trec_eval": "9.0.4", **{m: importlib.metadata.version(m) for m in ("pytrec_eval-terrier", "ir_measures", "ranx")}}, "corpus": {}}
for label, content in CORPUS.items():
    name = os.path.join(folder, label.replace(" ", "_"))
    with open(name, "wb") as f:
        f.write(content)
    out["corpus"][label] = {"content": content.decode("latin-1"), "verdicts": {tool: verdict(name) for tool, verdict in TOOLS.items()}}
    print(label, file=sys.stderr, flush=True)
json.dump(out, sys.stdout, indent=1, ensure_ascii=True)
print()
