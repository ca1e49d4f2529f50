"""docs/engines.md shows the dialects as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from antiphon.core.chat.dialect import Dialect
from antiphon.engines.upstream.dialects import DIALECTS

ROWS: dict[str, Callable[[Dialect], str]] = {
    "system text": lambda d: d.system,
    "reasoning of earlier turns": lambda d: d.reasoning_back or "–",
    "forced calls": lambda d: "tool_choice" if d.forces_calls else "schema",
    "calls beside a text format": lambda d: "one request" if d.calls_with_format else "two requests",
    "log probabilities beside tools": lambda d: "yes" if d.calls_with_logprobs else "refused",
    "grammars of custom tools": lambda d: ", ".join(sorted(d.grammars)) or "–",
    "output limit": lambda d: d.max_tokens,
    "verbosity": lambda d: "parameter" if d.verbosity else "sentence",
    "prompt cache salt": lambda d: "yes" if d.cache_salt else "–",
    "tokens counted by": lambda d: ", ".join(d.counts) or "estimate",
}


def test_the_table_of_dialects_is_true(root: Path) -> None:
    written = [
        line for line in (root / "docs" / "engines.md").read_text().splitlines() if line.startswith("|")
    ]
    rows = [["", *DIALECTS], *([name, *map(cell, DIALECTS.values())] for name, cell in ROWS.items())]
    lines = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]
    assert [written[0], *written[2:]] == lines
