"""Requests in the shape that real clients send, one function for each: who calls, what is told apart.

The shapes were measured (which parameters, item types, tools and headers); all texts are made up.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


def _object(**properties: str) -> JSON:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _function(name: str, strict: bool | None = False, **properties: str) -> JSON:
    tool: JSON = {"type": "function", "name": name, "description": f"Does {name}."}
    return tool | {"parameters": _object(**properties), "strict": strict}


PATCH: JSON = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files. Write the patch itself, not JSON.",
    "format": {
        "type": "grammar",
        "syntax": "lark",
        "definition": 'start: "*** Begin" LF line+ "*** End" LF?\nline: /[+-][^\\n]*/ LF\nLF: "\\n"',
    },
}
NAMESPACE: JSON = {
    "type": "namespace",
    "name": "mcp__loc",
    "description": "Tools of a local server.",
    "tools": [_function("search_notes", query="string"), _function("read_note", number="integer")],
}
TOOL_SEARCH: JSON = {
    "type": "tool_search",
    "execution": "client",
    "description": "Finds tools.",
    "parameters": _object(query="string"),
}
CODEX_TOOLS: list[JSON] = [
    _function("exec_command", cmd="string", workdir="string"),
    _function("write_stdin", session_id="integer", chars="string"),
    _function("update_plan", explanation="string"),
    PATCH,
    NAMESPACE,
    TOOL_SEARCH,
    {"type": "web_search", "external_web_access": False},
]
CODEX_HEADERS = {
    "originator": "codex_cli_rs",
    "session-id": "0199a213-81c0-7800-8aa1-bbab2a035a53",
    "thread-id": "0199a213-81c0-7800-8aa1-bbab2a035a54",
    "x-client-request-id": "0199a213-81c0-7800-8aa1-bbab2a035a55",
    "x-codex-window-id": "0199a213:0",
    "x-codex-turn-metadata": '{"sandbox":"none"}',
    "user-agent": "codex_cli_rs/0.169.0 (Debian 12.0.0; x86_64) xterm",
    "accept": "text/event-stream",
}


def _codex_message(role: str, text: str, number: int) -> JSON:
    kind = "output_text" if role == "assistant" else "input_text"
    return {
        "type": "message",
        "id": f"msg_0199a213-81c0-7800-8aa1-00000000000{number}",
        "role": role,
        "content": [{"type": kind, "text": text}],
    }


def codex(text: str, *more: JSON) -> JSON:
    """A turn of Codex with a custom provider: everything every time, nothing stored, no instructions."""
    return {
        "model": "gpt-5.5",
        "input": [
            _codex_message("developer", "You are a coding agent. " * 40, 1),
            _codex_message("developer", "<permissions>ask</permissions>", 2),
            _codex_message("user", "<environment_context>Linux</environment_context>", 3),
            _codex_message("user", text, 4),
            *more,
        ],
        "tools": CODEX_TOOLS,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199a213-81c0-7800-8aa1-bbab2a035a54",
        "text": {"verbosity": "medium"},
        "client_metadata": {"x-codex-installation-id": "11111111-2222-3333-4444-555555555555"},
    }


def codex_history(reasoning: JSON, call: JSON) -> list[JSON]:
    """What Codex sends back of a turn, and the kinds of items that pile up in its history."""
    thought = {"type": "reasoning", "summary": reasoning["summary"], "content": None}
    thought["encrypted_content"] = reasoning["encrypted_content"]
    return [
        thought,
        {k: call[k] for k in ("type", "name", "arguments", "call_id")},
        {"type": "function_call_output", "call_id": call["call_id"], "output": "exit code 0"},
        {
            "type": "function_call",
            "name": "read_note",
            "namespace": "mcp__loc",
            "arguments": '{"number":1}',
            "call_id": "call_note",
        },
        {
            "type": "function_call_output",
            "call_id": "call_note",
            "output": [{"type": "input_text", "text": "a note"}],
        },
        {
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "call_patch",
            "name": "apply_patch",
            "input": "*** Begin\n+a\n*** End",
        },
        {"type": "custom_tool_call_output", "call_id": "call_patch", "output": "Done."},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_image", "image_url": PIXEL, "detail": "original"}],
        },
    ]


def copilot(text: str) -> JSON:
    """GitHub Copilot CLI: rewritten ids of calls, functions that are not strict."""
    return {
        "model": "gpt-5.5",
        "instructions": "You are a terminal assistant.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "list"}]},
            {
                "type": "function_call",
                "id": "fc_call_ab12",
                "call_id": "call_ab12",
                "name": "bash",
                "arguments": '{"command":"ls"}',
            },
            {"type": "function_call_output", "call_id": "call_ab12", "output": "a.txt"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]},
        ],
        "tools": [_function("bash", command="string")],
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "medium", "summary": "auto"},
        "prompt_cache_key": "session",
        "parallel_tool_calls": True,
    }


def opencode(text: str) -> JSON:
    """opencode: messages without a type, a system role, calls without an id."""
    return {
        "model": "gpt-5.5",
        "input": [
            {"role": "system", "content": "You are an assistant."},
            {"role": "user", "content": [{"type": "input_text", "text": "list"}]},
            {"type": "function_call", "call_id": "call_1", "name": "bash", "arguments": '{"command":"ls"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "a.txt"},
            {"role": "user", "content": [{"type": "input_text", "text": text}]},
        ],
        "max_output_tokens": 32000,
        "store": False,
        "stream": True,
        "prompt_cache_key": "ses_1",
        "tool_choice": "auto",
        "tools": [_function("bash", command="string", description="string")],
    }


def cline(text: str) -> JSON:
    """Cline: hosted tools are always offered, whoever answers."""
    return {
        "model": "gpt-5.5",
        "instructions": "You are Cline.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
        "tools": [
            {"type": "web_search"},
            {"type": "image_generation"},
            _function("run_commands", commands="array") | {"parameters": {"type": "object"}},
        ],
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "medium", "summary": "auto"},
    }


def llamaindex(text: str) -> JSON:
    """LlamaIndex: nulls where nothing is meant."""
    return {
        "model": "gpt-5.5",
        "include": None,
        "input": [{"role": "user", "content": text}],
        "instructions": None,
        "max_output_tokens": None,
        "metadata": None,
        "previous_response_id": None,
        "store": False,
        "temperature": 0.1,
        "tools": None,
        "top_p": 1.0,
        "truncation": None,
        "tool_choice": "auto",
        "user": None,
        "stream": True,
    }


def langchain_js(text: str) -> JSON:
    """LangChain JS: `strict` is null."""
    return {
        "model": "gpt-5.5",
        "input": [{"type": "message", "role": "user", "content": text}],
        "tools": [_function("lookup", None, query="string")],
        "stream": True,
    }


def aider(text: str) -> JSON:
    """aider through litellm, Open WebUI: assistant parts with nothing but their text."""
    return {
        "model": "gpt-5.5",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]},
        ],
        "stream": True,
    }


def haystack(call: JSON) -> JSON:
    """haystack, litellm: the output of a call as parts."""
    return {
        "model": "gpt-5.5",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "ask"}]},
            call,
            {
                "type": "function_call_output",
                "call_id": call["call_id"],
                "output": [
                    {"type": "input_text", "text": "part one "},
                    {"type": "input_text", "text": "two"},
                ],
            },
        ],
        "tools": [_function("lookup", None, query="string")],
    }


def agents(text: str) -> JSON:
    """openai-agents: strict functions, an empty `include`, several parameters spelled out."""
    return {
        "model": "gpt-5.5",
        "instructions": "Be helpful.",
        "input": [{"role": "user", "content": text}],
        "include": [],
        "tools": [
            _function("lookup", True, query="string"),
            {"type": "web_search", "search_context_size": "low"},
        ],
        "truncation": "auto",
        "metadata": {"trace": "1"},
        "stream": True,
    }


def promptfoo(text: str) -> JSON:
    return {
        "model": "gpt-5.5",
        "input": text,
        "max_output_tokens": 1024,
        "temperature": 0,
        "text": {"format": {"type": "text"}},
    }


def instructor(text: str) -> JSON:
    """instructor: the wanted object is the arguments of a forced function."""
    return {
        "model": "gpt-5.5",
        "input": [{"role": "user", "content": text}],
        "tools": [_function("Answer", True, value="integer")],
        "tool_choice": {"type": "function", "name": "Answer"},
    }


def dspy(text: str) -> JSON:
    return {
        "model": "gpt-5.5",
        "instructions": "Answer in JSON.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
        "text": {"format": {"type": "json_object"}},
    }


def first_turn(text: str, **more: Any) -> JSON:
    """MS Agent Framework, Semantic Kernel: the server keeps the history."""
    return {
        "model": "gpt-5.5",
        "instructions": "Be helpful.",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}],
        "tools": [_function("lookup", query="string")],
        **more,
    }


def outputs_alone(previous: JSON, **more: Any) -> JSON:
    """Their second turn: nothing but the outputs of the calls."""
    return {
        "model": "gpt-5.5",
        "instructions": "Be helpful.",
        "previous_response_id": previous["id"],
        "input": [
            {"type": "function_call_output", "call_id": item["call_id"], "output": f"found {number}"}
            for number, item in enumerate(previous["output"])
            if item["type"] == "function_call"
        ],
        "tools": [_function("lookup", query="string")],
        **more,
    }


TEXT_ONLY: dict[str, Any] = {
    one.__name__: one
    for one in (
        codex,
        copilot,
        opencode,
        cline,
        llamaindex,
        langchain_js,
        aider,
        agents,
        promptfoo,
        first_turn,
    )
}
"""Clients whose request ends in a text of the user's, by name."""
