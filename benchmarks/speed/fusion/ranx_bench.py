"""Times ranx on run files: prefix, number of lists and entries, again and again."""
import sys
import time
from importlib.metadata import version

from ranx import Run, fuse

print(f"ranx {version('ranx')}, warm, nanoseconds an entry", flush=True)
args = sys.argv[1:]
for prefix, lists, entries in zip(args[0::3], args[1::3], args[2::3]):
    runs = [Run.from_file(f"{prefix}.{l}.txt", kind="trec") for l in range(int(lists))]
    for norm, method in ((None, "rrf"), ("min-max", "sum")):
        fuse(runs=runs, norm=norm, method=method)
        best = float("inf")
        for _ in range(5):
            start = time.perf_counter()
            fuse(runs=runs, norm=norm, method=method)
            best = min(best, time.perf_counter() - start)
        print(f"{prefix.rsplit('/', 1)[-1]} {method} norm={norm}: {best / int(entries) * 1e9:.0f}", flush=True)
