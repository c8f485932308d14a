"""Answers one local clustering query a line for `cargo xtask bench graph`, in other libraries.

Reads one JSON object a line from standard input, writes one a line to standard output:
{"load": NAME, "path": FILE, "nodes": N}      raw little-endian u32 pairs, each edge once -> {}
{"peer": P, "graph": NAME, "alpha": A, "epsilon": E, "seed": S}
                                              -> {"cpu_ms": T, "support": K, "mass": M} or {"skip": WHY}
{"detector": D, "graph": NAME, "seed": S}     one of NetworKit's selective community detectors
                                              -> {"cpu_ms": T, "nodes": [...]} or {"skip": WHY}
{"top_k": K, "peer": P, "graph": NAME, "alpha": A, "epsilon": E, "seeds": [...]}
                                              -> {"wall_s": T} or {"skip": WHY}
"""

import heapq
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


def scikit_network_graph(name):
    import sknetwork  # noqa: F401
    from scipy.sparse import csr_matrix

    pairs, nodes = edges[name]
    ends = np.concatenate([pairs, pairs[:, ::-1]]).astype(np.int32)
    return csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(nodes, nodes))


def scikit_network(graph, alpha, epsilon, seed):
    from sknetwork.ranking import PageRank

    # Ten power iterations, its default: its push solver does not end within a minute on 1,000 nodes (0.33.0).
    scores = PageRank((1 - alpha) / (1 + alpha)).fit_predict(graph, weights={seed: 1})
    return list(enumerate(scores))


# How NetworKit's detectors are made; those with a parameter take the value of its documentation.
DETECTORS = {
    "PageRankNibble": lambda scd, graph: scd.PageRankNibble(graph, 0.05, 1e-5),
    "GCE": lambda scd, graph: scd.GCE(graph, "M"),
    "LFMLocal": lambda scd, graph: scd.LFMLocal(graph, 1.0),
    "LocalTightnessExpansion": lambda scd, graph: scd.LocalTightnessExpansion(graph, 1.0),
    "TCE": lambda scd, graph: scd.TCE(graph),
}


def detect(job):
    import networkit as nk

    detector = DETECTORS[job["detector"]](nk.scd, get("networkit", job["graph"]))
    start = time.process_time()
    nodes = detector.expandOneCommunity(job["seed"])
    return {"cpu_ms": 1e3 * (time.process_time() - start), "nodes": sorted(nodes)}


def top_k(job):
    graph, query = get(job["peer"], job["graph"]), PEERS[job["peer"]][1]
    start = time.perf_counter()
    for seed in job["seeds"]:
        scores = query(graph, job["alpha"], job["epsilon"], seed)
        heapq.nlargest(job["top_k"], scores, key=lambda entry: entry[1])
    return {"wall_s": time.perf_counter() - start}


def get(peer, name):
    if (peer, name) not in built:
        built[peer, name] = PEERS[peer][0](name)
    return built[peer, name]


PEERS = {
    "networkit": (networkit_graph, networkit),
    "networkx": (networkx_graph, networkx),
    "localgraphclustering": (localgraphclustering_graph, localgraphclustering),
    "scikit-network": (scikit_network_graph, scikit_network),
}


def answer(job):
    if "load" in job:
        pairs = np.fromfile(job["path"], dtype="<u4").reshape(-1, 2)
        edges.clear(), built.clear()
        edges[job["load"]] = (pairs, job["nodes"])
        return {}
    try:
        if "detector" in job:
            return detect(job)
        if "top_k" in job:
            return top_k(job)
        graph, query = get(job["peer"], job["graph"]), PEERS[job["peer"]][1]
        start = time.process_time()
        scores = query(graph, job["alpha"], job["epsilon"], job["seed"])
        elapsed = time.process_time() - start
    except Exception as error:  # a peer that fails in any way is reported as left out, with its reason
        return {"skip": f"{type(error).__name__}: {error}"}
    positive = [score for _, score in scores if score > 0]
    return {"cpu_ms": 1e3 * elapsed, "support": len(positive), "mass": float(sum(positive))}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
