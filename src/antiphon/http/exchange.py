"""One HTTP request and its answer: what every endpoint is handed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from antiphon.config import HttpSettings
from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid
from antiphon.http.accounts import Accounts
from antiphon.http.body import parse_object, read_body
from antiphon.http.departure import Departure
from antiphon.http.guard import echo
from antiphon.http.metrics import Metrics
from antiphon.http.rates import Charge
from antiphon.ports import Caller, Clock, Ids, Router, Runs, Store
from antiphon.spec.validate import Violation, check_body, check_query

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode

_MOST_QUERY_FIELDS = 100

API_VERSION = "2020-10-01"
"""Of the `openai-version` reply header (SPEC.md G.3)."""


@dataclass(frozen=True, slots=True)
class AppDeps:
    """What the HTTP room is given. `version` is of this software."""

    runs: Runs
    store: Store
    router: Router
    clock: Clock
    ids: Ids
    version: str = "0"


@dataclass(frozen=True, slots=True)
class Site:
    """What all exchanges share. `official` names the operations of the pin that are served."""

    deps: AppDeps
    settings: HttpSettings
    accounts: Accounts
    metrics: Metrics
    official: tuple[str, ...]


class Exchange:
    """A request under way. `route` is the path template, for metrics; `path` is as the client wrote it."""

    def __init__(self, site: Site, scope: Scope, receive: Receive, send: Send) -> None:
        self.site, self.scope, self._receive, self._send = site, scope, receive, send
        self.request_id = site.deps.ids.new("req")
        self.started = perf_counter()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope.get("query_string", b"")
        self.route = "unmatched"
        self.headers: Mapping[str, str] = {}
        self.base_headers: dict[str, str] = {}
        self.caller = Caller(request_id=self.request_id)
        self.departure = Departure(receive)
        self.body_bytes = 0
        self.begun = False
        self.status = 0
        self._writable: Callable[[], bool] = scope.get("extensions", {}).get("antiphon.writable", _never)

    # ---------- the request

    @property
    def params(self) -> Mapping[str, str]:
        """The path's parameters."""
        return self.scope.get("path_params", {})

    async def json(self, *, optional: bool = False) -> JSON:
        """The body as a JSON object; `{}` for none where it is optional. Raises `Invalid` and the like."""
        if optional and self.headers.get("content-length", "0") == "0" and not self._chunked:
            return {}
        settings = self.site.settings
        body = await read_body(self._receive, self.headers, settings.max_body_bytes, settings.body_timeout_s)
        self.body_bytes = len(body)
        return parse_object(body)

    @property
    def _chunked(self) -> bool:
        return "transfer-encoding" in self.headers

    async def checked(self, operation: str, *, optional: bool = False) -> JSON:
        """The body, checked against an operation of the pinned spec. Raises `Invalid`."""
        body = await self.json(optional=optional)
        violation = check_body(operation, body)
        if violation is not None:
            raise _invalid(violation)
        return body

    def query(self, operation: str) -> dict[str, Any]:
        """The query of an operation of the pinned spec, with defaults. Raises `Invalid`."""
        text = self.query_string.decode("latin-1")
        try:
            given = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_QUERY_FIELDS)
        except ValueError as error:
            raise Invalid("The query has too many parameters.") from error
        found = check_query(operation, given)
        if isinstance(found, Violation):
            raise _invalid(found)
        return found

    def meter(self) -> Charge:
        """Charge the tenant's rate limits for a request whose body was read. Raises `RateLimited`."""
        charge = self.site.accounts.admit(self.caller.tenant, self.body_bytes)
        self.base_headers |= charge.headers
        return charge

    async def race(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`. Raises `ClientGone` when the client leaves first."""
        return await self.departure.race(work)

    # ---------- the answer

    async def reply(self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Answer with JSON."""
        await self.reply_bytes(_encode(value), "application/json", status, headers)

    async def reply_bytes(
        self, body: bytes, media: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with a whole body."""
        own = {"content-type": media, "content-length": str(len(body))} if media else {}
        await self.begin(status, own | dict(headers or {}))
        await self.write(body, more=False)

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send status and headers; `write` must follow."""
        self.begun, self.status = True, status
        took = (perf_counter() - self.started) * 1000
        every = {
            "x-request-id": self.request_id,
            "openai-version": API_VERSION,
            "openai-processing-ms": f"{took:.0f}",
            **self.base_headers,
            **headers,
        }
        organization = echo(self.headers.get("openai-organization"))
        if organization is not None:
            every["openai-organization"] = organization
        raw = [(name.encode(), value.encode("latin-1")) for name, value in every.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, body: bytes, more: bool = True) -> None:
        """Send a piece of the body; returns when the transport takes more."""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def write_now(self, body: bytes) -> bool:
        """Send a piece of the body if the transport takes it without waiting; False if it does not."""
        if not self._writable():
            return False
        sending = self._send({"type": "http.response.body", "body": body, "more_body": True})
        try:
            # While the transport is writable, uvicorn's send has nothing to wait for: one step ends it.
            cast(Coroutine[Any, Any, None], sending).send(None)
        except StopIteration:
            return True
        raise RuntimeError("the server's send waited although its transport is writable")

    async def abort(self) -> None:
        """Drop the connection without a proper end, so that the client cannot take the answer for whole."""
        abort = self.scope.get("extensions", {}).get("antiphon.abort")
        if abort is not None:
            abort()
            await self.departure.gone(within_s=1.0)


def _never() -> bool:
    return False


def _invalid(violation: Violation) -> Invalid:
    return Invalid(violation.message, param=violation.param or None, code=violation.code)
