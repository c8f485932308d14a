"""Fits l2-logistic regression with scikit-learn for `cargo xtask bench optim`.

Reads one JSON object a line from standard input, writes one a line to standard output:
{"load": FOLDER, "rows": N, "columns": D, "sparse": BOOL}
        raw little-endian files of the folder: labels and values (f64), for sparse data starts (u64), indices (u32)
        -> {"version": V} or {"skip": WHY}
{"peer": SOLVER, "iterations": K, "tolerance": T}
        the fit with lambda = 1/N, no intercept, one thread; weights go to FOLDER/weights
        -> {"cpu_ms": T, "iterations": K} or {"skip": WHY}
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
    data.update(rows=rows, labels=read("labels", "<f8"), folder=folder)
    return {"version": sklearn.__version__}


def fit(job):
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    # C = 1 / (n * lambda) = 1.
    model = LogisticRegression(
        solver=job["peer"], C=1.0, fit_intercept=False, tol=job["tolerance"], max_iter=job["iterations"], random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        model.fit(data["rows"], data["labels"])
        elapsed = time.process_time() - start
    np.asarray(model.coef_, dtype="<f8").ravel().tofile(os.path.join(data["folder"], "weights"))
    return {"cpu_ms": 1e3 * elapsed, "iterations": int(np.max(model.n_iter_))}


for line in sys.stdin:
    job = json.loads(line)
    try:
        answer = load(job) if "load" in job else fit(job)
    except Exception as error:  # a peer that fails in any way is reported as left out, with its reason
        answer = {"skip": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
