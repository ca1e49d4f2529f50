"""The HTML page: whole, alone, harmless."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.unit.checker.reports import sample

from antiphon.checker import matrix, report_html
from antiphon.checker.report import Report

VOID = {"meta", "input", "rect", "wbr"}
PAGES = {
    "small": lambda: report_html.render(sample.small(), {"responses.stream.retry": "we know"}),
    "large": lambda: report_html.render(sample.large()),
    "hostile": lambda: report_html.render(sample.hostile(), {"responses.create.a": sample.HOSTILE}),
    "empty": lambda: report_html.render(sample.report([])),
    "matrix": lambda: matrix.html([sample.small(), sample.large(), sample.hostile(10)]),
}


class Page(HTMLParser):
    """The elements of a page, and whether they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def classed(self, name: str) -> list[dict[str, str | None]]:
        return [one for _, one in self.elements if name in (one.get("class") or "").split()]


@pytest.fixture(params=list(PAGES))
def text(request: pytest.FixtureRequest) -> str:
    return PAGES[request.param]()


def test_every_element_is_closed_in_order(text: str) -> None:
    assert Page(text).open == []


def test_nothing_is_fetched_and_nothing_else_can_run(text: str) -> None:
    page = Page(text)
    policy = next(one["content"] or "" for one in page.named("meta") if one.get("http-equiv"))
    assert "default-src 'none'" in policy
    for name in ("style", "script"):
        (inside,) = page.texts[name]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    loading = {"src", "href", "srcset", "action", "formaction", "data", "style"}
    assert [one for _, one in page.elements if loading & set(one)] == []
    assert [one for _, one in page.elements if any(name.startswith("on") for name in one)] == []


def test_the_page_can_be_written(text: str) -> None:
    text.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_ids_are_unique(text: str) -> None:
    ids = [one["id"] for _, one in Page(text).elements if "id" in one]
    assert sorted(set(ids)) == sorted(ids)


def test_every_finding_and_every_requirement_is_there() -> None:
    made = sample.large()
    page = Page(report_html.render(made))
    assert len(page.classed("finding")) == len(made.findings)
    assert len(page.classed("row")) == len(made.findings) + len(made.requirements)
    rows = [one for one in page.classed("row") if one not in page.classed("finding")]
    found = [(one["data-area"], one["data-verdict"], one["data-level"], one["data-severity"]) for one in rows]
    assert sorted(found) == sorted(
        (row.area, row.verdict or "untested", row.level, row.severity) for row in made.requirements
    )


def test_a_finding_opens_to_expected_got_wire_and_curl() -> None:
    made = sample.report([sample.row("a.b.c", "fail")], [sample.told("a.b.c")])
    page = Page(report_html.render(made))
    shown = page.texts["pre"]
    assert shown == [
        '"completed"',
        '"in_progress"',
        made.findings[0].curl,
        "content-type: application/json\nauthorization: Bearer $API_KEY",
        '{\n  "model": "m",\n  "input": "Say: ok"\n}',
        "content-type: application/json\nx-request-id: req_1",
        '{\n  "status": "in_progress"\n}',
    ]


def test_frames_of_a_socket_are_shown_both_ways() -> None:
    frames = [{"way": "sent", "at": 0, "text": "hello"}, {"way": "came", "at": 0.5, "text": "there"}]
    wire = [sample.exchange("", frames=frames, closed=1000)]
    made = sample.report([sample.row("a.b.c", "fail")], [sample.told("a.b.c", wire=wire)])
    assert "→    0.000 s  hello\n←    0.500 s  there" in Page(report_html.render(made)).texts["pre"]


def test_megabytes_do_not_make_a_page_of_megabytes() -> None:
    assert len(report_html.render(sample.hostile(5_000_000))) < 200_000


def test_known_failures_are_marked_with_their_reason() -> None:
    text = report_html.render(sample.small(), {"responses.stream.retry": "no client reads it"})
    assert text.count("badge known") == 1
    assert "no client reads it" in text


def test_must_and_should_have_their_own_numbers() -> None:
    cards = [text for text in Page(report_html.render(sample.small())).texts["h2"] if text.isupper()]
    assert cards == ["MUST", "SHOULD"]


def dom(text: str, folder: Path) -> str:
    """The page after its script ran, in a real browser without a network."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium here")
    file = folder / "page.html"
    file.write_text(text, "utf-8")
    with tempfile.TemporaryDirectory() as profile:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        flags += [
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--virtual-time-budget=3000",
        ]
        done = subprocess.run(
            [program, *flags, f"--user-data-dir={profile}", "--dump-dom", file.as_uri()],
            capture_output=True,
            timeout=60,
            check=True,
        )
    return done.stdout.decode()


@pytest.mark.slow
@pytest.mark.parametrize("made", [sample.small, sample.hostile], ids=["small", "hostile"])
def test_a_browser_runs_our_script_and_no_other(made: type[Report], tmp_path: Path) -> None:
    report = made()
    after = dom(report_html.render(report), tmp_path)
    page = Page(after)
    assert "".join(page.texts["title"]).startswith("Responses API compliance")
    assert page.named("html")[0]["class"] == "scripted"
    assert "hidden" not in next(one for one in page.named("form"))
    counted = f"{len(report.findings)} findings, {len(report.requirements)} requirements"
    assert page.texts["output"] == [counted]
    assert page.named("img") == []


ACTS = """
const press = (one) => document.querySelector(one).click();
const choose = (id, value) => {
  const one = document.getElementById(id);
  one.value = value;
  one.dispatchEvent(new Event(id === "search" ? "input" : "change"));
};
const told = [];
const note = () => told.push(document.getElementById("shown").textContent);
note();
press(".chip[data-verdict=fail]"); note();
choose("level", "MUST"); note();
choose("area", "conversations"); note();
press("#clear"); note();
choose("severity", "sdk"); note();
press("#clear");
press("button.area[data-area='responses.stream']"); note();
press("#clear");
choose("search", "no retry field");
setTimeout(() => { note(); document.body.dataset.told = told.join("; "); }, 500);
"""


@pytest.mark.slow
def test_the_filters_filter(tmp_path: Path) -> None:
    text = report_html.render(sample.small())
    text = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    after = dom(text.replace("</body>", f"<script>{ACTS}</script></body>"), tmp_path)
    assert Page(after).named("body")[0]["data-told"] == "; ".join(
        [
            "5 findings, 8 requirements",
            "2 findings, 2 requirements",
            "1 findings, 1 requirements",
            "0 findings, 0 requirements",
            "5 findings, 8 requirements",
            "1 findings, 1 requirements",
            "3 findings, 3 requirements",
            "1 findings, 0 requirements",
        ]
    )
