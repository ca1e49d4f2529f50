"""docs/inputs.md lists the file formats that the code knows."""

from __future__ import annotations

import re
from pathlib import Path

from antiphon.inputs.filetypes import READ_BY_LIBRARY, recognise


def test_the_formats_of_the_page_are_those_of_the_code(root: Path) -> None:
    page = (root / "docs" / "inputs.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:`\w+` ?)+)\| (.+?) \|$", page, re.MULTILINE)
    listed = {ending: reader for endings, reader in rows for ending in re.findall(r"\w+", endings)}
    assert len(listed) == 15
    for ending, reader in listed.items():
        data = b"PK\x03\x04" if ending not in ("pdf", "rtf", "htm", "html", "xhtml") else b"text"
        magic = {"pdf": b"%PDF-1.7", "rtf": b"{\\rtf1"}.get(ending, data)
        kind = recognise(magic, f"a.{ending.upper()}", "").kind
        assert kind not in (None, "text", "zip"), ending
        assert (kind in READ_BY_LIBRARY) == ("documents extra" in reader), ending
