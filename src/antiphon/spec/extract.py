"""Reads the official surface out of an installed `openai` package.

Only `antiphon spec pin` and the drift check come here: the server never imports `openai`. Operations are in
the source of the SDK's resource classes (method, path, parameter and reply classes); types by introspection.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from typing import Any

import typing_extensions

from antiphon.spec.extract_fold import fold
from antiphon.spec.extract_types import TypeReader, branches, names_for, one_of, renamed, without_null

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


OBJECTS = {
    "Conversation": "conversations:Conversation",
    "ConversationDeleted": "conversations:ConversationDeletedResource",
    "Container": "container_retrieve_response:ContainerRetrieveResponse",
    "ContainerFile": "containers.file_retrieve_response:FileRetrieveResponse",
    "InputTokenCount": "responses:InputTokenCountResponse",
    "ResponseItemList": "responses:ResponseItemList",
    "Reasoning": "shared:Reasoning",
}
"""Objects that get a name of ours, or that no operation names → module and class in the SDK."""


def surface(*, lenient: bool = False) -> dict[str, Any]:
    """The installed SDK's surface, everything sorted by name.

    `lenient` leaves out the resources and names of this file that an older SDK does not have yet.

    `{"version", "left_out", "operations", "unions", "enums", "types", "inputs"}`; `inputs` names the types
    that clients write (TypedDicts): only of these the SDK knows what may be left out and what may be null.
    """
    reader = TypeReader()
    operations = dict(_operations(reader, lenient))
    unions = {name: reader.read(found) for name, found in _all_named(UNIONS, lenient)}
    enums = {name: _values(reader.read(found)) for name, found in _all_named(ENUMS, lenient)}
    objects = dict(_all_named(OBJECTS, lenient))
    for cls in objects.values():
        reader.read(cls)
    names = names_for(reader.classes, {cls: name for name, cls in objects.items()})
    types = {names[cls]: dict(sorted(renamed(one, names).items())) for cls, one in reader.classes.items()}
    document = {
        "left_out": LEFT_OUT,
        "version": importlib.metadata.version("openai"),
        "operations": {name: renamed(one, names) for name, one in sorted(operations.items())},
        "unions": {name: branches(renamed(one, names)) for name, one in sorted(unions.items())},
        "enums": dict(sorted(enums.items())),
        "types": dict(sorted(types.items())),
        "inputs": sorted(names[cls] for cls in reader.classes if typing_extensions.is_typeddict(cls)),
    }
    return fold(document)


def _values(expression: Any) -> dict[str, Any]:
    expression, _ = without_null(expression)
    return {"values": expression["enum"]} | ({"open": True} if expression.get("open") else {})


def _named(path: str) -> Any:
    module, name = path.split(":")
    return getattr(importlib.import_module(_TYPES + module), name)


def _all_named(paths: dict[str, str], lenient: bool) -> Iterator[tuple[str, Any]]:
    for name, path in paths.items():
        try:
            yield name, _named(path)
        except (ImportError, AttributeError):
            if not lenient:
                raise


def _operations(reader: TypeReader, lenient: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    seen: set[str] = set()
    for module in _modules(lenient):
        for call, sdk_name in _request_calls(module):
            found = _operation(call, module.__dict__, reader)
            if found is None or found[0] in seen:
                continue
            seen.add(found[0])
            yield found[0], {"sdk": sdk_name} | found[1]


def _modules(lenient: bool) -> Iterator[Any]:
    for name in SCOPE:
        if lenient and importlib.util.find_spec(f"openai.resources.{name}") is None:
            continue
        module = importlib.import_module(f"openai.resources.{name}")
        yield module
        if hasattr(module, "__path__"):
            for child in pkgutil.walk_packages(module.__path__, module.__name__ + "."):
                yield importlib.import_module(child.name)


def _request_calls(module: Any) -> Iterator[tuple[ast.Call, str]]:
    """Calls of `self._get/_post/...` in the synchronous classes, with the SDK's name of the method."""
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
    verb = "POST" if "method" in keywords else _verb(call)  # _get_api_list(..., method="post")
    return f"{verb} {path}", found | _reply(keywords, scope, reader)


def _keywords(node: ast.expr | None) -> list[ast.keyword]:
    return node.keywords if isinstance(node, ast.Call) else []


def _path(node: ast.expr) -> str | None:
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    if isinstance(node, ast.JoinedStr):  # older SDKs: f"/responses/{response_id}"
        return "".join(_piece(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _piece(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return "{" + ast.unparse(part.value) + "}"
    return str(typing.cast(ast.Constant, part).value)


def _parameters(place: str, node: ast.expr, scope: dict[str, Any], reader: TypeReader) -> dict[str, Any]:
    """`{place: fields}` of the class and the keys in `maybe_transform({key: ...}, Class)`.

    The streaming and the plain call have classes of their own: their fields are merged. A class may hold the
    body and the query of one call: the keys of the dict tell them apart.
    """
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return {}
    target = node.args[-1]
    choices = [target.body, target.orelse] if isinstance(target, ast.IfExp) else [target]
    shapes: list[dict[str, Any]] = []
    for choice in choices:
        shapes += reader.fields_of(_evaluate(choice, scope))
    fields = _merged(shapes)
    values = node.args[0]
    if isinstance(values, ast.Dict):
        keys = {one.value for one in values.keys if isinstance(one, ast.Constant)}
        fields = {name: one for name, one in fields.items() if name in keys}
    return {place: dict(sorted(fields.items()))}


def _merged(shapes: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in dict.fromkeys(name for shape in shapes for name in shape):
        fields = [shape[name] for shape in shapes if name in shape]
        merged[name] = {"type": one_of([one["type"] for one in fields])}
        if len(fields) == len(shapes) and all("required" in one for one in fields):
            merged[name]["required"] = True
        if any("nullable" in one for one in fields):
            merged[name]["nullable"] = True
    return merged


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
