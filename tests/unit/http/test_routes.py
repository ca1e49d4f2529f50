"""The route table against the pin, and the base paths."""

from __future__ import annotations

import re

import pytest

from antiphon.http import routes
from antiphon.http.cors import Cors
from antiphon.spec import pin


def test_every_official_operation_is_pinned_under_the_path_that_we_serve() -> None:
    for operation in routes.API:
        if operation.official is None:
            continue
        assert operation.official in pin.load().operations
        template = re.sub(r"\{(\w+):path\}", r"{\1}", operation.path).removeprefix("/v1")
        assert operation.official == f"{operation.method} {template}"


def test_all_of_responses_conversations_and_models_is_served_but_for_what_is_named_here() -> None:
    resources = ("/responses", "/conversations", "/models")
    pinned = {name for name in pin.load().operations if name.split(" ")[1].startswith(resources)}
    assert pinned - set(routes.official_routes()) == {"DELETE /models/{model}"}


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/v1/responses", "/v1/responses"),
        ("/v1/responses/", "/v1/responses"),
        ("/openai/v1/responses", "/v1/responses"),
        ("/openai/responses", "/v1/responses"),
        ("/openai/responses/", "/v1/responses"),
        ("/openai/v1", "/v1/v1"),
        ("/responses", "/responses"),
        ("/v1//responses", "/v1//responses"),
        ("/v1/responses//", "/v1/responses/"),
        ("/v1", "/v1"),
        ("/health/", "/health"),
        ("/", "/"),
        ("", ""),
        ("/openaix/responses", "/openaix/responses"),
    ],
)
def test_base_paths(path: str, canonical: str) -> None:
    assert routes.canonical(path) == canonical


def test_origins() -> None:
    some, anyone, none = Cors(("https://a.example",)), Cors(("*",)), Cors(())
    a, b = {"origin": "https://a.example"}, {"origin": "https://b.example"}
    assert some.headers(a)["access-control-allow-origin"] == "https://a.example"
    assert some.headers(b) == {} == some.headers({}) == none.headers(a)
    assert anyone.headers(b)["access-control-allow-origin"] == "*"
    asked = {
        **a,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-a, authorization",
    }
    assert some.preflight(asked, "POST") == {
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "x-a, authorization",
        "access-control-max-age": "600",
    }
    assert some.preflight({**asked, **b}, "POST") == {} == some.preflight(a, "POST")
