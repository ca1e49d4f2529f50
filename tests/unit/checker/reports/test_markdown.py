"""Markdown: nothing of the server's is markup."""

from __future__ import annotations

import pytest
from tests.unit.checker.reports import sample

from antiphon.checker import matrix, report_md
from antiphon.checker.report_md import block, cell, prose, span

PAGES = {
    "hostile": lambda: report_md.render(sample.hostile(), {"responses.create.a": sample.HOSTILE}),
    "large": lambda: report_md.render(sample.large()),
    "matrix": lambda: matrix.markdown([sample.hostile(10), sample.small()]),
}
OURS = {"<details>", "</details>", "<summary>", "</summary>"}


@pytest.mark.parametrize("name", list(PAGES))
def test_no_markup_but_ours(name: str) -> None:
    parser = pytest.importorskip("markdown_it", reason="no Markdown reader here").MarkdownIt(
        "gfm-like", {"linkify": False}
    )
    headings, wrong = [], []
    for token in parser.parse(PAGES[name]()):
        if token.type == "html_block" and token.content.strip() not in OURS_WHOLE:
            wrong.append(token.content)
        if token.type == "inline":
            wrong += [
                one.content
                for one in token.children
                if one.type in ("html_inline", "link_open", "image") and one.content not in OURS
            ]
        if token.type == "heading_open":
            headings.append(token.tag)
    assert wrong == []
    assert headings.count("h1") == 1


OURS_WHOLE = {
    "<details><summary>curl</summary>",
    "<details><summary>wire</summary>",
    "<details><summary>requirements</summary>",
    "</details>",
}


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    lines = report_md.render(sample.hostile()).splitlines()
    tables = [line for line in lines if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in tables} <= {9, 10}


@pytest.mark.parametrize(
    ("text", "code"),
    [("a", "`a`"), ("a`b", "`` a`b ``"), ("", "` `"), ("a|b", "`a|b`"), ("a\nb", "`a b`")],
)
def test_code_spans_hold_what_they_hold(text: str, code: str) -> None:
    assert span(text) == code


def test_a_bar_does_not_end_a_cell_and_a_fence_is_longer_than_what_it_fences() -> None:
    assert cell("a|b") == "`a\\|b`"
    assert block("```\nx\n```") == "````\n```\nx\n```\n````"
    assert prose("`a_b` is *one* <b>") == "`a_b` is \\*one\\* \\<b\\>"


def test_a_long_report_fits_into_a_comment_of_a_pull_request() -> None:
    assert len(report_md.render(sample.large()).encode()) < 65_536


def test_what_was_not_tried_is_told_with_its_reason() -> None:
    text = report_md.render(sample.small())
    assert "## Not tried\n\n1: `not selected (profile core)`" in text
    assert "- `limits.metadata.pairs` `MUST`" in text
