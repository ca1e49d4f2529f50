"""Rows of the server's secrets."""

from __future__ import annotations

from collections.abc import Mapping

from antiphon.store.sqlite.session import Session, Transaction


def list_all(session: Session, purpose: str) -> list[tuple[str, float, bytes]]:
    return session.rows("list_keys", purpose=purpose)


def add(tx: Transaction, row: Mapping[str, str | float | bytes]) -> None:
    """`row` holds `purpose`, `key_id`, `created_at` and `key`."""
    tx.run("add_key", **row)


def drop(tx: Transaction, purpose: str, before: float) -> int:
    return tx.run("drop_keys", purpose=purpose, before=before)
