from __future__ import annotations

import re
from pathlib import Path

import apsw
import pytest

import antiphon.store.sqlite
from antiphon.store.sqlite.migrations import migrate, read_migrations
from antiphon.store.sqlite.queries import FOLDER, SQL

ROWS_MAY_BE_MANY = re.compile(
    r"SCAN (responses|r|items|i|conversations|c|conversation_items|l|blobs|item_blobs|event_batches|b|keys)\b"
)
FEW = re.compile(r"USING INDEX (responses_unfinished|conversations_locked)$")
BEFORE_THE_SCHEMA = {"create_migrations"}


@pytest.fixture
def connection() -> apsw.Connection:
    made = apsw.Connection(":memory:")
    migrate(made, read_migrations(), 0.0)  # pyright: ignore[reportArgumentType]
    return made


@pytest.mark.parametrize("name", sorted(SQL.keys() - BEFORE_THE_SCHEMA))
def test_a_query_compiles_and_reads_through_an_index(connection: apsw.Connection, name: str) -> None:
    query = SQL[name]
    bindings = dict.fromkeys(re.findall(r":(\w+)", query), 1) or (1,) * query.count("?")
    plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + query, bindings)]
    scans = [step for step in plan if ROWS_MAY_BE_MANY.match(step) and not FEW.search(step)]
    assert scans == []


def test_names_are_unique() -> None:
    texts = [file.read_text("utf-8") for file in FOLDER.iterdir() if not file.name[0].isdigit()]
    names = [name for text in texts for name in re.findall(r"^-- name: (\w+)$", text, re.MULTILINE)]
    assert sorted(names) == sorted(SQL)


def test_every_query_is_used_and_every_used_query_exists() -> None:
    folder = Path(antiphon.store.sqlite.__file__).parent
    code = "\n".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    used = re.findall(r"\.(?:rows|run|run_many|stream)\(\s*\"(\w+)\"", code)
    used += re.findall(r"SQL\[\"(\w+)\"\]", code)
    assert set(used) == set(SQL)
