"""Files and images that input items name, made into what engines read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from antiphon.core.deltas import JSON
from antiphon.ports import Tenant


class Inputs(Protocol):
    """Resolves the parts of items just before an engine sees them; stored items stay as they came."""

    async def resolve(self, tenant: Tenant, items: Sequence[JSON], history: int = 0) -> tuple[JSON, ...]:
        """Items whose `input_file` parts are text and whose images engines can read.

        The first `history` items come from earlier requests, so that `param` names `input[0]` rightly.
        Raises `Invalid` for what cannot be read and `Unsupported` for what is not served here.
        """
        ...
