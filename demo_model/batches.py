"""Rows of tokens to learn from: whole dialogues side by side, and now and then pure copying."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from demo_model.rendering import SPECIAL, segments
from demo_model.synthesis import dialogue
from demo_model.words import Split

IGNORED = -100  # cross_entropy's own: a position whose next token is not learned
NOWHERE = 10**6  # the document number of padding


@dataclass(frozen=True, slots=True)
class Row:
    """`targets`: at each position the token that follows, or IGNORED. `documents`: positions of one number
    may see each other. `spans`: `(task, start, end)` of the dialogues inside.
    """

    tokens: np.ndarray
    targets: np.ndarray
    documents: np.ndarray
    spans: list[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class Batch:
    tokens: Tensor
    targets: Tensor
    mask: Tensor  # (row, 1, position, position seen)
    rows: list[Row]


def empty_row(length: int) -> Row:
    return Row(np.zeros(length, np.int64), np.full(length, IGNORED), np.full(length, NOWHERE), [])


class Rows:
    """An endless supply of rows of `length` tokens from one random sequence."""

    def __init__(self, tokenizer: Tokenizer, split: Split, length: int, seed: int) -> None:
        self._length = length
        self._rng = random.Random(seed)
        self._numbers = np.random.default_rng(seed)
        self._documents = self._encoded(tokenizer, split)
        self._left_over = next(self._documents)

    def batch(self, size: int, copying: float) -> Batch:
        """`copying` is the share of rows that only train copying."""
        rows = [self.copying() if self._rng.random() < copying else self.dialogues() for _ in range(size)]
        documents = torch.from_numpy(np.stack([row.documents for row in rows]))
        causal = torch.ones(self._length, self._length, dtype=torch.bool).tril()
        mask = (documents[:, :, None] == documents[:, None, :]) & causal
        tokens = torch.from_numpy(np.stack([row.tokens for row in rows]))
        targets = torch.from_numpy(np.stack([row.targets for row in rows]))
        return Batch(tokens, targets, mask[:, None], rows)

    def dialogues(self) -> Row:
        row, start = empty_row(self._length), 0
        while start + len(self._left_over[1]) <= self._length:
            task, tokens, targets = self._left_over
            end = start + len(tokens)
            row.tokens[start:end], row.targets[start:end] = tokens, targets
            row.documents[start:end] = len(row.spans)
            row.spans.append((task, start, end))
            self._left_over, start = next(self._documents), end
        return row

    def copying(self) -> Row:
        """Random tokens, a gap, and the same tokens again: the start of every ability that this model has."""
        row, start, document = empty_row(self._length), 0, 0
        draw = self._numbers.integers
        while start < self._length - 8:
            size = min(int(draw(4, 40)), (self._length - start) // 2)
            original, gap = draw(len(SPECIAL), 2048, size), draw(len(SPECIAL), 2048, int(draw(0, 6)))
            tokens = np.concatenate([original, gap, original])[: self._length - start]
            end, again = start + len(tokens), start + size + len(gap)
            row.tokens[start:end], row.documents[start:end] = tokens, document
            if end > again + 1:
                row.targets[again : end - 1] = row.tokens[again + 1 : end]
            start, document = end, document + 1
        return row

    def _encoded(self, tokenizer: Tokenizer, split: Split) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Task, tokens and targets of one dialogue after another, those that fit a row."""
        while True:
            made = dialogue(self._rng, split)
            parts = segments(made)
            encoded = tokenizer.encode_batch([text for text, _ in parts], add_special_tokens=False)
            tokens = np.concatenate([part.ids for part in encoded])
            learned = np.concatenate(
                [np.full(len(part.ids), learn) for part, (_, learn) in zip(encoded, parts, strict=True)]
            )
            targets = np.full(len(tokens), IGNORED)
            targets[:-1] = np.where(learned[1:], tokens[1:], IGNORED)
            if len(tokens) <= self._length:
                yield made.task, tokens, targets
