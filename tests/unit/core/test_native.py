"""Item events of an upstream that speaks Responses, on our machine: what recorded streams taught."""

from __future__ import annotations

import json
from typing import Any

from antiphon.core.machine import ResponseMachine
from antiphon.core.native import NativeItems

JSON = dict[str, Any]


def told(*events: JSON) -> list[JSON]:
    """Our events for these, without the lifecycle."""
    machine = ResponseMachine({"id": "resp_1", "object": "response", "status": "in_progress"})
    machine.begin()
    items = NativeItems(machine)
    return [json.loads(event.data) for given in events for event in items.apply(given)]


def added(item: JSON) -> JSON:
    return {"type": "response.output_item.added", "output_index": 0, "item": item}


def done(item: JSON) -> JSON:
    return {"type": "response.output_item.done", "output_index": 0, "item": item}


def test_event_of_an_unlisted_type_is_left_out() -> None:
    operation = {"type": "create_file", "path": "a.txt", "diff": "+a\n"}
    item = {"type": "apply_patch_call", "id": "apc_1", "call_id": "call_1", "status": "completed"}
    opening = {**item, "status": "in_progress", "operation": {**operation, "diff": ""}}
    whole = {**item, "operation": operation}
    diff = {"type": "response.apply_patch_call_operation_diff.delta", "output_index": 0, "item_id": "apc_1"}
    events = told(added(opening), {**diff, "delta": "+a\n"}, {"type": "keepalive"}, done(whole))
    assert [event["type"] for event in events] == ["response.output_item.added", "response.output_item.done"]
    assert events[-1]["item"] == whole


def test_what_a_streamed_action_learns_at_its_end_is_kept() -> None:
    """A recorded shell call: `max_output_length` is null when added and a number when done."""
    action: JSON = {"commands": [], "max_output_length": None, "timeout_ms": None}
    item: JSON = {"type": "shell_call", "id": "sh_1", "call_id": "call_1", "status": "in_progress"}
    final = {"commands": ["ls"], "max_output_length": 8912, "timeout_ms": None}
    command = {"output_index": 0, "command_index": 0}
    events = told(
        added({**item, "action": action}),
        {"type": "response.shell_call_command.added", **command, "command": ""},
        {"type": "response.shell_call_command.delta", **command, "delta": "ls"},
        {"type": "response.shell_call_command.done", **command, "command": "ls"},
        done({**item, "status": "completed", "action": final}),
    )
    assert events[-1]["item"] == {**item, "status": "completed", "action": final}


def test_call_of_a_program_may_stay_in_progress() -> None:
    """Recorded: a function call whose `caller` is a program waits for its output when it is done."""
    item: JSON = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
    item |= {"status": "in_progress", "caller": {"type": "program", "caller_id": "call_0"}}
    place = {"output_index": 0, "item_id": "fc_1"}
    events = told(
        added({**item, "arguments": ""}),
        {"type": "response.function_call_arguments.delta", **place, "delta": "{}"},
        {"type": "response.function_call_arguments.done", **place, "arguments": "{}"},
        done(item),
    )
    assert events[-1]["item"] == item


def test_annotation_of_no_open_text_is_left_out() -> None:
    call: JSON = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}
    note = {"type": "response.output_text.annotation.added", "output_index": 0, "annotation": {}}
    events = told(added(call), note, {**note, "content_index": 0}, done({**call, "status": "completed"}))
    assert [event["type"] for event in events] == ["response.output_item.added", "response.output_item.done"]


def test_the_end_of_a_part_needs_no_address() -> None:
    """Found by mutating recorded streams: such an event once ended the run with an error of ours."""
    message: JSON = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress"}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    ended = {"type": "response.content_part.done", "output_index": 0, "part": part}
    events = told(added({**message, "content": []}), ended, done({**message, "content": []}))
    assert [event["type"] for event in events] == ["response.output_item.added", "response.output_item.done"]
