"""Responses items → the bits of a chat: who said what, which call was made, what it returned.

Every item kind has its fate in `_FATES`. Calls of hosted tools become an ordinary call with its output, so
that the model keeps what it did and learned; kinds that carry nothing for a model are left out by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import msgspec

from antiphon.core.deltas import JSON
from antiphon.core.tools import CUSTOM_INPUT, ToolTable, visible_name

Role = Literal["user", "assistant", "system", "developer"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message; `parts` are chat content parts, `text` or `image_url`."""

    role: Role
    parts: tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning of the assistant."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call under its model-visible name. `arguments` is a JSON object as text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What a call returned."""

    call_id: str
    parts: tuple[JSON, ...]


Bit = Said | Thought | Called | Returned


class ItemReader:
    """Reads the items of one context with the names of a tool table."""

    def __init__(self, tools: ToolTable, image_details: frozenset[str], items: Iterable[JSON]) -> None:
        self._names = {(t.name, t.namespace): visible for visible, t in tools.targets.items()}
        self._hosted = {t.name: visible for visible, t in tools.targets.items() if t.kind == "hosted"}
        self._details = image_details
        self._approved = {
            item.get("approval_request_id")
            for item in items
            if item.get("type") == "mcp_approval_response" and item.get("approve")
        }

    def bits(self, item: JSON) -> list[Bit]:
        """What a chat makes of one item; empty where it carries nothing for a model."""
        kind = cast(str, item.get("type") or "message")
        fate = _FATES.get(kind)
        if fate is None:
            return [Said("assistant", (text_part(f"[{kind}] {_compact(item, 'type')}"),))]
        return fate(self, item)

    # ---------- messages and reasoning

    def message(self, item: JSON) -> list[Bit]:
        role = cast(Role, item.get("role", "user"))
        parts = self.parts(item.get("content"))
        return [Said(role, parts)] if parts else []

    def reasoning(self, item: JSON) -> list[Bit]:
        """The text itself where it is known, else its summary."""
        text = _plain(item.get("content")) or _plain(item.get("summary"))
        return [Thought(text)] if text else []

    def compaction(self, item: JSON) -> list[Bit]:
        """Its opened text; a sealed one that is not ours says nothing."""
        text = _plain(item.get("content")) or _plain(item.get("summary"))
        return [Said("user", (text_part(f"Summary of the conversation so far:\n{text}"),))] if text else []

    # ---------- the client's tools

    def function_call(self, item: JSON) -> list[Bit]:
        return [Called(_call_id(item), self._visible(item), json_object(item.get("arguments")))]

    def custom_tool_call(self, item: JSON) -> list[Bit]:
        arguments = _json({CUSTOM_INPUT: item.get("input", "")})
        return [Called(_call_id(item), self._visible(item), arguments)]

    def output(self, item: JSON) -> list[Bit]:
        return [Returned(_call_id(item), self.parts(item.get("output")))]

    def shell_output(self, item: JSON) -> list[Bit]:
        """Chunks of `{stdout, stderr, outcome}`."""
        output = item.get("output")
        if not isinstance(output, list):
            return self.output(item)
        text = "\n".join(_shell_chunk(chunk) for chunk in cast(list[JSON], output))
        return [Returned(_call_id(item), (text_part(text),))]

    def patch_output(self, item: JSON) -> list[Bit]:
        text = "\n".join(str(item[k]) for k in ("status", "output") if item.get(k))
        return [Returned(_call_id(item), (text_part(text),))]

    def screenshot(self, item: JSON) -> list[Bit]:
        output = item.get("output")
        if not isinstance(output, dict):
            return self.output(item)
        shot = {**cast(JSON, output), "type": "input_image"}
        return [Returned(_call_id(item), self.parts([shot]))]

    # ---------- hosted tools: the item holds the call and what it returned

    def mcp_call(self, item: JSON) -> list[Bit]:
        called = self._mcp(item)
        error = item.get("error")
        output = f"Error: {_short(error)}" if error else item.get("output")
        return [called, Returned(called.call_id, self.parts(output))]

    def approval_request(self, item: JSON) -> list[Bit]:
        """An approved call speaks for itself later; one that waits or was refused is told here."""
        return [] if item.get("id") in self._approved else [self._mcp(item)]

    def approval_response(self, item: JSON) -> list[Bit]:
        if item.get("approve"):
            return []
        reason = f" Reason: {item['reason']}" if item.get("reason") else ""
        text = f"The user did not allow this call.{reason}"
        return [Returned(str(item.get("approval_request_id")), (text_part(text),))]

    def image_call(self, item: JSON) -> list[Bit]:
        given = {"prompt": item.get("revised_prompt"), "size": item.get("size")}
        made = f"An image was made (id {item.get('id')})." if item.get("result") else "No image was made."
        text = f"{made} {_short(item['error'])}" if item.get("error") else made
        return self._exchange("image_generation", given, item, text)

    def code_call(self, item: JSON) -> list[Bit]:
        outputs = cast(list[JSON], item.get("outputs") or [])
        lines = [str(o.get("logs") or f"[image {o.get('url', '')}]") for o in outputs]
        return self._exchange("code_interpreter", {"code": item.get("code")}, item, "\n".join(lines))

    def web_call(self, item: JSON) -> list[Bit]:
        action = cast(JSON, item.get("action") or {})
        found = item.get("results") or action.get("sources")
        given = {k: v for k, v in action.items() if k != "sources"}
        return self._exchange("web_search", given, item, _short(found))

    def file_call(self, item: JSON) -> list[Bit]:
        given = {"queries": item.get("queries")}
        return self._exchange("file_search", given, item, _short(item.get("results")))

    def mcp_tools(self, item: JSON) -> list[Bit]:
        """The tools themselves are offered through the tool table; only a failure is news."""
        error = item.get("error")
        given = {"server_label": item.get("server_label")}
        return self._exchange("mcp_list_tools", given, item, f"Error: {_short(error)}") if error else []

    def tools_found(self, item: JSON) -> list[Bit]:
        tools = cast(list[JSON], item.get("tools") or [])
        return [Returned(_call_id(item), (text_part(_json([_found(tool) for tool in tools])),))]

    def program_output(self, item: JSON) -> list[Bit]:
        return [Returned(_call_id(item), (text_part(str(item.get("result", ""))),))]

    # ---------- parts

    def parts(self, content: Any) -> tuple[JSON, ...]:
        """Content of a message or an output as chat parts."""
        if content is None or isinstance(content, str):
            return (text_part(content),) if content else ()
        if not isinstance(content, list):
            return (text_part(_json(content)),)
        return tuple(self._part(part) for part in cast(list[JSON], content))

    def _part(self, part: JSON) -> JSON:
        match part.get("type"):
            case "input_text" | "output_text" | "text" | "reasoning_text" | "summary_text":
                return text_part(str(part.get("text", "")))
            case "refusal":
                return text_part(str(part.get("refusal", "")))
            case "input_image":
                return self._image(part)
            case "input_file":
                return text_part(f"[file {part.get('filename') or part.get('file_id') or ''}]")
            case _:
                return text_part(_json(part))

    def _image(self, part: JSON) -> JSON:
        url = part.get("image_url")
        if not url:
            return text_part(f"[image {part.get('file_id') or ''}]")
        image: JSON = {"url": url}
        detail = part.get("detail")
        if detail not in (None, "auto"):
            # `original` is newer than most servers: their best is `high`.
            image["detail"] = detail if detail in self._details else "high"
        return {"type": "image_url", "image_url": image}

    def _visible(self, item: JSON, namespace: str = "namespace") -> str:
        key = (str(item.get("name") or "unnamed"), cast("str | None", item.get(namespace)))
        return self._names.get(key) or visible_name(*key)

    def _mcp(self, item: JSON) -> Called:
        name = self._visible(item, "server_label")
        return Called(_call_id(item), name, json_object(item.get("arguments")))

    def _exchange(self, name: str, given: JSON, item: JSON, output: str) -> list[Bit]:
        call_id = _call_id(item)
        # Types of one tool differ by a date or `_preview` after its name.
        name = next((v for tool, v in self._hosted.items() if tool.startswith(name)), name)
        arguments = _json({k: v for k, v in given.items() if v is not None})
        said = output or f"[{item.get('status', 'completed')}; what it returned was not kept]"
        return [Called(call_id, name, arguments), Returned(call_id, (text_part(said),))]


def _as_call(name: str, *fields: str) -> Callable[[ItemReader, JSON], list[Bit]]:
    """A call whose arguments are some fields of the item, and whose output is another item."""

    def read(_: ItemReader, item: JSON) -> list[Bit]:
        given = {k: item[k] for k in fields if item.get(k) is not None}
        if len(fields) == 1 and isinstance(given.get(fields[0]), dict):
            given = cast(JSON, given[fields[0]])
        return [Called(_call_id(item), name, _json(given))]

    return read


def _nothing(_reader: ItemReader, _item: JSON) -> list[Bit]:
    return []


_FATES: Mapping[str, Callable[[ItemReader, JSON], list[Bit]]] = {
    "message": ItemReader.message,
    "reasoning": ItemReader.reasoning,
    "compaction": ItemReader.compaction,
    "function_call": ItemReader.function_call,
    "function_call_output": ItemReader.output,
    "custom_tool_call": ItemReader.custom_tool_call,
    "custom_tool_call_output": ItemReader.output,
    "web_search_call": ItemReader.web_call,
    "file_search_call": ItemReader.file_call,
    "code_interpreter_call": ItemReader.code_call,
    "image_generation_call": ItemReader.image_call,
    "mcp_call": ItemReader.mcp_call,
    "mcp_list_tools": ItemReader.mcp_tools,
    "mcp_approval_request": ItemReader.approval_request,
    "mcp_approval_response": ItemReader.approval_response,
    "shell_call": _as_call("shell", "action"),
    "shell_call_output": ItemReader.shell_output,
    "local_shell_call": _as_call("local_shell", "action"),
    "local_shell_call_output": ItemReader.output,
    "apply_patch_call": _as_call("apply_patch", "operation"),
    "apply_patch_call_output": ItemReader.patch_output,
    "computer_call": _as_call("computer", "action", "actions"),
    "computer_call_output": ItemReader.screenshot,
    "tool_search_call": _as_call("tool_search", "arguments"),
    "tool_search_output": ItemReader.tools_found,
    "program": _as_call("program", "code"),
    "program_output": ItemReader.program_output,
    # Nothing for a model: the run has acted on them, or the tool table and the settings hold what they say.
    "additional_tools": _nothing,
    "configuration_update": _nothing,
    "compaction_trigger": _nothing,
    "item_reference": _nothing,
}
"""Item type → how it is read; a type that is missing here is shown to the model as it is."""


def text_part(text: str) -> JSON:
    return {"type": "text", "text": text}


def json_object(arguments: Any) -> str:
    """Call arguments as a JSON object: llama.cpp and Ollama refuse a whole request over anything else."""
    text = arguments if isinstance(arguments, str) else _json(arguments or {})
    try:
        whole = isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        whole = False
    if whole:
        return text
    return _json({"invalid_arguments": text}) if text.strip() else "{}"


def _call_id(item: JSON) -> str:
    """`local_shell_call_output` names its call by its own `id` (official type)."""
    return str(item.get("call_id") or item.get("id") or "call")


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = cast(Sequence[JSON], content or ())
    return "\n".join(str(part["text"]) for part in parts if part.get("text"))


def _shell_chunk(chunk: JSON) -> str:
    outcome = cast(JSON, chunk.get("outcome") or {})
    code = outcome.get("exit_code")
    end = f"[exit code {code}]" if code is not None else f"[{outcome.get('type', 'no outcome')}]"
    return "\n".join(s for s in (str(chunk.get("stdout") or ""), str(chunk.get("stderr") or ""), end) if s)


def _found(tool: JSON) -> JSON:
    return {k: tool[k] for k in ("type", "name", "namespace", "description", "parameters") if tool.get(k)}


def _short(value: Any) -> str:
    """Text as it is, anything else as JSON; nothing as nothing."""
    if not value:
        return ""
    return value if isinstance(value, str) else _json(value)


def _compact(item: JSON, *without: str) -> str:
    hidden = {"id", "status", "encrypted_content", *without}
    return _json({k: v for k, v in item.items() if k not in hidden})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
