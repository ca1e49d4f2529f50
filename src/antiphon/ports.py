"""The Protocols at the rim: what the middle of the house asks of engines, stores, tools and the world.

Adapters live in `engines/`, `store/`, `tools/`; each port has one contract suite in `tests/contract` that
every adapter passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from antiphon.core.context import Sample
from antiphon.core.deltas import JSON, Delta
from antiphon.core.events import Event

Tenant = str
"""Who owns a thing: the name of an API key's tenant, or `default` where no keys are configured."""


# ---------- the world


class Clock(Protocol):
    def now(self) -> float:
        """Unix time in seconds."""
        ...


class Ids(Protocol):
    def new(self, prefix: str) -> str:
        """A fresh unguessable id, `prefix_` and at least 128 random bits."""
        ...


# ---------- engines


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that an engine serves. `context_tokens` is None where the engine does not say."""

    id: str
    created: int = 0
    owned_by: str = "antiphon"
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class TokenCount:
    """`exact` is False where no tokenizer was at hand and the number is an estimate."""

    tokens: int
    exact: bool


class Turn(Protocol):
    """One engine answer under way. Iterating yields the deltas of one network read at a time.

    Raises `EngineFailure` while iterating. `aclose` aborts the generation if it still runs; it is
    idempotent and must be called in every case.
    """

    def __aiter__(self) -> AsyncIterator[Sequence[Delta]]: ...

    async def aclose(self) -> None: ...


class Engine(Protocol):
    """A place that answers turns."""

    @property
    def name(self) -> str:
        """The configured name, used in messages and metrics; never a URL or a key."""
        ...

    @property
    def native_tools(self) -> frozenset[str]:
        """Hosted tool types that the engine itself runs."""
        ...

    def check(self, sample: Sample) -> None:
        """Raise `Unsupported` (naming engine and parameter) for what this engine cannot honour. No I/O."""
        ...

    async def open(self, sample: Sample) -> Turn:
        """Send the turn and return when the engine has accepted it. Raises `EngineFailure`.

        Retries inside only while nothing was accepted, within the configured limit.
        """
        ...

    async def count_tokens(self, sample: Sample) -> TokenCount:
        """Tokens of the sample's prompt as this engine would count them. Raises `EngineFailure`."""
        ...

    async def models(self) -> Sequence[ModelInfo]:
        """The models served now, possibly empty where the engine cannot list. Raises `EngineFailure`."""
        ...

    async def ready(self) -> bool:
        """Whether a request now has a chance."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Route:
    """Where a public model name leads."""

    engine: Engine
    model: str  # the engine's own name
    public: str  # the name that the client used, echoed in the response


class Router(Protocol):
    """Public model names → engines."""

    async def route(self, model: str) -> Route:
        """Raises `Invalid(code="model_not_found", param="model")` for a name that leads nowhere."""
        ...

    async def models(self) -> Sequence[ModelInfo]:
        """Every public name, aliases included."""
        ...

    async def ready(self) -> bool: ...

    async def aclose(self) -> None: ...


# ---------- store


@dataclass(frozen=True, slots=True)
class Page:
    """A cursor question: ids strictly after `after` in `order`; `limit` 1–100."""

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of an answer, in the asked order."""

    data: Sequence[JSON]
    has_more: bool


@dataclass(frozen=True, slots=True)
class NewResponse:
    """A response at the moment it is accepted.

    `response` is the official object without `output` and `id` included; `input` are this request's own
    input items, each with an id. `previous_response_id` links the chain; items are never copied along it.
    `expires_at` is Unix seconds or None (kept as long as its conversation).
    """

    tenant: Tenant
    response: JSON
    input: Sequence[JSON]
    previous_response_id: str | None = None
    conversation_id: str | None = None
    background: bool = False
    hidden: bool = False  # store=false: found by nobody but its own live run and background polls
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class EndedResponse:
    """A response at its end: the final object with whole `output`, and the last events of its log.

    Where `conversation_id` is set, `NewResponse.input` and the output are appended to it in the same
    transaction, and its lock is released.
    """

    tenant: Tenant
    response: JSON
    conversation_id: str | None = None
    events: Sequence[Event] = ()


class ResponseStore(Protocol):
    """Responses, their items and chains, and event logs. Everything is scoped by tenant.

    A method that returns None or False says "not found for this tenant"; expired and deleted rows are
    not found. Raises `StoreFull` when the disk or the configured size is full, `StoreDown` otherwise.
    """

    async def create(self, new: NewResponse) -> None:
        """Durable against a process kill when it returns."""
        ...

    async def update(self, tenant: Tenant, response: JSON) -> None:
        """Replace status and fields of an unfinished response (queued → in_progress); no output."""
        ...

    async def end(self, ended: EndedResponse) -> None:
        """Write the final object, output items, conversation and events in one transaction.

        Works also for a response that was never `create`d when given `end_new`.
        """
        ...

    async def end_new(self, new: NewResponse, ended: EndedResponse) -> None:
        """`create` and `end` in one transaction: a plain foreground request writes once."""
        ...

    async def get(self, tenant: Tenant, response_id: str) -> JSON | None:
        """The whole object; `output` is [] while the run is unfinished."""
        ...

    async def delete(self, tenant: Tenant, response_id: str) -> bool:
        """Forget it. Items that a later response of its chain or a conversation still uses stay for those."""
        ...

    async def context(self, tenant: Tenant, response_id: str) -> list[JSON] | None:
        """Input and output items of the chain that ends here, oldest first; None if not found.

        Deleted ancestors still count (their descendants use them).
        """
        ...

    async def input_items(self, tenant: Tenant, response_id: str, page: Page) -> Listing | None:
        """What the model was given: earlier items of the chain or conversation, then its own input."""
        ...

    async def find_items(self, tenant: Tenant, item_ids: Sequence[str]) -> dict[str, JSON]:
        """Stored items by id, for `item_reference`; the newest where an id was used twice."""
        ...

    async def append_events(self, response_id: str, events: Sequence[Event]) -> None:
        """Add to the log; numbers go on without a gap."""
        ...

    async def events(self, tenant: Tenant, response_id: str, after: int, limit: int) -> list[Event] | None:
        """Events with a number > `after`, in order; None where no log is kept."""
        ...

    async def unfinished(self) -> list[tuple[Tenant, JSON]]:
        """Queued and in_progress responses of all tenants: what a dead process left behind."""
        ...


class ConversationStore(Protocol):
    """Conversations and their ordered items."""

    async def create_conversation(
        self, tenant: Tenant, conversation: JSON, items: Sequence[JSON]
    ) -> None: ...

    async def get_conversation(self, tenant: Tenant, conversation_id: str) -> JSON | None: ...

    async def update_conversation(
        self, tenant: Tenant, conversation_id: str, metadata: JSON
    ) -> JSON | None: ...

    async def delete_conversation(self, tenant: Tenant, conversation_id: str) -> bool: ...

    async def add_items(self, tenant: Tenant, conversation_id: str, items: Sequence[JSON]) -> bool: ...

    async def conversation_items(
        self, tenant: Tenant, conversation_id: str, page: Page
    ) -> Listing | None: ...

    async def conversation_context(self, tenant: Tenant, conversation_id: str) -> list[JSON] | None:
        """All items, oldest first."""
        ...

    async def get_item(self, tenant: Tenant, conversation_id: str, item_id: str) -> JSON | None: ...

    async def delete_item(self, tenant: Tenant, conversation_id: str, item_id: str) -> bool: ...

    async def lock_conversation(self, tenant: Tenant, conversation_id: str, owner: str, until: float) -> bool:
        """Take it for `owner` (a response id) until a Unix time; False while another holds it."""
        ...

    async def unlock_conversation(self, tenant: Tenant, conversation_id: str, owner: str) -> None: ...


class KeyStore(Protocol):
    """Secrets of the server, shared by its replicas."""

    async def keys(self, purpose: str) -> list[tuple[str, float, bytes]]:
        """`(key id, created_at, key)`, newest first."""
        ...

    async def add_key(self, purpose: str, key_id: str, created_at: float, key: bytes) -> None: ...

    async def drop_keys(self, purpose: str, before: float) -> int: ...


class Store(ResponseStore, ConversationStore, KeyStore, Protocol):
    """What one database offers."""

    async def open(self) -> None:
        """Connect and migrate. Raises `StoreDown` with what to do about it."""
        ...

    async def sweep(self, now: float) -> Mapping[str, int]:
        """Remove what expired and what nothing uses; counts per kind of row, and `blobs`."""
        ...

    async def ready(self) -> bool: ...

    async def aclose(self) -> None: ...


class StoreDown(Exception):
    """The store cannot be used now; the message says why, without secrets."""


class StoreFull(StoreDown):
    """No room: disk or configured size."""


# ---------- runs, as http sees them


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

    def events(self, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        """The log from `after`+1, in batches as they come, to its end. Raises `SlowReader`."""
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

    async def create_items(self, items: Sequence[JSON], caller: Caller) -> list[JSON]:
        """Input items as they are stored: normalised, references resolved, each with an id.

        Raises `NotFound` for a reference that leads nowhere.
        """
        ...
