"""The agent loop as a decision: what has happened → what to do next.

Limits, tool choice, retries and stopping are decided here, without I/O; `run.loop` obeys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from antiphon.core.context import Sample
from antiphon.core.deltas import JSON, Usage
from antiphon.core.errors import EngineFailure
from antiphon.core.items import drop_oldest
from antiphon.core.machine import NewId
from antiphon.core.request import Plan
from antiphon.core.tools import Choice
from antiphon.core.turn import HostedCall, Rejected, TurnResult

_SHOWN_NAMES = 8  # names that a model made up, in a message
_SHOWN_NAME = 128  # characters of each: the longest that a function can have (SPEC.md H23)


@dataclass(frozen=True, slots=True)
class RunTools:
    """Run these calls, then ask again with their items."""

    calls: tuple[HostedCall, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The response has ended. `reason` is `incomplete_details.reason`; `error` a message of ours."""

    status: Literal["completed", "incomplete", "failed"]
    reason: str | None = None
    error: str | None = None


Step = Sample | RunTools | Finish


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run."""

    max_turns: int = 64
    invalid_call_retries: int = 2


class Agent:
    """Decides one run. Ask `first`, then `after_turn` or `after_tools`, until a `Finish`."""

    def __init__(self, plan: Plan, sample: Sample, limits: Limits, new_id: NewId) -> None:
        self._plan, self._sample, self._limits, self._new_id = plan, sample, limits, new_id
        self._turns = 0
        self._tool_calls = 0
        self._retries = 0
        self._client_calls = 0
        self.usage = Usage()

    @property
    def sample(self) -> Sample:
        """The engine call that is, or was last, decided."""
        return self._sample

    def first(self) -> Step:
        return self._sampled(self._sample)

    def after_failure(self, failure: EngineFailure) -> Step | None:
        """`truncation: auto` answers an overflow by dropping the oldest exchange; None: it is a failure."""
        if failure.kind != "context_length" or not self._plan.truncate or failure.shown:
            return None
        shorter = drop_oldest(self._sample.items)
        if shorter is None:
            return None
        self._sample = replace(self._sample, items=shorter)
        return self._sample

    def after_turn(self, result: TurnResult) -> Step:
        self.usage += result.usage
        self._client_calls += result.client_calls
        if result.reason == "length":
            return Finish("incomplete", "max_output_tokens")
        if result.reason == "content_filter":
            return Finish("incomplete", "content_filter")
        calls = self._within_limit(result.hosted)
        if calls:
            self._sample = self._extended(result.items)
            return RunTools(calls)
        if result.rejected and not result.client_calls:
            return self._again(result)
        return Finish("completed")

    def after_tools(self, items: Sequence[JSON]) -> Step:
        """After the server's tools: sample again, unless the client has calls of its own to answer."""
        self._sample = self._extended(items)
        if self._client_calls:
            return Finish("completed")
        return self._next_turn()

    # ---------- inside

    def _within_limit(self, hosted: tuple[HostedCall, ...]) -> tuple[HostedCall, ...]:
        """`max_tool_calls` bounds the run; further calls are ignored (SPEC.md H24)."""
        limit = self._plan.max_tool_calls
        room = len(hosted) if limit is None else max(0, limit - self._tool_calls)
        self._tool_calls += min(room, len(hosted))
        return hosted[:room]

    def _extended(self, items: Sequence[JSON]) -> Sample:
        return replace(self._sample, items=(*self._sample.items, *items))

    def _again(self, result: TurnResult) -> Step:
        """Calls that were not offered, or broke their grammar: tell the model, and sample the turn again."""
        self._retries += 1
        if self._retries > self._limits.invalid_call_retries:
            names = ", ".join(repr(r.name[:_SHOWN_NAME]) for r in result.rejected[:_SHOWN_NAMES])
            return Finish("failed", error=f"The model kept making invalid tool calls: {names}.")
        feedback = [item for rejected in result.rejected for item in self._feedback(rejected)]
        self._sample = self._extended([*result.items, *feedback])
        return self._next_turn(result.rejected[0])

    def _feedback(self, rejected: Rejected) -> tuple[JSON, JSON]:
        """What the model reads of its own call; the client never sees these items."""
        call_id = self._new_id("call")
        call = {
            "type": "function_call",
            "id": self._new_id("fc"),
            "call_id": call_id,
            "name": rejected.name,
            "arguments": rejected.arguments,
            "status": "completed",
        }
        known = ", ".join(spec.name for spec in self._sample.tools.offered) or "none"
        output = f"Error: {rejected.reason} Available tools: {known}."
        return call, {
            "type": "function_call_output",
            "id": self._new_id("fco"),
            "call_id": call_id,
            "output": output,
            "status": "completed",
        }

    def _next_turn(self, rejected: Rejected | None = None) -> Step:
        if self._turns >= self._limits.max_turns:
            return Finish("failed", error=f"The run reached its limit of {self._limits.max_turns} turns.")
        settings = self._sample.settings
        if settings.max_output_tokens is not None:
            left = (self._plan.settings.max_output_tokens or 0) - self.usage.output_tokens
            if left <= 0:
                return Finish("incomplete", "max_output_tokens")
            settings = replace(settings, max_output_tokens=left)
        tools = self._sample.tools
        if rejected is None:
            tools = tools.without_choice()
        elif rejected.grammar is not None:
            tools = replace(tools, choice=Choice("required", rejected.name))
        return self._sampled(replace(self._sample, settings=settings, tools=tools))

    def _sampled(self, sample: Sample) -> Sample:
        self._turns += 1
        self._sample = sample
        return sample
