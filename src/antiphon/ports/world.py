"""The world outside: who owns things, what time it is, fresh ids."""

from __future__ import annotations

from typing import Protocol

Tenant = str
"""Who owns a thing: an API key's tenant, or `default` where no keys are configured."""


class Clock(Protocol):
    def now(self) -> float:
        """Unix time in seconds."""
        ...


class Ids(Protocol):
    def new(self, prefix: str) -> str:
        """A fresh unguessable id, `prefix_` and at least 128 random bits."""
        ...
