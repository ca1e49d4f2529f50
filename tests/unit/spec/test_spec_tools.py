"""How strictly tools are read: our own to the letter, hosted ones as far as their known fields go."""

from __future__ import annotations

from typing import Any

from antiphon.spec.validate import check_body


def fault(tool: dict[str, Any]) -> tuple[str, str] | None:
    found = check_body("POST /responses", {"model": "m", "input": "x", "tools": [tool]})
    return None if found is None else (found.code, found.param)


def test_a_hosted_tool_may_have_fields_of_a_version_to_come() -> None:
    """Codex 0.169 sends `search_content_types` with `web_search`: a 400 made it unusable."""
    assert fault({"type": "web_search", "search_content_types": ["text"]}) is None


def test_known_fields_of_hosted_tools_are_checked() -> None:
    assert fault({"type": "web_search", "search_context_size": "huge"}) == (
        "invalid_value",
        "tools[0].search_context_size",
    )
    assert fault({"type": "code_interpreter"}) == ("missing_required_parameter", "tools[0].container")


def test_our_own_tools_are_read_to_the_letter() -> None:
    for kind in ("function", "custom"):
        assert fault({"type": kind, "name": "f", "foo": 1}) == ("unknown_parameter", "tools[0].foo")
