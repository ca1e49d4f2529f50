"""Make the vocabulary: byte-level BPE over synthetic dialogues.

Merges never cross a border between word, space and punctuation, so a value is cut the same way wherever it
stands and can be copied token by token. llama.cpp's `qwen2` rules cut these borders as `BORDERS` does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from demo_model.paths import BUILD, TOKENIZER
from demo_model.rendering import SPECIAL, check, text
from demo_model.synthesis import dialogue

SIZE = 2048
DIALOGUES = 60_000
BORDERS = r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|[\r\n]+|\s"


def main() -> None:
    rng = random.Random(1)
    check([dialogue(rng, "train") for _ in range(2000)])
    BUILD.mkdir(exist_ok=True)
    made = train()
    made.save(str(TOKENIZER))
    print(f"{TOKENIZER}: {made.get_vocab_size()} tokens")


def train() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(BORDERS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=16,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    return tokenizer


def _texts() -> Iterator[str]:
    rng = random.Random(0)
    for _ in range(DIALOGUES):
        rendered = text(dialogue(rng, "train"))
        for special in SPECIAL:
            rendered = rendered.replace(special, "\n")
        yield rendered


if __name__ == "__main__":
    main()
