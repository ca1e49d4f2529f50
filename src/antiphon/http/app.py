"""The ASGI application: routes, errors and the headers that every reply has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter

import structlog
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from antiphon.config import AuthSettings, HttpSettings, RateSettings
from antiphon.http import routes
from antiphon.http.accounts import Accounts
from antiphon.http.cors import Cors
from antiphon.http.exchange import AppDeps, Exchange, Site
from antiphon.http.faults import ClientGone, NotAllowed, official_error, unknown_url
from antiphon.http.guard import Guard, headers_of
from antiphon.http.handshake import Handshake
from antiphon.http.hosts import Hosts
from antiphon.http.metrics import Metrics
from antiphon.http.rates import Rates
from antiphon.http.routes import Operation
from antiphon.logs import bind_request

logger = structlog.get_logger("antiphon.http")

_KEY = "antiphon.exchange"
_READING = ("GET", "HEAD", "OPTIONS")
_CLIENT_GONE = 499  # nginx's number for it; only in metrics and logs


def build_app(
    deps: AppDeps,
    http: HttpSettings,
    auth: AuthSettings | None = None,
    rate: RateSettings | None = None,
    metrics: Metrics | None = None,
) -> ASGIApp:
    """The application. Give `metrics` to let other rooms count in it."""
    metrics = metrics or Metrics()
    accounts = Accounts(Rates(rate or RateSettings()), metrics, deps.clock)
    site = Site(deps, http, accounts, metrics, tuple(routes.official_routes()))
    return App(site, Guard((auth or AuthSettings()).keys))


class App:
    """One pure ASGI callable; endpoints answer through an `Exchange`."""

    def __init__(self, site: Site, guard: Guard) -> None:
        self._site, self._guard, self._cors = site, guard, Cors(site.settings.cors_origins)
        listen, allowed = site.settings.host, site.settings.allowed_hosts
        self._hosts = Hosts(listen, allowed, keyed=guard.has_keys)
        self._handshake = Handshake(site, guard, self._cors, self._hosts)
        kept = (*routes.API, routes.METRICS) if site.settings.metrics else routes.API
        table = [
            Route(path, _Place(methods, place))
            for operations, place in ((kept, self._keyed), (routes.OPEN, self._open))
            for path, methods in routes.by_path(operations).items()
        ]
        self._router = Router(table, redirect_slashes=False, default=self._nowhere)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._handshake(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        x = Exchange(self._site, scope, receive, send)
        scope[_KEY] = x
        bind_request(x.request_id)
        try:
            x.headers = headers_of(scope, self._site.settings.max_header_bytes)
            self._hosts.check(x.headers)
            x.base_headers = self._cors.headers(x.headers)
            scope["path"] = routes.canonical(x.path)
            await self._router(scope, receive, send)
        except ClientGone:
            x.status = _CLIENT_GONE
        except Exception as error:  # noqa: BLE001 (the one place where http meets what it does not know)
            await self._refuse(x, error)
        finally:
            x.departure.close()
            self._account(x)

    async def _refuse(self, x: Exchange, error: Exception) -> None:
        """Answer with the official error, or break off an answer that has begun."""
        official = official_error(error, route=x.route)
        if x.begun:
            self._site.metrics.cut("broken")
            logger.error("answer broken off", route=x.route, reason=type(error).__name__)
            await x.abort()
        else:
            await x.reply(official.body(), official.status, official.headers)

    def _account(self, x: Exchange) -> None:
        took = perf_counter() - x.started
        self._site.metrics.request(x.method, x.route, x.status, took)
        logger.debug(
            "request",
            method=x.method,
            route=x.route,
            status=x.status,
            ms=round(took * 1000, 1),
        )

    # ---------- places

    async def _keyed(self, x: Exchange, operations: Mapping[str, Operation]) -> None:
        if x.method != "OPTIONS":
            x.caller = self._guard.caller(x.headers, x.request_id)
        if x.method not in _READING and not self._guard.has_keys:
            self._cors.check(x.headers)
        await self._open(x, operations)

    async def _open(self, x: Exchange, operations: Mapping[str, Operation]) -> None:
        if x.method == "OPTIONS":
            await self._options(x, operations)
        else:
            await _operation(x, operations).run(x)

    async def _options(self, x: Exchange, operations: Mapping[str, Operation]) -> None:
        methods = ", ".join(_allowed(operations))
        await x.reply_bytes(b"", "", 204, {"allow": methods, **self._cors.preflight(x.headers, methods)})

    async def _nowhere(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        x: Exchange = scope[_KEY]
        raise unknown_url(x.method, x.path)


class _Place:
    """One path as Starlette's router wants it: an ASGI application."""

    def __init__(
        self,
        operations: Mapping[str, Operation],
        enter: Callable[[Exchange, Mapping[str, Operation]], Awaitable[None]],
    ) -> None:
        self._operations, self._enter = operations, enter
        self._path = next(iter(operations.values())).path

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        x: Exchange = scope[_KEY]
        x.scope, x.route = scope, self._path
        await self._enter(x, self._operations)


def _operation(x: Exchange, operations: Mapping[str, Operation]) -> Operation:
    """Raises `NotAllowed`."""
    found = operations.get("GET" if x.method == "HEAD" else x.method)
    if found is None:
        raise NotAllowed(x.method, x.path, _allowed(operations))
    return found


def _allowed(operations: Mapping[str, Operation]) -> list[str]:
    return [*operations, *(["HEAD"] if "GET" in operations else []), "OPTIONS"]
