"""`data:` URLs (RFC 2397) in base64, the only form that the official API takes."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

_HEADER_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class DataUrl:
    """`media_type` is lower case without parameters; `payload` is still base64."""

    media_type: str
    payload: str

    @property
    def size(self) -> int:
        """Bytes of the decoded payload, at most two too many."""
        return len(self.payload) * 3 // 4


def split_data_url(url: str) -> DataUrl | None:
    """None for anything but a base64 `data:` URL."""
    comma = url.find(",", 0, _HEADER_CHARACTERS)
    if comma < 0 or url[:5].lower() != "data:":
        return None
    media_type, *parameters = url[5:comma].split(";")
    if not parameters or parameters[-1].strip().lower() != "base64":
        return None
    return DataUrl(media_type.strip().lower(), url[comma + 1 :])


def decode_base64(payload: str) -> bytes | None:
    """The bytes; None for text that is not base64. White space between lines is let pass (RFC 2045, 6.8)."""
    try:
        return binascii.a2b_base64(payload, strict_mode=True)
    except (binascii.Error, ValueError):
        pass
    try:
        return binascii.a2b_base64("".join(payload.split()), strict_mode=True)
    except (binascii.Error, ValueError):
        return None


def make_data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
