"""The newest SDK on the package index against the pin, and the history of what was seen (JSON lines)."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from antiphon.checker.drift import sdk, sources
from antiphon.checker.drift.diff import Drift, compare

JSON = dict[str, Any]

FILE = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. `day` is ISO 8601; `summary` as in the comparison's record; `first` is the day on which this
    state of the newest surface against this pin was first seen: deadlines count from it."""

    day: str
    pin: str
    newest: str
    digest: str
    first: str
    summary: JSON


def look(cache: Path) -> tuple[str, Drift]:
    """The newest version and its comparison with the pin. Raises `sdk.Unobtainable`."""
    version = sdk.newest()
    old, new = sources.load("pin", cache), sources.load(version, cache)
    return version, compare(*sources.surfaces(old, new), sources.touched_by_errata())


def history(folder: Path) -> list[Seen]:
    """What was seen, the oldest first; empty where there is no history."""
    file = folder / FILE
    if not file.is_file():
        return []
    return [Seen(**json.loads(line)) for line in file.read_text("utf-8").splitlines() if line]


def noted(version: str, drift: Drift, today: datetime.date, past: list[Seen]) -> tuple[Seen, bool]:
    """The look as it is kept, and whether it says something that the last one did not."""
    digest = drift.digests[1]
    last = past[-1] if past else None
    same = last is not None and (last.pin, last.digest) == (drift.digests[0], digest)
    first = last.first if same and last is not None else today.isoformat()
    seen = Seen(today.isoformat(), drift.digests[0], version, digest, first, drift.summary())
    return seen, not same or (last is not None and last.newest != version)


def keep(folder: Path, seen: Seen) -> None:
    """Appends one line."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(seen), sort_keys=True) + "\n")
