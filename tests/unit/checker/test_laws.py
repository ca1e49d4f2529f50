"""A right stream breaks no law; each way of being wrong breaks the law that is meant for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.checker.streams import call_stream, numbered, response, text_stream, usage

from antiphon.checker import observers
from antiphon.checker.look import Look
from antiphon.checker.reader import Reading
from antiphon.checker.verdicts import Verdict
from antiphon.checker.wire import Exchange, Frame, StreamExchange

JSON = dict[str, Any]
Change = Callable[[list[JSON]], list[JSON]]


def breaches(events: list[JSON], **more: Any) -> set[str]:
    """The requirements that this stream breaks, without the beginning that they share."""
    look = Look(StreamExchange("POST", "", "/responses", status=200))
    observers.look_at_stream(look, Reading(events, **more), asked={"input": "Hi"}, offline=True)
    seen = look.observations()
    return {one.requirement.removeprefix("responses.") for one in seen if one.verdict is Verdict.FAIL}


@pytest.mark.parametrize("events", [text_stream("Hel", "lo"), text_stream("x"), call_stream('{"a"', ":1}")])
def test_a_right_stream_breaks_nothing(events: list[JSON]) -> None:
    assert breaches(events) == set()


def _at(kind: str, **changes: Any) -> Change:
    """The first event of this type, changed; a value of None takes the field away."""

    def change(events: list[JSON]) -> list[JSON]:
        event = next(event for event in events if event["type"] == kind)
        for name, value in changes.items():
            event[name] = value
            if value is None:
                del event[name]
        return events

    return change


def _without(kind: str) -> Change:
    return lambda events: numbered([event for event in events if event["type"] != kind])


def _doubled(kind: str) -> Change:
    return lambda events: numbered([e for event in events for e in [event] * (1 + (event["type"] == kind))])


def _swapped(one: str, other: str) -> Change:
    def change(events: list[JSON]) -> list[JSON]:
        types = [event["type"] for event in events]
        a, b = types.index(one), types.index(other)
        events[a], events[b] = events[b], events[a]
        return numbered(events)

    return change


def _item(kind: str, **changes: Any) -> Change:
    def change(events: list[JSON]) -> list[JSON]:
        next(event for event in events if event["type"] == kind)["item"].update(changes)
        return events

    return change


def _final(**changes: Any) -> Change:
    def change(events: list[JSON]) -> list[JSON]:
        events[-1]["response"].update(changes)
        return events

    return change


ADDED, DONE = "response.output_item.added", "response.output_item.done"
WRONG: list[tuple[Change, str]] = [
    (_without("response.created"), "stream.first-event-is-created"),
    (_without("response.in_progress"), "stream.second-event-is-in-progress-or-queued"),
    (_doubled("response.created"), "stream.created-comes-once"),
    (
        lambda es: [{**e, "sequence_number": n + 1} for n, e in enumerate(es)],
        "stream.sequence-starts-at-zero",
    ),
    (lambda es: [{**e, "sequence_number": n * 2} for n, e in enumerate(es)], "stream.sequence-counts-by-one"),
    (_at("response.output_text.delta", sequence_number=None), "stream.sequence-is-on-every-event"),
    (_without("response.completed"), "stream.ends-with-one-terminal-event"),
    (_doubled("response.completed"), "stream.nothing-follows-the-terminal-event"),
    (_final(status="failed"), "stream.terminal-event-tells-the-status"),
    (_final(id="resp_2"), "stream.response-id-never-changes"),
    (_at("response.in_progress", type="response.ping"), "stream.only-known-events"),
    (_at(ADDED, output_index=1), "stream.output-index-follows-opening-order"),
    (_doubled(ADDED), "stream.item-opens-once"),
    (_without(DONE), "stream.every-item-is-closed"),
    (_doubled(DONE), "stream.item-closes-once"),
    (_item(DONE, id="msg_2"), "stream.item-id-never-changes"),
    (_item(ADDED, type="reasoning", summary=[]), "stream.item-kind-never-changes"),
    (_at("response.output_text.delta", item_id="msg_9"), "stream.events-name-their-item"),
    (_swapped(ADDED, "response.content_part.added"), "stream.events-address-an-open-item"),
    (_without("response.content_part.added"), "stream.deltas-address-an-open-part"),
    (_without("response.content_part.done"), "stream.content-parts-open-and-close-once"),
    (_at("response.content_part.added", content_index=1), "stream.content-index-follows-opening-order"),
    (_at("response.output_text.delta", delta="?"), "stream.text-deltas-make-the-whole"),
    (_without("response.output_text.done"), "stream.text-ends-once-after-its-deltas"),
    (_at("response.output_text.done", text="Hello!"), "stream.text-equals-the-finished-item"),
    (_item(ADDED, status="completed"), "stream.message-is-added-empty"),
    (_item(DONE, status="in_progress"), "stream.finished-item-has-an-end-status"),
    (_final(output=[]), "stream.final-output-holds-every-item"),
    (_final(usage=None), "create.usage-is-told-when-completed"),
    (_final(usage={**usage(), "total_tokens": 9}), "create.usage-adds-up"),
    (_final(error={"code": "server_error", "message": "x"}), "create.completed-has-no-error-and-no-reason"),
    (_final(temperature=0.5), "stream.fields-of-the-request-do-not-change"),
    (_final(tools=None), "shapes.response.tools"),
    (_at("response.output_text.delta", item_id=7), "shapes.events.response-output-text-delta"),
]


@pytest.mark.parametrize(("change", "law"), WRONG, ids=[law for _, law in WRONG])
def test_each_way_of_being_wrong_is_told(change: Change, law: str) -> None:
    assert law in breaches(change(text_stream("Hel", "lo")))


def test_a_breach_is_told_once_and_where_it_belongs() -> None:
    assert breaches(_item(DONE, role=None)(text_stream("Hi"))) == {
        "shapes.items.message",
        "stream.final-output-equals-the-finished-items",
    }
    assert breaches(_at("response.output_text.delta", sequence_number=None)(text_stream("Hi"))) == {
        "stream.sequence-is-on-every-event"
    }


def test_what_is_missing_from_a_stream_that_we_cut_is_no_breach() -> None:
    events = text_stream("Hel", "lo")
    assert [breaches(events[:n], tail=False) for n in range(1, len(events))] == [set()] * (len(events) - 1)


def test_a_resumed_stream_is_held_to_what_can_be_seen_of_it() -> None:
    events = text_stream("Hel", "lo")
    assert [breaches(events[n:], head=False) for n in range(len(events))] == [set()] * len(events)


FRAMES: list[tuple[list[str], str]] = [
    (
        ["event: response.done", 'data: {"type":"response.created","sequence_number":0}'],
        "event-name-equals-type",
    ),
    (["event: response.created", "data: {"], "data-is-one-json-object"),
    (["retry: 100"], "no-block-without-data"),
]


@pytest.mark.parametrize(("lines", "law"), FRAMES)
def test_wrong_framing_is_told(lines: list[str], law: str) -> None:
    assert f"stream.{law}" in breaches(text_stream("Hi"), frames=[Frame(lines)])


def test_comments_are_free() -> None:
    assert breaches(text_stream("Hi"), frames=[Frame([": keep-alive"])]) == set()


@pytest.mark.parametrize(
    ("frames", "verdict"),
    [
        ([Frame(["data: {}"])], Verdict.PASS),
        ([Frame(["data: {}"]), Frame(["data: [DONE]"])], Verdict.PASS),
        ([Frame(["data: [DONE]"]), Frame(["data: {}"])], Verdict.UNCLEAR),
    ],
)
def test_either_end_of_a_stream_is_accepted(frames: list[Frame], verdict: Verdict) -> None:
    look = Look(StreamExchange("POST", "", "/responses", status=200))
    observers.look_at_stream(look, Reading(text_stream("Hi"), frames=frames), asked={})
    seen = {one.requirement: one.verdict for one in look.observations()}
    assert seen["responses.stream.done-sentinel"] is verdict


def _error(body: bytes, status: int = 400, kind: str = "application/json") -> dict[str, Verdict]:
    headers = [("Content-Type", kind), ("x-request-id", "req_1")]
    exchange = Exchange("POST", "", "/responses", status=status, headers=headers, body=body)
    return {one.requirement: one.verdict for one in observers.observe(exchange)}


def test_a_right_error_breaks_nothing() -> None:
    body = b'{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":null}}'
    assert set(_error(body).values()) == {Verdict.PASS}


@pytest.mark.parametrize(
    ("seen", "law"),
    [
        (_error(b'{"detail":"Not Found"}'), "responses.errors.body-is-an-error-object"),
        (_error(b'{"error":{"message":"No."}}'), "responses.errors.error-has-its-four-fields"),
        (_error(b'{"error":{"message":""}}'), "responses.errors.message-says-something"),
        (_error(b'{"error":{"code":400}}'), "responses.errors.code-and-param-are-text-or-null"),
        (_error(b"{}", status=422), "responses.errors.wrong-requests-are-400-not-422"),
        (_error(b"{}", status=500), "responses.errors.nothing-breaks-the-server"),
        (_error(b"<html>", kind="text/html"), "responses.errors.content-type-is-json"),
        (_error(b"Traceback (most recent call last):"), "responses.errors.messages-tell-no-internals"),
    ],
)
def test_wrong_errors_are_told(seen: dict[str, Verdict], law: str) -> None:
    assert seen[law] is Verdict.FAIL


def test_what_was_sent_comes_back_or_is_told() -> None:
    body = response(status="completed", usage=usage(), temperature=0.2, completed_at=1_790_000_001)
    exchange = Exchange("POST", "", "/responses", status=200)
    look = Look(exchange)
    observers.look_at_answer(look, body, {"input": "Hi", "temperature": 0.5, "top_p": 1.0}, offline=True)
    seen = {one.requirement: one.verdict for one in look.observations()}
    assert seen["responses.create.temperature-comes-back"] is Verdict.FAIL
    assert seen["responses.create.top-p-comes-back"] is Verdict.PASS
    assert seen["responses.create.tools-has-its-default"] is Verdict.PASS
