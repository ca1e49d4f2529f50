"""Every operation of the pin beside `/responses` and `/conversations`: each feature as a chain of calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.checker.cases import case
from antiphon.checker.client import NOTHING, Part
from antiphon.checker.generated import feature_of, operation_id
from antiphon.checker.narrow import as_list, as_object
from antiphon.checker.probe import Probe
from antiphon.checker.wire import Exchange
from antiphon.spec import catalogue

_TEXT: Part = ("antiphon-check.txt", b"The answer is forty-two.", "text/plain")
_SKILL: Part = (
    "antiphon-check/SKILL.md",
    b"---\nname: antiphon-check\ndescription: A test.\n---\nHi",
    "text/markdown",
)


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a chain. Names in braces, in path and body, are ids that earlier steps kept under `keeps`."""

    operation: str
    json: Any = NOTHING
    form: Mapping[str, Part] | None = None
    keeps: str = ""


def _step(operation: str, json: Any = NOTHING, **more: Any) -> Step:
    return Step(operation, json, **more)


_FILE = _step("POST /files", form={"purpose": "user_data", "file": _TEXT}, keeps="file_id")
_STORE = _step("POST /vector_stores", {"name": "antiphon-check"}, keeps="vector_store_id")
_EVENTS = {"name": "antiphon-check", "url": "https://example.com/hook", "event_types": ["response.completed"]}
_UPLOAD = {"bytes": 4, "filename": "a.txt", "mime_type": "text/plain", "purpose": "user_data"}

CHAINS: Mapping[str, tuple[Step, ...]] = {
    "models": (_step("GET /models"), _step("GET /models/{model}")),
    "files": (
        _FILE,
        _step("GET /files"),
        _step("GET /files/{file_id}"),
        _step("GET /files/{file_id}/content"),
        _step("DELETE /files/{file_id}"),
    ),
    "uploads": (
        _step("POST /uploads", _UPLOAD, keeps="upload_id"),
        _step(
            "POST /uploads/{upload_id}/parts", form={"data": ("a", b"text", "text/plain")}, keeps="part_id"
        ),
        _step("POST /uploads/{upload_id}/complete", {"part_ids": ["{part_id}"]}),
        _step("POST /uploads", _UPLOAD, keeps="upload_id"),
        _step("POST /uploads/{upload_id}/cancel"),
    ),
    "vector_stores": (
        _FILE,
        _STORE,
        _step("GET /vector_stores"),
        _step("GET /vector_stores/{vector_store_id}"),
        _step("POST /vector_stores/{vector_store_id}", {"metadata": {"a": "b"}}),
        _step("POST /vector_stores/{vector_store_id}/files", {"file_id": "{file_id}"}),
        _step("GET /vector_stores/{vector_store_id}/files"),
        _step("GET /vector_stores/{vector_store_id}/files/{file_id}"),
        _step("POST /vector_stores/{vector_store_id}/files/{file_id}", {"attributes": {"a": "b"}}),
        _step("GET /vector_stores/{vector_store_id}/files/{file_id}/content"),
        _step("POST /vector_stores/{vector_store_id}/search", {"query": "answer"}),
        _step("DELETE /vector_stores/{vector_store_id}/files/{file_id}"),
        _step(
            "POST /vector_stores/{vector_store_id}/file_batches",
            {"file_ids": ["{file_id}"]},
            keeps="batch_id",
        ),
        _step("GET /vector_stores/{vector_store_id}/file_batches/{batch_id}"),
        _step("GET /vector_stores/{vector_store_id}/file_batches/{batch_id}/files"),
        _step("POST /vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel"),
        _step("DELETE /vector_stores/{vector_store_id}"),
        _step("DELETE /files/{file_id}"),
    ),
    "containers": (
        _step("POST /containers", {"name": "antiphon-check"}, keeps="container_id"),
        _step("GET /containers"),
        _step("GET /containers/{container_id}"),
        _step("POST /containers/{container_id}/files", form={"file": _TEXT}, keeps="file_id"),
        _step("GET /containers/{container_id}/files"),
        _step("GET /containers/{container_id}/files/{file_id}"),
        _step("GET /containers/{container_id}/files/{file_id}/content"),
        _step("DELETE /containers/{container_id}/files/{file_id}"),
        _step("DELETE /containers/{container_id}"),
    ),
    "skills": (
        _step("POST /skills", form={"files[]": _SKILL}, keeps="skill_id"),
        _step("GET /skills"),
        _step("GET /skills/{skill_id}"),
        _step("GET /skills/{skill_id}/content"),
        _step("POST /skills/{skill_id}/versions", form={"files[]": _SKILL}),
        _step("GET /skills/{skill_id}/versions"),
        _step("GET /skills/{skill_id}/versions/{version}"),
        _step("GET /skills/{skill_id}/versions/{version}/content"),
        _step("POST /skills/{skill_id}", {"default_version": "2"}),
        _step("DELETE /skills/{skill_id}/versions/{version}"),
        _step("DELETE /skills/{skill_id}"),
    ),
    "webhooks": (
        _step("GET /webhook_event_types"),
        _step("POST /webhook_endpoints", _EVENTS, keeps="webhook_endpoint_id"),
        _step("GET /webhook_endpoints"),
        _step("GET /webhook_endpoints/{webhook_endpoint_id}"),
        _step("POST /webhook_endpoints/{webhook_endpoint_id}", {"name": "renamed"}),
        _step("POST /webhook_endpoints/{webhook_endpoint_id}/rotate_secret", {}),
        _step("POST /webhook_endpoints/{webhook_endpoint_id}/test", {"event_type": "response.completed"}),
        _step("DELETE /webhook_endpoints/{webhook_endpoint_id}"),
    ),
}
"""Feature → calls in an order in which each can succeed; what was made is deleted again."""


def _filled(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{([a-z_]+)\}", lambda found: ids.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {name: _filled(one, ids) for name, one in as_object(value).items()}
    return [_filled(one, ids) for one in as_list(value)] if isinstance(value, list) else value


async def _call(probe: Probe, step: Step, ids: dict[str, str]) -> Exchange:
    method, _, path = step.operation.partition(" ")
    answer = await probe.request(method, _filled(path, ids), _filled(step.json, ids), form=step.form)
    kept = as_object(answer.json).get("id")
    if step.keeps and kept:
        ids[step.keeps] = str(kept)
    return answer


def _chain(feature: str, steps: tuple[Step, ...]) -> None:
    async def run(probe: Probe) -> None:
        ids = {"model": probe.model, "version": "1"}
        for step in steps:
            answer = await _call(probe, step, ids)
            if feature_of(step.operation) != (
                feature,
            ):  # it makes what the others need, and has its own chain
                continue
            if why := probe.lack(answer):
                if not probe.observations:
                    probe.demand(answer)
                probe.unimplemented(operation_id(step.operation), why, on=answer)
            elif re.search(r"\{(?!model|version)", _filled(step.operation, ids)):
                probe.skip(operation_id(step.operation), "what it needs could not be made")
            else:
                told = f"{answer.status} {answer.error.get('message') or answer.fault}"
                probe.holds(
                    operation_id(step.operation), answer.ok, expected="a success", got=told, on=answer
                )

    run.__doc__ = f"The operations of {feature} work, one after another."
    named = dict.fromkeys(operation_id(s.operation) for s in steps if feature_of(s.operation) == (feature,))
    case(f"operations.{feature}", requirements=named, requests=len(steps), needs=(feature,))(run)


for _feature, _steps in CHAINS.items():
    _chain(_feature, _steps)


@case(
    "operations.responses",
    requirements=[
        operation_id(name)
        for name in catalogue.operations()
        if feature_of(name) in ((), ("input_tokens",)) and "responses" in name
    ],
    requests=5,
    tokens=64,
    needs=("store",),
    profiles=("core",),
)
async def responses(probe: Probe) -> None:
    """The operations on stored responses exist."""
    made = await probe.create(input="Say: ok", max_output_tokens=64)
    name = str(as_object(made.json).get("id"))
    probe.holds(operation_id("POST /responses"), made.ok, on=made)
    later = {
        "GET /responses/{response_id}": NOTHING,
        "GET /responses/{response_id}/input_items": NOTHING,
        "POST /responses/input_tokens": {"model": probe.model, "input": "Hi"},
        "DELETE /responses/{response_id}": NOTHING,
    }
    for operation, body in later.items():
        answer = await _call(probe, _step(operation, body), {"response_id": name})
        if why := probe.lack(answer):
            probe.unimplemented(operation_id(operation), why, on=answer)
        else:
            probe.holds(
                operation_id(operation), answer.ok, expected="a success", got=answer.status, on=answer
            )


@case("operations.delete-model", requirements=[operation_id("DELETE /models/{model}")], needs=("models",))
async def delete_model(probe: Probe) -> None:
    """A model is never deleted by a check."""
    probe.skip(operation_id("DELETE /models/{model}"), "a check deletes no model")
