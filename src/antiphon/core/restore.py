"""A machine as it was when a log was cut: recovery folds the log and goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from antiphon.core.deltas import JSON
from antiphon.core.events import Event
from antiphon.core.kinds import EVENT_PLACES
from antiphon.core.machine import ResponseMachine
from antiphon.core.native import NativeItems


def restore(response: JSON, log: Sequence[JSON]) -> tuple[ResponseMachine, list[Event]]:
    """The machine that told `log` (decoded events from number 0), and events still owed to it.

    One operation may tell several events and the log may end between them; those are owed. `response` is
    the object at its birth (no output).
    """
    machine = ResponseMachine(response)
    items = NativeItems(machine)
    told: list[Event] = []
    for event in log:
        place = EVENT_PLACES.get(cast(str, event["type"]), "")
        match place:
            case "lifecycle:created":
                queued = cast(JSON, event["response"])["status"] == "queued"
                told += machine.queue() if queued else machine.begin()
            case "lifecycle:in_progress":
                told += machine.begin() if machine.state == "queued" else []
            case "lifecycle:queued" | "error":
                pass
            case _ if place.startswith("terminal:"):
                break
            case _:
                told += items.apply(event)
    return machine, told[len(log) :]
