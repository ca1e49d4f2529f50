"""Calls of functions, one or two at once, and the answer from what they return."""

from __future__ import annotations

import json
from typing import Any

from demo_model.chat_tasks import WEIGHTED, system_prompt
from demo_model.dialogue import Call, Dialogue, Message, assistant, tool_output, user
from demo_model.tools import Request, offered, request
from demo_model.values import Values
from demo_model.words import CONDITIONS, listed

RESULT_KEYS = listed("""
status temperature condition price total result value owner date count color state time humidity
title city message
""")


def calling(v: Values) -> Dialogue:
    thinks = v.chance(0.4)
    wanted = request(v)
    asked = v.pick(wanted.asked)
    tools = [wanted.tool, *offered(v, v.weighted([(0, 30), (1, 35), (2, 22), (3, 13)]), wanted.name)]
    v.rng.shuffle(tools)
    prompt = system_prompt(v)
    messages = [prompt] if prompt else []
    if v.chance(0.2):
        for turn in v.weighted(WEIGHTED)(v):
            messages += [user(turn.user), assistant(turn.answer)]
    calls: list[Call] = [(wanted.name, wanted.arguments)]
    asked, second = _second_call(v, wanted, asked)
    calls += second
    thought = f"{wanted.thought} I will call {wanted.name}." if thinks else None
    messages += [user(asked), assistant("", thought, calls)]
    if v.chance(0.62):
        messages += _results(v, calls, thinks)
        if v.chance(0.15):
            messages += [user(v.pick(["Thanks!", "Thank you."])), assistant("You are welcome!")]
            for message in messages:
                message.pop("reasoning_content", None)
    return Dialogue(messages, tools, "parallel" if second else "tool")


def _second_call(v: Values, wanted: Request, asked: str) -> tuple[str, list[Call]]:
    """Sometimes ask for the same about one thing more, in one breath: "the weather in Oslo and Lima"."""
    [(key, subject), *more] = wanted.arguments.items()
    if more or not isinstance(subject, str) or not v.chance(0.18) or subject not in asked:
        return asked, []
    of_places = "weather" in wanted.name.lower() or "time" in wanted.name.lower()
    other = v.city() if of_places else v.value()
    if other == subject or asked.count(subject) != 1:
        return asked, []
    return asked.replace(subject, f"{subject} and {other}"), [(wanted.name, {key: other})]


def _results(v: Values, calls: list[Call], thinks: bool) -> list[Message]:
    outputs: list[Message] = []
    answers: list[str] = []
    for name, arguments in calls:
        raw, told = _result(v, name)
        outputs.append(tool_output(raw))
        answers.append(_answer(name, next(iter(arguments.values())), raw, told))
    thought = "I have the tool result. I will answer." if thinks else None
    return [*outputs, assistant("\n".join(answers), thought)]


ERROR = "error: "


def _result(v: Values, name: str) -> tuple[str, str | None]:
    """What a tool returns, and how it is told; None: as it is."""
    roll = v.rng.random()
    if "weather" in name.lower() and roll < 0.6:
        return _weather_result(v)
    if roll < 0.08:
        kinds = [
            *("not found", "timeout", "permission denied"),
            *("invalid " + v.word(), "unknown " + v.word()),
        ]
        error = v.pick(kinds)
        return json.dumps({"error": error}), ERROR + error
    if roll < 0.45:
        return v.pick([v.value, lambda: str(v.number()), lambda: v.phrase(2, 6), v.code])(), None
    result: dict[str, Any] = {}
    for _ in range(v.weighted([(1, 5), (2, 4), (3, 1)])):
        key = v.pick(RESULT_KEYS) if v.chance(0.8) else v.invented(1, 2)
        result[key] = v.pick([v.number, v.value, lambda: v.pick(CONDITIONS), v.code])()
    return json.dumps(result, ensure_ascii=False), _told(result)


def _weather_result(v: Values) -> tuple[str, str | None]:
    degrees, condition = v.integer(-30, 45), v.pick(CONDITIONS)
    keys = v.pick([("temperature", "condition"), ("temp", "conditions"), ("temperature_c", "description")])
    if v.chance(0.5):
        texts = [
            *(f"{condition}, {degrees} degrees", f"{degrees} degrees and {condition}"),
            f"It is {condition} and {degrees}",
        ]
        return v.pick(texts), None
    result = {keys[0]: degrees, keys[1]: condition}
    return json.dumps(result), _told(result)


def _told(result: dict[str, Any]) -> str:
    return ", ".join(f"{key} is {value}" for key, value in result.items())


def _answer(name: str, subject: Any, raw: str, told: str | None) -> str:
    if told is None:
        return f"The result for {subject} is: {raw}"
    if told.startswith(ERROR):
        return f"Sorry, {name} failed: {told.removeprefix(ERROR)}."
    return f"Here is the result for {subject}: {told}."
