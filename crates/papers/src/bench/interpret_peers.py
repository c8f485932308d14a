"""Wavelet transforms by PyWavelets, for `cargo xtask bench interpret`.

Reads one JSON object a line from standard input, writes one a line to standard output:
{"wavelet": NAME, "mode": MODE, "levels": J, "side": N, "pictures": P, "rounds": R}
        a row of N samples (P = 0) or P pictures of N x N, forward and back, R times each
        -> {"forward": SECONDS, "inverse": SECONDS} of one, or {"skip": WHY}
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


for line in sys.stdin:
    try:
        answer = measure(json.loads(line))
    except ImportError as error:
        answer = {"skip": str(error)}
    print(json.dumps(answer), flush=True)
