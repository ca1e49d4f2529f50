"""A finding's evidence as HTML: expected and got, the wire log, the command that asks again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.checker.markup import Markup, clipped, joined, one_line, pretty, tag, value
from antiphon.checker.report import Told

LONGEST = 6_000
"""Characters of a body on the page; the record keeps more."""
MOST_EXCHANGES = 12
MOST_FRAMES = 200

Record = Mapping[str, Any]


def evidence(told: Told) -> Markup:
    """All that stands under a finding's heading."""
    expected = [value(one, LONGEST) for one in told.expected]
    return joined(
        [
            _compared(expected, told) if expected or told.got is not None else None,
            _command(told.curl) if told.curl else None,
            _wire(told.wire),
        ]
    )


def _compared(expected: list[str], told: Told) -> Markup:
    alternatives = [tag("pre", one) for one in expected] or [tag("p", "nothing is recorded", class_="dim")]
    name = "Expected one of" if len(expected) > 1 else "Expected"
    return tag(
        "div",
        tag("div", tag("h4", name), *alternatives),
        tag("div", tag("h4", "Got"), tag("pre", value(told.got, LONGEST))),
        class_="compared",
    )


def _command(curl: str) -> Markup:
    copy = tag("button", "Copy", type="button", class_="copy")
    return tag(
        "div",
        tag("div", tag("h4", "Reproduce"), copy, class_="titled"),
        tag("pre", clipped(curl, LONGEST), class_="curl"),
    )


def _wire(wire: Sequence[Record]) -> Markup | None:
    if not wire:
        return None
    left = len(wire) - MOST_EXCHANGES
    more = tag("p", f"{left} exchanges more are in the record.", class_="dim") if left > 0 else None
    return tag("div", tag("h4", "Wire"), *[_exchange(one) for one in wire[:MOST_EXCHANGES]], more)


def _exchange(one: Record) -> Markup:
    status = str(one.get("status") or "no answer")
    summary = tag(
        "summary",
        tag("code", one_line(f"{one.get('method', '')} {one.get('url', '')}", 160)),
        f" → {status} · {float(one.get('seconds') or 0):.3f} s",
    )
    fault = tag("p", one_line(str(one["fault"])), class_="fault") if one.get("fault") else None
    parts = [
        _block(
            "Sent", _headers(dict(one.get("request_headers") or {}).items()), str(one.get("request") or "")
        ),
        _block("Came", _headers(map(tuple, one.get("headers") or ())), str(one.get("body") or "")),
        _frames(one.get("frames") or []),
    ]
    return tag("details", summary, fault, *parts, class_="exchange")


def _headers(pairs: Any) -> str:
    return "\n".join(f"{name}: {text}" for name, text in pairs)


def _block(name: str, headers: str, body: str) -> Markup | None:
    if not headers and not body:
        return None
    return tag(
        "div",
        tag("h5", name),
        tag("pre", clipped(headers, LONGEST), class_="headers") if headers else None,
        tag("pre", pretty(body, LONGEST)) if body else None,
    )


def _frames(frames: Sequence[Record]) -> Markup | None:
    """What went each way on a WebSocket."""
    if not frames:
        return None
    lines = [_frame(one) for one in frames[:MOST_FRAMES]]
    left = len(frames) - MOST_FRAMES
    lines += [f"… {left} frames more are in the record"] if left > 0 else []
    return tag("div", tag("h5", "Frames"), tag("pre", "\n".join(lines)))


def _frame(one: Record) -> str:
    sign = {"sent": "→", "came": "←"}.get(str(one.get("way")), "?")
    return f"{sign} {float(one.get('at') or 0):8.3f} s  {one_line(str(one.get('text')), 2_000)}"
