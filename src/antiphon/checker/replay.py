"""Recordings read through the law book, without traffic: JSON lines of events, raw SSE, or one object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from antiphon.checker import observers, shapes
from antiphon.checker.look import Look
from antiphon.checker.narrow import as_object
from antiphon.checker.reader import Reading
from antiphon.checker.report import Circumstances, Report, build
from antiphon.checker.requirements import LawBook, load
from antiphon.checker.sse import SseReader, event_of
from antiphon.checker.verdicts import Observation, Verdict
from antiphon.checker.wire import JSON, StreamExchange


class UnreadableRecording(ValueError):
    """The file holds nothing that can be checked; the text says which and why."""


def replay(files: Iterable[Path]) -> Report:
    """The report over these recordings. Raises `UnreadableRecording`."""
    book, chosen = load(), list(files)
    seen = [one for file in chosen for one in observe_file(book, file)]
    about = Circumstances(
        target={"url": "", "model": "", "recordings": [file.name for file in chosen]},
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=0.0,
        profile="replay",
        asked=observers.observed(),
    )
    return build(book, seen, about)


def observe_file(book: LawBook, file: Path) -> list[Observation]:
    """What one recording shows. A request beside it (`NAME.request.json`) is taken into account. Rules that
    are younger than the recording do not hold for it. Raises `UnreadableRecording`."""
    exchange = _exchange(file)
    look = Look(exchange)
    if exchange.events:
        reading = Reading(exchange.events, frames=exchange.frames)
        observers.look_at_stream(look, reading, asked=exchange.sent, offline=True)
        made = _made(reading.responses[0][1] if reading.responses else {})
    else:
        answer = as_object(exchange.json)
        if "error" in answer and "object" not in answer:
            exchange.headers = [("content-type", "application/json")]  # recordings of bodies keep no headers
            observers.look_at_error(look, exchange)
        else:
            shapes.look_at_reply(look, "POST /responses", answer)
            observers.look_at_answer(look, answer, exchange.sent, offline=True)
        made = _made(answer)
    return [replace(one, case=file.name) for one in dated(book, look.observations(), made)]


def dated(book: LawBook, seen: Iterable[Observation], made: str) -> list[Observation]:
    """Without the breaches of rules that began after this day, or had ended before it (YYYY-MM-DD; empty:
    now)."""

    def holds(one: Observation) -> bool:
        rule = book.by_id[one.requirement]
        young = bool(rule.since[:1].isdigit() and made < rule.since)
        old = bool(rule.until[:1].isdigit() and made > rule.until)
        return not (made and (young or old)) or one.verdict is Verdict.PASS

    return [one for one in seen if holds(one)]


def _made(response: Mapping[str, Any]) -> str:
    made = response.get("created_at")
    return datetime.fromtimestamp(made, UTC).date().isoformat() if isinstance(made, int | float) else ""


def _exchange(file: Path) -> StreamExchange:
    try:
        text = file.read_bytes()
    except OSError as exc:
        raise UnreadableRecording(f"{file}: {exc.strerror}") from exc
    exchange = StreamExchange("POST", file.name, "/responses", status=200, body=text, complete=True)
    beside = file.with_name(f"{file.stem}.request.json")
    if beside.exists():
        exchange.request_body = beside.read_bytes()
    _fill(exchange, text)
    if not exchange.events and not as_object(exchange.json):
        raise UnreadableRecording(f"{file}: neither events as JSON lines, nor SSE, nor a JSON object")
    return exchange


def _fill(exchange: StreamExchange, text: bytes) -> None:
    lines = [line for line in text.splitlines() if line.strip()]
    decoded = [_object(line) for line in lines]
    if decoded and all(one is not None and "type" in one and "object" not in one for one in decoded):
        exchange.events = [one for one in decoded if one is not None]
        return
    if any(line.startswith((b"data:", b"event:")) for line in lines):
        reader = SseReader()
        exchange.frames = [*reader.feed(text, 0.0), *reader.feed(b"\n\n", 0.0)]
        exchange.events = [event for frame in exchange.frames if (event := event_of(frame)) is not None]


def _object(line: bytes) -> JSON | None:
    try:
        return as_object(json.loads(line)) or None
    except ValueError:
        return None
