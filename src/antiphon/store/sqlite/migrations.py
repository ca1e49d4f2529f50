"""Bringing a database to the schema of this program.

Migrations are `NNNN_name.sql`, applied in order, each recorded with the SHA-256 of its text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from antiphon.ports import StoreDown
from antiphon.store.sqlite.connection import Connection
from antiphon.store.sqlite.queries import FOLDER, SQL


class Migration(NamedTuple):
    version: int
    text: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations() -> list[Migration]:
    """Of this program, in order."""
    found = (file for file in FOLDER.iterdir() if file.name[:4].isdigit() and file.name.endswith(".sql"))
    return sorted(Migration(int(file.name[:4]), file.read_text("utf-8")) for file in found)


def migrate(connection: Connection, migrations: Sequence[Migration], now: float) -> None:
    """Apply what is missing, in one transaction; processes that open at once wait for each other.

    Raises `StoreDown` for a database of another program or of a newer one.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        applied = _applied(connection)
        _check(applied, migrations)
        for migration in migrations:
            if migration.version not in applied:
                _apply(connection, migration, now)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _applied(connection: Connection) -> dict[int, str]:
    """Hashes by version; makes the table in a new database."""
    if not connection.execute(SQL["has_migrations"]).fetchall():
        if foreign := connection.execute(SQL["foreign_tables"]).fetchall():
            raise StoreDown(
                f"the database holds a table {foreign[0][0]!r} and no Antiphon schema: it belongs to "
                "another program; set store.url to a file of its own"
            )
        connection.execute(SQL["create_migrations"])
    rows = connection.execute(SQL["applied_migrations"]).fetchall()
    return {int(version): str(hash) for version, hash in rows}


def _check(applied: dict[int, str], migrations: Sequence[Migration]) -> None:
    known = {migration.version: migration.hash for migration in migrations}
    for version, hash in applied.items():
        if version not in known:
            raise StoreDown(
                f"the database has schema version {version}, this program knows versions up to "
                f"{max(known)}: run the newer Antiphon, or set store.url to another file"
            )
        if hash != known[version]:
            raise StoreDown(
                f"schema version {version} of the database was made by a different build of Antiphon: "
                "run that build, or set store.url to another file"
            )


def _apply(connection: Connection, migration: Migration, now: float) -> None:
    # apsw runs a statement only when the rows of those before it have been read
    connection.execute(migration.text).fetchall()
    row = {"version": migration.version, "hash": migration.hash, "now": now}
    connection.execute(SQL["record_migration"], row)
