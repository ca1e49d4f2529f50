"""Reads the official surface out of an installed `openai` package.

Only `antiphon spec pin` and the drift check come here: the server never imports `openai`. Operations are found in
the source of the SDK's resource classes (method, path, parameter classes, reply class); types by introspection.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from typing import Any

from antiphon.spec.extract_types import TypeReader, names_for, renamed, without_null

SCOPE = (
    "responses",
    "conversations",
    "webhooks",
    "files",
    "uploads",
    "vector_stores",
    "containers",
    "skills",
    "models",
)
"""Resources whose operations are pinned."""

LEFT_OUT = ("the ?beta=true twins of /responses", "all other resources of the SDK")

_VERBS = {
    "_get": "GET",
    "_get_api_list": "GET",
    "_post": "POST",
    "_delete": "DELETE",
    "_put": "PUT",
    "_patch": "PATCH",
}

_TYPES = "openai.types."
UNIONS = {
    "StreamEvent": "responses:ResponseStreamEvent",
    "WsServerEvent": "responses:ResponsesServerEvent",
    "WsClientEvent": "responses.responses_client_event_param:ResponsesClientEventParam",
    "OutputItem": "responses:ResponseOutputItem",
    "Item": "responses:ResponseItem",
    "InputItem": "responses:ResponseInputItem",
    "InputItemParam": "responses:ResponseInputItemParam",
    "ConversationItem": "conversations:ConversationItem",
    "Tool": "responses:Tool",
    "ToolParam": "responses:ToolParam",
    "ToolChoice": "responses.response:ToolChoice",
    "ToolChoiceParam": "responses.response_create_params:ToolChoice",
    "InputContent": "responses:ResponseInputContent",
    "InputContentParam": "responses:ResponseInputContentParam",
    "FunctionOutputPartParam": "responses:ResponseFunctionCallOutputItemParam",
    "OutputContent": "responses.response_output_message:Content",
    "OutputContentParam": "responses.response_output_message_param:Content",
    "StreamPart": "responses.response_content_part_added_event:Part",
    "Annotation": "responses.response_output_text:Annotation",
    "TextFormat": "responses:ResponseFormatTextConfig",
    "TextFormatParam": "responses:ResponseFormatTextConfigParam",
    "ComputerAction": "responses:ComputerAction",
    "WebhookEvent": "webhooks:UnwrapWebhookEvent",
}
"""Unions that get a name in the pin → module and alias in the SDK."""

ENUMS = {
    "status": "responses:ResponseStatus",
    "include": "responses:ResponseIncludable",
    "service_tier": "responses:ServiceTier",
    "tool_choice": "responses:ToolChoiceOptions",
    "reasoning_effort": "shared:ReasoningEffort",
    "image_detail": "responses:ImageDetail",
    "steer_error_code": "responses:ResponseSteerErrorCode",
    "steer_pending_reason": "responses:ResponseSteerPendingReason",
    "file_purpose": "file_purpose:FilePurpose",
}


def surface() -> dict[str, Any]:
    """`{"version", "operations", "unions", "enums", "types"}` of the installed SDK, everything sorted by name."""
    reader = TypeReader()
    operations = {name: operation for name, operation in _operations(reader)}
    unions = {name: reader.read(_named(path)) for name, path in UNIONS.items()}
    enums = {name: _values(reader.read(_named(path))) for name, path in ENUMS.items()}
    names = names_for(reader.classes)
    types = {names[cls]: _sorted_fields(renamed(shape, names)) for cls, shape in reader.classes.items()}
    unions = renamed(unions, names)
    fold = _Folder(unions)
    return {
        "version": importlib.metadata.version("openai"),
        "operations": {name: fold(renamed(one, names)) for name, one in sorted(operations.items())},
        "unions": {name: {"any_of": fold(one)["any_of"]} for name, one in sorted(unions.items())},
        "enums": dict(sorted(enums.items())),
        "types": {name: fold(types[name]) for name in sorted(types)},
    }


class _Folder:
    """Replaces each inlined copy of a named union by a reference to it."""

    def __init__(self, unions: dict[str, Any]) -> None:
        self._names = {_key(union["any_of"]): name for name, union in unions.items()}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._inner(one) for one in typing.cast(list[Any], value)]
        if isinstance(value, dict):
            return {key: self._inner(inner) for key, inner in typing.cast(dict[str, Any], value).items()}
        return value

    def _inner(self, value: Any) -> Any:
        if isinstance(value, dict) and "any_of" in value:
            name = self._names.get(_key(typing.cast(list[Any], value["any_of"])))
            if name is not None:
                return {"ref": name}
        return self(value)


def _key(members: list[Any]) -> str:
    return repr(members)


def _values(expression: Any) -> dict[str, Any]:
    expression, _ = without_null(expression)
    return {"values": expression["enum"]} | ({"open": True} if expression.get("open") else {})


def _sorted_fields(shape: dict[str, Any]) -> dict[str, Any]:
    return {"fields": dict(sorted(shape["fields"].items()))}


def _named(path: str) -> Any:
    module, name = path.split(":")
    return getattr(importlib.import_module(_TYPES + module), name)


def _operations(reader: TypeReader) -> Iterator[tuple[str, dict[str, Any]]]:
    seen: set[str] = set()
    for module in _modules():
        for call, sdk_name in _request_calls(module):
            found = _operation(call, vars(module), reader)
            if found is None or found[0] in seen:
                continue
            seen.add(found[0])
            yield found[0], {"sdk": sdk_name} | found[1]


def _modules() -> Iterator[Any]:
    for name in SCOPE:
        module = importlib.import_module(f"openai.resources.{name}")
        yield module
        if hasattr(module, "__path__"):
            for child in pkgutil.walk_packages(module.__path__, module.__name__ + "."):
                yield importlib.import_module(child.name)


def _request_calls(module: Any) -> Iterator[tuple[ast.Call, str]]:
    """Calls of `self._get/_post/...` in the synchronous resource classes, with the SDK's name of the method."""
    prefix = module.__name__.removeprefix("openai.resources.")
    for cls in ast.parse(inspect.getsource(module)).body:
        if not isinstance(cls, ast.ClassDef) or cls.name.startswith("Async"):
            continue
        for method in cls.body:
            for node in ast.walk(method) if isinstance(method, ast.FunctionDef) else ():
                if isinstance(node, ast.Call) and _verb(node):
                    yield node, f"{prefix}.{typing.cast(ast.FunctionDef, method).name}"


def _verb(call: ast.Call) -> str | None:
    function = call.func
    if not isinstance(function, ast.Attribute) or not call.args:
        return None
    return _VERBS.get(function.attr)


def _operation(
    call: ast.Call, scope: dict[str, Any], reader: TypeReader
) -> tuple[str, dict[str, Any]] | None:
    path = _path(call.args[0])
    if path is None or "?" in path:
        return None
    found: dict[str, Any] = {}
    keywords = {one.arg: one.value for one in call.keywords if one.arg}
    if "body" in keywords:
        found |= _parameters("body", keywords["body"], scope, reader)
    query = next((one.value for one in _keywords(keywords.get("options")) if one.arg == "query"), None)
    if query is not None:
        found |= _parameters("query", query, scope, reader)
    if "files" in keywords:
        found["multipart"] = True
    if "stream_cls" in keywords:
        found["stream"] = {"ref": "StreamEvent"}
    return f"{_verb(call)} {path}", found | _reply(keywords, scope, reader)


def _keywords(node: ast.expr | None) -> list[ast.keyword]:
    return node.keywords if isinstance(node, ast.Call) else []


def _path(node: ast.expr) -> str | None:
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _parameters(place: str, node: ast.expr, scope: dict[str, Any], reader: TypeReader) -> dict[str, Any]:
    """The parameter class named last in `maybe_transform({...}, Class)`; nothing for a body passed through."""
    if isinstance(node, ast.IfExp):
        node = node.orelse
    if isinstance(node, ast.Await):
        node = node.value
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return {}
    target = node.args[-1]
    if isinstance(target, ast.IfExp):
        target = target.orelse
    return {place: reader.read(_evaluate(target, scope))}


def _reply(keywords: dict[str, ast.expr], scope: dict[str, Any], reader: TypeReader) -> dict[str, Any]:
    if "page" in keywords:
        page = _evaluate(keywords["page"], scope)
        item = page.__pydantic_generic_metadata__["args"][0]
        return {
            "page": page.__name__.partition("[")[0].removeprefix("Sync"),
            "returns": reader.read(item),
        }
    node = keywords["cast_to"]
    if isinstance(node, ast.Call):  # cast(Any, TheUnion)
        node = node.args[1]
    reply = _evaluate(node, scope)
    if getattr(reply, "__name__", "") == "HttpxBinaryResponseContent":
        return {"returns": "bytes"}
    return {"returns": reader.read(reply)}


def _evaluate(node: ast.expr, scope: dict[str, Any]) -> Any:
    """The object a name in the SDK's own source stands for (this runs no text but the installed SDK's)."""
    return eval(compile(ast.Expression(node), "<openai>", "eval"), scope)
