"""The child that reads one document: `python -m antiphon.inputs.document_child MEMORY CPU KIND LIMIT`.

The document comes on standard input. The answer is `+` and the text in UTF-8, or `-` and a `Trouble`.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from antiphon.inputs.charset import decode_text
from antiphon.inputs.confine import confine
from antiphon.inputs.html_text import html_text
from antiphon.inputs.office import (
    NotADocument,
    TooMuchText,
    archive_kind,
    docx_text,
    odf_text,
    pptx_text,
)

_MEDIA_TYPES = {
    "pdf": "application/pdf",
    "rtf": "application/rtf",
    "epub": "application/epub+zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_PAGE_MARK = "\n\n[page {page_num}]\n\n"
_PAGE_MARKS = re.compile(r"\[page \d+\]")
_OWN = {"docx": docx_text, "pptx": pptx_text, "odf": odf_text}


class _Trouble(Exception):
    """`args[0]` is a `documents.Trouble`."""


def read(kind: str, data: bytes, limit: int) -> str:
    """The text of a document. Raises `_Trouble`."""
    if kind == "zip":
        kind = _kind_of(data)
    try:
        if kind == "html":
            return html_text(decode_text(data) or "")
        if kind in _OWN:
            return _OWN[kind](data, limit)
    except NotADocument as error:
        raise _Trouble("unreadable") from error
    except TooMuchText as error:
        raise _Trouble("too_much_text") from error
    return _by_library(kind, data)


def _kind_of(data: bytes) -> str:
    try:
        kind = archive_kind(data)
    except NotADocument as error:
        raise _Trouble("unreadable") from error
    if kind is None:
        raise _Trouble("unsupported")
    return kind


def _by_library(kind: str, data: bytes) -> str:
    try:
        import kreuzberg
    except ImportError as error:
        raise _Trouble("library_missing") from error
    options: dict[str, Any] = {  # its type stubs lack some of these
        "use_cache": False,
        "disable_ocr": True,
        "enable_quality_processing": False,
        "output_format": "plain",
        "concurrency": kreuzberg.ConcurrencyConfig(max_threads=1),
        "pages": kreuzberg.PageConfig(insert_page_markers=True, marker_format=_PAGE_MARK),
    }
    config = kreuzberg.ExtractionConfig(**options)
    try:
        text = kreuzberg.extract_bytes_sync(data, _MEDIA_TYPES[kind], config).content
    except (kreuzberg.KreuzbergError, ValueError, RuntimeError, OSError) as error:
        raise _Trouble("unreadable") from error
    return text.replace("\r\n", "\n") if _PAGE_MARKS.sub("", text).strip() else ""


def main() -> None:
    memory, cpu, kind, limit = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    confine(memory, cpu)
    data = sys.stdin.buffer.read()
    try:
        text = read(kind, data, limit).encode("utf-8", "replace")
        answer = b"-too_much_text" if len(text) > limit else b"+" + text
    except _Trouble as trouble:
        answer = b"-" + str(trouble).encode()
    except (MemoryError, RecursionError):
        answer = b"-limits"
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
