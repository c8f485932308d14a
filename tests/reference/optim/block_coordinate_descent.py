"""Fixed against variable blocks of 5, GSL, updates 1/L_b, on data set A of Nutini, Laradji, Schmidt (JMLR 2022).

The control of claim B3: f/f(0) after 500 iterations with the paper's rule for fixed blocks, ||g_b||^2 / L_b, with that of
the authors' code, sum |g_i| / sqrt(L_b), and with variable blocks by g_i^2 / L_i and by g_i^2 / sum_j |H_ij|.
Usage: block_coordinate_descent.py [NUMBER OF DATA SETS]. Needs NumPy; a minute and 1 GB each.
"""

import sys

import numpy as np


def data_set(seed, rows=1000, columns=10_000):
    random = np.random.default_rng(seed)
    matrix = (random.standard_normal((rows, columns)) + 1) * 10 * random.standard_normal(columns)
    matrix *= random.random((rows, columns)) < 10 * np.log(rows) / rows
    weights = random.standard_normal(columns) * (random.random(columns) < 0.1)
    return matrix, matrix @ weights + random.standard_normal(rows)


def largest_eigenvalue(matrix, block):
    return np.linalg.eigvalsh(matrix[:, block].T @ matrix[:, block])[-1]


def descend(matrix, targets, scores, fixed, size=5, iterations=500):
    """f/f(0); `scores(g, lipschitz, blocks)` is one number a block, or a coordinate where blocks are variable."""
    diagonal = (matrix * matrix).sum(0)
    residual = -targets
    blocks = np.argsort(diagonal).reshape(-1, size) if fixed else None
    lipschitz = np.array([largest_eigenvalue(matrix, block) for block in blocks]) if fixed else diagonal
    for _ in range(iterations):
        gradient = matrix.T @ residual
        score = scores(gradient, lipschitz, blocks)
        block = blocks[np.argmax(score)] if fixed else np.argpartition(score, -size)[-size:]
        step = gradient[block] / largest_eigenvalue(matrix, block)
        residual = residual - matrix[:, block] @ step
    return residual @ residual / (targets @ targets)


def row_sums(matrix):
    parts = range(0, matrix.shape[1], 500)
    return np.concatenate([np.abs(matrix[:, at : at + 500].T @ matrix).sum(1) for at in parts])


for seed in range(100, 100 + int((sys.argv[1:] or [3])[0])):
    matrix, targets = data_set(seed)
    sums = row_sums(matrix)
    squares = descend(matrix, targets, lambda g, l, b: (g[b] ** 2).sum(1) / l, True)
    absolute = descend(matrix, targets, lambda g, l, b: np.abs(g[b]).sum(1) / np.sqrt(l), True)
    by_diagonal = descend(matrix, targets, lambda g, l, b: g**2 / l, False)
    by_sums = descend(matrix, targets, lambda g, l, b: g**2 / sums, False)
    print(f"fixed: squares {squares:.3g}, absolute {absolute:.3g}; variable: diagonal {by_diagonal:.3g}, row sums {by_sums:.3g};")
    print(f"  fixed / variable by row sums: squares {squares / by_sums:.3f}, absolute {absolute / by_sums:.3f}")
