"""Token buckets per tenant, and the `x-ratelimit-*` headers that tell of them (SPEC.md G.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from antiphon.config import RateSettings
from antiphon.core.errors import RateLimited
from antiphon.ports import Tenant

Unit = Literal["requests", "tokens"]
_SHORT: dict[Unit, str] = {"requests": "RPM", "tokens": "TPM"}

_BYTES_PER_TOKEN = 4
"""Of a request body, for what a request is charged before its usage is known."""


@dataclass(slots=True)
class Bucket:
    """Holds at most one minute's worth, and refills evenly. `level` may be negative: a debt."""

    per_minute: int
    level: float
    at: float  # Unix seconds of `level`

    def refill(self, now: float) -> None:
        self.level = min(self.per_minute, self.level + max(0.0, now - self.at) * self.per_minute / 60)
        self.at = now

    def wait_for(self, amount: float) -> float:
        """Seconds until `amount` is there; 0 if it is."""
        return max(0.0, (amount - self.level) * 60 / self.per_minute)

    def headers(self, unit: Unit) -> dict[str, str]:
        return {
            f"x-ratelimit-limit-{unit}": str(self.per_minute),
            f"x-ratelimit-remaining-{unit}": str(max(0, math.floor(self.level))),
            f"x-ratelimit-reset-{unit}": duration(self.wait_for(self.per_minute)),
        }


@dataclass(frozen=True, slots=True)
class Charge:
    """What one request was charged beforehand, to be settled when its usage is known."""

    tenant: Tenant
    tokens: int
    headers: dict[str, str]


class Rates:
    """The buckets of all tenants. Times are Unix seconds."""

    def __init__(self, settings: RateSettings) -> None:
        limits: dict[Unit, int | None] = {
            "requests": settings.requests_per_minute,
            "tokens": settings.tokens_per_minute,
        }
        self._limits: dict[Unit, int] = {unit: limit for unit, limit in limits.items() if limit is not None}
        self._tenants: dict[Tenant, dict[Unit, Bucket]] = {}

    @property
    def counts_tokens(self) -> bool:
        return "tokens" in self._limits

    def admit(self, tenant: Tenant, body_bytes: int, now: float) -> Charge:
        """Take one request and its estimated tokens. Raises `RateLimited` and then takes nothing."""
        buckets = self._buckets(tenant, now)
        tokens = min(max(1, body_bytes // _BYTES_PER_TOKEN), self._limits.get("tokens", 0))
        wanted: dict[Unit, int] = {"requests": 1, "tokens": tokens}
        for unit, bucket in buckets.items():
            wait = bucket.wait_for(wanted[unit])
            if wait > 0:
                raise self._refusal(unit, wait, buckets)
        for unit, bucket in buckets.items():
            bucket.level -= wanted[unit]
        return Charge(tenant, tokens, _headers(buckets))

    def settle(self, charge: Charge, used_tokens: int, now: float) -> None:
        """Replace the estimate of `charge` by what was used; the bucket may go into debt."""
        bucket = self._buckets(charge.tenant, now).get("tokens")
        if bucket is not None:
            bucket.level = min(bucket.per_minute, bucket.level + charge.tokens - used_tokens)

    def _buckets(self, tenant: Tenant, now: float) -> dict[Unit, Bucket]:
        if tenant not in self._tenants:
            self._tenants[tenant] = {unit: Bucket(n, n, now) for unit, n in self._limits.items()}
        buckets = self._tenants[tenant]
        for bucket in buckets.values():
            bucket.refill(now)
        return buckets

    def _refusal(self, unit: Unit, wait: float, buckets: dict[Unit, Bucket]) -> RateLimited:
        # `Retry-After` is an integer of at least one second (OpenAPI, TooManyRequests).
        retry = {"retry-after": str(max(1, math.ceil(wait))), "retry-after-ms": str(math.ceil(wait * 1000))}
        return RateLimited(
            f"Rate limit reached for {unit} per min ({_SHORT[unit]}): limit {self._limits[unit]}. "
            f"Please try again in {duration(wait)}.",
            headers=_headers(buckets) | retry,
        )


def _headers(buckets: dict[Unit, Bucket]) -> dict[str, str]:
    return {k: v for unit, bucket in buckets.items() for k, v in bucket.headers(unit).items()}


def duration(seconds: float) -> str:
    """`6m0s`, `8.64s`, `20ms`: the form of the reset headers (SPEC.md G.3)."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms" if seconds > 0 else "0s"
    minutes, rest = divmod(round(seconds, 2), 60)
    text = f"{rest:.2f}".rstrip("0").rstrip(".") + "s"
    return f"{int(minutes)}m{text}" if minutes else text
