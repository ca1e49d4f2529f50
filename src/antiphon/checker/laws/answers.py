"""What holds of a response object, plain or at the end of a stream: echoes, defaults, usage, status."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from antiphon.checker.laws import Answer, Told, first, of_answer, shown
from antiphon.checker.narrow import JSON, as_object, inside, objects

_C = "responses.create"
ENDED = ("completed", "incomplete", "failed", "cancelled")

ECHOED = (
    "background",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "temperature",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)
"""Parameters that come back as they were sent."""

DEFAULTS: dict[str, tuple[Any, ...]] = {
    "background": (False, None),
    "instructions": (None,),
    "max_output_tokens": (None,),
    "metadata": ({}, None),
    "parallel_tool_calls": (True,),
    "previous_response_id": (None,),
    "tool_choice": ("auto",),
    "tools": ([],),
    "truncation": ("disabled", None),
}
"""Parameter that was not sent → what the response says of it (alternatives)."""


def _echo(name: str) -> Callable[[Answer], Told]:
    def law(answer: Answer) -> Told:
        sent = answer.asked.get(name)
        if sent is None:
            return None
        told = answer.response.get(name)
        return "" if told == sent else f"sent {shown(sent)}, the response says {shown(told)}"

    return law


def _default(name: str) -> Callable[[Answer], Told]:
    def law(answer: Answer) -> Told:
        if not answer.asked or answer.asked.get(name) is not None or _told_elsewhere(name, answer.asked):
            return None
        told = answer.response.get(name)
        return "" if told in DEFAULTS[name] else f"not sent, the response says {shown(told)}"

    return law


def _told_elsewhere(name: str, asked: JSON) -> bool:
    """A prompt may set any parameter, and tools may come as items of the input."""
    kinds = [item.get("type") for item in objects(asked.get("input"))]
    continued = bool(asked.get("previous_response_id") or asked.get("conversation"))
    tools = name == "tools" and (continued or "additional_tools" in kinds)
    return "prompt" in asked or tools


for _name in ECHOED:
    of_answer(f"{_C}.{_name.replace('_', '-')}-comes-back")(_echo(_name))
for _name in DEFAULTS:
    of_answer(f"{_C}.{_name.replace('_', '-')}-has-its-default")(_default(_name))


def _plain_tools(answer: Answer) -> list[JSON]:
    """The tools that were sent; none where a tool search decides which of them the response holds."""
    sent = objects(answer.asked.get("tools"))
    searched = any(tool.get("type") == "tool_search" or tool.get("defer_loading") for tool in sent)
    return [] if searched else sent


@of_answer(f"{_C}.tools-come-back")
def _tools(answer: Answer) -> Told:
    sent = [(tool["type"], tool.get("name")) for tool in _plain_tools(answer) if tool.get("type") in _OURS]
    if not sent:
        return None
    told = objects(answer.response.get("tools"))
    back = [(tool["type"], tool.get("name")) for tool in told if tool.get("type") in _OURS]
    return "" if back == sent else f"sent {shown(sent)}, the response says {shown(back)}"


_OURS = ("function", "custom")
"""Tools that the client runs. A hosted tool that the server lacks may be dropped."""


@of_answer(f"{_C}.function-tools-come-back-whole")
def _functions(answer: Answer) -> Told:
    sent = [tool for tool in _plain_tools(answer) if tool.get("type") == "function"]
    if not sent:
        return None
    told = {tool.get("name"): tool for tool in objects(answer.response.get("tools"))}
    wrong: list[str] = []
    for tool in sent:
        back = told.get(tool.get("name"), {})
        fields = ("description", "parameters", "strict")
        lost = [name for name in fields if tool.get(name) and not _kept(name, tool[name], back.get(name))]
        wrong += [f"`{n}` of {tool['name']}: sent {shown(tool[n])}, got {shown(back.get(n))}" for n in lost]
    return first(wrong)


def _kept(name: str, sent: Any, told: Any) -> bool:
    """A strict schema may come back completed (`additionalProperties`, `required`): its properties must be
    there."""
    if name != "parameters":
        return sent == told
    return as_object(as_object(sent).get("properties")).keys() <= as_object(inside(told, "properties")).keys()


@of_answer(f"{_C}.tool-choice-comes-back")
def _choice(answer: Answer) -> Told:
    sent = answer.asked.get("tool_choice")
    if sent is None:
        return None
    told = answer.response.get("tool_choice")
    same = told == sent or (
        isinstance(sent, dict) and isinstance(told, dict) and sent.items() <= told.items()
    )
    return "" if same else f"sent {shown(sent)}, the response says {shown(told)}"


@of_answer(f"{_C}.text-format-comes-back")
def _format(answer: Answer) -> Told:
    sent = as_object(inside(answer.asked, "text", "format"))
    if not sent:
        return None
    told = inside(answer.response, "text", "format")
    wrong = [n for n in ("type", "name") if n in sent and as_object(told).get(n) != sent[n]]
    properties = set(as_object(inside(sent, "schema", "properties")))
    if not properties <= set(as_object(inside(told, "schema", "properties"))):
        wrong.append("schema")  # it may come back completed, and not cut
    return f"sent {shown(sent)}, the response says {shown(told)}" if wrong else ""


@of_answer(f"{_C}.text-format-is-text-by-default")
def _plain(answer: Answer) -> Told:
    if not answer.asked or answer.asked.get("text") or answer.asked.get("prompt"):
        return None
    told = inside(answer.response, "text", "format", "type")
    return "" if told == "text" else f"not sent, `text.format.type` is {shown(told)}"


@of_answer(f"{_C}.verbosity-comes-back")
def _verbosity(answer: Answer) -> Told:
    sent = inside(answer.asked, "text", "verbosity")
    told = inside(answer.response, "text", "verbosity")
    return None if sent is None else "" if told == sent else f"sent {sent}, the response says {shown(told)}"


@of_answer(f"{_C}.reasoning-effort-comes-back")
def _effort(answer: Answer) -> Told:
    sent = inside(answer.asked, "reasoning", "effort")
    told = inside(answer.response, "reasoning", "effort")
    return None if sent is None else "" if told == sent else f"sent {sent}, the response says {shown(told)}"


@of_answer(f"{_C}.model-is-told")
def _model(answer: Answer) -> Told:
    told = answer.response.get("model")
    return "" if isinstance(told, str) and told else f"`model` is {shown(told)}"


@of_answer(f"{_C}.usage-is-told-when-completed")
def _usage(answer: Answer) -> Told:
    if answer.response.get("status") not in ("completed", "incomplete"):
        return None
    told = answer.response.get("usage")
    return "" if isinstance(told, dict) else f"`usage` is {shown(told)}"


def _numbers(answer: Answer) -> JSON | None:
    usage = as_object(answer.response.get("usage"))
    names = ("input_tokens", "output_tokens", "total_tokens")
    fine = all(isinstance(usage.get(name), int) for name in names)
    return usage if fine else None


@of_answer(f"{_C}.usage-adds-up")
def _total(answer: Answer) -> Told:
    u = _numbers(answer)
    if u is None:
        return None
    total = u["input_tokens"] + u["output_tokens"]
    return "" if u["total_tokens"] == total else f"total is {u['total_tokens']}, input and output are {total}"


@of_answer(f"{_C}.usage-counts-the-input")
def _input(answer: Answer) -> Told:
    u = _numbers(answer)
    if u is None or answer.response.get("status") != "completed" or not answer.asked.get("input"):
        return None
    return "" if u["input_tokens"] > 0 else f"`input_tokens` is {u['input_tokens']}"


@of_answer(f"{_C}.usage-counts-the-output")
def _output(answer: Answer) -> Told:
    u = _numbers(answer)
    if u is None or answer.response.get("status") != "completed" or not texts(answer.response):
        return None
    return (
        "" if u["output_tokens"] > 0 else f"there is output text and `output_tokens` is {u['output_tokens']}"
    )


@of_answer(f"{_C}.usage-details-are-parts-of-it")
def _details(answer: Answer) -> Told:
    u = _numbers(answer)
    if u is None:
        return None
    parts = (("cached_tokens", "input_tokens"), ("reasoning_tokens", "output_tokens"))
    wrong = [
        f"`{part}` is {told}, `{whole}` is {u[whole]}"
        for part, whole in parts
        if isinstance(told := inside(u, f"{whole}_details", part), int) and not 0 <= told <= u[whole]
    ]
    return first(wrong)


@of_answer(f"{_C}.output-stays-within-its-limit")
def _limit(answer: Answer) -> Told:
    u, limit = _numbers(answer), answer.asked.get("max_output_tokens")
    if u is None or not isinstance(limit, int) or isinstance(limit, bool):
        return None
    return "" if u["output_tokens"] <= limit else f"{u['output_tokens']} output tokens, the limit is {limit}"


@of_answer(f"{_C}.incomplete-tells-its-reason")
def _reason(answer: Answer) -> Told:
    if answer.response.get("status") != "incomplete":
        return None
    reason = inside(answer.response, "incomplete_details", "reason")
    return (
        ""
        if isinstance(reason, str) and reason
        else f"`incomplete_details` is {shown(answer.response.get('incomplete_details'))}"
    )


@of_answer(f"{_C}.completed-has-no-error-and-no-reason")
def _clean(answer: Answer) -> Told:
    if answer.response.get("status") != "completed":
        return None
    told = {name: answer.response.get(name) for name in ("error", "incomplete_details")}
    return first([f"`{name}` is {shown(value)}" for name, value in told.items() if value is not None])


@of_answer(f"{_C}.failed-tells-its-error")
def _failed(answer: Answer) -> Told:
    if answer.response.get("status") != "failed":
        return None
    error = as_object(answer.response.get("error"))
    told = error.get("code") and error.get("message")
    return "" if told else f"`error` is {shown(error)}"


@of_answer(f"{_C}.created-at-is-now-in-seconds")
def _created(answer: Answer) -> Told:
    told = answer.response.get("created_at")
    if answer.offline or not answer.asked or not isinstance(told, int | float):
        return None
    away = abs(time.time() - told)
    return "" if away < 86_400 else f"`created_at` is {told}, {away:.0f} s from now"


@of_answer(f"{_C}.completed-at-follows-created-at")
def _completed_at(answer: Answer) -> Told:
    done, made = answer.response.get("completed_at"), answer.response.get("created_at")
    if not isinstance(done, int | float) or not isinstance(made, int | float):
        return None
    return "" if done >= int(made) else f"completed at {done}, created at {made}"


@of_answer(f"{_C}.completed-at-is-told-when-completed")
def _completed_told(answer: Answer) -> Told:
    if answer.response.get("status") != "completed":
        return None
    told = answer.response.get("completed_at")
    return "" if isinstance(told, int | float) else f"`completed_at` is {shown(told)}"


@of_answer(f"{_C}.item-ids-are-unique")
def _item_ids(answer: Answer) -> Told:
    ids = [item["id"] for item in output(answer.response) if item.get("id")]
    return None if not ids else "" if len(ids) == len(set(ids)) else f"the ids are {ids}"


@of_answer(f"{_C}.call-ids-are-told-and-unique")
def _call_ids(answer: Answer) -> Told:
    calls = [
        item for item in output(answer.response) if item.get("type") in ("function_call", "custom_tool_call")
    ]
    ids = [item.get("call_id") for item in calls]
    wrong = not all(ids) or len(ids) != len(set(map(str, ids)))
    return None if not calls else f"the call ids are {ids}" if wrong else ""


@of_answer(f"{_C}.messages-are-the-assistants")
def _roles(answer: Answer) -> Told:
    roles = [item.get("role") for item in output(answer.response) if item.get("type") == "message"]
    return None if not roles else first([f"`role` is {shown(role)}" for role in roles if role != "assistant"])


@of_answer(f"{_C}.items-of-a-completed-response-have-ended")
def _ended(answer: Answer) -> Told:
    if answer.response.get("status") != "completed":
        return None
    told = [i for i in output(answer.response) if i.get("status") is not None and not i.get("caller")]
    wrong = [i for i in told if i["status"] not in ("completed", "failed", "incomplete")]
    return first([f"a `{i.get('type')}` has status {shown(i['status'])}" for i in wrong]) if told else None


@of_answer(f"{_C}.arguments-are-json-text")
def _arguments(answer: Answer) -> Told:
    calls = [item for item in output(answer.response) if item.get("type") == "function_call"]
    wrong = [item.get("arguments") for item in calls if not isinstance(item.get("arguments"), str)]
    return first([f"`arguments` is {shown(value)}" for value in wrong]) if calls else None


def output(response: JSON) -> list[JSON]:
    """The output items; none where there is no list."""
    return objects(response.get("output"))


def texts(response: JSON) -> str:
    """All output text of a response."""
    parts = [part for item in output(response) for part in objects(item.get("content"))]
    return "".join(str(part.get("text")) for part in parts if part.get("type") == "output_text")
