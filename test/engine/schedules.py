"""Learning rates of transformers' schedules, step by step: python test/engine/schedules.py > test/fixtures/schedules.json"""

import json

import torch
import transformers
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

RATE = 3e-4
CASES = [(1, 0), (3, 0), (3, 1), (10, 0), (10, 3), (10, 10), (7, 2)]


def rates(scheduler, steps, warmup):
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=RATE)
    if scheduler == "constant":
        schedule = get_constant_schedule_with_warmup(optimizer, warmup)
    elif scheduler == "linear":
        schedule = get_linear_schedule_with_warmup(optimizer, warmup, steps)
    else:
        schedule = get_cosine_schedule_with_warmup(optimizer, warmup, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


cases = [
    {"scheduler": s, "steps": n, "warmupSteps": w, "rates": rates(s, n, w)}
    for s in ("constant", "linear", "cosine")
    for n, w in CASES
]
print("{")
print(f'  "source": "transformers {transformers.__version__}, torch {torch.__version__}",')
print(f'  "learningRate": {RATE},')
print('  "cases": [')
print(",\n".join("    " + json.dumps(c) for c in cases))
print("  ]\n}")
