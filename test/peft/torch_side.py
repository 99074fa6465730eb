"""PyTorch and PEFT for the tests beside it: one JSON command a line on stdin, one JSON answer a line on stdout.

A command is {"do": name, ...arguments}; argv[1] is a folder for what is too long for a line.
"""

import copy
import json
import os
import re
import sys
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore", FutureWarning)  # of what the libraries do among themselves
import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils.other import get_pattern_key
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "fixtures"))
from decoders import decoder
from exact import float64

torch.set_num_threads(2)
scratch = Path(sys.argv[1])
answers = sys.stdout
sys.stdout = sys.stderr  # what libraries print is no answer
base = None


def seeded(architecture):
    """The tiny decoder that a seed gives."""
    global base
    base = decoder(architecture)


def exported(config, constants):
    """The decoder whose weights an exported graph holds: constants by the names of the GenAI builder."""
    global base
    config = AutoConfig.from_pretrained(config)
    base = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    base.name_or_path = ""  # else its adapters name this folder, and other exports of it warn
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    widths = [n * head for n in (config.num_attention_heads, config.num_key_value_heads, config.num_key_value_heads)]
    state = {}
    for c in constants:
        count = int(np.prod(c["dims"]))
        t = torch.from_numpy(np.fromfile(c["file"], "<f4", count, offset=c["offset"]).reshape(c["dims"]))
        t = t.T if c["name"].endswith(".MatMul.weight") else t  # the graph has [in, out]
        name = re.sub(r"\.(MatMul|Add)\.(weight|bias)$", r".\2", c["name"]).replace(".attn.", ".self_attn.")
        name = re.sub(r"layers\.\d+\.final_norm_layernorm", "norm", name)
        if "qkv_proj" in name:
            state |= {name.replace("qkv", part): piece for part, piece in zip("qkv", t.split(widths))}
        else:
            state[name] = t
    if config.tie_word_embeddings:
        # One table, under the name of either use.
        table = state.get("model.embed_tokens.weight", state.get("lm_head.weight"))
        state |= {"model.embed_tokens.weight": table, "lm_head.weight": table}
    base.load_state_dict({name: t for name, t in state.items() if not name.endswith("_cache")})


def unwrapped(model):
    """Keeps the base model without the adapter for the next command."""
    global base
    base = model.unload()


@torch.no_grad()
def logits(ids, adapter=None, exact=False):
    if exact:
        model = copy.deepcopy(base)
        model = (PeftModel.from_pretrained(model, adapter) if adapter else model).double()
        with float64():
            out = model.eval()(torch.tensor([ids])).logits[0].float().numpy()
    else:
        model = PeftModel.from_pretrained(base, adapter) if adapter else base
        out = model.eval()(torch.tensor([ids])).logits[0].float().numpy()
        if adapter:
            unwrapped(model)
    path = scratch / "logits.f32"
    out.tofile(path)
    return {"file": str(path)}


def make(folder, config, seed, untrained=False, dtype=None):
    """Saves an adapter as PEFT makes it; unless untrained, with a B that is not zero."""
    torch.manual_seed(seed)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **config))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name and not untrained:
                p.normal_(std=0.05)
    model.save_pretrained(folder)
    unwrapped(model)
    if dtype:
        path = Path(folder) / "adapter_model.safetensors"
        tensors = {n: t.to(getattr(torch, dtype)) for n, t in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})


def train(adapter, batches, lr, weight_decay, clip):
    """Losses of AdamW steps, one a batch: lists of {inputIds, labels}, padded on the right."""
    model = PeftModel.from_pretrained(base, adapter, is_trainable=True).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=weight_decay, betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for batch in batches:
        T = max(len(item["inputIds"]) for item in batch)
        padded = lambda key, fill: torch.tensor([i[key] + [fill] * (T - len(i[key])) for i in batch])
        mask = torch.tensor([[1] * len(i["inputIds"]) + [0] * (T - len(i["inputIds"])) for i in batch])
        optimizer.zero_grad()
        ids = padded("inputIds", 0)
        loss = model(input_ids=ids, attention_mask=mask, labels=padded("labels", -100), use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, clip)
        optimizer.step()
        losses.append(loss.item())
    unwrapped(model)
    return {"losses": losses}


def decisions(patterns, targets):
    """Which key of a pattern PEFT takes for a module (null: none), and whether a configuration targets it."""
    key = lambda p, m: next((k for k in p if k == get_pattern_key(p, m)), None)
    return {
        "patterns": [key(c["pattern"], c["module"]) for c in patterns],
        "targets": [bool(check_target_module_exists(LoraConfig(**c["config"]), c["module"])) for c in targets],
    }


COMMANDS = {f.__name__: f for f in (seeded, exported, logits, make, train, decisions)}
for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(COMMANDS[command.pop("do")](**command) or {}), file=answers, flush=True)
