"""Looks at every exchange of a run, whatever the case was after: shapes, and the laws of `laws`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from antiphon.checker import generated, shapes
from antiphon.checker.laws import Answer, Told, laws
from antiphon.checker.look import Look
from antiphon.checker.narrow import as_object
from antiphon.checker.reader import Reading
from antiphon.checker.requirements import load
from antiphon.checker.verdicts import Observation
from antiphon.checker.wire import JSON, Exchange, SocketExchange, StreamExchange
from antiphon.spec import validate

ODD_SHAPES = (LookupError, TypeError, ValueError, AttributeError)
"""What a law may raise over a malformed answer: then the shapes have the say, not the law."""

_SENTINEL = "responses.stream.done-sentinel"
_ERROR_FORM = "responses.stream.form-of-the-error-event"


def observe(exchange: Exchange) -> list[Observation]:
    """What this exchange shows, one observation per requirement."""
    look = Look(exchange)
    if isinstance(exchange, SocketExchange):
        _look_at_frames(look, exchange)
        return look.observations()
    for requirement, law in laws().exchanges.items():
        _judge(look, requirement, law, exchange)
    operation = shapes.operation_of(exchange.method, exchange.path)
    if exchange.status >= 400:
        look_at_error(look, exchange)
    elif isinstance(exchange, StreamExchange) and (exchange.frames or not exchange.is_json):
        look_at_stream(look, reading_of(exchange), asked=exchange.sent)
        if operation is not None:
            look.passes(generated.operation_id(operation))
    elif exchange.ok and operation is not None:
        shapes.look_at_reply(look, operation, exchange.json)
        if operation == "POST /responses":
            look_at_answer(look, exchange.json, exchange.sent)
        elif operation == "GET /responses/{response_id}":
            look_at_answer(look, exchange.json, {})
    return look.observations()


def reading_of(exchange: StreamExchange) -> Reading:
    """The stream as laws read it: from its beginning unless it was resumed, to its end unless we hung up."""
    return Reading(
        exchange.events,
        head="starting_after=" not in exchange.url,
        tail=not exchange.cut,
        frames=exchange.frames,
        content_type=exchange.header("content-type"),
    )


def look_at_stream(look: Look, reading: Reading, *, asked: JSON, offline: bool = False) -> None:
    """The events of a stream, and the response that it ends with. `offline`: it was not made just now."""
    if not reading.events:  # which is right only where a finished stream is resumed at its end
        if reading.head and reading.tail:
            look.fails("responses.stream.first-event-is-created", "the stream has no event")
        return
    for event in reading.events:
        shapes.look_at_event(look, event)
    for requirement, law in laws().streams.items():
        if (reading.head or not law.head) and (reading.tail or not law.tail):
            _judge(look, requirement, law.check, reading)
    _look_at_open_questions(look, reading)
    if reading.final:
        look_at_answer(look, reading.final, asked, offline=offline)


def look_at_error(look: Look, exchange: Exchange) -> None:
    """An error answer."""
    for requirement, law in laws().errors.items():
        _judge(look, requirement, law, exchange)


def look_at_answer(look: Look, response: Any, asked: Any, *, offline: bool = False) -> None:
    """A response object with the request that made it (empty where this exchange did not)."""
    sent = as_object(asked)
    if sent and validate.check_body("POST /responses", sent) is not None:
        sent = {}  # taken although it is wrong: that has its requirement, and no echo of it is right
    answer = Answer(as_object(response), sent, offline)
    if not answer.response:
        return
    for requirement, law in laws().answers.items():
        _judge(look, requirement, law, answer)


def _look_at_frames(look: Look, exchange: SocketExchange) -> None:
    """The events on a WebSocket have the shapes of streaming events; their order is for its cases."""
    for event in exchange.events:
        if event.get("type") != "error":
            shapes.look_at_event(look, {k: v for k, v in event.items() if k != "stream_id"})


def _look_at_open_questions(look: Look, reading: Reading) -> None:
    """Where sources differ, every answer that one of them gives is accepted."""
    book = load()
    if reading.frames and reading.tail:
        ends = [at for at, frame in enumerate(reading.frames) if frame.data == "[DONE]"]
        last = ends == [len(reading.frames) - 1]
        told = "no [DONE]" if not ends else "[DONE] at the end" if last else "[DONE] before the end"
        look.unclear(_SENTINEL, told, book.by_id[_SENTINEL].unclear)
    for _, event in reading.of_type("error"):
        nested, flat = isinstance(event.get("error"), dict), "message" in event
        told = {(True, True): "both", (True, False): "nested", (False, True): "flat"}.get(
            (nested, flat), "neither"
        )
        look.unclear(_ERROR_FORM, told, book.by_id[_ERROR_FORM].unclear)


def _judge(look: Look, requirement: str, law: Callable[[Any], Told], subject: Any) -> None:
    try:
        told = law(subject)
    except ODD_SHAPES:
        return
    look.judge(requirement, told)


@cache
def observed() -> frozenset[str]:
    """The requirements of which some observer may speak."""
    shaped = {one.id for one in load().requirements if one.id.startswith(("shapes.", "operations."))}
    return frozenset(shaped | laws().ids | {_SENTINEL, _ERROR_FORM})
