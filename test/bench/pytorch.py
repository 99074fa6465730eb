"""PyTorch + PEFT doing the work of ours.ts, one JSON command a line on stdin, one JSON answer a line on stdout.

The base model has the architecture that argv[1] (a folder with config.json) names and random weights: time does not
depend on their values. Adapters: rank 8, alpha 16, all linear layers.
"""
import json, os, resource, sys, tempfile, time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(0)
config = AutoConfig.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
lora = LoraConfig(r=8, lora_alpha=16, target_modules=targets, task_type="CAUSAL_LM")
peft = get_peft_model(model, lora, adapter_name="a0")
folder = tempfile.mkdtemp()
peft.save_pretrained(folder)
saved = os.path.join(folder, "a0")
count = 0


def ids(T):
    return torch.arange(T).reshape(1, T) * 37 % 40000 + 100


def timed(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def generate(T, n):
    with torch.inference_mode():
        peft.generate(input_ids=ids(T), attention_mask=torch.ones(1, T, dtype=torch.long), do_sample=False,
                      max_new_tokens=n, min_new_tokens=n, pad_token_id=0, eos_token_id=config.eos_token_id)


def answer(T, n, adapter):
    peft.eval()
    if adapter:
        generate(T, n)
    else:
        with peft.disable_adapter():
            generate(T, n)


def load():
    global count
    count += 1
    name = f"a{count}"
    peft.load_adapter(saved, name, is_trainable=True)
    peft.set_adapter(name)
    if count > 1:
        peft.delete_adapter(f"a{count - 1}")


def steps(T, n, learned=None):
    peft.train()
    batch = ids(T)
    labels = batch.clone()
    if learned:
        labels[:, : T - learned] = -100
    trainable = [p for p in peft.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=3e-4, weight_decay=0.0)
    times = []
    for _ in range(n):
        def step():
            optimizer.zero_grad(set_to_none=True)
            loss = peft(input_ids=batch, labels=labels, use_cache=False).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trainable, 1.0)
            optimizer.step()
        times.append(timed(step))
    return times


def evaluate(T):
    peft.eval()
    with torch.inference_mode():
        peft(input_ids=ids(T), labels=ids(T), use_cache=False)


def example():
    load()
    answer(128, 32, True)
    evaluate(128)
    steps(128, 4)
    peft.save_pretrained(tempfile.mkdtemp(), selected_adapters=[f"a{count}"])


def forward(name):
    peft.set_adapter(name)
    with torch.inference_mode():
        peft(input_ids=ids(2), use_cache=False)


def swap(resident):
    peft.eval()
    load()
    current = f"a{count}"
    peft.load_adapter(saved, "other", is_trainable=True)

    def fresh():
        peft.delete_adapter("other")
        peft.load_adapter(saved, "other", is_trainable=True)
        forward("other")

    differences = []
    for _ in range(15):
        forward(current)
        same = timed(lambda: forward(current))
        differences.append(timed(lambda: forward("other") if resident else fresh()) - same)
    peft.set_adapter(current)
    peft.delete_adapter("other")
    return sorted(differences)[7]


def pss():
    with open("/proc/self/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) * 1024


WORK = {
    "prefill": lambda c: [timed(lambda: answer(c["T"], 1, c["adapter"]))],
    "decode": lambda c: [(timed(lambda: answer(c["T"], c["n"] + 1, c["adapter"])) - timed(lambda: answer(c["T"], 1, c["adapter"]))) / c["n"]],
    "swap": lambda c: [swap(c.get("resident", False))],
    "train": lambda c: steps(c["T"], c["n"], c.get("learned")),
    "loop": lambda c: [timed(example)],
}

print(json.dumps({"ready": True, "versions": {"torch": torch.__version__}}), flush=True)
for line in sys.stdin:
    command = json.loads(line)
    ms = WORK[command["work"]](command)
    print(json.dumps({"ms": ms, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "pss": pss()}), flush=True)
