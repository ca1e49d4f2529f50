"""One verdict on a told response: pinned surface, official schema, laws, counted rules, grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from tests.support import grammar, laws, official, reality, shared

from antiphon.spec.validate import check_event, check_object

JSON = dict[str, Any]

NEWER = {"response.compaction.compacting"}
"""Event types that the official document is too old for; the pinned SDK has them."""


def faults(events: list[JSON], final: JSON | None = None) -> list[str]:
    """Everything that is wrong with a response's events; `final` is what a later GET shows."""
    found = [f"pin: {event['type']}: {one}" for event in events for one in check_event(event)]
    found += [f"laws: {one}" for one in laws.broken(events, final)]
    found += [f"reality: {one}" for one in reality.broken(events)]
    found += [f"grammar: {one}" for one in grammar.ungrammatical(events)]
    found += [f"object: {one}" for one in check_object("Response", events[-1]["response"])]
    if (shared.ROOT / "spec").is_dir():
        found += [
            f"official: {event['type']}: {one}"
            for event in events
            if event["type"] not in NEWER
            for one in official.violations(event)
        ]
    return found


def frames(body: bytes | Iterable[bytes]) -> list[tuple[str, str]]:
    """The frames of an event stream: event name and data. Comments are left out; anything else raises."""
    text = (body if isinstance(body, bytes) else b"".join(body)).decode()
    found: list[tuple[str, str]] = []
    for block in filter(None, text.split("\n\n")):
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        fields = dict(line.split(": ", 1) for line in lines)
        assert set(fields) in ({"event", "data"}, {"data"}), block
        found.append((fields.get("event", ""), fields["data"]))
    return found


def read_stream(body: bytes | Iterable[bytes]) -> list[JSON]:
    """The events of a whole stream, which ends with the terminal event and, once, `[DONE]`."""
    told = frames(body)
    assert told[-1] == ("", "[DONE]"), told[-1:]
    events = [json.loads(data) for _, data in told[:-1]]
    assert [name for name, _ in told[:-1]] == [event["type"] for event in events]
    return events


_ID = re.compile(r"\b(?:resp|msg|rs|fc|ctc|call|conv|[a-z]{2,5})_[0-9a-f]{24,}\b")
_VARIES = {"encrypted_content", "obfuscation"}
_TIMES = {"created_at", "completed_at"}


def anonymous(value: Any, names: dict[str, str] | None = None) -> Any:
    """Without what differs from run to run: ids in order of their appearance, times, seals, padding."""
    names = {} if names is None else names
    if isinstance(value, dict):
        return {
            key: (0 if key in _TIMES and one is not None else anonymous(one, names))
            for key, one in value.items()
            if key not in _VARIES
        }
    if isinstance(value, list):
        return [anonymous(one, names) for one in value]
    if isinstance(value, str):
        return _ID.sub(lambda found: names.setdefault(found[0], f"id{len(names)}"), value)
    return value


def settled(events: list[JSON]) -> list[JSON]:
    """The events without padding, as a store keeps them."""
    return [{k: v for k, v in event.items() if k != "obfuscation"} for event in events]
