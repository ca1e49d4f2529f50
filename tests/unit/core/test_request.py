"""Plans: defaults, echo, refusals, tool tables, input items."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from antiphon.core.errors import ApiError, Invalid, Unsupported
from antiphon.core.items import check_pairs, drop_oldest, normalise, without_old_reasoning
from antiphon.core.request import Rules, check_count, plan_given, plan_request
from antiphon.core.support import SUPPORT
from antiphon.core.tools import Choice, ToolRules, visible_name
from antiphon.spec import catalogue
from antiphon.spec.validate import check_object

F = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": None}
RULES = Rules(extra_parameters=frozenset({"client_metadata"}))


def new_id() -> Any:
    counter = itertools.count()
    return lambda prefix: f"{prefix}_{next(counter)}"


def plan(**body: Any) -> Any:
    return plan_request({"model": "m", "input": "hi", **body}, RULES, new_id())


def refused(**body: Any) -> ApiError:
    with pytest.raises((Invalid, Unsupported)) as caught:
        plan(**body)
    return caught.value


def test_the_support_table_names_every_pinned_parameter_once() -> None:
    assert set(SUPPORT) == set(catalogue.REQUEST_PARAMETERS)


def test_the_echo_of_a_bare_request_is_an_official_response() -> None:
    made = plan()
    response = {"id": "resp_1", "created_at": 1, "status": "in_progress", "output": [], **made.echo}
    assert check_object("Response", response) == []
    assert made.echo["temperature"] == 1.0
    assert made.echo["text"] == {"format": {"type": "text"}, "verbosity": "medium"}
    assert made.echo["tool_choice"] == "auto"
    assert (made.store, made.background, made.stream, made.obfuscate) == (True, False, False, True)


def test_nulls_mean_absent() -> None:
    assert (
        plan(include=None, truncation=None, temperature=None, tools=[{**F, "strict": None}]).echo[
            "temperature"
        ]
        == 1.0
    )


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"nonsense": 1}, "nonsense", "unknown_parameter"),
        ({"temperature": 3}, "temperature", "decimal_above_max_value"),
        ({"max_output_tokens": 1}, "max_output_tokens", "integer_below_min_value"),
        ({"prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
        ({"moderation": {"model": "m"}}, "moderation", "unsupported_parameter"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode", "unsupported_parameter"),
        ({"image": {"context_compression": "enabled"}}, "image", "unsupported_parameter"),
        ({"previous_response_id": "r", "conversation": "c"}, None, "mutually_exclusive_parameters"),
        ({"tool_choice": {"type": "function", "name": "g"}, "tools": [F]}, "tool_choice", None),
        ({"tool_choice": "required"}, "tool_choice", None),
        ({"tools": [F, F]}, "tools", None),
        (
            {"tools": [{"type": "web_search"}], "tool_choice": "required"},
            "tool_choice",
            "unsupported_parameter",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    body: dict[str, Any], param: str | None, code: str | None
) -> None:
    error = refused(**body)
    assert (error.status, error.param, error.code) == (400, param, code)


def test_missing_model_and_input() -> None:
    for body, param in (({"input": "x"}, "model"), ({"model": "m"}, "input")):
        with pytest.raises(Invalid) as caught:
            plan_request(body, RULES, new_id())
        assert (caught.value.param, caught.value.code) == (param, "missing_required_parameter")


@pytest.mark.parametrize("body", [None, 1, "x", [], {"model": "m", "input": 7}, {"model": 3, "input": "x"}])
def test_bodies_of_a_wrong_type_are_a_400(body: object) -> None:
    with pytest.raises(Invalid):
        plan_request(body, RULES, new_id())


def test_known_extras_of_clients_are_taken() -> None:
    assert plan(client_metadata={"a": "b"}).model == "m"


# ---------- tools


def test_tools_that_cannot_run_are_dropped_and_announced() -> None:
    made = plan(tools=[F, {"type": "web_search"}, {"type": "image_generation"}])
    assert made.tools.dropped == ("web_search", "image_generation")
    assert [t["type"] for t in made.echo["tools"]] == ["function"]


def test_an_operator_may_refuse_them() -> None:
    rules = Rules(ToolRules(unavailable="refuse"))
    with pytest.raises(Unsupported):
        plan_request({"model": "m", "input": "x", "tools": [{"type": "web_search"}]}, rules, new_id())


def test_allowed_tools_narrow_what_is_offered() -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]}
    made = plan(tools=[F, {**F, "name": "g"}], tool_choice=choice)
    assert [s.name for s in made.tools.offered] == ["g"]
    assert set(made.tools.targets) == {"g"}
    assert made.tools.choice == Choice("required")
    assert [t["name"] for t in made.echo["tools"]] == ["f", "g"]
    assert made.echo["tool_choice"] == choice


def test_named_choice_and_namespaces() -> None:
    tools = [{"type": "namespace", "name": "ns", "description": "d", "tools": [{**F, "name": "g"}]}]
    made = plan(tools=tools, tool_choice={"type": "function", "name": "g"})
    assert made.tools.choice == Choice("required", "ns__g")


def test_servers_of_one_kind_are_told_apart_by_their_labels() -> None:
    tools = [{"type": "mcp", "server_label": label, "server_url": "http://x"} for label in ("a", "b")]
    rules = Rules(ToolRules(hosted=frozenset({"mcp"})))
    body = {"model": "m", "input": "x", "tools": tools, "tool_choice": {"type": "mcp", "server_label": "b"}}
    made = plan_request(body, rules, new_id()).tools
    assert [target.tool for target in made.targets.values()] == tools
    assert made.targets[made.choice.name or ""].tool == tools[1]


def test_tools_that_only_programs_may_call_are_not_offered() -> None:
    both, programs = ["direct", "programmatic"], ["programmatic"]
    inner = [{**F, "name": "d"}, {**F, "name": "e", "allowed_callers": programs}]
    tools = [
        {**F, "name": "a", "allowed_callers": both},
        {**F, "name": "b", "allowed_callers": programs},
        {**F, "name": "c", "allowed_callers": None},
        {"type": "namespace", "name": "ns", "description": "d", "tools": inner},
    ]
    made = plan(tools=tools)
    assert [spec.name for spec in made.tools.offered] == ["a", "c", "ns__d"]
    assert len(made.echo["tools"]) == 4


def test_long_names_stay_within_what_servers_take_and_apart() -> None:
    one, two = visible_name("x" * 80 + "a", "ns"), visible_name("x" * 80 + "b", "ns")
    assert len(one) == len(two) == 64
    assert one != two


def test_additional_tools_of_the_input_are_offered() -> None:
    made = plan(input=[{"type": "additional_tools", "role": "developer", "tools": [F]}])
    assert [s.name for s in made.tools.offered] == ["f"]


# ---------- settings


def test_logprobs_are_asked_for_by_include_or_by_number() -> None:
    assert plan().settings.top_logprobs is None
    assert plan(include=["message.output_text.logprobs"]).settings.top_logprobs == 0
    assert plan(top_logprobs=3).settings.top_logprobs == 3


def test_reasoning_is_sealed_when_asked_for_or_not_stored() -> None:
    assert not plan().seal_reasoning
    assert plan(store=False).seal_reasoning
    assert plan(include=["reasoning.encrypted_content"]).seal_reasoning


def test_tools_and_settings_that_earlier_items_brought_are_in_force() -> None:
    later = {**F, "description": "newer"}
    earlier = [
        {"type": "additional_tools", "role": "developer", "tools": [F, {"type": "custom", "name": "c"}]},
        {"type": "configuration_update", "id": "u", "reasoning": {"effort": "low"}},
        {"type": "additional_tools", "role": "developer", "tools": [later]},
    ]
    choice = {"type": "custom", "name": "c"}
    body = {"model": "m", "input": "x", "tool_choice": choice, "reasoning": {"effort": "high"}}
    made = plan_given(body, RULES, new_id(), earlier)
    assert [spec.name for spec in made.tools.offered] == ["c", F["name"]]
    assert made.tools.offered[1].description == "newer"
    assert made.settings.effort == "low"
    with pytest.raises(Invalid, match="same name"):
        plan_given({**body, "tools": [F, F]}, RULES, new_id(), earlier)


def test_configuration_updates_in_the_input_change_the_settings() -> None:
    updates = [
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
        {
            "type": "configuration_update",
            "text": {"format": {"type": "text"}, "verbosity": "high"},
        },
    ]
    made = plan(input=[*updates, {"role": "user", "content": "x"}], reasoning={"effort": "high"})
    assert (made.settings.effort, made.settings.verbosity) == ("low", "high")
    assert made.echo["reasoning"]["effort"] == "high"


def test_a_count_needs_no_input() -> None:
    assert plan_given(check_count({"model": "m"}, RULES), RULES, new_id()).input == ()
    with pytest.raises(Unsupported, match="personality"):
        check_count({"model": "m", "input": "x", "personality": "friendly"}, RULES)


# ---------- items


def test_easy_messages_get_their_official_form() -> None:
    items = normalise(
        [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b", "id": "mine"},
            {"role": "assistant", "content": [{"type": "output_text", "text": "c"}], "future": 1},
        ],
        new_id(),
    )
    text = {"type": "output_text", "annotations": [], "logprobs": []}
    assert items == (
        {
            "id": "msg_0",
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}],
            "type": "message",
            "status": "completed",
        },
        {
            "id": "mine",
            "role": "assistant",
            "content": [{**text, "text": "b"}],
            "type": "message",
            "status": "completed",
        },
        {
            "id": "msg_1",
            "role": "assistant",
            "content": [{**text, "text": "c"}],
            "type": "message",
            "status": "completed",
            "future": 1,
        },
    )


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "1", "id": "fco"}


def test_calls_and_outputs_pair_anywhere() -> None:
    check_pairs([CALL], [OUTPUT])
    check_pairs([], [CALL, {"type": "message", "role": "user"}, OUTPUT])
    with pytest.raises(Invalid, match="No tool call found for function call output with call_id c"):
        check_pairs([], [OUTPUT])
    with pytest.raises(Invalid, match="No tool output found for function call c"):
        check_pairs([CALL], [])
    check_pairs([], [OUTPUT, CALL])
    check_pairs([], [CALL, OUTPUT, CALL])
    check_pairs([{**CALL, "async": True}], [])


def test_pairing_takes_one_look_at_each_item() -> None:
    """A request may hold thousands of outputs of one call; the server must not look at each pair of items."""

    class Counted(dict[str, Any]):
        looks = 0

        def __getitem__(self, key: str) -> Any:
            Counted.looks += 1
            return super().__getitem__(key)

    check_pairs([], [Counted({"type": "message"})] * 100 + [CALL] + [Counted(OUTPUT)] * 100)
    assert Counted.looks <= 400


def test_truncation_drops_whole_exchanges_and_keeps_system() -> None:
    system, user = {"type": "message", "role": "system"}, {"type": "message", "role": "user"}
    assert drop_oldest([system, user, CALL, OUTPUT, user]) == (system, user)
    assert drop_oldest([system, user]) is None


def test_truncation_of_a_long_context_takes_few_steps() -> None:
    """Each step is a call of the engine, and a request may bring thousands of messages."""
    items: Any = [{"type": "message", "role": "user"}] * 20_000
    steps = 0
    while items := drop_oldest(items):
        steps += 1
        assert items
    assert steps < 100


def test_current_turn_reasoning_only() -> None:
    old, new = {"type": "reasoning", "id": "a"}, {"type": "reasoning", "id": "b"}
    user = {"type": "message", "role": "user"}
    assert without_old_reasoning([old, user, new]) == (user, new)
