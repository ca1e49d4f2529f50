"""The truth raises no alarm: every recording passes, but for what its index explains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support import shared
from tests.unit.checker.streams import text_stream

from antiphon.checker.replay import UnreadableRecording, observe_file, replay
from antiphon.checker.requirements import load
from antiphon.checker.verdicts import Verdict

EXPLAINED: dict[str, tuple[str, ...]] = {
    "embeddedllm--builtin-tool-code_interpreter-outputs-multi-stream": (  # shortened by hand
        "responses.stream.text-deltas-make-the-whole",
        "shapes.items.message",
        "responses.create.messages-are-the-assistants",
    ),
    "vercel--github-copilot-id-rotation.1": (  # another vendor changes all ids while it streams
        "responses.stream.item-id-never-changes",
        "responses.stream.events-name-their-item",
        "responses.stream.final-output-equals-the-finished-items",
        "responses.stream.response-id-never-changes",
    ),
    "vercel--openai-phase.1": (  # shortened by hand: events and fields are left out
        "shapes.response.",
        "responses.stream.output-index-follows-opening-order",
        "responses.stream.sequence-counts-by-one",
        "responses.stream.text-deltas-make-the-whole",
        "responses.create.completed-at-is-told-when-completed",
    ),
    "vercel--openai-shell-container.1": ("responses.stream.text-deltas-make-the-whole",),  # shortened
    "vercel--openai-shell-tool.1": ("responses.stream.",),  # two turns in one file
    "vercel--parallel-tool-call-wrapper.1": ("responses.stream.",),  # the middle of a stream, without numbers
}
"""Recording → the beginnings of the ids that may fail, and why; the index says that these break laws."""


def test_the_recordings_are_there() -> None:
    assert len(shared.recordings()) > 50 or pytest.skip("there is no shared material")


@pytest.mark.parametrize("name", shared.recordings())
def test_a_recording_breaks_nothing_but_what_its_index_explains(name: str) -> None:
    seen = observe_file(load(), shared.path("recordings", f"{name}.jsonl"))
    wrong = [one for one in seen if one.verdict is not Verdict.PASS]
    allowed = EXPLAINED.get(name, ())
    assert [
        f"{one.requirement}: {one.message}" for one in wrong if not one.requirement.startswith(allowed)
    ] == []
    assert len(seen) > 10


def test_only_recordings_with_broken_laws_are_explained() -> None:
    lines = shared.path("recordings", "INDEX.tsv").read_text().splitlines()[1:]
    fine = {line.split("\t")[0] for line in lines if line.split("\t")[4] == "ok"}
    assert sorted(fine & set(EXPLAINED)) == []


def test_json_lines_sse_and_single_objects_are_read(tmp_path: Path) -> None:
    events = text_stream("Hel", "lo")
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, events)))
    blocks = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    (tmp_path / "raw.sse").write_text("".join(blocks))
    (tmp_path / "one.json").write_text(json.dumps(events[-1]["response"], indent=1))
    (tmp_path / "error.json").write_text('{"error": {"message": "No.", "type": "some_error"}}')
    report = replay(
        [tmp_path / "lines.jsonl", tmp_path / "raw.sse", tmp_path / "one.json", tmp_path / "error.json"]
    )
    rows = {row.id: row for row in report.requirements}
    assert rows["responses.stream.text-deltas-make-the-whole"].cases == ["lines.jsonl", "raw.sse"]
    assert rows["responses.stream.event-name-equals-type"].cases == ["raw.sse"]
    assert rows["shapes.response.usage"].cases == ["lines.jsonl", "one.json", "raw.sse"]
    assert [row.id for row in report.failed()] == ["responses.errors.error-has-its-four-fields"]


def test_a_request_beside_the_recording_is_taken_into_account(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text("\n".join(map(json.dumps, text_stream("Hi"))))
    (tmp_path / "one.request.json").write_text('{"input": "Hi", "temperature": 0.5}')
    assert [row.id for row in replay([file]).failed()] == ["responses.create.temperature-comes-back"]


def test_a_rule_does_not_hold_for_what_is_older(tmp_path: Path) -> None:
    events = [
        {name: value for name, value in e.items() if name != "sequence_number"} for e in text_stream("Hi")
    ]
    failed: list[list[str]] = []
    for made in (1_741_000_000, 1_790_000_000):  # March 2025, September 2026
        for event in events:
            if "response" in event:
                event["response"]["created_at"] = made
        (tmp_path / "one.jsonl").write_text("\n".join(map(json.dumps, events)))
        failed.append([row.id for row in replay([tmp_path / "one.jsonl"]).failed()])
    assert failed == [[], ["responses.stream.sequence-is-on-every-event"]]


def test_what_holds_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for name in ("empty", "absent"):
        with pytest.raises(UnreadableRecording, match=name):
            replay([tmp_path / name])
