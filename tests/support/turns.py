"""Driving one turn of an engine through the turn assembler and the machine, as a run does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.core.context import Sample, Settings
from antiphon.core.deltas import CallDelta, Delta, FinishDelta, TextDelta, Usage, UsageDelta
from antiphon.core.items import normalise
from antiphon.core.machine import ResponseMachine
from antiphon.core.tools import ToolRules, resolve_tools
from antiphon.core.turn import Turn, TurnResult, TurnRules
from antiphon.ports import Engine

JSON = dict[str, Any]
_numbers = itertools.count()


def new_id(prefix: str) -> str:
    return f"{prefix}_{next(_numbers):032x}"


def sample(
    given: str | Sequence[JSON] = "hello",
    *,
    tools: Sequence[JSON] = (),
    choice: str | JSON = "auto",
    hosted: frozenset[str] = frozenset(),
    instructions: str | None = None,
    model: str = "scripted",
    **settings: Any,
) -> Sample:
    """A sample from the forms that a request has; further words are `Settings`."""
    return Sample(
        model,
        normalise(given if isinstance(given, str) else list(given), new_id),
        resolve_tools(list(tools), choice, ToolRules(hosted)),
        Settings(**settings),
        instructions,
    )


def function(name: str, parameters: JSON | None = None, **more: Any) -> JSON:
    """A function tool; without parameters it takes a `city`."""
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "name": name, "parameters": parameters or city, **more}


async def deltas(engine: Engine, asked: Sample) -> list[Delta]:
    """Everything that the engine says in one turn. Raises `EngineFailure`."""
    turn = await engine.open(asked)
    try:
        return [delta async for batch in turn for delta in batch]
    finally:
        await turn.aclose()


def text(said: Sequence[Delta]) -> str:
    return "".join(d.text for d in said if isinstance(d, TextDelta))


def calls(said: Sequence[Delta]) -> list[tuple[str | None, str]]:
    """Name and arguments of each call."""
    found: dict[int, tuple[str | None, str]] = {}
    for d in said:
        if isinstance(d, CallDelta):
            name, arguments = found.get(d.index, (None, ""))
            found[d.index] = (name or d.name, arguments + d.arguments)
    return list(found.values())


def reason(said: Sequence[Delta]) -> str | None:
    return next((d.reason for d in said if isinstance(d, FinishDelta)), None)


def usage(said: Sequence[Delta]) -> Usage:
    return [d.usage for d in said if isinstance(d, UsageDelta)][-1]


@dataclass
class Told:
    """The events of a response of one turn, decoded, and what the agent is told of the turn."""

    events: list[JSON]
    result: TurnResult

    @property
    def types(self) -> list[str]:
        """Event types without the lifecycle and the common beginning."""
        return [e["type"].removeprefix("response.") for e in self.events[2:-1]]

    @property
    def output(self) -> list[JSON]:
        return self.events[-1]["response"]["output"]


async def tell(engine: Engine, asked: Sample, *, summary: bool = False) -> Told:
    """One turn as a whole response. Raises `EngineFailure`."""
    return assemble(await deltas(engine, asked), asked, summary=summary)


def assemble(said: Sequence[Delta], asked: Sample, *, summary: bool = False) -> Told:
    """The response that these deltas make."""
    machine = ResponseMachine(
        {
            "id": new_id("resp"),
            "object": "response",
            "created_at": 1,
            "model": asked.model,
            "error": None,
            "usage": None,
        }
    )
    events = machine.begin()
    rules = TurnRules(summary=summary, parallel=asked.settings.parallel_tool_calls)
    turn = Turn(machine, asked.tools, rules, new_id)
    for delta in said:
        events += turn.feed([delta])
    rest, result = turn.close()
    events += rest
    events += machine.finish("completed", usage=result.usage.official())
    return Told([json.loads(event.data) for event in events], result)
