"""The dialects of Chat Completions servers, and how a server is recognised.

Where a fact is not marked, it was measured: vLLM 0.32 and llama.cpp (xllamacpp 2026.10). SGLang and Ollama
rows come from their published sources and were not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from yarl import URL

from antiphon.core.chat.dialect import Dialect, Grammar
from antiphon.core.deltas import JSON

_NO_THINKING: JSON = {"chat_template_kwargs": {"enable_thinking": False}}

DIALECTS: Mapping[str, Dialect] = {
    d.name: d
    for d in (
        Dialect("generic"),
        Dialect(
            "vllm",
            reasoning_back="reasoning",
            grammars={
                "lark": Grammar(("structured_outputs", "grammar")),
                "regex": Grammar(("structured_outputs", "regex")),
            },
            max_tokens="max_completion_tokens",
            thinking_off=_NO_THINKING,
            cache_salt=True,
            counts=("tokenize",),
        ),
        Dialect(
            "sglang",
            reasoning_back="reasoning_content",
            # `ebnf` is not Lark: a lark grammar is refused.
            grammars={"regex": Grammar(("regex",))},
            max_tokens="max_completion_tokens",
            thinking_off=_NO_THINKING,
            cache_salt=True,
            counts=("tokenize",),
        ),
        Dialect(
            "llamacpp",
            reasoning_back="reasoning_content",
            # A last assistant message is a prefill there.
            continues_assistant=True,
            # An object as `tool_choice` is taken for `auto`, and under `required` a model may go on talking.
            forces_calls=False,
            # "logprobs is not supported with tools + stream"
            calls_with_logprobs=False,
            # Builds without llguidance answer 400 to these.
            grammars={
                "lark": Grammar(("grammar",), "%llguidance {}\n", whole=True),
                "regex": Grammar(("grammar",), "%llguidance {}\nstart: /", "/", slashes=True, whole=True),
            },
            min_top_logprobs=1,
            thinking_off=_NO_THINKING,
            # Faults of a request that come as 500.
            client_faults="not supported|Failed to parse tool call|chat template|Jinja",
            counts=("input_tokens", "template"),
        ),
        Dialect(
            "ollama",
            reasoning_back="reasoning",
            # `tool_choice` is not in its request type: it would be ignored.
            forces_calls=False,
            efforts={"minimal": "low", "xhigh": "high", "max": "high"},
        ),
        Dialect(
            "openai",
            system="in_place",
            merge_users=False,
            image_details=frozenset({"auto", "low", "high", "original"}),
            tools_when_none=True,
            calls_with_format=True,
            max_tokens="max_completion_tokens",
            verbosity=True,
            account=True,
            inline_think=False,
        ),
    )
}

_HOSTS: Mapping[str, str] = {"api.openai.com": "openai", "openai.azure.com": "openai"}
_OWNERS: Mapping[str, str] = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llamacpp",
    "library": "ollama",  # models of Ollama's own library; others carry their author's name
}
_SERVERS: Mapping[str, str] = {"llama.cpp": "llamacpp"}


@dataclass(frozen=True, slots=True)
class Probe:
    """A path that only one kind of server answers with an object that has `key`."""

    path: str
    key: str
    dialect: str


PROBES: tuple[Probe, ...] = (
    Probe("api/version", "version", "ollama"),
    Probe("props", "default_generation_settings", "llamacpp"),
    Probe("get_model_info", "is_generation", "sglang"),
    Probe("version", "version", "vllm"),
)
"""Asked in order where the list of models says nothing (a model may carry any owner's name)."""


def by_url(url: URL) -> Dialect | None:
    """The dialect of a well-known host."""
    host = url.host or ""
    name = next((n for h, n in _HOSTS.items() if host == h or host.endswith(f".{h}")), None)
    return DIALECTS[name] if name else None


def by_listing(listing: object, headers: Mapping[str, str]) -> Dialect | None:
    """The dialect that `GET /v1/models` gives away: by its server header, else by who owns the models."""
    name = _SERVERS.get(headers.get("server", ""))
    if name is None:
        owners = (str(model.get("owned_by")) for model in models_of(listing))
        name = next((_OWNERS[owner] for owner in owners if owner in _OWNERS), None)
    return DIALECTS[name] if name else None


def models_of(listing: object) -> list[JSON]:
    """The model objects of a list; none where it is no list."""
    data = cast(JSON, listing).get("data") if isinstance(listing, dict) else None
    entries = cast("list[Any]", data) if isinstance(data, list) else []
    return [
        cast(JSON, e) for e in entries if isinstance(e, dict) and isinstance(cast(JSON, e).get("id"), str)
    ]
