"""Reading a summary from an engine."""

from __future__ import annotations

from antiphon.core.deltas import TextDelta, Usage, UsageDelta
from antiphon.core.errors import EngineFailure
from antiphon.ports import Turn


async def summary_of(turn: Turn) -> tuple[str, Usage]:
    """The whole text of a turn and its cost; closes the turn. Raises `EngineFailure`, also for no text."""
    chunks: list[str] = []
    usage = Usage()
    try:
        async for deltas in turn:
            for delta in deltas:
                if isinstance(delta, TextDelta):
                    chunks.append(delta.text)
                elif isinstance(delta, UsageDelta):
                    usage = delta.usage
    finally:
        await turn.aclose()
    summary = "".join(chunks).strip()
    if not summary:
        raise EngineFailure("malformed", "The model wrote no summary.")
    return summary, usage
