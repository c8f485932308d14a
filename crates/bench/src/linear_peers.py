"""Fits linear models with scikit-learn for the benchmark of kiln-linear.

Reads one JSON object a line from standard input, writes one a line to standard output:
{"load": FOLDER, "rows": N, "columns": D, "sparse": BOOL}
        raw little-endian files of the folder: labels and values (f64), for sparse data starts (u64), indices (u32)
        -> {"version": V} or {"skip": WHY}
{"peer": NAME, "strength": LAMBDA, "intercept": BOOL, "tolerance": T, "iterations": K}
        the fit of mean loss + LAMBDA * penalty, one thread; NAME is a solver of LogisticRegression, "lasso"
        (squares), "l1-liblinear", "l1-saga" (logistic), or one of the packages celer and skglm, "celer-lasso",
        "celer-l1", "skglm-lasso", "skglm-l1"
        -> {"cpu_ms": T, "iterations": K, "weights": [[...]], "intercepts": [...]} or {"skip": WHY}
"""

import json
import os
import sys
import time
import warnings

data = {}


def load(job):
    import numpy as np
    import sklearn

    folder, shape = job["load"], (job["rows"], job["columns"])
    read = lambda name, kind: np.fromfile(os.path.join(folder, name), dtype=kind)
    if job["sparse"]:
        from scipy.sparse import csr_matrix

        indices, starts = read("indices", "<u4").astype(np.int32), read("starts", "<u8").astype(np.int32)
        rows = csr_matrix((read("values", "<f8"), indices, starts), shape=shape)
    else:
        rows = read("values", "<f8").reshape(shape)
    data.clear()
    data.update(rows=rows, labels=read("labels", "<f8"))
    return {"version": sklearn.__version__}


def fit(job):
    import numpy as np
    from sklearn.linear_model import Lasso, LogisticRegression

    rows, labels, peer = data["rows"], data["labels"], job["peer"]
    n, intercept = rows.shape[0], job["intercept"]
    iterations, tolerance = job["iterations"], job["tolerance"]
    if peer == "newton-cholesky" and not isinstance(rows, np.ndarray):
        # The solver takes dense rows only; making them is not timed.
        if n * rows.shape[1] > 2e8:
            return {"skip": "too large to be dense"}
        rows = data.setdefault("dense", rows.toarray())
    if peer.endswith("lasso") or peer in ("celer-l1", "skglm-l1"):
        # These want columns next to each other; making them is not timed.
        rows = data.setdefault("columns", np.asfortranarray(rows) if isinstance(rows, np.ndarray) else rows.tocsc())
    if peer == "lasso":
        model = Lasso(alpha=job["strength"], fit_intercept=intercept, tol=tolerance, max_iter=iterations)
    elif peer.startswith("celer-"):
        import celer

        common = {"fit_intercept": intercept, "tol": tolerance, "max_iter": iterations}
        if peer == "celer-lasso":
            model = celer.Lasso(alpha=job["strength"], **common)
        else:
            model = celer.LogisticRegression(C=1.0 / (n * job["strength"]), **common)
    elif peer.startswith("skglm-"):
        import skglm

        kind = skglm.Lasso if peer == "skglm-lasso" else skglm.SparseLogisticRegression
        common = {"alpha": job["strength"], "fit_intercept": intercept, "max_iter": iterations}
        if ("compiled", peer) not in data:
            # Compiling is not timed.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kind(tol=1.0, **common).fit(rows, labels)
            data["compiled", peer] = True
        model = kind(tol=tolerance, **common)
    else:
        l1 = peer.startswith("l1-")
        model = LogisticRegression(
            solver=peer.removeprefix("l1-"),
            C=1.0 / (n * job["strength"]),
            l1_ratio=1.0 if l1 else 0.0,
            fit_intercept=intercept,
            tol=tolerance,
            max_iter=iterations,
            random_state=0,
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        model.fit(rows, labels)
        elapsed = time.process_time() - start
    weights = np.atleast_2d(model.coef_)
    intercepts = np.broadcast_to(np.atleast_1d(model.intercept_), (weights.shape[0],))
    return {
        "cpu_ms": 1e3 * elapsed,
        "iterations": int(np.max(model.n_iter_)),
        "weights": weights.tolist(),
        "intercepts": intercepts.tolist(),
    }


for line in sys.stdin:
    job = json.loads(line)
    try:
        answer = load(job) if "load" in job else fit(job)
    except Exception as error:  # a peer that fails in any way is reported as left out, with its reason
        answer = {"skip": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
