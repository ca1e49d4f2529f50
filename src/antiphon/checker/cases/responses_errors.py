"""Requests that are wrong, each in one way: they are refused, and the error says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.checker.cases import case
from antiphon.checker.client import NOTHING
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, Exchange

_E = "responses.errors"
_USER: JSON = {"role": "user", "content": "Hi"}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong body and what must come of it. `also` are further requirements, by id, with the error field and
    value that they ask for."""

    requirement: str
    body: Mapping[str, Any]
    statuses: tuple[int, ...] = (400, 422)
    also: tuple[tuple[str, str, str | None], ...] = ()
    profiles: tuple[str, ...] = ("core",)


_PARAM = "param-names-the-parameter"
_WRONG: dict[str, Wrong] = {
    "missing-model": Wrong(
        "missing-model-is-refused",
        {"model": NOTHING, "input": "Hi"},
        also=(
            (_PARAM, "param", "model"),
            ("missing-parameter-has-its-code", "code", "missing_required_parameter"),
        ),
    ),
    "missing-input": Wrong("missing-input-is-refused", {}),
    "temperature-text": Wrong(
        _PARAM,
        {"input": "Hi", "temperature": "warm"},
        also=((_PARAM, "param", "temperature"), ("wrong-type-has-its-code", "code", "invalid_type")),
    ),
    "temperature-low": Wrong(
        _PARAM,
        {"input": "Hi", "temperature": -1},
        also=(
            (_PARAM, "param", "temperature"),
            ("small-decimal-has-its-code", "code", "decimal_below_min_value"),
        ),
    ),
    "temperature-high": Wrong(
        _PARAM,
        {"input": "Hi", "temperature": 2.5},
        also=(
            (_PARAM, "param", "temperature"),
            ("large-decimal-has-its-code", "code", "decimal_above_max_value"),
        ),
    ),
    "tokens-low": Wrong(
        _PARAM,
        {"input": "Hi", "max_output_tokens": 1},
        also=(
            (_PARAM, "param", "max_output_tokens"),
            ("small-integer-has-its-code", "code", "integer_below_min_value"),
        ),
    ),
    "logprobs-high": Wrong(
        _PARAM,
        {"input": "Hi", "top_logprobs": 21},
        also=(
            (_PARAM, "param", "top_logprobs"),
            ("large-integer-has-its-code", "code", "integer_above_max_value"),
        ),
    ),
    "identifier-long": Wrong(
        _PARAM,
        {"input": "Hi", "safety_identifier": "x" * 200},
        also=(
            (_PARAM, "param", "safety_identifier"),
            ("long-text-has-its-code", "code", "string_above_max_length"),
        ),
        profiles=(),
    ),
    "truncation-value": Wrong(
        _PARAM,
        {"input": "Hi", "truncation": "sometimes"},
        also=((_PARAM, "param", "truncation"), ("wrong-value-has-its-code", "code", "invalid_value")),
    ),
    "wrong-role": Wrong("wrong-role-is-refused", {"input": [{"role": "narrator", "content": "Hi"}]}),
    "wrong-item": Wrong("wrong-item-type-is-refused", {"input": [{"type": "telegram", "text": "Hi"}]}),
    "wrong-tool": Wrong("wrong-tool-type-is-refused", {"input": "Hi", "tools": [{"type": "crystal_ball"}]}),
    "absent-tool": Wrong(
        "forced-absent-tool-is-refused",
        {"input": "Hi", "tools": [], "tool_choice": {"type": "function", "name": "not_there"}},
    ),
    "chat-choice": Wrong(
        "chat-style-tool-choice-is-refused",
        {
            "input": "Hi",
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        },
        profiles=(),
    ),
    "wrong-include": Wrong("wrong-include-is-refused", {"input": "Hi", "include": ["everything"]}),
    "output-alone": Wrong(
        "output-without-its-call-is-refused",
        {"input": [_USER, {"type": "function_call_output", "call_id": "call_not_there", "output": "x"}]},
    ),
    "call-alone": Wrong(
        "call-without-its-output-is-refused",
        {"input": [_USER, {"type": "function_call", "call_id": "call_a", "name": "f", "arguments": "{}"}]},
        profiles=(),
    ),
}
"""Case → what is wrong."""


def _wrong(name: str, wrong: Wrong) -> None:
    async def run(probe: Probe) -> None:
        answer = await probe.attempt(
            max_output_tokens=wrong.body.get("max_output_tokens", 16), **_but_limit(wrong)
        )
        if not any(wrong.requirement == also for also, _, _ in wrong.also):
            refused(probe, f"{_E}.{wrong.requirement}", answer, wrong.statuses)
        for requirement, field, value in wrong.also:
            if answer.status in wrong.statuses and answer.error:
                told = answer.error.get(field)
                probe.holds(f"{_E}.{requirement}", told == value, expected=value, got=told, on=answer)
            else:
                probe.skip(f"{_E}.{requirement}", f"there is no error to look at: {answer.status}")

    run.__doc__ = f"A request that is wrong as `{name}` says is refused, and the error tells why."
    named = dict.fromkeys([wrong.requirement, *(also for also, _, _ in wrong.also)])
    case(f"{_E}.{name}", requirements=[f"{_E}.{one}" for one in named], tokens=16, profiles=wrong.profiles)(
        run
    )


def _but_limit(wrong: Wrong) -> JSON:
    return {key: value for key, value in wrong.body.items() if key != "max_output_tokens"}


def refused(probe: Probe, requirement: str, answer: Exchange, statuses: tuple[int, ...] = (400, 422)) -> bool:
    """The request was refused with one of these statuses."""
    return probe.holds(
        requirement, answer.status in statuses, expected=statuses, got=answer.status, on=answer
    )


for _name, _one in _WRONG.items():
    _wrong(_name, _one)


_BODIES: dict[str, tuple[str, bytes]] = {
    "empty-body": ("empty-body-is-refused", b""),
    "broken-json": ("broken-json-is-refused", b'{"model": "x", "input": '),
    "array": ("body-that-is-no-object-is-refused", b"[]"),
    "null": ("body-that-is-no-object-is-refused", b"null"),
    "utf8": ("invalid-utf8-is-refused", b'{"model": "x", "input": "\xff\xfe"}'),
}


def _body(name: str, requirement: str, sent: bytes) -> None:
    async def run(probe: Probe) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await probe.request("POST", "/responses", body=sent, headers=headers)
        refused(probe, f"{_E}.{requirement}", answer, (400, 415, 422))

    run.__doc__ = f"The body `{name}` is refused."
    profiles = ("core", "stateless", "openresponses") if name == "broken-json" else ("core",)
    case(f"{_E}.{name}", requirements=[f"{_E}.{requirement}"], profiles=profiles)(run)


for _name, (_requirement, _sent) in _BODIES.items():
    _body(_name, _requirement, _sent)


@case(f"{_E}.deep", requirements=[f"{_E}.deep-nesting-is-refused-or-taken"])
async def deep(probe: Probe) -> None:
    """Ten thousand nested arrays do not break the server."""
    sent = b'{"model": "x", "input": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    answer = await probe.request("POST", "/responses", body=sent)
    fine = 0 < answer.status < 500
    probe.holds(
        f"{_E}.deep-nesting-is-refused-or-taken", fine, expected="below 500", got=answer.status, on=answer
    )


@case(
    f"{_E}.unknown-model",
    requirements=[f"{_E}.unknown-model-is-refused", f"{_E}.unknown-model-names-the-parameter"],
    profiles=("core", "stateless", "openresponses"),
)
async def unknown_model(probe: Probe) -> None:
    """A model that does not exist is refused."""
    answer = await probe.attempt(input="Hi", model=f"no-such-model-{probe.word()}", max_output_tokens=16)
    if refused(probe, f"{_E}.unknown-model-is-refused", answer, (400, 404)):
        told = {name: answer.error.get(name) for name in ("code", "param")}
        wanted = {"code": "model_not_found", "param": "model"}
        requirement = f"{_E}.unknown-model-names-the-parameter"
        probe.holds(requirement, told == wanted, expected=wanted, got=told, on=answer)


@case(
    f"{_E}.unknown-parameter",
    requirements=[f"{_E}.unknown-parameter-is-refused"],
    tokens=64,
    profiles=("core",),
)
async def unknown_parameter(probe: Probe) -> None:
    """A parameter that does not exist is refused, or ignored."""
    answer = await probe.attempt(input="Say: ok", max_output_tokens=64, no_such_parameter=1)
    told = "ignored" if answer.ok else f"refused with {answer.status}"
    probe.unclear(f"{_E}.unknown-parameter-is-refused", told, on=answer)


@case(
    f"{_E}.unknown-response",
    requirements=[f"{_E}.unknown-response-is-404"],
    profiles=("core",),
    needs=("store",),
)
async def unknown_response(probe: Probe) -> None:
    """A response that does not exist is not found."""
    answer = await probe.request("GET", f"/responses/resp_{probe.word()}{'0' * 40}")
    if why := probe.lack(answer):
        probe.unimplemented(f"{_E}.unknown-response-is-404", why, on=answer)
    else:
        refused(probe, f"{_E}.unknown-response-is-404", answer, (404,))


@case(
    f"{_E}.unknown-previous",
    requirements=[
        f"{_E}.unknown-previous-response-is-refused",
        f"{_E}.unknown-previous-response-has-its-code",
    ],
    profiles=("core",),
    tokens=16,
)
async def unknown_previous(probe: Probe) -> None:
    """A previous response that does not exist is refused."""
    gone = f"resp_{probe.word()}{'0' * 40}"
    answer = await probe.attempt(input="Hi", previous_response_id=gone, max_output_tokens=16)
    if why := probe.lack(answer):
        probe.unimplemented(f"{_E}.unknown-previous-response-is-refused", why, on=answer)
    elif refused(probe, f"{_E}.unknown-previous-response-is-refused", answer, (400, 404)):
        told = (answer.status, answer.error.get("code"), answer.error.get("param"))
        wanted = (400, "previous_response_not_found", "previous_response_id")
        requirement = f"{_E}.unknown-previous-response-has-its-code"
        probe.holds(requirement, told == wanted, expected=[wanted], got=told, on=answer)


@case(f"{_E}.unknown-path", requirements=[f"{_E}.unknown-path-is-404"], profiles=("core",))
async def unknown_path(probe: Probe) -> None:
    """A path that does not exist is not found."""
    refused(probe, f"{_E}.unknown-path-is-404", await probe.request("GET", f"/{probe.word()}"), (404,))


@case(f"{_E}.wrong-method", requirements=[f"{_E}.wrong-method-is-404-or-405"], profiles=("core",))
async def wrong_method(probe: Probe) -> None:
    """A method that a path does not have is refused."""
    answer = await probe.request("PUT", "/responses", {})
    refused(probe, f"{_E}.wrong-method-is-404-or-405", answer, (404, 405))


@case(
    f"{_E}.wrong-key",
    requirements=[f"{_E}.wrong-key-is-401", f"{_E}.wrong-key-has-its-code"],
    needs=("keys",),
    tokens=16,
    profiles=("core",),
)
async def wrong_key(probe: Probe) -> None:
    """A wrong key is refused, where keys are asked for."""
    if not probe.client.target.key:
        for name in ("wrong-key-is-401", "wrong-key-has-its-code"):
            probe.skip(f"{_E}.{name}", "the run has no API key")
        return
    body = probe.body({"input": "Hi", "max_output_tokens": 16})
    answer = await probe.request("POST", "/responses", body, key=f"sk-{probe.word()}")
    if answer.ok:
        probe.skip(f"{_E}.wrong-key-is-401", "the deployment takes any key")
        return
    refused(probe, f"{_E}.wrong-key-is-401", answer, (401,))
    told = answer.error.get("code")
    probe.holds(
        f"{_E}.wrong-key-has-its-code",
        told == "invalid_api_key",
        expected="invalid_api_key",
        got=told,
        on=answer,
    )


@case(f"{_E}.quick", requirements=[f"{_E}.refusal-costs-nothing"], tokens=16)
async def quick(probe: Probe) -> None:
    """A refusal comes at once."""
    answer = await probe.attempt(input="Hi", temperature=9, max_output_tokens=16)
    fine = answer.status >= 400 and answer.seconds < 2
    got = f"{answer.status} after {answer.seconds:.2f} s"
    probe.holds(f"{_E}.refusal-costs-nothing", fine, expected="a refusal within 2 s", got=got, on=answer)


@case(
    f"{_E}.request-ids",
    requirements=["responses.headers.request-ids-are-unique"],
    requests=2,
    profiles=("core",),
)
async def request_ids(probe: Probe) -> None:
    """Two answers have two request ids."""
    both = [await probe.attempt(temperature=9) for _ in range(2)]
    told = [answer.header("x-request-id") for answer in both]
    if None in told:
        probe.skip("responses.headers.request-ids-are-unique", "there are no request ids")
    else:
        fine = told[0] != told[1]
        probe.holds("responses.headers.request-ids-are-unique", fine, expected="two ids", got=told, on=both)


@case(
    f"{_E}.overflow",
    requirements=[f"{_E}.context-overflow-is-400"],
    tokens=300_000,
    needs=("overflow",),
)
async def overflow(probe: Probe) -> None:
    """Input far beyond any window is refused, or the response fails with the same code."""
    answer = await probe.attempt(input="word " * 300_000, max_output_tokens=16, truncation="disabled")
    if answer.ok and answer.json.get("status") != "failed":
        probe.skip(f"{_E}.context-overflow-is-400", "300,000 words fit the model's window")
        return
    if answer.status == 413:
        probe.skip(f"{_E}.context-overflow-is-400", "the body is larger than the deployment takes")
        return
    error = answer.error or answer.json.get("error") or {}
    told = (answer.status, error.get("code"))
    fine = answer.status in (200, 400) and told[1] in ("context_length_exceeded", "string_above_max_length")
    probe.holds(
        f"{_E}.context-overflow-is-400",
        fine,
        expected=[(400, "context_length_exceeded")],
        got=told,
        on=answer,
    )
