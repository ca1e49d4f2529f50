"""What kind of file some bytes are: the name says what they should be, the bytes must agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from antiphon.inputs.charset import has_byte_order_mark

Kind = Literal["text", "html", "pdf", "rtf", "zip", "docx", "pptx", "xlsx", "odf", "ods", "epub"]
"""`zip` is an archive whose content decides."""

READ_BY_LIBRARY: frozenset[Kind] = frozenset({"pdf", "rtf", "xlsx", "ods", "epub"})

_BY_NAME: dict[str, Kind] = {
    "pdf": "pdf",
    "rtf": "rtf",
    "docx": "docx",
    "docm": "docx",
    "pptx": "pptx",
    "pptm": "pptx",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
    "odt": "odf",
    "odp": "odf",
    "ods": "ods",
    "epub": "epub",
    "htm": "html",
    "html": "html",
    "xhtml": "html",
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_BY_MEDIA_TYPE: dict[str, Kind] = {
    "application/pdf": "pdf",
    "application/rtf": "rtf",
    "text/rtf": "rtf",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/epub+zip": "epub",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
    f"{_ODF}text": "odf",
    f"{_ODF}presentation": "odf",
    f"{_ODF}spreadsheet": "ods",
}
MEDIA_TYPES: frozenset[str] = frozenset(
    {
        *_BY_MEDIA_TYPE,
        *("text/*", "application/json", "application/xml", "application/yaml", "application/x-yaml"),
        *("application/toml", "application/javascript", "application/x-sh", "application/sql"),
        *("application/csv", "application/x-ndjson", "application/zip"),
    }
)
"""Content types that a fetched file may have."""

_ZIPPED = frozenset({"zip", "docx", "pptx", "xlsx", "odf", "ods", "epub"})
_ARCHIVE = (b"PK\x03\x04", b"PK\x05\x06")
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # [MS-CFB]: Word, Excel and PowerPoint before 2007
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")  # [MS-OFFCRYPTO] 2.3.4.4
_PDF_SEARCH_BYTES = 1024  # readers look for the header in the first 1024 bytes (PDF 1.7, annex H.3)
_BINARY_STARTS = (0x1F, 0x7F, 0x89, 0xFF)  # first bytes of formats below that no text begins with
_BINARY: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"ID3", "audio"),
    (b"OggS", "audio or video"),
    (b"RIFF", "audio, video or an image"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """`kind` None: nothing here reads it; `found` says what the bytes look like, for people.

    `misnamed`: something could, but the name claims another kind.
    """

    kind: Kind | None
    found: str
    encrypted: bool = False
    misnamed: bool = False


def recognise(data: bytes, filename: str | None, media_type: str) -> Recognised:
    """The kind of a file that is not empty.

    A name that the bytes contradict makes it None; a media type that they contradict counts for nothing.
    """
    named = _BY_NAME.get(_suffix(filename))
    claimed = named or _BY_MEDIA_TYPE.get(media_type)
    seen = _seen(data, claimed)
    if seen.kind is None or claimed is None:
        return seen
    if (seen.kind == "zip" and claimed in _ZIPPED) or (seen.kind == "text" and claimed == "html"):
        return Recognised(claimed, seen.found)
    return seen if seen.kind == claimed or named is None else Recognised(None, seen.found, misnamed=True)


def is_encrypted_pdf(data: bytes) -> bool:
    """Whether a PDF's trailer names an encryption dictionary (ISO 32000-1, 7.5.5)."""
    return b"/Encrypt" in data


def _suffix(filename: str | None) -> str:
    return (filename or "").rpartition(".")[2].lower() if "." in (filename or "") else ""


def _seen(data: bytes, claimed: Kind | None) -> Recognised:
    """What the bytes (there is at least one) alone say."""
    if data.startswith(b"%PDF-") or (claimed == "pdf" and b"%PDF-" in data[:_PDF_SEARCH_BYTES]):
        return Recognised("pdf", "a PDF document")
    if data.startswith(_ARCHIVE):
        return Recognised("zip", "a zip archive")
    if data.startswith(_COMPOUND):
        return Recognised(None, "a legacy or encrypted Office document", _ENCRYPTED_OFFICE in data)
    if data.startswith(b"{\\rtf"):
        return Recognised("rtf", "a rich text document")
    if not _is_binary(data):
        return Recognised("text", "plain text")
    return Recognised(None, next((name for magic, name in _BINARY if data.startswith(magic)), "binary data"))


def _is_binary(data: bytes) -> bool:
    return not has_byte_order_mark(data) and (data[0] in _BINARY_STARTS or b"\0" in data)
