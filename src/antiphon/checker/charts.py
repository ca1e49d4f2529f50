"""Charts as inline SVG: no script, no network; colours come from the page's classes."""

from __future__ import annotations

from antiphon.checker.markup import Markup, raw, tag
from antiphon.checker.reading import VERDICTS, Tally

BAR_ORDER = ("pass", "warn", "unclear", "fail", "unimplemented", "skipped", "untested")
"""Left to right: what is kept, what is not, what was not seen."""


def bar(tally: Tally, label: str) -> Markup:
    """One bar of full width, cut by verdict. Its numbers are its title, for those who hear the page."""
    total = tally.total or 1
    left, pieces = 0.0, list[Markup]()
    for verdict in BAR_ORDER:
        width = 100 * tally[verdict] / total
        if width:
            pieces.append(
                tag("rect", class_=f"v-{verdict}", x=f"{left:.3f}", y="0", width=f"{width:.3f}", height="8")
            )
        left += width  # fmt: skip
    return tag(
        "svg",
        tag("title", f"{label}: {spelled(tally)}"),
        *pieces,
        class_="bar",
        role="img",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
    )


def spelled(tally: Tally) -> str:
    """`3 fail, 40 pass`: the verdicts that there are."""
    return ", ".join(f"{tally[verdict]} {verdict}" for verdict in VERDICTS if tally[verdict]) or "nothing"


def legend() -> Markup:
    """What the colours mean."""
    keys = [
        tag("span", tag("i", raw(""), class_=f"v-{verdict}"), verdict, class_="key") for verdict in BAR_ORDER
    ]
    return tag("p", *keys, class_="legend")
