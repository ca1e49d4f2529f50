"""The text of Word, PowerPoint and OpenDocument files, and of HTML pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.inputs.samples import docx, opendocument, paragraphs, pptx, zipped

from antiphon.inputs.charset import decode_text
from antiphon.inputs.html_text import html_text
from antiphon.inputs.office import (
    NotADocument,
    TooMuchText,
    archive_kind,
    docx_text,
    odf_text,
    pptx_text,
)

LIMIT = 100_000


def test_paragraphs_of_a_word_file_are_lines() -> None:
    assert docx_text(docx(paragraphs("One", "Two")), LIMIT) == "One\nTwo\n"


def test_no_entity_is_lost() -> None:
    body = paragraphs("R&amp;D: a &lt; b &gt; c &#233; &#x20AC; &quot;q&apos;")
    assert docx_text(docx(body), LIMIT) == "R&D: a < b > c é € \"q'\n"


def test_tabs_breaks_and_tables_of_a_word_file() -> None:
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    body = (
        "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>"
        f"<w:tbl><w:tr>{cell.format(1)}{cell.format(2)}</w:tr><w:tr>{cell.format(3)}{cell.format(4)}</w:tr></w:tbl>"
    )
    assert docx_text(docx(body), LIMIT) == "a\tb\nc\n1 \t2 \t\n3 \t4 \t\n"


def test_deleted_text_and_fields_are_not_read_and_a_text_box_is_read_once() -> None:
    body = (
        "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:instrText>PAGE</w:instrText></w:r>"
        '<mc:AlternateContent xmlns:mc="urn:mc"><mc:Choice><w:t>box</w:t></mc:Choice>'
        "<mc:Fallback><w:t>box</w:t><w:p/></mc:Fallback></mc:AlternateContent></w:p>"
    )
    assert docx_text(docx(body), LIMIT) == "box\n"


def test_notes_of_a_word_file_follow_its_text() -> None:
    made = docx(paragraphs("Text"), footnotes=paragraphs("Foot"), endnotes=paragraphs("End"))
    assert docx_text(made, LIMIT) == "Text\nFoot\nEnd\n"


def test_slides_come_in_the_order_of_the_presentation() -> None:
    made = pptx(["first &amp; file", "second file", "third file"], order=[3, 1, 2])
    assert pptx_text(made, LIMIT) == (
        "[slide 1]\nthird file\n\n[slide 2]\nfirst & file\n\n[slide 3]\nsecond file\n\n"
    )


def test_opendocument_text() -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:h>Head</text:h><text:p>a<text:s/>b<text:tab/>c<text:line-break/>"
        "<text:span>d &amp; e</text:span></text:p><table:table><table:table-row>"
        "<table:table-cell><text:p>1</text:p></table:table-cell>"
        "<table:table-cell><text:p>2</text:p></table:table-cell></table:table-row></table:table>"
    )
    assert odf_text(opendocument("text", body), LIMIT) == "Head\na b\tc\nd & e\n1 \t2 \t\n"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (docx(""), "docx"),
        (pptx(["a"]), "pptx"),
        (opendocument("text", ""), "odf"),
        (opendocument("presentation", ""), "odf"),
        (opendocument("spreadsheet", ""), "ods"),
        (zipped({"mimetype": "application/epub+zip"}), "epub"),
        (zipped({"a.txt": "a"}), None),
        (zipped({"mimetype": b"\xff\xfe"}), None),
        (zipped({}), None),
    ],
)
def test_an_archive_says_what_it_is(data: bytes, kind: str | None) -> None:
    assert archive_kind(data) == kind


_ENTITIES = "".join(f'<!ENTITY a{n} "' + f"&a{n - 1};" * 10 + '">' for n in range(1, 10))
LAUGHS = (
    f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">{_ENTITIES}]>'
    "<w:p xmlns:w='x'><w:t>&a9;</w:t></w:p>"
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"PK\x03\x04" + b"\0" * 100,
        docx("a")[:-30],
        docx(paragraphs("a"))[:200],
        zipped({"word/document.xml": "<w:p>"}),
        zipped({"word/document.xml": "no xml"}),
        zipped({"word/document.xml": b"\xff\xfe\xfa"}),
        zipped({"other.xml": "<a/>"}),
    ],
)
def test_a_damaged_file_is_not_a_document(data: bytes) -> None:
    with pytest.raises(NotADocument):
        docx_text(data, LIMIT)


def test_entities_that_multiply_stop_early() -> None:
    with pytest.raises((NotADocument, TooMuchText)):
        docx_text(zipped({"word/document.xml": LAUGHS}), LIMIT)


def test_an_outside_entity_is_not_read() -> None:
    outside = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><p><t>[&e;]</t></p>'
    assert docx_text(zipped({"word/document.xml": outside}), LIMIT) == "[]\n"


def test_text_over_the_limit_stops_the_reading() -> None:
    with pytest.raises(TooMuchText):
        docx_text(docx(paragraphs("a" * 101)), 100)


@given(st.binary(max_size=400))
def test_damage_is_never_another_error(noise: bytes) -> None:
    whole = docx(paragraphs("some text"))
    for data in (noise, whole[: len(noise)] + noise, noise + whole):
        try:
            docx_text(data, LIMIT)
        except (NotADocument, TooMuchText):
            continue


# ---------- HTML


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<h1>Head &amp; co</h1><p>a  b\n c</p>", "# Head & co\n\na b c"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n\n- two"),
        ("<table><tr><td>1<td>2</tr><tr><th>3</th><th>4</th></tr></table>", "1\t2\n\n3\t4"),
        ("<pre>  a\n    b</pre>", "  a\n    b"),
        ("<p>a<script>x < y</script>b<style>p{}</style></p>", "ab"),
        ("<title>T</title><body>text<br>more", "T\ntext\nmore"),
        ("<!doctype html><!-- c --><b>bold</b> &#8364;&nbsp;1", "bold € 1"),
        ("no markup", "no markup"),
        ("a < b and c > d", "a < b and c > d"),
        ("", ""),
    ],
)
def test_html_becomes_readable_lines(page: str, text: str) -> None:
    assert html_text(page) == text


@given(st.text(max_size=300))
def test_any_text_is_html_enough(page: str) -> None:
    html_text(page)


# ---------- character sets


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@given(st.text(alphabet=st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"])))
def test_unicode_text_comes_back(name: str, text: str) -> None:
    assert decode_text(text.encode(name)) == text


def test_what_is_no_unicode_is_latin_1() -> None:
    assert decode_text(b"caf\xe9") == "café"


def test_binary_is_no_text() -> None:
    assert decode_text(b"a\0b") is None
