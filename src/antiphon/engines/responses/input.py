"""A sample's items → input items that an upstream takes.

Upstreams refuse ids with foreign prefixes and fields that are not of the item's official input type (the
pin), and know only the hosted items of tools that they run. What they do not know travels as messages,
function calls and their outputs, as Chat Completions servers are told it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from typing import cast

from antiphon.core.chat.items import Called, ItemReader, Returned, Said, Thought
from antiphon.core.context import Sample
from antiphon.core.deltas import JSON
from antiphon.core.kinds import id_prefix
from antiphon.engines.responses.dialects import ITEMS_OF_TOOL, UpstreamDialect
from antiphon.spec import pin

_ALWAYS = frozenset({"function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"})
_OURS = frozenset({"additional_tools", "compaction_trigger", "item_reference"})
"""Items that the run has acted on."""

_DETAILS = frozenset({"auto", "low", "high", "original"})
_ID = re.compile(r"[a-z]+_[A-Za-z0-9_-]{1,58}")


def input_items(sample: Sample, dialect: UpstreamDialect) -> list[JSON]:
    """The whole context as the upstream's `input`."""
    known = frozenset[str]().union(*(ITEMS_OF_TOOL.get(t, frozenset()) for t in dialect.native_tools))
    reader = ItemReader(sample.tools, _DETAILS, sample.items)
    return [told for item in sample.items for told in _told(item, reader, known, dialect)]


def _told(item: JSON, reader: ItemReader, known: frozenset[str], dialect: UpstreamDialect) -> Iterator[JSON]:
    kind = cast(str, item.get("type") or "message")
    if kind in _OURS:
        return
    if kind == "message":
        yield _message(item)
    elif kind == "reasoning":
        yield from _reasoning(item, dialect)
    elif kind in known or (kind in _ALWAYS and not dialect.plain) or _is_own_compaction(item, dialect):
        yield _official(item, kind)
    else:
        yield from (_of_bit(bit) for bit in reader.bits(item) if not isinstance(bit, Thought))


def _is_own_compaction(item: JSON, dialect: UpstreamDialect) -> bool:
    """A compaction that this upstream may have made; one that was opened is told as its text."""
    return item.get("type") == "compaction" and _sealed(item, dialect) and not item.get("content")


def _message(item: JSON) -> JSON:
    role = cast(str, item.get("role", "user"))
    if role != "assistant":
        return {"type": "message", "role": role, "content": item.get("content")}
    told: JSON = {
        "type": "message",
        "id": _id(item, "message"),
        "role": role,
        "status": item.get("status") or "completed",
        "content": [_without_logprobs(part) for part in cast(list[JSON], item.get("content") or [])],
    }
    return told | ({"phase": item["phase"]} if item.get("phase") else {})


def _without_logprobs(part: JSON) -> JSON:
    return {k: v for k, v in part.items() if k != "logprobs"}


def _reasoning(item: JSON, dialect: UpstreamDialect) -> Iterator[JSON]:
    """Its raw text where the upstream takes that, else its seal; reasoning with neither cannot be told."""
    told: JSON = {
        "type": "reasoning",
        "id": _id(item, "reasoning"),
        "summary": item.get("summary") or [],
    }
    texts = [
        {"type": "reasoning_text", "text": p["text"]} for p in item.get("content") or () if p.get("text")
    ]
    if texts and dialect.thoughts:
        yield {**told, "content": texts}
    elif not texts and _sealed(item, dialect):
        yield {**told, "encrypted_content": item["encrypted_content"]}
    elif not texts and dialect.thoughts and told["summary"]:
        yield told


def _sealed(item: JSON, dialect: UpstreamDialect) -> bool:
    """Whether `encrypted_content` may be this upstream's own."""
    seal = item.get("encrypted_content")
    return isinstance(seal, str) and dialect.seal is not None and seal.startswith(dialect.seal)


def _official(item: JSON, kind: str) -> JSON:
    """The item in its official input form: without fields that it has only in answers.

    Calls and outputs need no id of their own; the items of an upstream's own tools keep theirs.
    """
    fields, needs_id = _input_type(kind)
    told = {k: v for k, v in item.items() if k in fields and k != "id"}
    keeps_id = kind not in _ALWAYS and _ID.fullmatch(str(item.get("id")))
    return {"id": _id(item, kind), **told} if needs_id or keeps_id else told


@cache
def _input_type(kind: str) -> tuple[frozenset[str], bool]:
    """The fields of an input item of this type, and whether its id is required."""
    surface = pin.load()
    for branch in surface.unions["InputItemParam"]:
        fields = surface.types[branch["ref"]] if isinstance(branch, dict) else {}
        tag = fields.get("type")
        if tag is not None and isinstance(tag.type, dict) and tag.type.get("enum") == [kind]:
            return frozenset(fields), "id" in fields and fields["id"].required
    raise KeyError(kind)


def _id(item: JSON, kind: str) -> str:
    """The item's id, or a stable one of the official form where a client made it in another."""
    given, prefix = str(item.get("id") or ""), f"{id_prefix(kind)}_"
    if kind in ("message", "reasoning"):
        fits = given.startswith(prefix) and _ID.fullmatch(given)
    else:
        fits = _ID.fullmatch(given)
    return given if fits else prefix + hashlib.sha256(given.encode()).hexdigest()[:48]


# ---------- what the upstream has no item for


def _of_bit(bit: Said | Called | Returned) -> JSON:
    match bit:
        case Said(role, parts):
            said = "output_text" if role == "assistant" else "input_text"
            return _message({"role": role, "content": [_part(p, said) for p in parts]})
        case Called(call_id, name, arguments):
            return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
        case Returned(call_id, parts):
            return {"type": "function_call_output", "call_id": call_id, "output": _output(parts)}


def _output(parts: tuple[JSON, ...]) -> str | list[JSON]:
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return [_part(part, "input_text") for part in parts]


def _part(part: JSON, text_type: str) -> JSON:
    """A chat content part as a Responses part."""
    if part["type"] == "text":
        return {"type": text_type, "text": part["text"]} | (
            {"annotations": []} if text_type == "output_text" else {}
        )
    image = cast(JSON, part["image_url"])
    return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")}
