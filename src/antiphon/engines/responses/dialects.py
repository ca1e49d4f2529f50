"""What differs between upstreams that speak Responses, as data.

Facts on OpenAI are from its recorded exchanges; vLLM's were measured (0.32). SGLang, llama.cpp and Ollama
were not run: they are taken to know function tools and nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from antiphon.core.tools import HOSTED_TYPES

_WEB = frozenset({"web_search_call"})
_COMPUTER = frozenset({"computer_call", "computer_call_output"})

ITEMS_OF_TOOL: Mapping[str, frozenset[str]] = {
    "web_search": _WEB,
    "web_search_2025_08_26": _WEB,
    "web_search_preview": _WEB,
    "web_search_preview_2025_03_11": _WEB,
    "file_search": frozenset({"file_search_call"}),
    "code_interpreter": frozenset({"code_interpreter_call"}),
    "image_generation": frozenset({"image_generation_call"}),
    "mcp": frozenset({"mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"}),
    "computer": _COMPUTER,
    "computer_use": _COMPUTER,
    "computer_use_preview": _COMPUTER,
    "local_shell": frozenset({"local_shell_call", "local_shell_call_output"}),
    "shell": frozenset({"shell_call", "shell_call_output"}),
    "apply_patch": frozenset({"apply_patch_call", "apply_patch_call_output"}),
    "tool_search": frozenset({"tool_search_call", "tool_search_output"}),
    "programmatic_tool_calling": frozenset({"program", "program_output"}),
}
"""Hosted tool type → the items of a context that an upstream with this tool understands."""


@dataclass(frozen=True, slots=True)
class UpstreamDialect:
    """One kind of upstream. The defaults are what an unknown one is taken to be: a faithful server.

    - `plain`: knows function tools only; custom and namespaced ones travel as functions.
    - `thoughts`: takes the raw text of earlier reasoning.
    - `seal`: how `encrypted_content` of its own begins (empty: anything); None: it takes none.
    - `native_tools`: hosted tools that it runs.
    - `least_output`: the smallest `max_output_tokens` that it takes.
    - `quiet`: knows `stream_options.include_obfuscation`.
    - `cache_salt`: knows that field.
    - `cut_is_completed`: an answer that reached its limit ends as `completed`.
    """

    plain: bool = False
    thoughts: bool = True
    seal: str | None = ""
    native_tools: frozenset[str] = frozenset()
    least_output: int = 1
    quiet: bool = False
    cache_salt: bool = False
    cut_is_completed: bool = False


_PLAIN = UpstreamDialect(plain=True, seal=None)

DIALECTS: Mapping[str, UpstreamDialect] = {
    "generic": UpstreamDialect(),
    "openai": UpstreamDialect(
        # Raw reasoning is refused; recorded seals are Fernet tokens; limits below 16 are a 400.
        thoughts=False,
        seal="gAAAA",
        native_tools=HOSTED_TYPES,
        least_output=16,
        quiet=True,
    ),
    "vllm": UpstreamDialect(plain=True, seal=None, cache_salt=True, cut_is_completed=True),
    "sglang": _PLAIN,
    "llamacpp": _PLAIN,
    "ollama": _PLAIN,
}
