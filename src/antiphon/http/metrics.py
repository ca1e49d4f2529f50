"""Counters for Prometheus. No label has values that a client can invent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """This process's numbers, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        self._requests = Counter(
            "antiphon_requests", "HTTP requests answered.", ("method", "route", "status"), **own
        )
        self._seconds = Histogram(
            "antiphon_request_seconds",
            "From request to the end of the answer.",
            ("route",),
            buckets=_SECONDS,
            **own,
        )
        self._tokens = Counter("antiphon_tokens", "Tokens of finished responses.", ("kind",), **own)
        self._events = Counter("antiphon_stream_events", "Stream events sent to clients.", **own)
        self._streams = Gauge("antiphon_active_streams", "Event streams being sent.", ("transport",), **own)
        self._sockets = Gauge("antiphon_active_sockets", "Open WebSocket connections.", **own)
        self._dropped = Counter(
            "antiphon_dropped_tools", "Offered tools that cannot run here.", ("type",), **own
        )
        self._cut = Counter("antiphon_cut_streams", "Streams that did not reach their end.", ("why",), **own)
        self._limited = Counter("antiphon_rate_limited", "Requests refused by a rate limit.", **own)
        self._incidents = Counter("antiphon_incidents", "What went wrong inside.", ("kind",), **own)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is a path template of ours or `unmatched`; 499 is a client that left."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def usage(self, usage: Mapping[str, Any] | None) -> None:
        """Count a response's official `usage` object."""
        if not usage:
            return
        self._tokens.labels("input").inc(usage["input_tokens"])
        self._tokens.labels("output").inc(usage["output_tokens"])
        cached = usage.get("input_tokens_details", {}).get("cached_tokens", 0)
        reasoning = usage.get("output_tokens_details", {}).get("reasoning_tokens", 0)
        self._tokens.labels("cached_input").inc(cached)
        self._tokens.labels("reasoning_output").inc(reasoning)

    def stream_began(self, transport: str) -> None:
        self._streams.labels(transport).inc()

    def stream_ended(self, transport: str, events: int) -> None:
        self._streams.labels(transport).dec()
        self._events.inc(events)

    def socket_opened(self) -> None:
        self._sockets.inc()

    def socket_closed(self) -> None:
        self._sockets.dec()

    def cut(self, why: str) -> None:
        """`why`: `client_gone`, `stalled`, `slow_reader` or `broken`."""
        self._cut.labels(why).inc()

    def dropped_tools(self, types: Iterable[str]) -> None:
        """Types come from the pinned union of tools, so they are few."""
        for kind in types:
            self._dropped.labels(kind).inc()

    def rate_limited(self) -> None:
        self._limited.inc()

    def incident(self, kind: str) -> None:
        """`illegal_transition`, `internal_error`, `store_failure` or `engine_failure`: the run driver's."""
        self._incidents.labels(kind).inc()

    def page(self) -> bytes:
        """All numbers in the text format that Prometheus reads."""
        return generate_latest(self.registry)
