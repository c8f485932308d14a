"""MeZO steps of a BERT encoder in PyTorch, for `cargo xtask bench zo`.

Reads one JSON object a line from standard input, writes one a line to standard output:
{"load": SAFETENSORS, "config": CONFIG, "ids": [[ID, ...], ...], "labels": [CLASS, ...], "threads": N}
        the encoder with a head of zeros for two classes; no padding among the ids
        -> {"version": V, "embedding": [the first row's mean hidden state]} or {"skip": WHY}
{"step": SEED}
        one step as in princeton-nlp/MeZO: torch.manual_seed, torch.normal for each parameter, four passes over them
        -> {"step_ms": T, "forwards_ms": T of the two forward passes in it}
"""

import json
import struct
import sys
import time

state = {}


def load(job):
    import torch

    torch.set_num_threads(job["threads"])
    config = json.load(open(job["config"]))
    with open(job["load"], "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        contents = bytearray(file.read())
    parameters = {}
    for name, entry in header.items():
        if name == "__metadata__" or name.startswith("pooler") or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        values = torch.frombuffer(contents, dtype=torch.float32, count=(end - start) // 4, offset=start)
        parameters[name.removeprefix("bert.")] = values.reshape(entry["shape"]).clone()
    parameters["head.weight"] = torch.zeros(2, config["hidden_size"])
    parameters["head.bias"] = torch.zeros(2)
    state.update(p=parameters, config=config, ids=torch.tensor(job["ids"]), labels=torch.tensor(job["labels"]))
    with torch.inference_mode():
        embedding = embed()[0].tolist()
    return {"version": torch.__version__, "embedding": embedding}


def embed():
    import torch
    import torch.nn.functional as F

    p, config, ids = state["p"], state["config"], state["ids"]
    width, heads, eps = config["hidden_size"], config["num_attention_heads"], config["layer_norm_eps"]
    rows, length = ids.shape

    def norm(x, name):
        return F.layer_norm(x, (width,), p[name + ".weight"], p[name + ".bias"], eps)

    def linear(x, name):
        return F.linear(x, p[name + ".weight"], p[name + ".bias"])

    x = F.embedding(ids, p["embeddings.word_embeddings.weight"])
    x = x + p["embeddings.position_embeddings.weight"][:length] + p["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        split = lambda name: linear(x, at + "attention.self." + name).view(rows, length, heads, -1).transpose(1, 2)
        context = F.scaled_dot_product_attention(split("query"), split("key"), split("value"))
        context = context.transpose(1, 2).reshape(rows, length, width)
        x = norm(x + linear(context, at + "attention.output.dense"), at + "attention.output.LayerNorm")
        inner = F.gelu(linear(x, at + "intermediate.dense"))
        x = norm(x + linear(inner, at + "output.dense"), at + "output.LayerNorm")
    return x.mean(dim=1)


def loss():
    import torch
    import torch.nn.functional as F

    start = time.perf_counter()
    with torch.inference_mode():
        logits = F.linear(embed(), state["p"]["head.weight"], state["p"]["head.bias"])
        value = F.cross_entropy(logits, state["labels"]).item()
    state["forwards"] += time.perf_counter() - start
    return value


def perturb(seed, factor, eps):
    import torch

    torch.manual_seed(seed)
    for name, parameter in state["p"].items():
        z = torch.normal(mean=0, std=1, size=parameter.size(), device=parameter.device, dtype=parameter.dtype)
        state["p"][name] = parameter + factor * z * eps


def step(job):
    import torch

    seed, eps, step_size = job["step"], 1e-3, 1e-6
    state["forwards"] = 0.0
    start = time.perf_counter()
    perturb(seed, 1, eps)
    plus = loss()
    perturb(seed, -2, eps)
    minus = loss()
    perturb(seed, 1, eps)
    derivative = (plus - minus) / (2 * eps)
    torch.manual_seed(seed)
    for name, parameter in state["p"].items():
        z = torch.normal(mean=0, std=1, size=parameter.size(), device=parameter.device, dtype=parameter.dtype)
        state["p"][name] = parameter - step_size * (derivative * z)
    elapsed = time.perf_counter() - start
    return {"step_ms": 1e3 * elapsed, "forwards_ms": 1e3 * state["forwards"]}


for line in sys.stdin:
    job = json.loads(line)
    try:
        answer = load(job) if "load" in job else step(job)
    except Exception as error:  # a peer that fails in any way is reported as left out, with its reason
        answer = {"skip": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
