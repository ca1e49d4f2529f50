"""`input_image` and screenshots: data that engines can read, never a URL that they fetch for a stranger.

Messages and params as recorded from the official API, codes from its list of image errors (SPEC.md, enums:
`response.error.code`).
"""

from __future__ import annotations

import asyncio

from antiphon.config import InputSettings
from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid, Unsupported
from antiphon.inputs.cache import BoundedCache
from antiphon.inputs.data_url import decode_base64, make_data_url, split_data_url
from antiphon.inputs.place import Pass, Place

MEDIA_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})

_EXPECTED = (
    "Expected a base64-encoded data URL with an image MIME type "
    "(e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU=')"
)
_NO_IMAGE = (
    "The image data you provided does not represent a valid image. Please check your input and try again "
    "with one of the supported image formats: ['image/jpeg', 'image/png', 'image/gif', 'image/webp']."
)
_MAGIC_BASE64 = 24  # characters: 18 bytes, more than any magic number below


class Images:
    """Checks and inlines images."""

    def __init__(self, settings: InputSettings, cache: BoundedCache) -> None:
        self._max_bytes, self._ttl_s, self._cache = settings.max_image_bytes, settings.cache_ttl_s, cache

    async def resolve(self, run: Pass, place: Place, part: JSON) -> JSON:
        """The part with an `image_url` that the engine can read.

        Raises `Invalid`, `Unsupported` and `FetchFailure`.
        """
        url = part.get("image_url")
        if part.get("file_id"):
            raise Unsupported(
                "Images by 'file_id' are not supported yet: this server has no Files API. Send 'image_url'.",
                param=place.param("file_id"),
            )
        if not url:
            raise Invalid(
                f"Missing required parameter: '{place.param('image_url')}'.",
                param=place.param("image_url"),
                code="missing_required_parameter",
            )
        if url[:5].lower() == "data:":
            checked = self._checked(url, place)
        elif run.fetcher.settings.images == "pass":
            return part
        else:
            checked = await self._fetched(run, place, url)
        return part if checked == url else {**part, "image_url": checked}

    def _checked(self, url: str, place: Place) -> str:
        """The data URL, with the media type that its bytes show."""
        param = place.param("image_url")
        given = split_data_url(url)
        if given is None:
            raise _invalid(param, "but got an invalid base64-encoded value.", "invalid_base64_image")
        if not given.media_type.startswith("image/"):
            got = f"but got unsupported MIME type '{given.media_type[:100]}'."
            raise _invalid(param, got, "unsupported_image_media_type")
        if not given.payload:
            raise _invalid(param, "but got empty base64-encoded bytes.", "empty_image_file")
        if given.size > self._max_bytes + 2:
            raise self._too_large(param)
        # Images of earlier requests were decoded whole when they came.
        data = decode_base64(given.payload if place.own >= 0 else given.payload[:_MAGIC_BASE64])
        if data is None:
            raise _invalid(param, "but got an invalid base64-encoded value.", "invalid_base64_image")
        media_type = _media_type(data, param)
        return url if given.media_type == media_type else f"data:{media_type};base64,{given.payload}"

    async def _fetched(self, run: Pass, place: Place, url: str) -> str:
        key = ("image", run.tenant, url)
        now = asyncio.get_running_loop().time
        async with run.once(key):
            known = self._cache.get(key, now())
            if known is not None:
                return known
            fetched = await run.fetch(url, MEDIA_TYPES, self._max_bytes)
            if not fetched.data:
                raise Invalid(
                    "The image URL has no content.", param=place.param("image_url"), code="empty_image_file"
                )
            made = make_data_url(_media_type(fetched.data, place.param("image_url")), fetched.data)
            self._cache.put(key, made, now() + self._ttl_s)
            return made

    def _too_large(self, param: str) -> Invalid:
        return Invalid(
            f"Invalid '{param}'. The image is larger than {self._max_bytes} bytes.",
            param=param,
            code="image_file_too_large",
        )


def _invalid(param: str, got: str, code: str) -> Invalid:
    return Invalid(f"Invalid '{param}'. {_EXPECTED}, {got}", param=param, code=code)


def _media_type(data: bytes, param: str) -> str:
    """By magic number. Raises `Invalid` for what is no image, or one in a format that engines do not read."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    other = data.startswith((b"BM", b"II*\0", b"MM\0*", b"<svg", b"<?xml")) or data[4:8] == b"ftyp"
    code = "unsupported_image_media_type" if other else "image_parse_error"
    raise Invalid(_NO_IMAGE, param=param, code=code)
