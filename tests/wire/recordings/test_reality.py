"""The counted rules hold on the recordings, with the exceptions listed; and the checker can fail."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.support import reality, shared, turns
from tests.wire.recordings import known

from antiphon.config import EngineSettings
from antiphon.engines.scripted.engine import ScriptedEngine

JSON = dict[str, Any]
NAMES = shared.recordings() or ["none"]


@pytest.mark.parametrize("name", NAMES)
def test_recordings_keep_the_counted_rules(name: str) -> None:
    events = list(shared.events(name))
    broken = [rule for rule in reality.RULES if reality.RULES[rule](events)]
    assert set(broken) == set(known.BROKEN.get(name, ()))


EVERYTHING = """#script
think a thought
say some text
call get_weather {"city": "Oslo"}
custom note some text
web_search news
file_search notes
code 1 + 1
image partials=1 a cat
mcp_tools lookup
mcp lookup {"a": 1}
shell ls
summary in short
refuse no
"""


async def everything() -> list[JSON]:
    engine = ScriptedEngine(EngineSettings(kind="scripted", name="scripted"))
    tools = [turns.function("get_weather"), {"type": "custom", "name": "note"}]
    told = await turns.tell(engine, turns.sample(EVERYTHING, tools=tools))
    return told.events


async def test_a_stream_of_everything_keeps_them() -> None:
    assert reality.broken(await everything()) == []


def _set(kind: str, **fields: Any) -> Callable[[list[JSON]], None]:
    """Change fields (of the item, part or response where there is one) in the first event of a type."""

    def change(events: list[JSON]) -> None:
        event = next(e for e in events if e["type"].removeprefix("response.") == kind)
        (event.get("item") or event.get("part") or event.get("response") or event).update(fields)

    return change


def _item(moment: str, kind: str, **fields: Any) -> Callable[[list[JSON]], None]:
    def change(events: list[JSON]) -> None:
        wanted = f"response.output_item.{moment}"
        item = next(e["item"] for e in events if e["type"] == wanted and e["item"]["type"] == kind)
        item.update(fields)

    return change


def _swap(kind: str, by: int) -> Callable[[list[JSON]], None]:
    """Move the last event of a type by some places."""

    def change(events: list[JSON]) -> None:
        at = max(i for i, e in enumerate(events) if e["type"].removeprefix("response.") == kind)
        events.insert(at + by, events.pop(at))

    return change


def _drop(kind: str) -> Callable[[list[JSON]], None]:
    def change(events: list[JSON]) -> None:
        events.remove(next(e for e in events if e["type"].removeprefix("response.") == kind))

    return change


def _twice(kind: str) -> Callable[[list[JSON]], None]:
    def change(events: list[JSON]) -> None:
        at, event = next((i, e) for i, e in enumerate(events) if e["type"].removeprefix("response.") == kind)
        events.insert(at, copy.deepcopy(event))

    return change


def _last_usage(events: list[JSON]) -> None:
    events[-1]["response"]["usage"]["total_tokens"] += 1


MUTANTS: dict[str, Callable[[list[JSON]], None]] = {
    "first event is response.created": _drop("created"),
    "second event is in_progress or queued": _drop("in_progress"),
    "created: output == [], usage null, status in_progress|queued": _set("created", output=[{}]),
    "added message: status in_progress, content []": _item("added", "message", content=[{}]),
    "added function_call: arguments '' status in_progress": _item("added", "function_call", arguments="{"),
    "added reasoning: summary []": _item("added", "reasoning", summary=None),
    "added reasoning: has no status": _item("added", "reasoning", status="in_progress"),
    "sequence_number is 0, 1, 2, …": _drop("output_text.delta"),
    "exactly one response.created": _twice("created"),
    "exactly one terminal event and it is last": _swap("completed", -1),
    "one response id throughout": _set("created", id="resp_other"),
    "output_item.added indexes are 0..n-1 in order": lambda events: events[2].update(output_index=1),
    "every added item is done": _drop("output_item.done"),
    "added.item.id == done.item.id": _item("done", "message", id="msg_other"),
    "event.item_id == id of item at output_index": _set("output_text.delta", item_id="msg_other"),
    "items never interleave": _swap("output_item.added", -1),
    "len(output) == number of added items": lambda events: events[-1]["response"]["output"].pop(),
    "output_item.done item deep-equals final output item": _item("done", "message", phase="commentary"),
    "done item: status completed (or incomplete)": _item("done", "message", status="in_progress"),
    "completed: usage present": _set("completed", usage=None),
    "usage total = input + output": _last_usage,
    "content_part.added: empty text": _set("content_part.added", text="a"),
    "content_part.done follows output_text.done with the same text": _swap("output_text.done", -1),
    **{f"{kind}: phases": _drop(f"{kind}.in_progress") for kind in reality.PHASES},
    **{f"{name}: deltas concatenate to .done": _drop(f"{name}.delta") for name in reality.DONES},
    **{f"{name}: .done comes after all its deltas": _swap(f"{name}.done", -1) for name in reality.DONES},
}


def test_every_rule_has_its_mutant() -> None:
    assert set(MUTANTS) == set(reality.RULES)


@pytest.mark.parametrize("rule", list(MUTANTS))
async def test_the_checker_catches_its_mutant(rule: str) -> None:
    events = await everything()
    MUTANTS[rule](events)
    assert reality.RULES[rule](events)
