"""What tenants use: rate limits beforehand, tokens afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

from antiphon.core.errors import ApiError, RateLimited
from antiphon.http.metrics import Metrics
from antiphon.http.rates import Charge, Rates
from antiphon.ports import Clock, LiveRun, Tenant


class Accounts:
    """Charges requests and settles them when their run has ended, also when no client waits for it."""

    def __init__(self, rates: Rates, metrics: Metrics, clock: Clock) -> None:
        self._rates, self._metrics, self._clock = rates, metrics, clock
        self._open: set[asyncio.Task[None]] = set()

    def admit(self, tenant: Tenant, body_bytes: int) -> Charge:
        """Raises `RateLimited`."""
        try:
            return self._rates.admit(tenant, body_bytes, self._clock.now())
        except RateLimited:
            self._metrics.rate_limited()
            raise

    def follow(self, run: LiveRun, charge: Charge) -> None:
        """Settle `charge` when `run` ends."""
        self._metrics.dropped_tools(run.dropped_tools)
        task = asyncio.create_task(self._settle(run, charge))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _settle(self, run: LiveRun, charge: Charge) -> None:
        try:
            usage: dict[str, Any] | None = (await run.result()).get("usage")
        except ApiError:
            usage = None  # refused before it began
        self._metrics.usage(usage)
        self._rates.settle(charge, usage["total_tokens"] if usage else 0, self._clock.now())
