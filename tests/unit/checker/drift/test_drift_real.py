"""Real surfaces: a year of the SDK against known facts, the pin against what it was made from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import shared

from antiphon.checker.drift import sources
from antiphon.checker.drift.diff import Change, Drift, compare
from antiphon.checker.drift.priorities import Priority


def drift(old: str, new: str, cache: Path) -> Drift:
    sides = sources.surfaces(sources.load(old, cache), sources.load(new, cache))
    return compare(*sides, sources.touched_by_errata())


@pytest.fixture(scope="module")
def year(package_index: Path) -> dict[tuple[str, str], list[Change]]:
    """November 2025 to November 2026: `(what, path)` → changes."""
    found: dict[tuple[str, str], list[Change]] = {}
    for one in drift("2.8.1", "3.52.0", package_index).changes:
        found.setdefault((one.what, one.path), []).append(one)
    return found


# SPEC.md §4 and the table of what was removed or changed in a year of drift.
ADDED = [
    "POST /responses/compact",
    "OutputItem<compaction>",
    'POST /responses body.reasoning.effort = "xhigh"',
    'POST /responses body.reasoning.effort = "max"',
    "POST /containers body.memory_limit",
    "Response.completed_at",
    "POST /responses body.context_management",
    "GET /skills",
    "POST /containers body.network_policy",
    "POST /containers body.skills",
    "WsClientEvent<response.create>",
    "OutputItem<message>.phase",
    "ToolParam<tool_search>",
    "ToolParam<namespace>",
    "ToolParam<computer>",
    "InputItemParam<compaction_trigger>",
    "POST /responses body.moderation",
    "Response.moderation",
    "InputItemParam<additional_tools>",
    "OutputItem<program>",
    "ToolParam<programmatic_tool_calling>",
    "POST /responses body.prompt_cache_options",
    "POST /responses body.reasoning.context",
    'POST /responses body.service_tier = "ultrafast"',
    "StreamEvent<response.shell_call_command.delta>",
    "OutputItem<function_call>.async",
    "POST /webhook_endpoints",
    "StreamEvent<response.compaction.compacting>",
    "WsClientEvent<response.steer>",
    'Response.incomplete_details.reason = "steered"',
    "InputItemParam<configuration_update>",
    "POST /responses body.access_programs",
    "Response.tool_usage",
    "Response.input_transformations",
    "POST /responses body.image",
    "Response.error.misalignment",
    "WebhookEvent<safety.alert.created>",
    "WebhookEvent<agent.session.created>",
    "OutputItem<web_search_call>.action<find_in_page>",
]
REMOVED = [
    "StreamEvent<response.function_call_arguments.done>.name",
    "InputItemParam<web_search_call>.action<find>",
    'POST /responses body.prompt_cache_retention = "in-memory"',
]
CHANGED = [
    ("InputItemParam<function_call_output>.call_id", "required", Priority.OPTIONAL),
    ("OutputItem<computer_call>.action", "required", Priority.BREAKS_CLIENTS),
    ("OutputItem<web_search_call>.action<search>.query", "required", Priority.BREAKS_CLIENTS),
    ("OutputItem<web_search_call>.action<open_page>.url", "required", Priority.BREAKS_CLIENTS),
    ("OutputItem<mcp_call>.error", "shape", Priority.BREAKS_CLIENTS),
    ("Item<function_call>.status", "required", Priority.NEW_REQUIRED),
    ("POST /responses body.safety_identifier", "nullable", Priority.OPTIONAL),
    ("ToolParam<image_generation>.model", "open", Priority.OPTIONAL),
]


@pytest.mark.parametrize("path", ADDED)
def test_a_year_added_what_is_known_to_be_new(year: dict[tuple[str, str], list[Change]], path: str) -> None:
    [one] = year["added", path]
    urgent = path.startswith(("POST /responses/compact", "GET /skills", "POST /webhook_endpoints"))
    assert one.priority == (Priority.NEW_REQUIRED if urgent else Priority.OPTIONAL)


@pytest.mark.parametrize("path", REMOVED)
def test_a_year_removed_what_is_known_to_be_gone(
    year: dict[tuple[str, str], list[Change]], path: str
) -> None:
    [one] = year["removed", path]
    assert one.priority == Priority.BREAKS_CLIENTS


@pytest.mark.parametrize(("path", "fact", "priority"), CHANGED, ids=[path for path, _, _ in CHANGED])
def test_a_year_changed_what_is_known_to_be_changed(
    year: dict[tuple[str, str], list[Change]], path: str, fact: str, priority: Priority
) -> None:
    assert (fact, priority) in [(one.fact, one.priority) for one in year["changed", path]]


def test_the_two_surfaces_have_the_known_numbers(package_index: Path) -> None:
    """SPEC.md §3; operations without the seven twins with `?beta=true`."""
    sides = sources.surfaces(sources.load("2.8.1", package_index), sources.load("3.52.0", package_index))

    def count(root: str) -> list[int]:
        return [
            sum(
                1
                for path in side.elements
                if path.startswith(f"{root}<") and path.count(">") == 1 and path[-1] == ">"
            )
            for side in sides
        ]

    assert [sum(1 for one in side.elements.values() if one.kind == "operation") for side in sides] == [51, 71]
    assert count("StreamEvent") == [53, 59]
    assert count("OutputItem") == [17, 28]
    assert count("ConversationItem") == [22, 29]
    assert count("ToolParam") == [14, 18]
    assert count("WsClientEvent") == [0, 2]
    assert count("WsServerEvent") == [0, 62]
    assert count("WebhookEvent") == [15, 31]
    body = "POST /responses body"
    fields = [
        sum(
            1
            for one in side.elements.values()
            if one.parent == "POST /responses" and one.path.startswith(body)
        )
        for side in sides
    ]
    assert fields == [28, 33]
    replies = [
        sum(1 for one in side.elements.values() if one.parent == "Response" and " = " not in one.path)
        for side in sides
    ]
    assert replies == [31, 39]


def test_the_pin_is_what_the_installed_sdk_says(sdk_cache: Path) -> None:
    found = drift("pin", "installed", sdk_cache)
    assert found.changes == ()
    assert found.digests[0] == found.digests[1]


def test_the_openapi_document_differs_from_the_pin_for_known_reasons(sdk_cache: Path) -> None:
    found = drift(str(shared.path("spec", "openapi-2026-08-21.json")), "pin", sdk_cache)
    unexplained = [one for one in found.changes if not one.because]
    urgent = {(one.what, one.path) for one in unexplained if one.priority == Priority.BREAKS_CLIENTS}
    # The document is of August; by November the SDK had dropped a field and closed a list.
    assert urgent == {
        ("removed", "StreamEvent<response.function_call_arguments.done>.name"),
        ("removed", "WsServerEvent<response.function_call_arguments.done>.name"),
        ("changed", "POST /responses/input_tokens body.personality"),
    }
    operations = {one.path for one in unexplained if one.kind == "operation" and one.what == "added"}
    assert len(operations) == 8
    assert all("/webhook_" in path for path in operations)
    removed = {one.path for one in unexplained if one.what == "removed" and one.priority == Priority.OPTIONAL}
    assert removed == {"Response.output_text"}  # the SDK computes it
    assert {one.path for one in unexplained if one.kind == "limit"} == set()
    errata = {one.path for one in found.changes if one.because.startswith("erratum:")}
    assert {"Response.user", "Response.usage", "Response.error.code", "Response.safety_identifier"} <= errata


def test_an_openapi_document_is_the_same_as_itself(sdk_cache: Path) -> None:
    file = str(shared.path("spec", "openapi-2026-08-21.json"))
    assert drift(file, file, sdk_cache).changes == ()


def test_an_sdk_takes_its_limits_from_the_document_that_it_is_compared_with(sdk_cache: Path) -> None:
    found = drift("installed", str(shared.path("spec", "openapi-2026-08-21.json")), sdk_cache)
    limits = [one.path for one in found.changes if one.kind == "limit" and not one.because]
    assert "POST /responses body.temperature" not in limits
    assert [path for path in limits if path.startswith("POST /responses body.")] == []


def test_a_wheel_says_what_its_version_says(package_index: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(tmp_path),
        "openai==2.8.1",
    ]
    subprocess.run(command, check=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    assert drift(str(wheel), "2.8.1", package_index).changes == ()
