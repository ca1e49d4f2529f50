"""Laws L1–L12 on random programs of machine operations, and mutants that they must catch."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.laws import broken

from antiphon.core.errors import IllegalTransition
from antiphon.core.events import Event
from antiphon.core.fold import fold
from antiphon.core.kinds import EVENT_PLACES, ITEM_KINDS
from antiphon.core.machine import ResponseMachine
from antiphon.core.restore import restore

BIRTH = {"id": "resp_1", "object": "response", "status": "in_progress", "usage": None, "error": None}
KINDS = sorted(ITEM_KINDS)
PHASES = {k.type: sorted(k.phases) for k in ITEM_KINDS.values() if k.phases}

Step = tuple[Any, ...]
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from(KINDS)),
        st.tuples(st.just("place"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("append"), st.integers(0, 3), st.text(max_size=6)),
        st.tuples(st.just("logprobs"), st.integers(0, 3)),
        st.tuples(st.just("close_place"), st.integers(0, 3)),
        st.tuples(st.just("annotate"), st.integers(0, 3)),
        st.tuples(st.just("phase"), st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("close"), st.integers(0, 3), st.sampled_from(["completed", "incomplete"])),
        st.tuples(st.just("shell_output"), st.integers(0, 3), st.text(max_size=4)),
        st.tuples(st.just("image"), st.integers(0, 3)),
        st.tuples(st.just("audio"), st.text(max_size=4)),
    ),
    max_size=60,
)
endings = st.sampled_from(["completed", "incomplete", "failed", "cancelled"])


def blank(kind: str, number: int) -> dict[str, Any]:
    item: dict[str, Any] = {"type": kind, "id": f"{ITEM_KINDS[kind].prefix}_{number}"}
    if ITEM_KINDS[kind].status:
        item["status"] = "in_progress"
    for name in ITEM_KINDS[kind].channels:
        from antiphon.core.kinds import CHANNELS

        channel = CHANNELS[name]
        if channel.index is None:
            item[channel.field] = ""
        elif "." not in channel.field:
            item[channel.field] = []
    return item


class Program:
    """Runs steps on a machine, skipping those that its own book-keeping knows to be illegal."""

    def __init__(self, machine: ResponseMachine) -> None:
        self.machine = machine
        self.events: list[Event] = []
        self.open: list[tuple[int, str]] = []
        self.places: list[tuple[int, str, int]] = []

    def run(self, program: list[Step], ending: str, *, queued: bool = False) -> list[dict[str, Any]]:
        if queued:
            self.events += self.machine.queue()
        self.events += self.machine.begin()
        for step in program:
            getattr(self, f"do_{step[0]}")(*step[1:])
        if ending == "completed":
            for index, _ in list(self.open):
                self.events += self.machine.close_item(index)
        fields = {"error": {"code": "server_error", "message": "x"}} if ending == "failed" else {}
        self.events += self.machine.finish(ending, usage={"total_tokens": 1}, **fields)  # type: ignore[arg-type]
        return [msgspec.json.decode(e.data) for e in self.events]

    def _pick(self, where: list[Any], number: int) -> Any:
        return where[number % len(where)] if where else None

    def do_open(self, kind: str) -> None:
        index = self.machine.next_index
        self.events += self.machine.open_item(blank(kind, index))
        self.open.append((index, kind))

    def do_place(self, number: int, channel: int) -> None:
        picked = self._pick([o for o in self.open if ITEM_KINDS[o[1]].channels], number)
        if picked is None:
            return
        index, kind = picked
        name = ITEM_KINDS[kind].channels[channel % len(ITEM_KINDS[kind].channels)]
        from antiphon.core.kinds import CHANNELS

        used = [p[2] for p in self.places if p[0] == index and CHANNELS[p[1]].field == CHANNELS[name].field]
        sub = self.used.get((index, CHANNELS[name].field), 0)
        if used or (CHANNELS[name].index is None and sub):
            return
        self.used[index, CHANNELS[name].field] = sub + 1
        self.events += self.machine.open_place(index, name, sub)
        self.places.append((index, name, sub))

    @property
    def used(self) -> dict[tuple[int, str], int]:
        return self.__dict__.setdefault("_used", {})

    def do_append(self, number: int, text: str) -> None:
        if picked := self._pick(self.places, number):
            self.events.append(self.machine.append(picked[0], picked[1], text, picked[2]))

    def do_logprobs(self, number: int) -> None:
        if picked := self._pick([p for p in self.places if p[1] == "output_text"], number):
            logprobs = [{"token": "t", "logprob": -0.5, "bytes": [116], "top_logprobs": []}]
            self.events.append(self.machine.append(picked[0], picked[1], "t", picked[2], logprobs))

    def do_close_place(self, number: int) -> None:
        if picked := self._pick(self.places, number):
            self.places.remove(picked)
            self.events += self.machine.close_place(*picked)

    def do_annotate(self, number: int) -> None:
        if picked := self._pick([p for p in self.places if p[1] == "output_text"], number):
            note = {"type": "url_citation", "url": "https://x", "title": "", "start_index": 0, "end_index": 0}
            self.events.append(self.machine.annotate(picked[0], note, picked[2]))

    def do_phase(self, number: int, phase: int) -> None:
        if picked := self._pick([o for o in self.open if o[1] in PHASES], number):
            names = PHASES[picked[1]]
            self.events.append(self.machine.phase(picked[0], names[phase % len(names)]))

    def do_close(self, number: int, status: str) -> None:
        if picked := self._pick(self.open, number):
            self.open.remove(picked)
            self.places = [p for p in self.places if p[0] != picked[0]]
            self.events += self.machine.close_item(picked[0], status)

    def do_shell_output(self, number: int, text: str) -> None:
        if picked := self._pick([o for o in self.open if o[1] == "shell_call_output"], number):
            self.events.append(self.machine.shell_output(picked[0], 0, {"stdout": text}))
            self.events.append(self.machine.shell_output_done(picked[0], 0, []))

    def do_image(self, number: int) -> None:
        if picked := self._pick([o for o in self.open if o[1] == "image_generation_call"], number):
            self.events.append(self.machine.partial_image(picked[0], "aGk=", 0))

    def do_audio(self, text: str) -> None:
        self.events.append(self.machine.audio("response.audio.delta", text))


@given(steps, endings, st.booleans())
@settings(max_examples=400, deadline=None)
def test_laws_hold_on_random_programs(program: list[Step], ending: str, queued: bool) -> None:
    machine = ResponseMachine(BIRTH)
    events = Program(machine).run(program, ending, queued=queued)
    assert broken(events, msgspec.json.decode(msgspec.json.encode(machine.snapshot()))) == []
    assert fold(events) == events[-1]["response"]
    assert {e["type"] for e in events} <= set(EVENT_PLACES)


@given(steps, endings, st.booleans(), st.data())
@settings(max_examples=300, deadline=None)
def test_a_log_cut_anywhere_is_restored_and_goes_on_the_same(
    program: list[Step], ending: str, queued: bool, data: st.DataObject
) -> None:
    """L12: restoring a prefix owes only what one operation had still to say, and the suffix is lawful."""
    events = Program(ResponseMachine(BIRTH)).run(program, ending, queued=queued)
    cut = data.draw(st.integers(1, len(events) - 1))
    machine, owed = restore(BIRTH, events[:cut])
    if machine.state == "queued":
        owed += machine.begin()
    rest = [*owed, *machine.finish("failed", error={"code": "server_error", "message": "cut"})]
    whole = [*events[:cut], *(msgspec.json.decode(e.data) for e in rest)]
    if any(e["type"] == "error" for e in events[:cut]):
        return  # the old process had begun to say that it failed; only its terminal event is missing
    assert broken(whole, msgspec.json.decode(msgspec.json.encode(machine.snapshot()))) == []
    assert fold(whole) == whole[-1]["response"]


@given(steps, st.data())
@settings(max_examples=200, deadline=None)
def test_a_snapshot_at_any_moment_is_the_fold_so_far(program: list[Step], data: st.DataObject) -> None:
    machine = ResponseMachine(BIRTH)
    running = Program(machine)
    running.events += machine.begin()
    for step in program:
        getattr(running, f"do_{step[0]}")(*step[1:])
    seen = fold(msgspec.json.decode(e.data) for e in running.events)
    assert seen is not None
    shown = msgspec.json.decode(msgspec.json.encode(machine.snapshot()))
    assert shown["output"] == seen["output"]


# ---------- mutants


class SkipsANumber(ResponseMachine):
    def open_item(self, item: dict[str, Any]) -> list[Event]:
        self._sequence += 1
        return super().open_item(item)


class RepeatsANumber(ResponseMachine):
    def append(self, *args: Any, **kwargs: Any) -> Event:
        event = super().append(*args, **kwargs)
        self._sequence -= 1
        return event


class ForgetsADelta(ResponseMachine):
    def append(self, index: int, name: str, text: str, sub: int = 0, logprobs: Any = ()) -> Event:
        event = super().append(index, name, text, sub, logprobs)
        self._open[index].places[name, sub].chunks.pop()
        return event


class ChangesAnId(ResponseMachine):
    def close_item(self, index: int, status: str = "completed", **fields: Any) -> list[Event]:
        return super().close_item(index, status, **{**fields, "id": "other_1"})


class LosesAPartsEnd(ResponseMachine):
    def close_place(self, index: int, name: str, sub: int = 0) -> list[Event]:
        return [e for e in super().close_place(index, name, sub) if not e.type.endswith("part.done")]


class LeavesItemsOpen(ResponseMachine):
    def finish(self, status: Any, **fields: Any) -> list[Event]:
        self._open.clear()
        return super().finish(status, **fields)


class EndsTwice(ResponseMachine):
    def finish(self, status: Any, **fields: Any) -> list[Event]:
        events = super().finish(status, **fields)
        self._state = "in_progress"
        return [*events, *super().finish(status, **fields)]


class LiesAboutStatus(ResponseMachine):
    def finish(self, status: Any, **fields: Any) -> list[Event]:
        events = super().finish(status, **fields)
        last = events[-1]
        return [*events[:-1], Event(last[0], last[1], last.data.replace(b'"status":"in', b'"status":"xin'))]


class ReordersIndexes(ResponseMachine):
    def open_item(self, item: dict[str, Any]) -> list[Event]:
        event = super().open_item(item)[0]
        index = self.next_index - 1
        old, new = f'"output_index":{index}'.encode(), f'"output_index":{index + 1}'.encode()
        return [Event(event[0], event[1], event.data.replace(old, new))]


class TellsTextTwice(ResponseMachine):
    def close_place(self, index: int, name: str, sub: int = 0) -> list[Event]:
        self._open[index].places[name, sub].chunks.append("again")
        return super().close_place(index, name, sub)


class DropsTheOutput(ResponseMachine):
    def finish(self, status: Any, **fields: Any) -> list[Event]:
        self._output = []
        self._open.clear()
        return super().finish(status, **fields)


class SpeaksAfterTheEnd(ResponseMachine):
    def finish(self, status: Any, **fields: Any) -> list[Event]:
        events = super().finish(status, **fields)
        return [*events, self._lifecycle("in_progress", "in_progress")]


MUTANTS = [
    SkipsANumber,
    RepeatsANumber,
    ForgetsADelta,
    ChangesAnId,
    LosesAPartsEnd,
    LeavesItemsOpen,
    EndsTwice,
    LiesAboutStatus,
    ReordersIndexes,
    TellsTextTwice,
    DropsTheOutput,
    SpeaksAfterTheEnd,
]
RICH: list[Step] = [
    ("open", "reasoning"),
    ("place", 0, 0),
    ("append", 0, "hm"),
    ("close", 0, "completed"),
    ("open", "message"),
    ("place", 0, 0),
    ("append", 0, "Hello"),
    ("append", 0, " world"),
    ("annotate", 0),
    ("close", 0, "completed"),
    ("open", "function_call"),
    ("place", 0, 0),
    ("append", 0, "{}"),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.__name__)
def test_the_laws_catch_a_broken_machine(mutant: type[ResponseMachine]) -> None:
    machine = mutant(BIRTH)
    try:
        events = Program(machine).run(RICH, "incomplete")
    except IllegalTransition:
        return  # the machine's own guard saw it first
    final = msgspec.json.decode(msgspec.json.encode(machine.snapshot()))
    assert broken(events, final) or fold(events) != events[-1]["response"]


def test_the_same_program_on_the_real_machine_is_lawful() -> None:
    machine = ResponseMachine(BIRTH)
    assert broken(Program(machine).run(RICH, "incomplete")) == []


# ---------- illegal operations


@pytest.mark.parametrize(
    "illegal",
    [
        lambda m: m.open_item({"type": "message", "id": "m"}),
        lambda m: (m.begin(), m.begin()),
        lambda m: (m.begin(), m.queue()),
        lambda m: (m.begin(), m.append(0, "output_text", "x")),
        lambda m: (m.begin(), m.open_item({"type": "quantum_call", "id": "q"})),
        lambda m: (m.begin(), m.open_item({"type": "message", "id": ""})),
        lambda m: (m.begin(), m.close_item(0)),
        lambda m: (m.begin(), m.finish("completed"), m.finish("completed")),
        lambda m: (m.begin(), m.open_item(blank("message", 0)), m.finish("completed")),
        lambda m: (m.begin(), m.open_item(blank("message", 0)), m.open_place(0, "mcp_call_arguments")),
        lambda m: (m.begin(), m.open_item(blank("message", 0)), m.phase(0, "searching")),
        lambda m: (m.begin(), m.open_item(blank("message", 0)), m.annotate(0, {})),
        lambda m: (m.begin(), m.open_item(blank("message", 0)), m.shell_output(0, 0, {})),
        lambda m: (m.begin(), m.finish("completed"), m.audio("response.audio.done")),
    ],
)
def test_what_the_state_forbids_raises(illegal: Any) -> None:
    with pytest.raises(IllegalTransition):
        illegal(ResponseMachine(BIRTH))


def test_every_pinned_event_type_has_a_place() -> None:
    from antiphon.spec import catalogue

    assert set(EVENT_PLACES) == set(catalogue.EVENT_TYPES)
    assert set(ITEM_KINDS) == set(catalogue.OUTPUT_ITEM_TYPES)
