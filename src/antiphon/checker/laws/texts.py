"""Texts that are streamed (laws L5 and L9), and the phases of hosted tools. One law per kind of text."""

from __future__ import annotations

from collections.abc import Callable

from antiphon.checker.laws import Told, first, of_stream, shown
from antiphon.checker.reader import TEXTS, Reading, finished_text

_S = "responses.stream"

PHASES = {
    "web_search_call": (["in_progress", "searching", "completed"],),
    "file_search_call": (["in_progress", "searching", "completed"],),
    "code_interpreter_call": (["in_progress", "interpreting", "completed"],),
    "image_generation_call": (["in_progress", "generating", "completed"],),
    "mcp_list_tools": (["in_progress", "completed"], ["in_progress", "failed"]),
    "mcp_call": (
        ["in_progress", "completed"],
        ["in_progress", "failed"],
        ["in_progress", "in_progress", "completed"],  # after an approval, recorded once
    ),
}
"""Hosted tool's item → the orders in which its own events come when it ends well, or is known to fail."""


def _streamed(family: str) -> Callable[[Reading], Told]:
    def law(reading: Reading) -> Told:
        texts = reading.texts(family)
        pairs = [(text.streamed, done) for text in texts.values() for _, done in text.done]
        wrong = [f"the deltas make {shown(a)}, done says {shown(b)}" for a, b in pairs if a != b]
        return first(wrong) if pairs else None

    return law


def _after(family: str) -> Callable[[Reading], Told]:
    def law(reading: Reading) -> Told:
        texts = {place: text for place, text in reading.texts(family).items() if text.pieces or text.done}
        whole = reading.tail and reading.status in ("completed", "incomplete")
        wrong = [
            f"at {p} a delta follows done" for p, t in texts.items() if t.done and t.last_piece > t.done[0][0]
        ]
        wrong += [f"at {p} done comes {len(t.done)} times" for p, t in texts.items() if len(t.done) > 1]
        wrong += [f"at {p} there are deltas and no done" for p, t in texts.items() if whole and not t.done]
        return first(wrong) if texts else None

    return law


def _finished(family: str) -> Callable[[Reading], Told]:
    def law(reading: Reading) -> Told:
        wrong: list[str] = []
        seen = False
        for (index, inner), text in reading.texts(family).items():
            item = reading.items.get(index)
            if item is None or not item.done or not text.done:
                continue
            seen = True
            kept = finished_text(item.closed, family, inner)
            if kept != text.done[-1][1]:
                wrong.append(f"done said {shown(text.done[-1][1])}, the finished item holds {shown(kept)}")
        return first(wrong) if seen else None

    return law


def _phases(kind: str) -> Callable[[Reading], Told]:
    def law(reading: Reading) -> Told:
        items = [item for item in reading.items.values() if item.kind == kind and item.done]
        wrong: list[str] = []
        for item in items:
            names = [
                str(event.get("type")).removeprefix("response.").partition(".") for _, event in item.inner
            ]
            told = [phase for base, _, phase in names if base == kind and phase != "partial_image"]
            failed = item.closed.get("status") == "failed"
            partly = failed and any(told == way[: len(told)] for way in PHASES[kind])
            if told not in PHASES[kind] and not partly:
                wrong.append(f"its phases are {told}")
        return first(wrong) if items else None

    return law


for _family, _kind in TEXTS.items():
    of_stream(f"{_S}.{_kind.name}-deltas-make-the-whole", head=True)(_streamed(_family))
    of_stream(f"{_S}.{_kind.name}-ends-once-after-its-deltas", head=True)(_after(_family))
    of_stream(f"{_S}.{_kind.name}-equals-the-finished-item", head=True)(_finished(_family))
for _item in PHASES:
    of_stream(f"{_S}.{_item.replace('_', '-')}-goes-through-its-phases", head=True)(_phases(_item))
