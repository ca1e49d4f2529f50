"""What a case is handed: ways to ask the target, and ways to say what it saw."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from antiphon.checker.client import NOTHING, Call, Client, Part, pause
from antiphon.checker.requirements import LawBook
from antiphon.checker.socket import Socket
from antiphon.checker.verdicts import Observation, Verdict, alternatives
from antiphon.checker.wire import JSON, Exchange, StreamExchange

E = TypeVar("E", bound=Exchange)

Observer = Callable[[Exchange], Iterable[Observation]]
On = Exchange | Iterable[Exchange] | None

UNSUPPORTED_CODES = frozenset(
    {"unsupported_parameter", "unsupported_value", "unsupported_tool", "not_supported", "not_implemented"}
    | {"unsupported_feature", "feature_not_supported", "upgrade_required"}
)
_UNSUPPORTED = re.compile(
    r"not (currently |yet )?(be )?(supported|implemented|available|enabled|configured)|unsupported"
    r"|does ?n.t support|unimplemented|no such tool type|does not offer|cannot run",
    re.IGNORECASE,
)


class Refused(Exception):
    """A request on which the case builds was not granted; the suite turns this into verdicts."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(f"{exchange.method} {exchange.path}: {exchange.status} {exchange.fault}")
        self.exchange = exchange


class Lacking(Exception):
    """The target says that it lacks the feature; all that the case has not seen yet is unimplemented."""

    def __init__(self, why: str, exchange: Exchange | None) -> None:
        super().__init__(why)
        self.why = why
        self.exchange = exchange


class Probe:
    """`random` is seeded by run, case and attempt; `word()` gives words that no model has heard before."""

    def __init__(
        self,
        client: Client,
        book: LawBook,
        seed: str,
        *,
        observers: Iterable[Observer] = (),
        store: bool | None = None,
    ) -> None:
        self.client = client
        self.book = book
        self.model = client.target.model
        self.random = random.Random(seed)
        self.observations: list[Observation] = []
        """What the case itself said."""
        self.observed: list[Observation] = []
        """What the observers saw in its exchanges."""
        self.exchanges: list[Exchange] = []
        self._observers = tuple(observers)
        self._store = store

    # Asking.

    async def request(self, method: str, path: str, json: Any = NOTHING, **more: Any) -> Exchange:
        """Any request, and any answer to it. `more`: the other fields of `client.Call`, such as query."""
        return self._seen(await self.client.send(Call(method, path, json, **more)))

    async def ask(self, method: str, path: str, json: Any = NOTHING, **more: Any) -> Exchange:
        """As `request`, but the case goes on only after a success. Raises `Refused`, `Lacking`."""
        return self.demand(await self.request(method, path, json, **more))

    async def create(self, **body: Any) -> Exchange:
        """`POST /responses` that must succeed; the model is filled in."""
        return await self.ask("POST", "/responses", self.body(body))

    async def attempt(self, **body: Any) -> Exchange:
        """`POST /responses` with any answer."""
        return await self.request("POST", "/responses", self.body(body))

    async def stream(self, *, stop_after: int | None = None, **body: Any) -> StreamExchange:
        """`POST /responses` with `stream: true` that must succeed; hangs up after `stop_after` events."""
        body = self.body({**body, "stream": True})
        found = await self.stream_of("POST", "/responses", body, stop_after=stop_after)
        self.demand(found)
        if not found.frames and not found.events and found.is_json:
            raise Lacking("the answer to `stream: true` is no stream", found)
        return found

    async def stream_of(self, method: str, path: str, json: Any = NOTHING, **more: Any) -> StreamExchange:
        """Any request read as a stream, and any answer to it. `more` as for `request`, and `stop_after`."""
        found = await self.client.stream(Call(method, path, json, **more))
        self._seen(found)
        return found

    @asynccontextmanager
    async def socket(self, headers: Mapping[str, str] | None = None) -> AsyncGenerator[Socket]:
        """A WebSocket to `/responses`. Raises `Lacking` where the upgrade is refused."""
        async with self.client.socket(headers=headers) as opened:
            if not opened.open:
                self._seen(opened.exchange)
                raise Lacking(
                    f"no WebSocket: {opened.exchange.status} {opened.exchange.fault}", opened.exchange
                )
            try:
                yield opened
            finally:
                self._seen(opened.exchange)

    async def upload(self, name: str, content: bytes, purpose: str = "user_data") -> Exchange:
        """`POST /files` that must succeed."""
        form: dict[str, Part] = {"purpose": purpose, "file": (name, content, "application/octet-stream")}
        return await self.ask("POST", "/files", form=form)

    async def until_ended(self, response_id: str, *, tries: int = 100, every_s: float = 0.1) -> Exchange:
        """Polls a response until it is neither queued nor in progress; the last answer if it never ends."""
        found = await self.ask("GET", f"/responses/{response_id}")
        while tries > 0 and found.json.get("status") in ("queued", "in_progress"):
            tries -= 1
            await pause(every_s)
            found = await self.ask("GET", f"/responses/{response_id}")
        return found

    def body(self, given: Mapping[str, Any]) -> JSON:
        """The body of a create request: the model, and `store` where the profile sets it. The value NOTHING
        leaves a parameter out, the model too."""
        filled: JSON = {"model": self.model}
        if self._store is not None:
            filled["store"] = self._store
        return {name: value for name, value in {**filled, **given}.items() if value is not NOTHING}

    def demand(self, exchange: E) -> E:
        """The exchange if it succeeded. Raises `Lacking` where the feature is missing, else `Refused`."""
        if exchange.ok:
            return exchange
        why = self.lack(exchange)
        raise Lacking(why, exchange) if why else Refused(exchange)

    def lack(self, exchange: Exchange) -> str:
        """Why this answer says that the target lacks the feature; empty where it does not say so."""
        return lack(exchange, self.client)

    def word(self) -> str:
        """A word that is in no prompt and no memory."""
        syllables = ("ba", "do", "ki", "lu", "me", "no", "ra", "su", "ti", "vo", "ze", "fi")
        return "".join(self.random.choice(syllables) for _ in range(4))

    # Saying.

    def holds(
        self,
        requirement: str,
        ok: bool,
        *,
        expected: Any = None,
        got: Any = None,
        on: On = None,
        free: bool = False,
        message: str = "",
    ) -> bool:
        """Says whether the requirement holds here, and gives `ok` back. `expected` may be a tuple of
        alternatives. `free`: the model may be the cause; the case runs again, and then warns."""
        verdict = Verdict.PASS if ok else Verdict.FAIL
        wanted = alternatives(expected)
        text = message or ("" if ok else f"expected {_alternatives(wanted)}, got {_short(got)}")
        self._say(Observation(requirement, verdict, "" if ok else text, wanted, got, _on(on), free=free))
        return ok

    def unimplemented(self, requirement: str, why: str, on: On = None) -> None:
        self._say(Observation(requirement, Verdict.UNIMPLEMENTED, why, on=_on(on)))

    def unclear(self, requirement: str, answer: str, on: On = None) -> None:
        """An answer that contradicts a source: it passes where the requirement's `unclear` lists it."""
        accepted = answer in self.book.by_id[requirement].unclear
        verdict = Verdict.PASS if accepted else Verdict.UNCLEAR
        wanted = self.book.by_id[requirement].unclear
        self._say(Observation(requirement, verdict, "" if accepted else answer, wanted, answer, _on(on)))

    def skip(self, requirement: str, why: str) -> None:
        self._say(Observation(requirement, Verdict.SKIPPED, why))

    def _say(self, observation: Observation) -> None:
        if observation.requirement not in self.book.by_id:
            raise UnknownRequirement(observation.requirement)
        self.observations.append(observation)

    def _seen(self, exchange: Any) -> Any:
        self.exchanges.append(exchange)
        for observer in self._observers:
            self.observed += observer(exchange)
        return exchange


class UnknownRequirement(RuntimeError):
    """A case or observer names what the law book does not have: a mistake of ours."""


def lack(exchange: Exchange, client: Client) -> str:
    """Why this answer says that the target lacks the feature; empty where it does not say so."""
    error = exchange.error
    if exchange.status in (405, 501) or client.lacks_route(exchange):
        return f"{exchange.method} {exchange.path}: {exchange.status}"
    if exchange.status == 404 and not error:
        return f"{exchange.method} {exchange.path}: 404 without an error object"
    text = str(error.get("message") or "")
    if exchange.status in (400, 422, 426) and (
        error.get("code") in UNSUPPORTED_CODES or _UNSUPPORTED.search(text)
    ):
        return text or str(error.get("code"))
    return ""


def _on(given: On) -> tuple[Exchange, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, Exchange) else tuple(given)


def _alternatives(wanted: tuple[Any, ...]) -> str:
    return " or ".join(_short(one) for one in wanted)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    return text if len(text) <= 300 else f"{text[:300]}…"
