"""Domain adaptation in PyTorch, scikit-learn and skada, for `cargo xtask bench adapt`.

Reads one JSON object a line from standard input, writes one a line to standard output:
{"torch": METHOD, "rows": N, "sources": M, "batch": B, "threads": T}
        one epoch of LeNet with Adam at 1e-3 on M sources and a target of N random pictures of 28x28 each, METHOD one of
        dip-mmd, cip-mmd, dann; after a warm-up of one step
        -> {"ms": T, "version": V} or {"skip": WHY}
{"exact": METHOD, "folder": FOLDER, "columns": K, "c": C}
        a logistic regression with an L2 penalty on FOLDER/source (float64 rows) and FOLDER/y (float64 classes), METHOD one of
        logistic, coral (rows moved to the covariance of FOLDER/target), density-ratio (rows weighted by Gaussian densities)
        -> {"ms": T, "coefficients": [...], "version": V} or {"skip": WHY}
"""

import json
import sys
import time


def lenet():
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(50 * 4 * 4, 500), nn.ReLU(), nn.Linear(500, 2),
    )


def mmd(a, b):
    import torch

    z = torch.cat([a, b])
    distance = torch.cdist(z, z).square()
    kernel = sum(torch.exp(-distance / (2 * s * s)) for s in (0.1, 1.0, 10.0))
    u = torch.cat([torch.full((len(a),), 1 / len(a)), torch.full((len(b),), -1 / len(b))])
    return u @ kernel @ u


def epoch(job):
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    domains, rows, batch = job["sources"] + 1, job["rows"], job["batch"]
    x = torch.randn(domains, rows, 1, 28, 28)
    y = torch.randint(0, 2, (domains, rows))
    model = lenet()
    parameters = list(model.parameters())
    discriminator = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, domains))
    if job["torch"] == "dann":
        parameters += discriminator.parameters()
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    used = {"dip-mmd": [0, domains - 1], "cip-mmd": range(domains - 1), "dann": range(domains)}[job["torch"]]

    def step(start):
        parts = [x[d, start:start + batch] for d in used]
        z = model(torch.cat(parts)).split([len(p) for p in parts])
        labels = [y[d, start:start + batch] for d in used]
        if job["torch"] == "dip-mmd":
            loss = cross_entropy(z[0], labels[0]) + mmd(z[0], z[1])
        elif job["torch"] == "cip-mmd":
            loss = sum(cross_entropy(a, b) for a, b in zip(z, labels)) / len(z)
            penalty = 0
            for c in (0, 1):
                cells = [a[b == c] for a, b in zip(z, labels)]
                penalty = penalty + sum(mmd(a, b) for i, a in enumerate(cells) for b in cells[:i])
            loss = loss + 0.1 * 2 / len(z) ** 2 * penalty
        else:
            loss = sum(cross_entropy(a, b) for a, b in zip(z[:-1], labels)) / (len(z) - 1)
            everything = torch.cat(z)
            reversed_ = everything.detach() * 2 - everything
            domain = torch.cat([torch.full((len(a),), d) for d, a in enumerate(z)])
            loss = loss + cross_entropy(discriminator(reversed_), domain)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    step(0)
    begin = time.perf_counter()
    for start in range(0, rows, batch):
        step(start)
    return {"ms": (time.perf_counter() - begin) * 1e3, "version": torch.__version__}


def exact(job):
    import numpy
    import sklearn
    from sklearn.linear_model import LogisticRegression

    read = lambda name: numpy.fromfile(job["folder"] + "/" + name)
    source, target = (read(name).reshape(-1, job["columns"]) for name in ("source", "target"))
    y, version = read("y"), sklearn.__version__
    model = LogisticRegression(C=job["c"], tol=1e-10, max_iter=10000)
    if job["exact"] == "logistic":
        begin = time.perf_counter()
        fitted = model.fit(source, y)
    else:
        import skada
        from skada import CORALAdapter, GaussianReweightAdapter

        version = skada.__version__
        begin = time.perf_counter()
        both = numpy.concatenate([source, target])
        domain = numpy.repeat([1, -2], [len(source), len(target)])
        if job["exact"] == "coral":
            moved = CORALAdapter(reg=None).fit_transform(both, sample_domain=domain)
            fitted = model.fit(moved[domain > 0], y)
        else:
            adapter = GaussianReweightAdapter(reg=None).fit(both, sample_domain=domain)
            weights = adapter.compute_weights(both, sample_domain=domain)
            fitted = model.fit(source, y, sample_weight=weights[domain > 0])
    ms = (time.perf_counter() - begin) * 1e3
    return {"ms": ms, "coefficients": fitted.coef_[0].tolist(), "version": version}


for line in sys.stdin:
    job = json.loads(line)
    try:
        answer = epoch(job) if "torch" in job else exact(job)
    except ImportError as error:
        answer = {"skip": str(error)}
    print(json.dumps(answer), flush=True)
