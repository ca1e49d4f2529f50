"""`input_file` → the text of the file, under a line that names it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from antiphon.config import InputSettings
from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid, Unsupported
from antiphon.inputs.cache import BoundedCache
from antiphon.inputs.charset import decode_text
from antiphon.inputs.data_url import decode_base64, split_data_url
from antiphon.inputs.documents import DocumentFailure, Documents, Trouble
from antiphon.inputs.filetypes import MEDIA_TYPES, Kind, Recognised, is_encrypted_pdf, recognise
from antiphon.inputs.place import Pass, Place

_SOURCES = ("file_data", "file_url", "file_id")
_NAME_CHARACTERS = 200
_KEPT = ("prompt_cache_breakpoint",)
"""Fields of the part that the text part keeps."""


@dataclass(frozen=True, slots=True)
class _File:
    """`param` is what a client is told of when the file is wrong."""

    data: bytes
    name: str | None
    media_type: str
    param: str

    def wrong(self, what: str, code: str = "invalid_file") -> Invalid:
        return Invalid(f"Invalid file{self.called}: {what}", param=self.param, code=code)

    @property
    def called(self) -> str:
        return f" '{self.name}'" if self.name else ""


class Files:
    """Reads files."""

    def __init__(self, settings: InputSettings, cache: BoundedCache) -> None:
        self._settings, self._cache = settings, cache
        self._documents = Documents(settings)

    async def resolve(self, run: Pass, place: Place, part: JSON) -> JSON:
        """An `input_text` part. Raises `Invalid`, `Unsupported` and `FetchFailure`."""
        source = _source(place, part)
        name = _clean(part.get("filename"))
        if source == "file_url":
            name = name or _name_of(part["file_url"])
            text = await self._of_url(run, place, part["file_url"], name)
        else:
            text = await self._text(run, self._given(place, part["file_data"], name))
        title = f"[File: {name}]\n" if name else "[File]\n"
        return {"type": "input_text", "text": title + text, **{k: part[k] for k in _KEPT if k in part}}

    def _given(self, place: Place, value: str, name: str | None) -> _File:
        """The file in `file_data`: a data URL, or bare base64."""
        param = place.param("file_data")
        url = split_data_url(value) if value[:5].lower() == "data:" else None
        payload = url.payload if url else value
        if len(payload) * 3 // 4 > self._settings.max_file_bytes + 2:
            raise self._too_large(param)
        data = decode_base64(payload)
        if data is None or (url is None and value[:5].lower() == "data:"):
            raise Invalid(
                f"Invalid '{param}'. Expected a base64-encoded data URL "
                "(e.g. 'data:application/pdf;base64,SGVsbG8sIFdvcmxkIQ=='), but got an invalid value.",
                param=param,
                code="invalid_value",
            )
        return _File(data, name, url.media_type if url else "", param)

    async def _of_url(self, run: Pass, place: Place, url: str, name: str | None) -> str:
        now = asyncio.get_running_loop().time
        key = ("file", run.tenant, url, name)
        async with run.once(key):
            known = self._cache.get(key, now())
            if known is not None:
                return known
            fetched = await run.fetch(url, MEDIA_TYPES, self._settings.max_file_bytes)
            file = _File(fetched.data, name, fetched.content_type, place.param("file_url"))
            text = await self._text(run, file)
            self._cache.put(key, text, now() + self._settings.cache_ttl_s)
            return text

    async def _text(self, run: Pass, file: _File) -> str:
        if not file.data:
            raise file.wrong("it is empty.", "empty_file")
        if len(file.data) > self._settings.max_file_bytes:
            raise self._too_large(file.param)
        kind = _kind(file)
        text = decode_text(file.data) or "" if kind == "text" else await self._converted(run, file, kind)
        if len(text) > self._settings.max_text_bytes:
            raise _trouble(file, kind, "too_much_text")
        if not text.strip():
            raise _blank(file, kind)
        return text.strip("\n")

    async def _converted(self, run: Pass, file: _File, kind: Kind) -> str:
        """The same file of the same tenant is converted once, whatever it is called."""
        key: Hashable = (run.tenant, kind, hashlib.sha256(file.data).digest())
        async with run.once(key):
            known = self._cache.get(key, 0.0)
            if known is not None:
                return known
            try:
                text = await self._documents.text(kind, file.data)
            except DocumentFailure as failure:
                raise _trouble(file, kind, failure.trouble) from failure
            self._cache.put(key, text)
            return text

    def _too_large(self, param: str) -> Invalid:
        return Invalid(
            f"Invalid '{param}'. The file is larger than {self._settings.max_file_bytes} bytes.",
            param=param,
            code="file_too_large",
        )


def _source(place: Place, part: JSON) -> str:
    """Which of the three ways the part uses."""
    given = [name for name in _SOURCES if part.get(name) is not None]
    if not given:
        raise Invalid(
            f"Missing required parameter: '{place.param('file_data')}'.",
            param=place.param("file_data"),
            code="missing_required_parameter",
        )
    if len(given) > 1:
        raise Invalid(
            f"Mutually exclusive parameters: '{given[0]}' and '{given[1]}'.",
            param=place.param(given[1]),
            code="mutually_exclusive_parameters",
        )
    if given[0] == "file_id":
        raise Unsupported(
            "Files by 'file_id' are not supported yet: this server has no Files API. Send 'file_data' or "
            "'file_url'.",
            param=place.param("file_id"),
        )
    return given[0]


def _clean(name: str | None) -> str | None:
    """A file name that stays on its line."""
    text = "".join(c for c in name or "" if c.isprintable()).strip()
    return text[-_NAME_CHARACTERS:] or None


def _name_of(url: str) -> str | None:
    try:
        return _clean(unquote(urlsplit(url).path.rpartition("/")[2]))
    except ValueError:  # the fetcher will say so
        return None


def _kind(file: _File) -> Kind:
    seen = recognise(file.data, file.name, file.media_type)
    if seen.kind is not None:
        return seen.kind
    raise _unknown(file, seen)


def _unknown(file: _File, seen: Recognised) -> Invalid:
    if seen.encrypted:
        return file.wrong("it is protected with a password.")
    if seen.misnamed:
        return file.wrong(f"its content looks like {seen.found}, not like its name.")
    if "image" in seen.found:
        return file.wrong("it is an image; send it as 'input_image'.", "unsupported_file")
    return file.wrong(f"its content looks like {seen.found}, which cannot be read.", "unsupported_file")


def _trouble(file: _File, kind: Kind, trouble: Trouble) -> Invalid | Unsupported:
    match trouble:
        case "library_missing":
            return Unsupported(
                f"Reading files of the type '{kind}' needs the documents extra of this server: "
                "pip install 'antiphon[documents]'.",
                param=file.param,
                code="unsupported_file",
            )
        case "unsupported":
            return file.wrong("files of this type cannot be read.", "unsupported_file")
        case "too_much_text":
            return file.wrong("it holds more text than this server takes.", "file_too_large")
        case "limits":
            return file.wrong("reading it takes more time or memory than this server gives.")
        case "unreadable":
            if kind == "pdf" and is_encrypted_pdf(file.data):
                return file.wrong("it is protected with a password.")
            return file.wrong(f"it is damaged, or no {kind} file.")


def _blank(file: _File, kind: Kind) -> Invalid:
    if kind == "pdf":
        return file.wrong("it holds no text, only images; this server reads no scanned pages.")
    return file.wrong("it holds no text.", "empty_file")
