"""A Llama decoder of transformers in float64 throughout, to tell rounding from a wrong formula.

A model that is only cast to float64 still takes its norms, its softmax and its rotary tables in float32.
"""

from contextlib import contextmanager

import torch
import transformers.models.llama.modeling_llama as llama


def norm(self, x):
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def rotary(self, x, position_ids):
    width = self.config.hidden_size // self.config.num_attention_heads
    frequencies = self.config.rope_parameters["rope_theta"] ** (-torch.arange(0, width, 2).double() / width)
    angles = position_ids[..., None].double() * frequencies
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


@contextmanager
def float64():
    """While it lasts, Llama's layers compute in the type of what they are given."""
    real = llama.LlamaRMSNorm.forward, llama.LlamaRotaryEmbedding.forward, torch.nn.functional.softmax
    llama.LlamaRMSNorm.forward, llama.LlamaRotaryEmbedding.forward = norm, rotary
    torch.nn.functional.softmax = lambda x, dim, dtype=None: torch.softmax(x, dim)
    try:
        yield
    finally:
        llama.LlamaRMSNorm.forward, llama.LlamaRotaryEmbedding.forward, torch.nn.functional.softmax = real
