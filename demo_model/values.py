"""Random values that a dialogue mentions and its answer copies: names, cities, numbers, codes, phrases."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence
from typing import TypeVar

from demo_model.words import CITY, COLORS, FIRST_NAME, LONG_CITY, SMALL_WORDS, SYLLABLE, THING, Split

T = TypeVar("T")


class Values:
    """Draws from one random sequence, with the words of one split."""

    def __init__(self, rng: random.Random, split: Split) -> None:
        self.rng = rng
        self.split: Split = split

    def pick(self, choices: Sequence[T]) -> T:
        return self.rng.choice(choices)

    def weighted(self, choices: Sequence[tuple[T, int]]) -> T:
        return self.rng.choices([choice for choice, _ in choices], [weight for _, weight in choices])[0]

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def integer(self, low: int, high: int) -> int:
        return self.rng.randint(low, high)

    def invented(self, low: int = 1, high: int = 3) -> str:
        """A pronounceable word that no list holds."""
        return "".join(self.pick(SYLLABLE[self.split]) for _ in range(self.integer(low, high)))

    def invented_name(self) -> str:
        return self.invented(2, 3).capitalize()

    def thing(self) -> str:
        return self.pick(THING[self.split])

    def first_name(self) -> str:
        return self.pick(FIRST_NAME[self.split])

    def city(self) -> str:
        roll = self.rng.random()
        if roll < 0.45:
            return self.pick(CITY[self.split])
        if roll < 0.55:
            return self.pick(LONG_CITY[self.split])
        if roll < 0.93:
            return self.invented_name()
        return self.invented_name() + " " + self.invented_name()

    def name(self) -> str:
        roll = self.rng.random()
        if roll < 0.5:
            return self.first_name()
        if roll < 0.85:
            return self.invented_name()
        return self.first_name() + " " + self.invented_name()

    def number(self) -> int:
        roll = self.rng.random()
        if roll < 0.35:
            return self.integer(0, 99)
        return self.integer(100, 9999) if roll < 0.7 else self.integer(10000, 9999999)

    def large_number(self) -> int:
        return self.integer(100, 9999) if self.rng.random() < 0.7 else self.integer(10000, 9999999)

    def code(self) -> str:
        """An order number, serial number or token."""
        roll = self.rng.random()
        letters = self.upper(1, 3)
        if roll < 0.4:
            return f"{letters}-{self.large_number()}"
        if roll < 0.6:
            number = self.integer(0, 99)
            return f"{letters}{number}{self.pick(string.ascii_uppercase)}{self.integer(0, 9)}"
        if roll < 0.8:
            length = self.integer(5, 9)
            return "".join(self.pick(string.ascii_lowercase + string.digits) for _ in range(length))
        return str(self.large_number())

    def upper(self, low: int, high: int) -> str:
        return "".join(self.pick(string.ascii_uppercase) for _ in range(self.integer(low, high)))

    def word(self) -> str:
        return self.thing() if self.chance(0.5) else self.invented(1, 3)

    def phrase(self, low: int = 2, high: int = 6) -> str:
        return " ".join(self._phrase_word() for _ in range(self.integer(low, high)))

    def _phrase_word(self) -> str:
        roll = self.rng.random()
        if roll < 0.3:
            return self.thing()
        if roll < 0.45:
            return self.pick(COLORS)
        return self.invented(1, 2) if roll < 0.7 else self.pick(SMALL_WORDS)

    def email(self) -> str:
        return f"{self.invented(1, 2)}@{self.invented(1, 2)}.{self.pick(['com', 'org', 'net', 'io'])}"

    def letters(self) -> str:
        """A word in letters that no other value has: Cyrillic, accented, or mixed case."""
        roll = self.rng.random()
        if roll < 0.4:
            return "".join(chr(self.integer(0x430, 0x44F)) for _ in range(self.integer(3, 7))).capitalize()
        if roll < 0.7:
            accented = "éèüöäñçåøßîâ" + string.ascii_lowercase
            return "".join(self.pick(accented) for _ in range(self.integer(4, 8))).capitalize()
        return "".join(self.pick(string.ascii_letters) for _ in range(self.integer(3, 9)))

    def value(self) -> str:
        """Any string worth copying."""
        kinds: list[tuple[float, Callable[[], str]]] = [
            (0.25, self.city),
            (0.45, self.name),
            (0.58, self.code),
            (0.68, self.word),
            (0.80, lambda: self.phrase(2, 4)),
            (0.85, self.email),
            (0.93, self.invented_name),
            (1.0, self.letters),
        ]
        roll = self.rng.random()
        return next(make for limit, make in kinds if roll < limit)()
