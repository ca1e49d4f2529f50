"""The pin: made by our program, the same every time, complete, and quick to load."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner
from tests.support import shared

import antiphon.spec
from antiphon.spec import catalogue, compose, openapi, pin
from antiphon.spec.commands import spec_group

SPEC = Path(antiphon.spec.__file__).parent
PINNED_SDK = importlib.metadata.version("openai") == catalogue.VERSION

needs_pinned_sdk = pytest.mark.skipif(not PINNED_SDK, reason=f"openai {catalogue.VERSION} is not installed")


@needs_pinned_sdk
def test_making_the_pin_again_changes_nothing() -> None:
    result = CliRunner().invoke(spec_group, ["pin", "--check"])
    assert (result.exit_code, result.output) == (0, f"openai {catalogue.VERSION}: no change\n")


@needs_pinned_sdk
def test_making_the_overlay_again_changes_nothing() -> None:
    document = shared.path("spec", "openapi-2026-08-21.json")
    result = CliRunner().invoke(spec_group, ["pin", "--check", "--openapi", str(document)])
    assert (result.exit_code, result.output) == (0, f"openai {catalogue.VERSION}: no change\n")


@needs_pinned_sdk
def test_check_fails_when_the_pin_would_change(tmp_path: Path) -> None:
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "0"}, "paths": {}}
    (tmp_path / "other.json").write_text(json.dumps(document))
    result = CliRunner().invoke(spec_group, ["pin", "--check", "--openapi", str(tmp_path / "other.json")])
    assert result.exit_code == 1
    assert "would change: overlay.json, pin.json" in result.output


def test_show_names_the_pinned_surface() -> None:
    result = CliRunner().invoke(spec_group, ["show"])
    assert result.output == f"openai 3.52.0 of 2026-11-16, pin {catalogue.HASH[:12]}\n"


def test_the_hash_is_of_the_text_without_it() -> None:
    document = json.loads((SPEC / "pin.json").read_text())
    digest = document["meta"]["sha256"]
    document["meta"]["sha256"] = ""
    assert hashlib.sha256(compose.render(document)).hexdigest() == digest == catalogue.HASH


def test_every_erratum_has_a_source_a_date_and_an_effect() -> None:
    errata = json.loads((SPEC / "errata.json").read_text())
    for entry in errata["entries"]:
        assert set(entry) == {"says", "source", "date", "set"}
        assert entry["set"]
        for name, fields in entry["set"].get("types", {}).items():
            assert set(fields) <= set(pin.load().types[name]), name


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["ref"]] if isinstance(value.get("ref"), str) else []
        return own + [one for inner in value.values() for one in _references(inner)]
    return [one for inner in value for one in _references(inner)] if isinstance(value, list) else []


def test_every_reference_resolves_and_types_form_no_cycle() -> None:
    document = json.loads((SPEC / "pin.json").read_text())
    graph = {name: _references(one) for name, one in {**document["types"], **document["unions"]}.items()}
    assert set(_references(document["operations"])) <= set(graph)
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, path
        if name not in done:
            for inner in graph[name]:
                visit(inner, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_surface_has_the_known_size() -> None:
    sizes = {
        "operations": len(catalogue.operations()),
        "parameters": len(catalogue.REQUEST_PARAMETERS),
        "response fields": len(catalogue.RESPONSE_FIELDS),
        "events": len(catalogue.EVENT_TYPES),
        "unlisted events": len(catalogue.UNLISTED_EVENT_TYPES),
        "socket events": (len(catalogue.WS_CLIENT_EVENT_TYPES), len(catalogue.WS_SERVER_EVENT_TYPES)),
        "input items": len(catalogue.INPUT_ITEM_TYPES),
        "output items": len(catalogue.OUTPUT_ITEM_TYPES),
        "conversation items": len(catalogue.CONVERSATION_ITEM_TYPES),
        "tools": len(catalogue.TOOL_TYPES),
        "include": len(catalogue.INCLUDE_VALUES),
        "parts": (len(catalogue.INPUT_PART_TYPES), len(catalogue.OUTPUT_PART_TYPES)),
        "annotations": len(catalogue.ANNOTATION_TYPES),
        "statuses": len(catalogue.STATUSES),
        "incomplete reasons": len(catalogue.INCOMPLETE_REASONS),
        "error codes": len(catalogue.ERROR_CODES),
        "webhooks": (len(catalogue.WEBHOOK_EVENT_TYPES), len(catalogue.WEBHOOK_PAYLOAD_TYPES)),
    }
    assert sizes == {
        "operations": 71,
        "parameters": 33,
        "response fields": 39,
        "events": 59,
        "unlisted events": 2,
        "socket events": (2, 62),
        "input items": 31,
        "output items": 28,
        "conversation items": 29,
        "tools": 18,
        "include": 8,
        "parts": (3, 2),
        "annotations": 4,
        "statuses": 6,
        "incomplete reasons": 4,
        "error codes": 21,
        "webhooks": (27, 31),
    }


def test_the_catalogue_has_no_other_names() -> None:
    with pytest.raises(AttributeError):
        catalogue.__getattr__("NO_SUCH_THING")


def test_the_server_process_needs_neither_the_sdk_nor_the_pin_at_import() -> None:
    program = (
        "import sys\n"
        "from antiphon.spec import catalogue, commands, openapi, pin, validate\n"
        "assert not pin.load.cache_info().currsize\n"
        "validate.check_body('POST /responses', {'input': 'x'})\n"
        "assert catalogue.VERSION\n"
        "assert 'openai' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_openapi_document_is_complete() -> None:
    document = openapi.document(catalogue.operations(), title="t", version="1", server_path="/openai/v1")
    assert document["servers"] == [{"url": "/openai/v1"}]
    schemas = document["components"]["schemas"]
    found: list[str] = []

    def visit(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found.append(value["$ref"])
            for inner in value.values():
                visit(inner)
        elif isinstance(value, list):
            for inner in value:
                visit(inner)

    visit(document)
    assert {one.removeprefix("#/components/schemas/") for one in found} <= set(schemas)
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len(operations) == 71
    assert len({one["operationId"] for one in operations}) == 71
    for name in schemas:
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        jsonschema_rs.validator_for(schema)


def test_the_openapi_document_holds_only_what_its_routes_need() -> None:
    document = openapi.document(["GET /models", "POST /files"], title="t", version="1")
    assert set(document["components"]["schemas"]) == {
        "ErrorObject",
        "ErrorResponse",
        "FileObject",
        "Model",
        "file_create_params.ExpiresAfter",
    }
    body = document["paths"]["/files"]["post"]["requestBody"]
    assert list(body["content"]) == ["multipart/form-data"]
    with pytest.raises(KeyError):
        openapi.document(["GET /nothing"], title="t", version="1")


def test_the_json_schema_of_events_judges_recordings_like_the_validators() -> None:
    validator = jsonschema_rs.validator_for(openapi.json_schema("StreamEvent"))
    name = next(iter(shared.recordings()), "none")
    for event in shared.events(name):
        assert validator.is_valid(event), event["type"]
    assert not validator.is_valid({"type": "response.ping", "sequence_number": 1})
