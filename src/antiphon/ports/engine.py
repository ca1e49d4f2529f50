"""Engines and the way to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from antiphon.core.context import Sample
from antiphon.core.deltas import Delta


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
