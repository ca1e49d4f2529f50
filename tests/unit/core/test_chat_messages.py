"""Every item kind has its place in a chat, and calls stand where chat servers demand them."""

# ruff: noqa: E501 - the tables read better with a case per line

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.chat.dialect import Dialect
from antiphon.core.chat.messages import GO_ON, NO_OUTPUT, chat_messages
from antiphon.core.context import Sample
from antiphon.core.kinds import INPUT_PREFIXES, ITEM_KINDS
from antiphon.core.tools import ToolRules, ToolTable, ToolTarget, resolve_tools
from antiphon.engines.upstream.dialects import DIALECTS

GENERIC, VLLM, OPENAI, LLAMACPP = (DIALECTS[n] for n in ("generic", "vllm", "openai", "llamacpp"))
KINDS = sorted({*ITEM_KINDS, *INPUT_PREFIXES})
PNG = "data:image/png;base64,AAAA"


def messages(
    *items: Any, dialect: Dialect = GENERIC, tools: ToolTable | None = None, **fields: Any
) -> list[Any]:
    return chat_messages(Sample("m", tuple(items), tools or ToolTable(), **fields), dialect)


def user(text: str) -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def said(role: str, *texts: str) -> Any:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": t} for t in texts]}


def thought(text: str) -> Any:
    return {
        "type": "reasoning",
        "id": "rs",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": text}],
    }


def called(call_id: str, name: str = "f", arguments: str = "{}", **fields: Any) -> Any:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **fields}


def returned(call_id: str, output: Any = "done") -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def calls(*pairs: tuple[str, str, str], text: str = "", **fields: Any) -> Any:
    made = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in pairs]
    return {"role": "assistant", "content": text, **fields, "tool_calls": made}


def tool(call_id: str, content: str = "done") -> Any:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_one_assistant_turn_is_one_message() -> None:
    items = (
        said("system", "Be kind."),
        user("Hi"),
        thought("hm"),
        said("assistant", "Let me see."),
        called("a", "f", '{"x":1}'),
        called("b", "g"),
        returned("b", "two"),
        returned("a", [{"type": "input_text", "text": "one"}]),
        thought("aha"),
        said("assistant", "Done."),
    )
    assert messages(*items, dialect=VLLM, instructions="Rules.") == [
        {"role": "system", "content": "Rules.\n\nBe kind."},
        {"role": "user", "content": "Hi"},
        calls(("a", "f", '{"x":1}'), ("b", "g", "{}"), text="Let me see.", reasoning="hm"),
        tool("a", "one"),
        tool("b", "two"),
        {"role": "assistant", "content": "Done.", "reasoning": "aha"},
    ]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(
            [called("a"), user("and?"), returned("a")],
            [calls(("a", "f", "{}")), tool("a"), {"role": "user", "content": "and?"}],
            id="an output that comes later",
        ),
        pytest.param(
            [returned("a"), called("a")],
            [calls(("a", "f", "{}")), tool("a")],
            id="an output that comes before",
        ),
        pytest.param(
            [called("a")], [calls(("a", "f", "{}")), tool("a", NO_OUTPUT)], id="a call without output"
        ),
        pytest.param(
            [returned("zz")],
            [{"role": "user", "content": "[Output of the call zz]\ndone"}],
            id="an output without call",
        ),
        pytest.param(
            [called("a"), returned("a", "1"), called("a"), returned("a", "2")],
            [calls(("a", "f", "{}")), tool("a", "1"), calls(("a", "f", "{}")), tool("a", "2")],
            id="an id used twice",
        ),
        pytest.param(
            [user("a"), user("b"), said("assistant", "c"), said("assistant", "d")],
            [{"role": "user", "content": "a\n\nb"}, {"role": "assistant", "content": "c\n\nd"}],
            id="neighbours of one role",
        ),
        pytest.param(
            [thought("hm"), user("a")], [{"role": "user", "content": "a"}], id="reasoning that led nowhere"
        ),
        pytest.param(
            [called("a", arguments='{"x":')],
            [calls(("a", "f", '{"invalid_arguments":"{\\"x\\":"}')), tool("a", NO_OUTPUT)],
            id="broken arguments",
        ),
        pytest.param(
            [called("a", arguments="")], [calls(("a", "f", "{}")), tool("a", NO_OUTPUT)], id="empty arguments"
        ),
        pytest.param(
            [called("a", arguments="3")],
            [calls(("a", "f", '{"invalid_arguments":"3"}')), tool("a", NO_OUTPUT)],
            id="arguments that are no object",
        ),
    ],
)
def test_order(items: list[Any], expected: list[Any]) -> None:
    assert messages(*items) == expected


# ---------- every item kind

CALLED_AND_RETURNED: list[tuple[Any, Any, tuple[str, str], str]] = [
    (
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": 'a "b"'},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"},
        ("patch", '{"input":"a \\"b\\""}'),
        "ok",
    ),
    (
        called("c", "f", namespace="ns"),
        returned("c"),
        ("ns__f", "{}"),
        "done",
    ),
    (
        {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "a\n", "stderr": "e", "outcome": {"type": "exit", "exit_code": 2}}, {"stdout": "", "stderr": "", "outcome": {"type": "timeout"}}]},
        ("shell", '{"commands":["ls"]}'),
        "a\n\ne\n[exit code 2]\n[timeout]",
    ),
    (
        {"type": "local_shell_call", "id": "x", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "local_shell_call_output", "id": "c", "output": "files"},
        ("local_shell", '{"type":"exec","command":["ls"]}'),
        "files",
    ),
    (
        {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": "no file"},
        ("apply_patch", '{"type":"delete_file","path":"a"}'),
        "failed\nno file",
    ),
    (
        {"type": "computer_call", "call_id": "c", "actions": [{"type": "wait"}]},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "file_id": "file-1"}},
        ("computer", '{"actions":[{"type":"wait"}]}'),
        "[image file-1]",
    ),
    (
        {"type": "tool_search_call", "call_id": "c", "arguments": {"query": "mail"}},
        {"type": "tool_search_output", "call_id": "c", "tools": [{"type": "function", "name": "send", "strict": True}]},
        ("tool_search", '{"query":"mail"}'),
        '[{"type":"function","name":"send"}]',
    ),
    (
        {"type": "program", "id": "p", "call_id": "c", "code": "1+1"},
        {"type": "program_output", "id": "q", "call_id": "c", "result": "2"},
        ("program", '{"code":"1+1"}'),
        "2",
    ),
    (
        {"type": "mcp_approval_request", "id": "c", "name": "rm", "server_label": "disk", "arguments": "{}"},
        {"type": "mcp_approval_response", "approval_request_id": "c", "approve": False, "reason": "no"},
        ("disk__rm", "{}"),
        "The user did not allow this call. Reason: no",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "output", "function", "text"),
    CALLED_AND_RETURNED,
    ids=lambda v: v.get("type") if isinstance(v, dict) else "",
)
def test_calls_and_their_outputs(call: Any, output: Any, function: tuple[str, str], text: str) -> None:
    assert messages(call, output) == [calls(("c", *function)), tool("c", text)]


NOT_KEPT = "[completed; what it returned was not kept]"

EXCHANGES: list[tuple[Any, tuple[str, str], str]] = [
    ({"type": "web_search_call", "action": {"type": "search", "query": "q", "sources": [{"url": "u"}]}}, ("web_search", '{"type":"search","query":"q"}'), '[{"url":"u"}]'),
    ({"type": "web_search_call", "status": "failed", "action": {"type": "open_page", "url": "u"}}, ("web_search", '{"type":"open_page","url":"u"}'), "[failed; what it returned was not kept]"),
    ({"type": "file_search_call", "queries": ["q"], "results": [{"text": "t"}]}, ("file_search", '{"queries":["q"]}'), '[{"text":"t"}]'),
    ({"type": "file_search_call", "queries": ["q"], "results": None}, ("file_search", '{"queries":["q"]}'), NOT_KEPT),
    ({"type": "code_interpreter_call", "code": "1", "outputs": [{"type": "logs", "logs": "2"}, {"type": "image", "url": "u"}]}, ("code_interpreter", '{"code":"1"}'), "2\n[image u]"),
    ({"type": "code_interpreter_call", "code": "1", "outputs": None}, ("code_interpreter", '{"code":"1"}'), NOT_KEPT),
    ({"type": "image_generation_call", "revised_prompt": "cat", "result": "AAAA"}, ("image_generation", '{"prompt":"cat"}'), "An image was made (id x)."),
    ({"type": "image_generation_call", "result": None, "error": {"message": "no"}}, ("image_generation", "{}"), 'No image was made. {"message":"no"}'),
    ({"type": "mcp_call", "name": "f", "server_label": "s", "arguments": "{}", "output": "o"}, ("s__f", "{}"), "o"),
    ({"type": "mcp_call", "name": "f", "server_label": "s", "arguments": "{}", "error": {"type": "http_error"}}, ("s__f", "{}"), 'Error: {"type":"http_error"}'),
    ({"type": "mcp_list_tools", "server_label": "s", "tools": [], "error": "down"}, ("mcp_list_tools", '{"server_label":"s"}'), "Error: down"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("item", "function", "text"), EXCHANGES, ids=lambda v: v.get("type") if isinstance(v, dict) else ""
)
def test_hosted_tools_keep_what_they_did_and_returned(
    item: Any, function: tuple[str, str], text: str
) -> None:
    assert messages({"id": "x", "status": "completed", **item}) == [calls(("x", *function)), tool("x", text)]


def test_an_approved_call_is_told_once() -> None:
    request = {"type": "mcp_approval_request", "id": "r", "name": "f", "server_label": "s", "arguments": "{}"}
    response = {"type": "mcp_approval_response", "approval_request_id": "r", "approve": True}
    done = {
        "type": "mcp_call",
        "id": "x",
        "name": "f",
        "server_label": "s",
        "arguments": "{}",
        "output": "o",
        "approval_request_id": "r",
    }
    assert messages(request, response, done) == [calls(("x", "s__f", "{}")), tool("x", "o")]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "additional_tools", "role": "developer", "tools": []},
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
        {"type": "compaction_trigger"},
        {"type": "item_reference", "id": "x"},
        {"type": "compaction", "encrypted_content": "not ours"},
        {"type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "f", "input_schema": {}}]},
        {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "not ours"},
    ],
    ids=lambda item: item["type"],
)
def test_what_carries_nothing_for_a_model_is_left_out(item: Any) -> None:
    assert messages(user("a"), item, user("b")) == [{"role": "user", "content": "a\n\nb"}]


def test_an_opened_compaction_is_its_summary() -> None:
    item = {"type": "compaction", "content": [{"type": "reasoning_text", "text": "They met."}]}
    assert messages(item) == [{"role": "user", "content": "Summary of the conversation so far:\nThey met."}]


def test_a_summary_stands_for_reasoning_whose_text_is_unknown() -> None:
    item = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "short"}]}
    assert messages(item, said("assistant", "a"), dialect=VLLM) == [
        {"role": "assistant", "content": "a", "reasoning": "short"}
    ]


def test_an_unknown_kind_is_shown_as_it_is() -> None:
    item = {"type": "quantum_call", "id": "q", "status": "completed", "spin": "up"}
    assert messages(item) == [{"role": "assistant", "content": '[quantum_call] {"spin":"up"}'}]


# ---------- images


def picture(**fields: Any) -> Any:
    return {"type": "input_image", "image_url": PNG, "detail": "auto", **fields}


def image_part(**fields: Any) -> Any:
    return {"type": "image_url", "image_url": {"url": PNG, **fields}}


def test_images_of_a_user() -> None:
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "See"}, picture(), picture(detail="original")],
    }
    assert messages(item, user("this")) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See"},
                image_part(),
                image_part(detail="high"),
                {"type": "text", "text": "this"},
            ],
        }
    ]
    assert messages(item, dialect=OPENAI)[0]["content"][2] == image_part(detail="original")


def test_images_of_a_tool_follow_in_a_user_message() -> None:
    output = [{"type": "input_text", "text": "shot"}, picture()]
    note = "[The next user message holds the images of this output.]"
    assert messages(called("a", "look"), called("b"), returned("a", output), returned("b"), user("so?")) == [
        calls(("a", "look", "{}"), ("b", "f", "{}")),
        tool("a", f"shot\n{note}"),
        tool("b"),
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "[Images from the output of look]"},
                image_part(),
                {"type": "text", "text": "so?"},
            ],
        },
    ]


def test_images_of_a_tool_stay_where_the_dialect_takes_them() -> None:
    dialect = Dialect("x", tool_images=True)
    assert messages(called("a"), returned("a", [picture()]), dialect=dialect)[1] == {
        "role": "tool",
        "tool_call_id": "a",
        "content": [image_part()],
    }


# ---------- dialects


def test_openai_keeps_roles_and_places() -> None:
    items = (
        said("developer", "d"),
        user("a"),
        user("b"),
        said("system", "s"),
        thought("x"),
        said("assistant", "c"),
    )
    assert messages(*items, dialect=OPENAI, instructions="i") == [
        {"role": "system", "content": "i"},
        {"role": "developer", "content": "d"},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "system", "content": "s"},
        {"role": "assistant", "content": "c"},
    ]


def test_a_server_that_continues_the_assistant_is_told_to_go_on() -> None:
    assert messages(user("a"), said("assistant", "b"), dialect=LLAMACPP)[-1] == {
        "role": "user",
        "content": GO_ON,
    }
    assert messages(user("a"), said("assistant", "b"), dialect=VLLM)[-1] == {
        "role": "assistant",
        "content": "b",
    }


def test_names_are_those_of_the_tool_table() -> None:
    function = {"type": "function", "name": "f" * 60, "parameters": {"type": "object"}}
    table = resolve_tools(
        [{"type": "namespace", "name": "mcp__disk", "tools": [function]}], "auto", ToolRules()
    )
    visible = table.offered[0].name
    assert len(visible) == 64
    item = called("a", "f" * 60, namespace="mcp__disk")
    assert messages(item, tools=table)[0] == calls(("a", visible, "{}"))


def test_hosted_tools_have_the_name_under_which_they_are_offered() -> None:
    table = ToolTable(targets={"search_the_web": ToolTarget("hosted", "web_search_preview")})
    item = {"type": "web_search_call", "id": "x", "status": "completed", "action": {"query": "q"}}
    assert messages(item, tools=table)[0] == calls(("x", "search_the_web", '{"query":"q"}'))


# ---------- any items

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=4))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(
            st.dictionaries(st.sampled_from(["type", "text", "url", "stdout", "outcome"]), inner), max_size=2
        ),
        st.dictionaries(st.sampled_from(["type", "query", "path", "sources"]), inner, max_size=2),
    ),
    max_leaves=5,
)
TEXTS = st.one_of(
    st.text(max_size=4),
    st.lists(st.builds(lambda t: {"type": "input_text", "text": t}, st.text(max_size=4)), max_size=2),
)
ITEMS = st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, "unheard_of"])},
    optional={
        "id": st.sampled_from(["a", "b"]),
        "call_id": st.sampled_from(["a", "b", "c"]),
        "role": st.sampled_from(["user", "assistant", "system", "developer"]),
        "content": TEXTS,
        "output": st.one_of(TEXTS, st.none()),
        "arguments": st.one_of(st.text(max_size=4), st.just('{"a":1}')),
        "name": st.text(max_size=3),
        "summary": st.just([{"type": "summary_text", "text": "s"}]),
        "action": st.dictionaries(st.sampled_from(["type", "query", "sources"]), VALUES, max_size=2),
        "error": VALUES,
        "results": VALUES,
        "approve": st.booleans(),
        "approval_request_id": st.sampled_from(["a", "b"]),
    },
)  # fmt: skip


@given(st.lists(ITEMS, max_size=12), st.sampled_from(sorted(DIALECTS)))
def test_any_items_make_a_chat_that_servers_take(items: list[Any], name: str) -> None:
    dialect = DIALECTS[name]
    made = messages(*items, dialect=dialect)
    assert chat_messages(Sample("m", tuple(items), ToolTable()), dialect) == made
    waiting: list[str] = []
    for at, message in enumerate(made):
        role = message["role"]
        assert role in ("system", "developer", "user", "assistant", "tool")
        if role == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
            continue
        assert waiting == []
        waiting = [call["id"] for call in message.get("tool_calls", ())]
        if dialect.system == "front":
            assert role != "developer"
            assert role != "system" or at == 0
    assert waiting == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_item_has_a_fate(kind: str) -> None:
    """None falls through to being shown as raw JSON."""
    assert f"[{kind}]" not in str(messages({"type": kind, "id": "x"}))
