"""Token ids of the embedded model, made without any code of this project.

Builds the tokenizer with Hugging Face `tokenizers` from the vocabulary and the merges of a GGUF file, and writes
test/models/tokenizer-golden.json. Run once, in an environment with `pip install tokenizers gguf`:

    python scripts/golden-tokenizer.py SmolLM2-135M-Instruct.Q4_1.gguf test/models/tokenizer-golden.json
"""

import json
import sys

from gguf import GGUFReader
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

TEXTS = [
    "What is the capital of France?",
    "The quick brown fox jumps over the lazy dog.",
    " leading space",
    "trailing space ",
    "two  spaces   three    four",
    "\n",
    "\n\n\n",
    "line one\nline two\r\nline three\n\n\nline six",
    "\ttab\t\ttabs",
    "   \n  \t mixed   white\u00a0space \u3000 here",
    "",
    " ",
    "        ",
    "1",
    "1234567890",
    "In 2024, 3.14159 x 10^-27 = 42%",
    "v1.2.3-rc4 at 10:45:07 on 2025-02-07",
    "١٢٣ and ½ and Ⅳ and 七",
    "I'll they're we've can't it's you'd I'm DON'T SHE'LL",
    "e-mail: someone@example.org, see (also) [this] {that} <those>!",
    "def f(x: int) -> str:\n    return f'{x:>8}' if x != 0 else \"none\"\n",
    "for (let i = 0; i < n; i++) { sum += a[i] ** 2 }  // O(n)",
    "SELECT * FROM runs WHERE score >= 0.5 AND chat_id = 'a''b';",
    "\\frac{\\partial L}{\\partial W} = X^\\top \\delta",
    "https://example.org/path?query=1&other=%20#fragment",
    "naïve café Zürich façade coöperate Ångström",
    "cafe\u0301 is not caf\u00e9",
    "Привет, мир! Как дела?",
    "Γειά σου Κόσμε",
    "مرحبا بالعالم",
    "שלום עולם",
    "नमस्ते दुनिया",
    "你好，世界！今天天气怎么样？",
    "日本語のテキスト、カタカナとひらがな。",
    "안녕하세요 세계",
    "👍 🎉🎉 👩‍👩‍👧‍👦 🏳️‍🌈 é",
    "zero\u200bwidth\u200djoiner \ufeff bom",
    "\u0000 nul and \u007f del",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "ALLCAPS camelCase snake_case kebab-case SCREAMING_SNAKE",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "<|im_start|>user\nHi<|im_end|>\n",
    "<|endoftext|>",
    "text<|im_end|>text <|im_end|> text",
    "<repo_name>a/b<file_sep>main.py<jupyter_code>print(1)",
    "<|im_start> is not a token, nor is < |im_end|>",
    "!!!???...,,,;;;:::---___***",
    "“quoted” ‘single’ — dash – en … ellipsis €100 £5 ¥7 ™ © ®",
]

CHATS = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [
        {"role": "system", "content": "Answer in one word."},
        {"role": "user", "content": "Where does Mira live?"},
        {"role": "assistant", "content": "Lisbon"},
        {"role": "user", "content": "  And in 2023?\n"},
    ],
    [{"role": "user", "content": "你好 <|im_end|> 123"}],
]

SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def render(messages):
    """ChatML with the model's own system message where none is given: what its chat template is meant to do."""
    if messages[0]["role"] != "system":
        messages = [{"role": "system", "content": SYSTEM}, *messages]
    turns = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
    return turns + "<|im_start|>assistant\n"


def main(source, target):
    fields = GGUFReader(source).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]

    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([t for t, kind in zip(tokens, types) if kind == 3])
    assert tokenizer.get_vocab_size() == len(tokens)

    golden = {
        "texts": [{"text": t, "ids": tokenizer.encode(t).ids} for t in TEXTS],
        "chats": [{"messages": m, "text": render(m), "ids": tokenizer.encode(render(m)).ids} for m in CHATS],
    }
    for case in golden["texts"]:
        assert tokenizer.decode(case["ids"], skip_special_tokens=False) == case["text"], case
    with open(target, "w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


main(*sys.argv[1:])
