"""The agent's decisions: what follows a turn, and when a run ends."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from antiphon.core.agent import Agent, Finish, Limits, RunTools
from antiphon.core.context import Sample
from antiphon.core.deltas import Usage
from antiphon.core.errors import EngineFailure
from antiphon.core.request import Rules, plan_request
from antiphon.core.tools import Choice, ToolTarget
from antiphon.core.turn import HostedCall, Rejected, TurnResult

F = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}


def numbered() -> Any:
    counter = itertools.count()
    return lambda prefix: f"{prefix}_{next(counter)}"


def agent(limits: Limits = Limits(), **body: Any) -> Agent:  # noqa: B008 (frozen)
    plan = plan_request({"model": "m", "input": "hi", "tools": [F], **body}, Rules(), numbered())
    return Agent(plan, Sample("m", plan.input, plan.tools, plan.settings), limits, numbered())


def result(**fields: Any) -> TurnResult:
    plain = TurnResult((MESSAGE,), Usage(10, 5), "stop")
    return replace(plain, **fields)


def hosted(count: int = 1) -> tuple[HostedCall, ...]:
    target = ToolTarget("hosted", "web_search")
    return tuple(HostedCall(target, "web_search", f"call_{i}", "{}") for i in range(count))


def test_an_answer_ends_the_run() -> None:
    one = agent()
    assert isinstance(one.first(), Sample)
    assert one.after_turn(result()) == Finish("completed")
    assert one.usage == Usage(10, 5)


def test_limits_of_the_engine_are_incomplete() -> None:
    assert agent().after_turn(result(reason="length")) == Finish("incomplete", "max_output_tokens")
    assert agent().after_turn(result(reason="content_filter")) == Finish("incomplete", "content_filter")


def test_client_calls_end_the_run_for_the_client_to_answer() -> None:
    assert agent().after_turn(result(client_calls=1, reason="tool_calls")) == Finish("completed")


def test_hosted_calls_are_run_and_the_model_asked_again_freely() -> None:
    one = agent(tool_choice="required")
    one.first()
    assert one.after_turn(result(hosted=hosted())) == RunTools(hosted())
    again = one.after_tools([{"type": "web_search_call", "id": "ws_1"}])
    assert isinstance(again, Sample)
    assert again.tools.choice == Choice("auto")
    assert [i["type"] for i in again.items] == ["message", "message", "web_search_call"]


def test_max_tool_calls_ignores_what_is_over_it() -> None:
    one = agent(max_tool_calls=2)
    one.first()
    assert one.after_turn(result(hosted=hosted(3))) == RunTools(hosted(3)[:2])
    one.after_tools([])
    assert one.after_turn(result(hosted=hosted(1))) == Finish("completed")


def test_an_invalid_call_is_told_to_the_model_and_sampled_again() -> None:
    one = agent()
    one.first()
    bad = (Rejected("rm", "{}", "There is no tool named 'rm' here."),)
    again = one.after_turn(result(items=(), rejected=bad))
    assert isinstance(again, Sample)
    call, output = again.items[-2:]
    assert (call["type"], call["name"], call["call_id"]) == ("function_call", "rm", output["call_id"])
    assert output["output"] == "Error: There is no tool named 'rm' here. Available tools: f."


def test_a_model_that_keeps_making_invalid_calls_fails() -> None:
    one = agent(Limits(invalid_call_retries=1))
    one.first()
    bad = result(items=(), rejected=(Rejected("rm", "{}", "no"),))
    assert isinstance(one.after_turn(bad), Sample)
    end = one.after_turn(bad)
    assert isinstance(end, Finish)
    assert (end.status, end.error) == ("failed", "The model kept making invalid tool calls: 'rm'.")


def test_a_broken_grammar_forces_the_same_tool_again() -> None:
    one = agent()
    one.first()
    bad = result(items=(), rejected=(Rejected("f", "x", "no", {"type": "grammar"}),))
    again = one.after_turn(bad)
    assert isinstance(again, Sample)
    assert again.tools.choice == Choice("required", "f")


def test_max_output_tokens_bounds_all_turns_together() -> None:
    one = agent(max_output_tokens=16)
    first = one.first()
    assert isinstance(first, Sample)
    assert first.settings.max_output_tokens == 16
    one.after_turn(result(hosted=hosted(), usage=Usage(1, 10)))
    again = one.after_tools([])
    assert isinstance(again, Sample)
    assert again.settings.max_output_tokens == 6
    one.after_turn(result(hosted=hosted(), usage=Usage(1, 6)))
    assert one.after_tools([]) == Finish("incomplete", "max_output_tokens")


def test_the_number_of_turns_is_bounded() -> None:
    one = agent(Limits(max_turns=2))
    one.first()
    one.after_turn(result(hosted=hosted()))
    assert isinstance(one.after_tools([]), Sample)
    one.after_turn(result(hosted=hosted()))
    end = one.after_tools([])
    assert isinstance(end, Finish)
    assert end.status == "failed"


def test_truncation_auto_answers_an_overflow_by_dropping_the_oldest_exchange() -> None:
    overflow = EngineFailure("context_length", "too long")
    user = {"role": "user", "content": "x"}
    assert agent().after_failure(overflow) is None
    one = agent(truncation="auto", input=[user, {"role": "assistant", "content": "y"}, user])
    shorter = one.after_failure(overflow)
    assert isinstance(shorter, Sample)
    assert len(shorter.items) == 1
    assert one.after_failure(overflow) is None
