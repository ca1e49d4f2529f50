"""A response body of bounded size, however it was compressed."""

from __future__ import annotations

import zlib


class BodyTooLarge(Exception):
    """More bytes than the limit, before or after decompression."""


class NotInflatable(Exception):
    """An encoding that we do not read, or bytes that are not in it."""


_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Inflater:
    """Collects a body of at most `limit` bytes. `encoding` is the `Content-Encoding` header.

    We ask for `identity`; servers that compress all the same use gzip or deflate (RFC 9110, 8.4.1).
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._limit, self._size, self._chunks = limit, 0, list[bytes]()
        name = encoding.strip().lower()
        if name not in _WINDOW_BITS and name not in ("", "identity"):
            raise NotInflatable(name)
        self._stream = zlib.decompressobj(_WINDOW_BITS[name]) if name in _WINDOW_BITS else None

    def feed(self, chunk: bytes) -> None:
        """Raises `BodyTooLarge` and `NotInflatable`."""
        if self._stream is not None:
            try:
                chunk = self._stream.decompress(chunk, self._limit - self._size + 1)
            except zlib.error as error:
                raise NotInflatable(str(error)) from error
        self._size += len(chunk)
        if self._size > self._limit:
            raise BodyTooLarge
        self._chunks.append(chunk)

    def close(self) -> bytes:
        """The whole body. Raises `NotInflatable` where the compressed stream was cut off."""
        if self._stream is not None and self._size and not self._stream.eof:
            raise NotInflatable("cut off")
        return b"".join(self._chunks)
