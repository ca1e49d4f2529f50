"""How many tokens a chat request's prompt has, by whatever the server offers for counting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec

from antiphon.core.chat.dialect import Dialect
from antiphon.core.deltas import JSON
from antiphon.core.errors import EngineFailure
from antiphon.engines.upstream.http import Answer, EngineHttp
from antiphon.ports import TokenCount

BYTES_PER_TOKEN = 4.0
"""The estimate where no tokenizer is at hand: of English text; other scripts have more bytes per token."""
IMAGE_TOKENS = 256
MESSAGE_TOKENS = 4
"""What a template adds around a message."""

_PROMPT = ("model", "messages", "tools", "chat_template_kwargs")


async def count_prompt(http: EngineHttp, body: JSON, dialect: Dialect) -> TokenCount:
    """Tokens of the body's messages and tools. Raises `EngineFailure` where the server is out of reach.

    A server that does not know a way of counting answers 4xx: the next way is tried, then estimated.
    """
    prompt = {k: body[k] for k in _PROMPT if k in body}
    for way in dialect.counts:
        try:
            return TokenCount(await _WAYS[way](http, prompt, dialect), exact=True)
        except EngineFailure as failure:
            if failure.kind not in ("not_found", "invalid_request", "malformed"):
                raise
    return TokenCount(estimate(prompt), exact=False)


def estimate(prompt: JSON) -> int:
    """A guess from the size of the text; images count as `IMAGE_TOKENS` each."""
    messages = cast(list[JSON], prompt["messages"])
    contents = (message["content"] for message in messages)
    parts = [part for content in contents if isinstance(content, list) for part in cast(list[JSON], content)]
    images = [part for part in parts if "image_url" in part]
    size = len(msgspec.json.encode(prompt)) - sum(len(msgspec.json.encode(p)) for p in images)
    return int(size / BYTES_PER_TOKEN) + MESSAGE_TOKENS * len(messages) + IMAGE_TOKENS * len(images)


async def _tokenize(http: EngineHttp, prompt: JSON, dialect: Dialect) -> int:
    """vLLM and SGLang: `/tokenize` takes a chat."""
    return _number(await http.query(http.root("tokenize"), dialect, prompt), "count")


async def _input_tokens(http: EngineHttp, prompt: JSON, dialect: Dialect) -> int:
    """llama.cpp since 2026: one call, images included."""
    return _number(
        await http.query(http.api("chat/completions/input_tokens"), dialect, prompt), "input_tokens"
    )


async def _template(http: EngineHttp, prompt: JSON, dialect: Dialect) -> int:
    """llama.cpp: write the prompt, then tokenize it."""
    written = await http.query(http.root("apply-template"), dialect, prompt)
    text = written.get("prompt")
    if not isinstance(text, str):
        raise EngineFailure("malformed", "The engine wrote no prompt.")
    tokens = (await http.query(http.root("tokenize"), dialect, {"content": text, "add_special": True})).get(
        "tokens"
    )
    if not isinstance(tokens, list):
        raise EngineFailure("malformed", "The engine gave no tokens.")
    return len(cast("list[Any]", tokens))


_Way = Callable[[EngineHttp, JSON, Dialect], Awaitable[int]]
_WAYS: Mapping[str, _Way] = {"tokenize": _tokenize, "input_tokens": _input_tokens, "template": _template}


def _number(answer: Answer, key: str) -> int:
    value = answer.get(key)
    if not isinstance(value, int):
        raise EngineFailure("malformed", "The engine gave no token count.")
    return value
