"""Must-haves 8 and 9: requests of real clients are taken as they are, tools that cannot run included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.conformance.musthaves import captured
from tests.support.scenarios import script
from tests.support.server import CONFIG, serving

JSON = dict[str, Any]
Final = Callable[..., JSON]
DROPPED = "x-antiphon-dropped-tools"


def text_of(response: JSON) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts)


def recalled(final: Final, body: JSON) -> JSON:
    """What the engine was given of a request whose last user text is `#script recall`."""
    return json.loads(text_of(final(body)))


# ---------- 8


@pytest.mark.parametrize("name", list(captured.TEXT_ONLY))
def test_08_each_client_is_answered(final: Final, name: str) -> None:
    response = final(captured.TEXT_ONLY[name](script("say Here you are.")))
    assert (response["status"], text_of(response)) == ("completed", "Here you are.")


@pytest.mark.parametrize("name", list(captured.TEXT_ONLY))
def test_08_nothing_of_a_request_is_lost(final: Final, name: str) -> None:
    """Every item reaches the engine in its order, with the id that the client gave it."""
    body = captured.TEXT_ONLY[name](script("recall"))
    given = recalled(final, body)
    sent = body["input"] if isinstance(body["input"], list) else [{"role": "user"}]
    assert [item["type"] for item in given["items"]] == [item.get("type", "message") for item in sent]
    for item, one in zip(given["items"], sent, strict=True):
        assert item.get("role") == one.get("role")
        assert item["id"] == one.get("id", item["id"])
        assert item["id"]
    assert given["instructions"] == body.get("instructions")


def test_08_codex_turn_after_turn(final: Final) -> None:
    """Its items come back without ids, with `content: null`, and its own kinds of history between them."""
    first = final(captured.codex(script("think carefully", 'call exec_command {"cmd":"ls","workdir":"/"}')))
    reasoning, call = first["output"]
    assert reasoning["encrypted_content"]
    again = captured._codex_message("user", script("recall"), 5)
    given = recalled(final, captured.codex("run ls", *captured.codex_history(reasoning, call), again))
    kinds = [item["type"] for item in given["items"]]
    assert kinds[4:] == [
        "reasoning",
        "function_call",
        "function_call_output",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "message",
        "message",
    ]
    assert "carefully" not in reasoning["encrypted_content"]
    assert "carefully" in json.dumps(given["items"][4])


def test_08_foreign_and_absent_seals_are_taken(final: Final) -> None:
    foreign = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABforeign"}
    absent = {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "so"}]}
    body = captured.codex("hello", foreign, absent, captured._codex_message("user", script("say ok"), 5))
    assert text_of(final(body)) == "ok"


def test_08_instructor_gets_its_forced_call(final: Final) -> None:
    (call,) = final(captured.instructor("seven"))["output"]
    assert (call["type"], call["name"]) == ("function_call", "Answer")
    assert set(json.loads(call["arguments"])) == {"value"}


def test_08_dspy_gets_an_object(final: Final) -> None:
    assert isinstance(json.loads(text_of(final(captured.dspy("hello")))), dict)


def test_08_output_as_parts(final: Final) -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": '{"query":"a"}'}
    assert text_of(final(captured.haystack(call))) == "part one \ntwo"


@pytest.mark.parametrize(
    "parameter",
    [
        "background",
        "conversation",
        "include",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    ],
)
def test_08_null_is_the_same_as_nothing(final: Final, parameter: str) -> None:
    response = final({"model": "scripted", "input": script("say ok"), parameter: None})
    assert text_of(response) == "ok"
    plain = final({"model": "scripted", "input": script("say ok")})
    assert {k: v for k, v in response.items() if k == parameter} == {
        k: v for k, v in plain.items() if k == parameter
    }


def test_08_unknown_parameters_are_named(http: httpx2.Client) -> None:
    """Those known from clients pass (`client_metadata`); others are a clear 400, never ignored."""
    body = {"model": "scripted", "input": "hello", "no_such_parameter": 1}
    error = http.post("/v1/responses", json=body).json()["error"]
    assert (error["code"], error["param"]) == ("unknown_parameter", "no_such_parameter")


# ---------- 9


def test_09_codex_and_its_tools(http: httpx2.Client, final: Final) -> None:
    body = captured.codex(script("recall"))
    given = recalled(final, body)
    assert given["tools"] == [
        "exec_command",
        "write_stdin",
        "update_plan",
        "apply_patch",
        "mcp__loc__search_notes",
        "mcp__loc__read_note",
    ]
    reply = http.post("/v1/responses", json={**body, "stream": False})
    assert {name.strip() for name in reply.headers[DROPPED].split(",")} == {"web_search", "tool_search"}
    kept = [tool["type"] for tool in reply.json()["tools"]]
    assert kept == ["function", "function", "function", "custom", "namespace"]


def test_09_cline_and_its_tools(http: httpx2.Client, final: Final) -> None:
    body = captured.cline(script('call run_commands {"commands":["ls"]}'))
    (call,) = final(body)["output"]
    assert call["name"] == "run_commands"
    with http.stream("POST", "/v1/responses", json=body) as reply:
        assert reply.headers[DROPPED] == "web_search, image_generation"


def test_09_namespace_is_restored_on_the_call(final: Final) -> None:
    """Without it Codex says "unsupported call"."""
    body = captured.codex(script('call mcp__loc__search_notes {"query":"a"}'))
    (call,) = final(body)["output"]
    assert (call["namespace"], call["name"]) == ("mcp__loc", "search_notes")


def test_09_patch_comes_as_free_text(final: Final) -> None:
    patch = "*** Begin\n+one\n-two\n*** End"
    body = captured.codex(script(f"custom apply_patch {json.dumps(patch)}"))
    (call,) = final(body)["output"]
    assert (call["type"], call["name"], call["input"]) == ("custom_tool_call", "apply_patch", patch)


def test_09_a_choice_that_needs_a_missing_tool_is_refused(http: httpx2.Client) -> None:
    body = {**captured.cline("hello"), "tool_choice": {"type": "image_generation"}, "stream": False}
    reply = http.post("/v1/responses", json=body)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["param"] == "tool_choice"
    assert "image_generation" in error["message"]


def test_09_an_operator_may_refuse(tmp_path: Path) -> None:
    with serving(tmp_path, "--set", "run.unavailable_tools=refuse", config=CONFIG) as strict:
        body = {**captured.cline("hello"), "stream": False}
        reply = httpx2.post(f"{strict.base_url}/responses", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "tools"


def test_09_tools_inside_an_input_item(final: Final) -> None:
    """Newer models of Codex bring their tools in an `additional_tools` item."""
    body = captured.codex(script('call mcp__loc__read_note {"number":1}'))
    tools = {"type": "additional_tools", "role": "developer", "tools": body.pop("tools")}
    body["input"].insert(0, tools)
    (call,) = final(body)["output"]
    assert (call["namespace"], call["name"]) == ("mcp__loc", "read_note")


def test_08_codex_asks_for_compaction_inside_a_turn(final: Final) -> None:
    """ "expected exactly one compaction output item": its built-in provider dies of any other number."""
    (compaction,) = final(captured.codex("hello", {"type": "compaction_trigger"}))["output"]
    assert compaction["type"] == "compaction"
    assert compaction["encrypted_content"]
    again = captured._codex_message("user", script("say ok"), 5)
    assert text_of(final(captured.codex("hello", compaction, again))) == "ok"
