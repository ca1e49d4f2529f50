"""The material that tests may read: in `$ANTIPHON_SHARED`, by default `shared/` beside the checkout."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(os.environ.get("ANTIPHON_SHARED", Path(__file__).parents[3] / "shared"))


def path(*parts: str) -> Path:
    """A file or folder of the material; skips the test where it is absent."""
    found = ROOT.joinpath(*parts)
    if not found.exists():
        pytest.skip(f"{'/'.join(parts)} is not in {ROOT} (set ANTIPHON_SHARED)")
    return found


def recordings() -> list[str]:
    """The names of the recorded streams; empty where there are none."""
    return sorted(file.stem for file in (ROOT / "recordings").glob("*.jsonl"))


def events(name: str) -> Iterator[dict[str, Any]]:
    """The events of one recorded stream."""
    for line in path("recordings", f"{name}.jsonl").read_text().splitlines():
        yield json.loads(line)
