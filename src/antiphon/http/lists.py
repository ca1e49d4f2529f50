"""The official list form and its cursor (SPEC.md H21)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.core.deltas import JSON
from antiphon.ports import Page


def page_of(query: Mapping[str, Any]) -> Page:
    """The page that a query asks for, once the pin has checked it."""
    return Page(query["limit"], query["order"], query.get("after"))


def listing(data: Sequence[JSON], has_more: bool) -> JSON:
    """The envelope of a page; its first and last ids are null when it is empty."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }
