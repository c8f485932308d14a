"""Wavelet transforms by PyWavelets and ptwt, for `cargo xtask bench interpret`.

Reads one JSON object a line from standard input, writes one a line to standard output:
{"wavelet": NAME, "mode": MODE, "levels": J, "side": N, "pictures": P, "rounds": R}
        a row of N samples (P = 0) or P pictures of N x N, forward and back, R times each
        -> {"forward": SECONDS, "inverse": SECONDS} of one, or {"skip": WHY}
{"gradient": true, "wavelet": NAME, "levels": J, "batch": B, "sides": [N] or [H, W], "filters": BOOL}
        transform by ptwt and gradient of the sum of absolute coefficients, with respect to the signal, and to the filters too
        -> {"seconds": SECONDS} of one, {} where ptwt has no such gradient, or {"skip": WHY}
"""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")


def timed(rounds, work):
    begin = time.perf_counter()
    for _ in range(rounds):
        result = work()
    return (time.perf_counter() - begin) / rounds, result


def measure(job):
    import numpy
    import pywt

    shape = (job["pictures"], job["side"], job["side"]) if job["pictures"] else (job["side"],)
    i = numpy.arange(numpy.prod(shape))
    x = (numpy.sin(i * 0.37) + (i % 17) * 0.1).reshape(shape)
    wavelet, mode, rounds = pywt.Wavelet(job["wavelet"]), job["mode"], job["rounds"]
    forward, back = (pywt.wavedec2, pywt.waverec2) if job["pictures"] else (pywt.wavedec, pywt.waverec)
    analysis, c = timed(rounds, lambda: forward(x, wavelet, mode, level=job["levels"]))
    synthesis, _ = timed(rounds, lambda: back(c, wavelet, mode))
    return {"forward": analysis, "inverse": synthesis}


def gradient(job):
    import os

    import ptwt
    import pywt
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    shape = (job["batch"], *job["sides"])
    x = torch.sin(torch.arange(torch.Size(shape).numel(), dtype=torch.float32) * 0.37).reshape(shape)
    wavelet = pywt.Wavelet(job["wavelet"])
    flat, forward = len(job["sides"]) == 1, ptwt.wavedec if len(job["sides"]) == 1 else ptwt.wavedec2
    if job["filters"] and not flat:
        return {}
    low = torch.tensor(wavelet.dec_lo, dtype=torch.float32)
    signs = torch.tensor([1.0, -1.0]).repeat(len(low) // 2)
    begin, rounds = time.perf_counter(), 0
    while rounds == 0 or time.perf_counter() - begin < 0.05:
        x = x.detach().requires_grad_()
        bank = wavelet
        if job["filters"]:
            low = low.detach().requires_grad_()
            back = low.flip(0)
            bank = ptwt.WaveletTensorTuple(low, -back * signs, back, low * signs)
        parts = forward(x, bank, mode="zero", level=job["levels"])
        blocks = [part for item in parts for part in ([item] if torch.is_tensor(item) else item)]
        sum(block.abs().sum() for block in blocks).backward()
        rounds += 1
    return {"seconds": (time.perf_counter() - begin) / rounds}


for line in sys.stdin:
    try:
        job = json.loads(line)
        answer = gradient(job) if job.get("gradient") else measure(job)
    except ImportError as error:
        answer = {"skip": str(error)}
    print(json.dumps(answer), flush=True)
