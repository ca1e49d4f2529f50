"""What one exchange shows: at most one observation per requirement, the first breach kept."""

from __future__ import annotations

from typing import Any

from antiphon.checker.verdicts import Observation, Verdict, alternatives
from antiphon.checker.wire import Exchange


class Look:
    """Collects what an exchange shows."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._seen: dict[str, Observation] = {}

    def passes(self, requirement: str) -> None:
        """It was exercised; a breach seen before or after outweighs this."""
        self._seen.setdefault(requirement, Observation(requirement, Verdict.PASS, on=(self.exchange,)))

    def fails(self, requirement: str, message: str, *, expected: Any = None, got: Any = None) -> None:
        known = self._seen.get(requirement)
        if known is None or known.verdict is not Verdict.FAIL:
            wanted = alternatives(expected)
            self._seen[requirement] = Observation(
                requirement, Verdict.FAIL, message, wanted, got, (self.exchange,)
            )

    def unclear(self, requirement: str, answer: str, accepted: tuple[str, ...]) -> None:
        """An answer on which sources differ: it passes where it is one of those to accept."""
        if answer in accepted:
            self.passes(requirement)
        elif requirement not in self._seen or self._seen[requirement].verdict is Verdict.PASS:
            self._seen[requirement] = Observation(
                requirement, Verdict.UNCLEAR, answer, accepted, answer, (self.exchange,)
            )

    def judge(self, requirement: str, told: str | None) -> None:
        """`told`: None where the rule does not apply, empty where it holds, else what speaks against it."""
        if told:
            self.fails(requirement, told)
        elif told is not None:
            self.passes(requirement)

    def observations(self) -> list[Observation]:
        return list(self._seen.values())
