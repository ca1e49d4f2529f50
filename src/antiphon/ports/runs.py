"""Runs, as http sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from antiphon.core.deltas import JSON
from antiphon.core.events import Event
from antiphon.ports.engine import TokenCount
from antiphon.ports.store import Listing, Page
from antiphon.ports.world import Tenant

Offer = Callable[[Sequence[Event]], bool]
"""A reader's short way, without a task switch per token: called by the writer with new events; True when it
has taken them at once, False when it would have to wait. It must not raise."""


class LiveRun(Protocol):
    """A response being made, or just made, in this process."""

    @property
    def id(self) -> str: ...

    @property
    def dropped_tools(self) -> Sequence[str]:
        """Tool types that were offered and cannot run here."""
        ...

    @property
    def background(self) -> bool: ...

    @property
    def announced(self) -> JSON:
        """A background response as it was accepted: queued, however fast it runs then."""
        ...

    @property
    def context(self) -> Sequence[JSON]:
        """History, input and, once ended, output: what a continuation of this response is given."""
        ...

    @property
    def obfuscate(self) -> bool:
        """`stream_options.include_obfuscation`, default True (SPEC.md H6)."""
        ...

    async def accepted(self) -> None:
        """Return when the first event is there. Raises the `ApiError` that refused the run before it."""
        ...

    def events(self, after: int = -1, offer: Offer | None = None) -> AsyncIterator[Sequence[Event]]:
        """The log from `after`+1, in batches as they come, to its end. Raises `SlowReader`.

        While the reader waits, new events go to `offer`; what it takes is not yielded.
        """
        ...

    async def result(self) -> JSON:
        """The final response object, stored if it is to be stored. Raises like `accepted`."""
        ...

    async def cancel(self) -> None:
        """End the run as `cancelled`; returns when it has ended. Idempotent."""
        ...


class SlowReader(Exception):
    """A reader fell further behind than the log's limit; its connection is closed, the run goes on."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how. `headers` holds lower-case request headers that may be recorded (no secrets)."""

    tenant: Tenant = "default"
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Warm:
    """What a WebSocket connection knows of its lane (SPEC.md H.2).

    `history` stands for the body's `previous_response_id` where that response lives only on this
    connection. `generate` False makes an empty response at once: a warm-up.
    """

    history: Sequence[JSON] | None = None
    generate: bool = True


class Runs(Protocol):
    """Everything http does with responses."""

    @property
    def accepting(self) -> bool:
        """Whether new runs are taken; False while the process drains."""
        ...

    async def start(self, body: object, caller: Caller, warm: Warm | None = None) -> LiveRun:
        """Check, plan and start a run. Raises `ApiError`."""
        ...

    async def get(self, response_id: str, caller: Caller) -> JSON:
        """The response object now. Raises `NotFound`."""
        ...

    async def resume(self, response_id: str, after: int, caller: Caller) -> AsyncIterator[Sequence[Event]]:
        """The log from `after`+1. Raises `NotFound`, or `Invalid` where none is kept (SPEC.md H13)."""
        ...

    async def cancel(self, response_id: str, caller: Caller) -> JSON:
        """Cancel a background response; the final object, also when it had ended (SPEC.md H12)."""
        ...

    async def delete(self, response_id: str, caller: Caller) -> None: ...

    async def input_items(self, response_id: str, page: Page, caller: Caller) -> Listing: ...

    async def count_tokens(self, body: object, caller: Caller) -> TokenCount: ...

    async def compact(self, body: object, caller: Caller) -> JSON:
        """`POST /responses/compact`: the official `response.compaction` object. Raises `ApiError`."""
        ...

    async def create_items(self, items: Sequence[JSON], caller: Caller) -> list[JSON]:
        """Input items as they are stored: normalised, references resolved, each with an id.

        Raises `NotFound` for a reference that leads nowhere.
        """
        ...
