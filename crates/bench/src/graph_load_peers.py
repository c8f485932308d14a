"""Reads one file of edges with one library and prints what that cost, for `cargo xtask bench graph`.

python -c SCRIPT LIBRARY FILE -> {"wall_s": T, "cpu_s": T, "megabytes": M, "edges": N}
"""

import json
import sys
import time


def resident(what):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith(what))


library, path = sys.argv[1:3]
if library.startswith("igraph"):
    import igraph

    if library == "igraph-numbers":
        read = lambda: igraph.Graph.Read_Edgelist(path, directed=False).ecount()
    else:
        read = lambda: igraph.Graph.Read_Ncol(path, names=True, weights=False, directed=False).ecount()
else:
    import networkit

    read = lambda: networkit.readGraph(path, networkit.Format.EdgeListSpaceZero).numberOfEdges()

before, start, cpu = resident("VmRSS:"), time.perf_counter(), time.process_time()
edges = read()
wall, cpu = time.perf_counter() - start, time.process_time() - cpu
print(json.dumps({"wall_s": wall, "cpu_s": cpu, "megabytes": resident("VmHWM:") - before, "edges": edges}))
