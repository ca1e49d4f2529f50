"""The SQL of the adapter, by name, from `store/sql/sqlite`.

A file holds queries, each after a line `-- name: NAME`; a name is unique across the files.
"""

from __future__ import annotations

import re
from importlib.resources import files

FOLDER = files("antiphon.store") / "sql" / "sqlite"
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def _read_queries() -> dict[str, str]:
    queries: dict[str, str] = {}
    for file in FOLDER.iterdir():
        if file.name.endswith(".sql") and not file.name[0].isdigit():
            _, *pairs = _NAME.split(file.read_text("utf-8"))
            queries.update((name, text.strip()) for name, text in zip(pairs[::2], pairs[1::2], strict=True))
    return queries


SQL = _read_queries()
