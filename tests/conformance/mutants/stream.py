"""Ways to rewrite a stream, in small pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.conformance.mutants.exchange import JSON, Asked, Frame, Framing, of_event

TERMINAL = ("response.completed", "response.incomplete", "response.failed")


def kind(frame: Frame) -> str:
    return str((frame.event or {}).get("type"))


def renumbered(frames: Iterable[Frame], start: int = 0) -> list[Frame]:
    """The numbers follow again, so that only the fault itself is one."""
    told = list(frames)
    at = start
    for one in told:
        if one.event is not None and "sequence_number" in one.event:
            one.event["sequence_number"] = at
            at += 1
    return told


def first_number(frames: list[Frame]) -> int:
    """Where the numbers of a stream begin: not at zero where it was resumed."""
    return next((one.event["sequence_number"] for one in frames if one.event is not None), 0)


def drop(unwanted: Callable[[Frame], bool]) -> Framing:
    """Frames left out, the rest numbered without a gap."""

    def framing(frames: list[Frame], asked: Asked) -> list[Frame]:
        start = first_number(frames)
        return renumbered([one for one in frames if not unwanted(one)], start)

    return framing


def dropped(*kinds: str) -> Framing:
    return drop(lambda frame: kind(frame) in kinds)


def each(change: Callable[[JSON], object], *kinds: str) -> Framing:
    """Every event of these kinds (none: of all) changed in place."""

    def framing(frames: list[Frame], asked: Asked) -> list[Frame]:
        for one in frames:
            if one.event is not None and (not kinds or kind(one) in kinds):
                change(one.event)
        return frames

    return framing


def whole(rewrite: Callable[[list[Frame]], Iterable[Frame]]) -> Framing:
    """The whole stream rewritten, then numbered without a gap."""

    def framing(frames: list[Frame], asked: Asked) -> list[Frame]:
        start = first_number(frames)
        return renumbered(rewrite(frames), start)

    return framing


def unset(*names: str) -> Callable[[JSON], None]:
    """Takes fields out, where they are."""

    def change(value: JSON) -> None:
        for name in names:
            value.pop(name, None)

    return change


def put(**fields: object) -> Callable[[JSON], None]:
    """Sets fields that are there."""

    def change(value: JSON) -> None:
        for name, new in fields.items():
            if name in value:
                value[name] = new

    return change


def moved(frames: list[Frame], what: str, before: str) -> list[Frame]:
    """The first frame of a kind moved before the first one of another kind."""
    kinds = [kind(one) for one in frames]
    if what not in kinds or before not in kinds:
        return frames
    taken = frames.pop(kinds.index(what))
    frames.insert([kind(one) for one in frames].index(before), taken)
    return frames


def doubled(what: str) -> Framing:
    """Frames of this kind come twice."""

    def twice(frames: list[Frame]) -> Iterable[Frame]:
        for one in frames:
            yield one
            if kind(one) == what and one.event is not None:
                yield of_event(dict(one.event))

    return whole(twice)


def inserted(event: Callable[[Frame], JSON | None]) -> Framing:
    """After each frame the event that `event` gives for it, if any."""

    def more(frames: list[Frame]) -> Iterable[Frame]:
        for one in frames:
            yield one
            made = event(one)
            if made is not None:
                yield of_event(made)

    return whole(more)
