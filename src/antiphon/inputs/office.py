"""The text of Word, PowerPoint and OpenDocument files: zip archives of XML, read as they stand.

Runs in the child. The document library that reads PDF loses XML entities in Word files (`R&D` becomes
`RD`), so these formats are read here, which also makes them available without it.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO
from xml.parsers import expat

_CHUNK_BYTES = 64 * 1024


class NotADocument(Exception):
    """The bytes are not what they claim to be."""


class TooMuchText(Exception):
    """More text than the limit."""


@dataclass(frozen=True, slots=True)
class Markup:
    """How a format writes text; element names are local names.

    Character data counts inside `text`. `starts` and `ends` are what an element's tags add. Paragraphs
    in a `cell` end with a space, everywhere else with a line. What is in `skipped` is not read.
    """

    text: frozenset[str]
    starts: Mapping[str, str]
    paragraphs: frozenset[str]
    cell: str
    row: str
    skipped: frozenset[str] = frozenset()


# ECMA-376: the same local names in WordprocessingML and DrawingML. `Fallback` repeats its `Choice`.
OOXML = Markup(
    text=frozenset({"t"}),
    starts={"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"},
    paragraphs=frozenset({"p"}),
    cell="tc",
    row="tr",
    skipped=frozenset({"Fallback"}),
)
# OpenDocument 1.3, part 3. `tracked-changes` holds what was deleted.
ODF = Markup(
    text=frozenset({"p", "h"}),
    starts={"tab": "\t", "line-break": "\n", "s": " "},
    paragraphs=frozenset({"p", "h"}),
    cell="table-cell",
    row="table-row",
    skipped=frozenset({"tracked-changes"}),
)


@dataclass(slots=True)
class MarkupReader:
    """Collects the text of XML parts, at most `limit` characters."""

    markup: Markup
    limit: int
    pieces: list[str] = field(default_factory=list[str])
    size: int = 0
    _depth: dict[str, int] = field(default_factory=dict[str, int])

    def read(self, source: BinaryIO) -> None:
        """Raises `NotADocument` and `TooMuchText`."""
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            while chunk := source.read(_CHUNK_BYTES):
                parser.Parse(chunk)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise NotADocument(str(error)) from error

    def add(self, text: str) -> None:
        self.size += len(text)
        if self.size > self.limit:
            raise TooMuchText
        self.pieces.append(text)

    def _start(self, name: str, _: Mapping[str, str]) -> None:
        local = name.rpartition("}")[2]
        self._depth[local] = self._depth.get(local, 0) + 1
        if local in self.markup.starts and not self._skipping():
            self.add(self.markup.starts[local])

    def _end(self, name: str) -> None:
        local = name.rpartition("}")[2]
        self._depth[local] -= 1
        if self._skipping():
            return
        if local in self.markup.paragraphs:
            self.add(" " if self._inside(self.markup.cell) else "\n")
        elif local == self.markup.cell:
            self.add("\t")
        elif local == self.markup.row:
            self.add("\n")

    def _characters(self, text: str) -> None:
        if any(self._inside(name) for name in self.markup.text) and not self._skipping():
            self.add(text)

    def _inside(self, name: str) -> bool:
        return self._depth.get(name, 0) > 0

    def _skipping(self) -> bool:
        return any(self._inside(name) for name in self.markup.skipped)


def docx_text(data: bytes, limit: int) -> str:
    return _text(data, limit, OOXML, ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml"))


def odf_text(data: bytes, limit: int) -> str:
    """Of text documents and presentations."""
    return _text(data, limit, ODF, ("content.xml",))


def pptx_text(data: bytes, limit: int) -> str:
    """Slides in the order of the presentation, each under its number."""
    reader = MarkupReader(OOXML, limit)
    with _archive(data) as archive:
        for number, part in enumerate(_slides(archive), 1):
            reader.add(f"[slide {number}]\n")
            _read_part(archive, part, reader)
            reader.add("\n")
    return "".join(reader.pieces)


def archive_kind(data: bytes) -> str | None:
    """What a zip archive holds: `docx pptx xlsx odf ods epub`, None for anything else."""
    with _archive(data) as archive:
        names = frozenset(archive.namelist())
        for part, kind in _MAIN_PARTS.items():
            if part in names:
                return kind
        if "mimetype" in names:
            with archive.open("mimetype") as source:
                return _MIMETYPES.get(source.read(100).decode("ascii", "replace").strip())
    return None


_MAIN_PARTS = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}
_MIMETYPES = {
    "application/vnd.oasis.opendocument.text": "odf",
    "application/vnd.oasis.opendocument.presentation": "odf",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/epub+zip": "epub",
}


def _archive(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(BytesIO(data))
    except zipfile.BadZipFile as error:
        raise NotADocument(str(error)) from error


def _text(data: bytes, limit: int, markup: Markup, parts: tuple[str, ...]) -> str:
    """The first part must be there, the others may."""
    reader = MarkupReader(markup, limit)
    with _archive(data) as archive:
        names = frozenset(archive.namelist())
        for part in parts:
            if part in names or part == parts[0]:
                _read_part(archive, part, reader)
    return "".join(reader.pieces)


def _read_part(archive: zipfile.ZipFile, part: str, reader: MarkupReader) -> None:
    try:
        with archive.open(part) as source:
            reader.read(source)  # type: ignore[arg-type]
    except (KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise NotADocument(str(error)) from error


def _slides(archive: zipfile.ZipFile) -> list[str]:
    """Part names of the slides: the presentation lists relations, the relations name parts (ECMA-376)."""
    relations = {
        attributes.get("Id"): attributes.get("Target", "")
        for attributes in _elements(archive, "ppt/_rels/presentation.xml.rels", "Relationship")
    }
    listed = _elements(archive, "ppt/presentation.xml", "sldId")
    ids = [value for attributes in listed for name, value in attributes.items() if name.endswith("}id")]
    targets = [relations[relation] for relation in ids if relation in relations]
    return [posixpath.normpath(posixpath.join("ppt", target)).lstrip("/") for target in targets]


def _elements(archive: zipfile.ZipFile, part: str, wanted: str) -> list[dict[str, str]]:
    """The attributes of every element of that local name."""
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition("}")[2] == wanted:
            found.append(attributes)

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = start
    try:
        with archive.open(part) as source:
            while chunk := source.read(_CHUNK_BYTES):
                parser.Parse(chunk)
            parser.Parse(b"", True)
    except (expat.ExpatError, KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise NotADocument(str(error)) from error
    return found
