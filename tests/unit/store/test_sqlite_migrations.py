from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from antiphon.config import StoreSettings
from antiphon.ports import StoreDown
from antiphon.store import open_store
from antiphon.store.sqlite.connection import Connection, connect_writer
from antiphon.store.sqlite.migrations import Migration, migrate, read_migrations

KNOWN = read_migrations()
LATER = Migration(
    KNOWN[-1].version + 1, "CREATE TABLE later (x INTEGER) STRICT; INSERT INTO later VALUES (1);"
)


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    return connect_writer(tmp_path / "store.db", StoreSettings())


def applied(connection: Connection) -> list[tuple[int, str, float]]:
    return [
        (v, h, t) for v, h, t in connection.execute("SELECT * FROM migrations ORDER BY version").fetchall()
    ]


def test_versions_count_from_one() -> None:
    assert [migration.version for migration in KNOWN] == list(range(1, len(KNOWN) + 1))


def test_each_is_applied_once_and_recorded(connection: Connection) -> None:
    migrate(connection, KNOWN, 100.0)
    migrate(connection, KNOWN, 200.0)
    migrate(connection, [*KNOWN, LATER], 300.0)
    migrate(connection, [*KNOWN, LATER], 400.0)
    assert applied(connection) == [
        *[(migration.version, migration.hash, 100.0) for migration in KNOWN],
        (LATER.version, LATER.hash, 300.0),
    ]
    assert connection.execute("SELECT x FROM later").fetchall() == [(1,)]


def test_a_newer_database_is_refused(connection: Connection) -> None:
    migrate(connection, [*KNOWN, LATER], 100.0)
    with pytest.raises(StoreDown, match=f"schema version {LATER.version}.*newer Antiphon"):
        migrate(connection, KNOWN, 200.0)


def test_a_changed_migration_is_refused(connection: Connection) -> None:
    migrate(connection, [*KNOWN, LATER], 100.0)
    changed = Migration(LATER.version, "CREATE TABLE later (y INTEGER) STRICT;")
    with pytest.raises(StoreDown, match="a different build"):
        migrate(connection, [*KNOWN, changed], 200.0)


def test_the_database_of_another_program_is_refused(connection: Connection) -> None:
    connection.execute("CREATE TABLE invoices (x)")
    with pytest.raises(StoreDown, match=r"'invoices'.*another program"):
        migrate(connection, KNOWN, 100.0)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("invoices",)]


def test_a_migration_that_fails_leaves_nothing(connection: Connection) -> None:
    broken = Migration(LATER.version, "CREATE TABLE half (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1);")
    with pytest.raises(apsw.SQLError):
        migrate(connection, [*KNOWN, broken], 100.0)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == []
    migrate(connection, KNOWN, 200.0)


OPEN = """
import asyncio, sys
from antiphon.config import StoreSettings
from antiphon.store import open_store
async def main():
    store = open_store(StoreSettings(url=sys.argv[1]))
    sys.stdin.readline()
    await store.open()
    await store.add_key("p", sys.argv[2], 1.0, b"k")
    await store.aclose()
asyncio.run(main())
"""


def test_processes_that_open_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/store.db"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url, str(n)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for n in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, b"")
    assert sorted(asyncio.run(keys_of(url))) == [(str(n), 1.0, b"k") for n in range(4)]


async def keys_of(url: str) -> list[tuple[str, float, bytes]]:
    store = open_store(StoreSettings(url=url))
    await store.open()
    found = await store.keys("p")
    await store.aclose()
    return found
