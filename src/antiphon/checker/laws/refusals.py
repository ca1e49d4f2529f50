"""What holds of error answers, and of the headers of all answers."""

from __future__ import annotations

import re

from antiphon.checker.laws import Told, first, of_error, of_exchange, shown
from antiphon.checker.narrow import JSON, as_object
from antiphon.checker.wire import Exchange, StreamExchange

_E = "responses.errors"
_H = "responses.headers"


def _object(exchange: Exchange) -> JSON | None:
    found = as_object(exchange.json).get("error")
    return as_object(found) if isinstance(found, dict) else None


@of_error(f"{_E}.body-is-an-error-object")
def _body(exchange: Exchange) -> Told:
    error = _object(exchange)
    if error is None:
        return f"the body is {shown(exchange.body[:200].decode('utf-8', errors='replace'))}"
    return ""


@of_error(f"{_E}.error-has-its-four-fields")
def _fields(exchange: Exchange) -> Told:
    error = _object(exchange)
    if error is None:
        return None
    return first(
        [f"`{name}` is missing" for name in ("message", "type", "param", "code") if name not in error]
    )


@of_error(f"{_E}.message-says-something")
def _message(exchange: Exchange) -> Told:
    error = _object(exchange)
    if error is None:
        return None
    told = error.get("message")
    return "" if isinstance(told, str) and told.strip() else f"`message` is {shown(told)}"


@of_error(f"{_E}.type-is-a-name")
def _type(exchange: Exchange) -> Told:
    error = _object(exchange)
    if error is None:
        return None
    told = error.get("type")
    return (
        "" if isinstance(told, str) and re.fullmatch(r"[a-z][a-z0-9_]*", told) else f"`type` is {shown(told)}"
    )


@of_error(f"{_E}.code-and-param-are-text-or-null")
def _texts(exchange: Exchange) -> Told:
    error = _object(exchange)
    if error is None:
        return None
    told = [(name, error.get(name)) for name in ("code", "param")]
    return first([f"`{n}` is {shown(v)}" for n, v in told if not (v is None or isinstance(v, str))])


@of_error(f"{_E}.content-type-is-json")
def _content_type(exchange: Exchange) -> Told:
    kind = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    return "" if kind == "application/json" else f"the content type is {kind or 'missing'}"


@of_error(f"{_E}.wrong-requests-are-400-not-422")
def _not_422(exchange: Exchange) -> Told:
    if exchange.status not in (400, 422):
        return None
    return "" if exchange.status == 400 else "the status is 422"


@of_exchange(f"{_E}.nothing-breaks-the-server")
def _no_fault(exchange: Exchange) -> Told:
    if not exchange.status:
        return f"no answer: {exchange.fault}"
    broken = exchange.status >= 500 and exchange.status not in (501, 503)
    told = exchange.error.get("message") or exchange.body[:200].decode("utf-8", errors="replace")
    return f"status {exchange.status}: {told}" if broken else ""


@of_exchange(f"{_E}.messages-tell-no-internals")
def _internals(exchange: Exchange) -> Told:
    if exchange.status < 400:
        return None
    text = exchange.body.decode("utf-8", errors="replace")
    told = re.search(
        r"Traceback \(most recent|File \"[^\"]+\.py\"|at [\w.$]+\([\w.]+\.(java|js|go):\d+", text
    )
    return f"the body holds {shown(told[0])}" if told else ""


@of_exchange(f"{_H}.request-id-is-on-every-answer")
def _request_id(exchange: Exchange) -> Told:
    if not exchange.status:
        return None
    return "" if exchange.header("x-request-id") else "there is no `x-request-id`"


@of_exchange(f"{_H}.json-says-that-it-is-json")
def _json(exchange: Exchange) -> Told:
    if not exchange.ok or isinstance(exchange, StreamExchange) or exchange.body[:1] != b"{":
        return None
    kind = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    return "" if kind == "application/json" else f"the content type is {kind or 'missing'}"


@of_exchange(f"{_H}.retry-after-is-whole-seconds")
def _retry(exchange: Exchange) -> Told:
    told = exchange.header("retry-after")
    return None if told is None else "" if told.isdigit() and int(told) >= 1 else f"it is {told!r}"


@of_exchange(f"{_H}.rate-limits-are-numbers-and-durations")
def _rates(exchange: Exchange) -> Told:
    wrong: list[str] = []
    seen = False
    for what in ("limit", "remaining", "reset"):
        for unit in ("requests", "tokens"):
            told = exchange.header(f"x-ratelimit-{what}-{unit}")
            if told is None:
                continue
            seen = True
            shape = r"(\d+(\.\d+)?(ms|h|m|s))+" if what == "reset" else r"-?\d+"
            if not re.fullmatch(shape, told.strip()):
                wrong.append(f"`x-ratelimit-{what}-{unit}` is {told!r}")
    return first(wrong) if seen else None


@of_exchange(f"{_H}.processing-time-is-milliseconds")
def _processing(exchange: Exchange) -> Told:
    told = exchange.header("openai-processing-ms")
    return None if told is None else "" if told.isdigit() else f"it is {told!r}"
