"""A recorded stream as an upstream's: its item events on our own machine."""

from __future__ import annotations

import copy
import json
from typing import Any, Literal, cast

from antiphon.core.kinds import EVENT_PLACES
from antiphon.core.machine import ResponseMachine
from antiphon.core.native import NativeItems

JSON = dict[str, Any]
BARE: JSON = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m"}
_WHOLE = ("lifecycle:", "terminal:", "error")


def replay(recorded: list[JSON]) -> list[JSON]:
    """The events of our response, decoded; the recording stays as it is."""
    events = copy.deepcopy(recorded)
    responses = [event["response"] for event in events if "response" in event]
    machine = ResponseMachine({k: v for k, v in (responses or [BARE])[0].items() if k != "output"})
    items = NativeItems(machine)
    told = machine.begin()
    for event in events:
        if not EVENT_PLACES.get(event["type"], "").startswith(_WHOLE):
            told += items.apply(event)
    last = (responses or [BARE])[-1]
    status = cast(Literal["completed", "failed"], last.get("status", "completed"))
    told += machine.finish(status, error=last.get("error"), usage=last.get("usage"))
    return [json.loads(event.data) for event in told]
