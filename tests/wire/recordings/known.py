"""What is known to be odd in single recordings: data, each with its reason."""

from __future__ import annotations

MADE_ANEW = frozenset({"encrypted_content", "fingerprint"})
"""Fields that the real API encrypts again for the final object: another text of the same content."""

SHORTENED = {
    "vercel--openai-phase.1": "deltas, numbers and a whole item (output_index 1) cut out by hand",
    "vercel--openai-shell-container.1": "deltas cut out by hand",
    "embeddedllm--builtin-tool-code_interpreter-outputs-multi-stream": "the message's deltas cut out",
    "vercel--openai-custom-tool.1": "an old recording without numbers and `input.done`",
    "pydantic--test_openai_responses_stream.0": "an old recording without numbers",
    "vercel--parallel-tool-call-wrapper.1": "one item only, without its response",
}

FOREIGN = {
    "vercel--github-copilot-id-rotation.1": "another vendor's gateway: a new id in every event",
    "vercel--openai-shell-tool.1": "two responses, one after the other, in one file",
}

TEXT_LOST = {
    "vercel--openai-phase.1",
    "vercel--openai-shell-container.1",
    "embeddedllm--builtin-tool-code_interpreter-outputs-multi-stream",
}
"""Recordings whose streamed text is not the text that is done: deltas are missing."""

IN_PROGRESS_TWICE = "vercel--openai-mcp-tool-approval.4"
"""An MCP call says `in_progress` again before its arguments are done."""

_ANEW = "output_item.done item deep-equals final output item"
_NUMBERS = "sequence_number is 0, 1, 2, …"
_TEXT = "output_text: deltas concatenate to .done"
_ENDS = "done item: status completed (or incomplete)"

BROKEN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "embeddedllm--builtin-tool-code_interpreter-function-stream",
            "embeddedllm--tool-function-stream",
            "pydantic--test_openai_responses_compact_stateful_mode_stream.2",
            "pydantic--test_openai_responses_model_mcp_server_tool_stream.0",
            "pydantic--test_openai_responses_model_web_search_tool_stream.0",
            "pydantic--test_openai_responses_moderation_stream.0",
            "pydantic--test_openai_responses_phase_streamed_on_part_start.0",
            "pydantic--test_openai_responses_streaming_usage.0",
            "pydantic--test_openai_responses_thinking_part_iter.0",
            "pydantic--test_openai_responses_thinking_with_code_execution_tool_stream.0",
            "vercel--openai-compaction.1",
        ),
        (_ANEW,),
    ),
    "embeddedllm--builtin-tool-code_interpreter-outputs-multi-stream": (_TEXT,),
    "pydantic--test_openai_responses_stream.0": (_NUMBERS,),
    "vercel--github-copilot-id-rotation.1": (
        "one response id throughout",
        "added.item.id == done.item.id",
        "event.item_id == id of item at output_index",
        _ANEW,
    ),
    "vercel--openai-custom-tool.1": (_NUMBERS, "custom_tool_call_input: .done comes after all its deltas"),
    IN_PROGRESS_TWICE: ("mcp_call: phases",),
    "vercel--openai-phase.1": (_NUMBERS, "output_item.added indexes are 0..n-1 in order", _ANEW, _TEXT),
    "vercel--openai-shell-container.1": (_TEXT,),
    "vercel--openai-shell-tool.1": (
        _NUMBERS,
        "exactly one response.created",
        "exactly one terminal event and it is last",
        "one response id throughout",
        "output_item.added indexes are 0..n-1 in order",
        "len(output) == number of added items",
    ),
    "vercel--parallel-tool-call-wrapper.1": (
        "first event is response.created",
        "second event is in_progress or queued",
        _NUMBERS,
        "exactly one response.created",
        "exactly one terminal event and it is last",
        "one response id throughout",
        "len(output) == number of added items",
        _ANEW,
    ),
    "vercel--programmatic-tool-calling.1": (_ANEW, _ENDS),
    "vercel--programmatic-tool-calling.2": (_ENDS,),
}
"""Recording → the counted rules that it breaks."""
