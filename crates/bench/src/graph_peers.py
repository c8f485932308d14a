"""Answers one local clustering query a line for `cargo xtask bench graph`, in other libraries.

Reads one JSON object a line from standard input, writes one a line to standard output:
{"load": NAME, "path": FILE, "nodes": N}      raw little-endian u32 pairs, each edge once -> {}
{"peer": P, "graph": NAME, "alpha": A, "epsilon": E, "seed": S}
                                              -> {"cpu_ms": T, "support": K, "mass": M} or {"skip": WHY}
"""

import json
import sys
import time

import numpy as np

edges, built = {}, {}


def networkit_graph(name):
    import networkit as nk

    nk.setNumberOfThreads(1)
    pairs, nodes = edges[name]
    graph = nk.Graph(nodes)
    graph.addEdges((pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)))
    return graph


def networkx_graph(name):
    import networkx as nx

    pairs, nodes = edges[name]
    if len(pairs) > 400_000:
        raise MemoryError("networkx is only tried on graphs of at most 400,000 edges")
    graph = nx.Graph()
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from(pairs.tolist())
    return graph


def localgraphclustering_graph(name):
    import localgraphclustering as lgc
    from scipy.sparse import csr_matrix

    pairs, nodes = edges[name]
    ends = np.concatenate([pairs, pairs[:, ::-1]]).astype(np.int32)
    adjacency = csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(nodes, nodes))
    return lgc.GraphLocal.from_sparse_adjacency(adjacency)


def networkit(graph, alpha, epsilon, seed):
    import networkit as nk

    return nk.scd.ApproximatePageRank(graph, alpha, epsilon).run(seed)


def networkx(graph, alpha, epsilon, seed):
    import networkx as nx

    # The same vector by global power iteration: its damping is (1 - alpha) / (1 + alpha), its stopping rule
    # a 1-norm of nodes * tol, set to the 1-norm that the push guarantees (epsilon * volume).
    tolerance = epsilon * 2 * graph.number_of_edges() / graph.number_of_nodes()
    damping = (1 - alpha) / (1 + alpha)
    scores = nx.pagerank(graph, damping, personalization={seed: 1}, tol=tolerance, max_iter=10_000)
    return [(node, score) for node, score in scores.items() if score > 0]


def localgraphclustering(graph, alpha, epsilon, seed):
    import localgraphclustering as lgc

    # Unnormalised, so that the scores sum to the mass; by default it stops after 1,000,000 pushes.
    nodes, scores = lgc.approximate_PageRank(
        graph, [seed], alpha=alpha, rho=epsilon, method="acl", normalize=False, iterations=2**32 - 1
    )
    return list(zip(nodes, scores))


PEERS = {
    "networkit": (networkit_graph, networkit),
    "networkx": (networkx_graph, networkx),
    "localgraphclustering": (localgraphclustering_graph, localgraphclustering),
}


def answer(job):
    if "load" in job:
        pairs = np.fromfile(job["path"], dtype="<u4").reshape(-1, 2)
        edges.clear(), built.clear()
        edges[job["load"]] = (pairs, job["nodes"])
        return {}
    build, query = PEERS[job["peer"]]
    key = (job["peer"], job["graph"])
    try:
        if key not in built:
            built[key] = build(job["graph"])
        start = time.process_time()
        scores = query(built[key], job["alpha"], job["epsilon"], job["seed"])
        elapsed = time.process_time() - start
    except Exception as error:  # a peer that fails in any way is reported as left out, with its reason
        return {"skip": f"{type(error).__name__}: {error}"}
    positive = [score for _, score in scores if score > 0]
    return {"cpu_ms": 1e3 * elapsed, "support": len(positive), "mass": float(sum(positive))}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
