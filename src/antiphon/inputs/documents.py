"""Documents → text, one child process each."""

from __future__ import annotations

import asyncio
from typing import Literal, cast

from antiphon.config import InputSettings
from antiphon.core.errors import AntiphonError
from antiphon.inputs.child import Bounds, Ended, run_child

Trouble = Literal[
    "unreadable",  # damaged, or not what it claims to be
    "unsupported",  # a format that nothing here reads
    "too_much_text",
    "library_missing",
    "limits",  # time, memory or a crash of the parser
]

_CHILD = "antiphon.inputs.document_child"


class DocumentFailure(AntiphonError):
    """A document gave no text."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble: Trouble = trouble


class Documents:
    """Reads documents, at most `document_processes` at once."""

    def __init__(self, settings: InputSettings) -> None:
        self._limit = settings.max_text_bytes
        self._bounds = Bounds(
            settings.document_timeout_s, settings.document_memory_bytes, settings.max_text_bytes + 1
        )
        self._slots = asyncio.Semaphore(settings.document_processes)

    async def text(self, kind: str, data: bytes) -> str:
        """The text of a document of a `filetypes.Kind`. Raises `DocumentFailure`."""
        async with self._slots:
            ended = await run_child(_CHILD, (kind, str(self._limit)), data, self._bounds)
        return _text(ended)


def _text(ended: Ended) -> str:
    if ended.status != 0 or not ended.output:
        raise DocumentFailure("limits")
    if ended.output[:1] == b"-":
        raise DocumentFailure(cast(Trouble, ended.output[1:].decode()))
    return ended.output[1:].decode("utf-8")
