"""The route table: every path we serve, once. `/openapi.json` and the `Allow` header are read from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from antiphon.http import conversations, documents, health, models, responses
from antiphon.http.exchange import Exchange

Endpoint = Callable[[Exchange], Awaitable[None]]

BASES = ("/openai/v1", "/openai", "/v1")
"""Base paths, longest first: ours, and two of Azure's (CLIENTS.md §4.13)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method does on one path. `path` is in Starlette's form; `official` names it in the pin."""

    method: str
    path: str
    run: Endpoint
    official: str | None = None


def _official(name: str, run: Endpoint, path: str | None = None) -> Operation:
    method, _, template = name.partition(" ")
    return Operation(method, f"/v1{path or template}", run, name)


_CONVERSATION = "/conversations/{conversation_id}"
_RESPONSE = "/responses/{response_id}"

API: tuple[Operation, ...] = (
    _official("POST /responses", responses.create),
    Operation("GET", "/v1/responses", responses.upgrade_required),
    _official("POST /responses/input_tokens", responses.count_tokens),
    _official("POST /responses/compact", responses.compact),
    _official(f"GET {_RESPONSE}", responses.retrieve),
    _official(f"DELETE {_RESPONSE}", responses.delete),
    _official(f"POST {_RESPONSE}/cancel", responses.cancel),
    _official(f"GET {_RESPONSE}/input_items", responses.input_items),
    _official("POST /conversations", conversations.create),
    _official(f"GET {_CONVERSATION}", conversations.retrieve),
    _official(f"POST {_CONVERSATION}", conversations.update),
    _official(f"DELETE {_CONVERSATION}", conversations.delete),
    _official(f"POST {_CONVERSATION}/items", conversations.create_items),
    _official(f"GET {_CONVERSATION}/items", conversations.list_items),
    _official(f"GET {_CONVERSATION}/items/{{item_id}}", conversations.retrieve_item),
    _official(f"DELETE {_CONVERSATION}/items/{{item_id}}", conversations.delete_item),
    _official("GET /models", models.list_all),
    _official("GET /models/{model}", models.retrieve, "/models/{model:path}"),
)
"""Operations that need a key where keys are configured."""

OPEN: tuple[Operation, ...] = (
    Operation("GET", "/health", health.health),
    Operation("GET", "/ready", health.ready),
    Operation("GET", "/openapi.json", documents.openapi),
)
"""Operations for everyone."""

METRICS = Operation("GET", "/metrics", documents.metrics)
"""With a key, where keys are configured: numbers of all tenants are not for strangers."""


def official_routes() -> list[str]:
    """The pinned operations that we serve."""
    return [operation.official for operation in API if operation.official is not None]


def by_path(operations: tuple[Operation, ...]) -> Mapping[str, Mapping[str, Operation]]:
    """Path → method → operation, in table order."""
    table: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        table.setdefault(operation.path, {})[operation.method] = operation
    return table


def canonical(path: str) -> str:
    """The path with its base as `/v1` and without one trailing slash."""
    for base in BASES:
        if path.startswith(base + "/"):
            path = "/v1" + path[len(base) :]
            break
    return path[:-1] if len(path) > 1 and path.endswith("/") else path
