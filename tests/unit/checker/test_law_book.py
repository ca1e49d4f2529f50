"""The law book is whole: every element of the pin is covered or a gap, every requirement can be seen to."""

from __future__ import annotations

import itertools

import pytest

from antiphon.checker import generated, laws, requirements, shapes
from antiphon.checker.cases import registered
from antiphon.checker.elements import elements
from antiphon.checker.observers import observed
from antiphon.checker.requirements import LawBookError, load, read
from antiphon.spec import catalogue


def test_every_element_of_the_pin_is_covered_or_a_gap_with_a_reason() -> None:
    assert [element for element, found in load().coverage().items() if not found] == []


def test_no_gap_is_covered_after_all() -> None:
    covered = {element for one in load().requirements for element in one.covers}
    assert sorted(covered & set(load().gaps)) == []


def test_every_requirement_has_a_case_or_an_observer() -> None:
    seen = {name for case in registered() for name in case.requirements} | observed()
    assert [one.id for one in load().requirements if one.id not in seen] == []


def test_cases_and_laws_name_requirements_that_exist() -> None:
    named = {name for case in registered() for name in case.requirements} | laws.laws().ids
    assert sorted(named - set(load().by_id)) == []
    assert [case.address for case in registered() if not case.requirements or not case.statement] == []


def test_the_book_has_its_size_and_meaning_comes_before_shape() -> None:
    book = load().requirements
    made = [one.generated for one in book]
    assert len(book) >= 400
    assert made == sorted(made)
    assert len([one for one in book if not one.generated]) >= 200


def test_what_contradicts_itself_lists_what_is_accepted() -> None:
    assert {one.id for one in load().requirements if one.unclear} >= {
        "responses.stream.done-sentinel",
        "responses.stream.form-of-the-error-event",
        "responses.errors.unknown-parameter-is-refused",
    }


def test_ids_of_generated_requirements_do_not_collide() -> None:
    names = [one.id for one in generated.generated()]
    assert [name for name, many in itertools.groupby(sorted(names)) if len(list(many)) > 1] == []


def test_elements_name_what_the_pin_has() -> None:
    assert {
        "operation:POST /responses",
        "parameter:temperature",
        "parameter:POST /conversations:metadata",
        "query:GET /responses/{response_id}:starting_after",
        "field:Response.usage",
        "event:response.created",
        "item:function_call",
        "tool:custom",
        "include:reasoning.encrypted_content",
        "enum:service_tier",
        "error:server_error",
        "header:x-request-id",
    } <= elements()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "NoId"}, "not an id"),
        ({"colour": "red"}, "colour"),
        ({"level": "PERHAPS"}, "PERHAPS"),
        ({"severity": "grave"}, "grave"),
        ({"sentence": None}, "sentence"),
    ],
)
def test_a_wrong_entry_is_refused(change: dict[str, str | None], message: str) -> None:
    table = {"id": "a.b.c", "sentence": "s", "level": "MUST", "severity": "sdk", "source": "SPEC A"}
    given = {name: value for name, value in (table | change).items() if value is not None}
    with pytest.raises(LawBookError, match=message):
        read(given, "test.toml")


def test_a_book_with_a_requirement_twice_or_of_nothing_is_refused() -> None:
    table = {"id": "a.b.c", "sentence": "s", "level": "MUST", "severity": "sdk", "source": "SPEC A"}
    one = read(table, "test.toml")
    with pytest.raises(LawBookError, match="twice"):
        requirements.book([one, one], elements(), {})
    with pytest.raises(LawBookError, match=r"event:no\.such"):
        requirements.book([read(table | {"covers": ["event:no.such"]}, "t")], elements(), {})


@pytest.mark.parametrize("operation", sorted(catalogue.operations()))
def test_an_operation_is_found_by_its_path(operation: str) -> None:
    method, path = operation.split(" ")
    filled = path.replace("{", "").replace("}", "_x")
    assert shapes.operation_of(method, filled) == operation


def test_a_literal_step_wins_over_a_parameter() -> None:
    assert shapes.operation_of("POST", "/responses/compact") == "POST /responses/compact"
    assert shapes.operation_of("POST", "/responses/resp_1/cancel") == "POST /responses/{response_id}/cancel"
    assert shapes.operation_of("GET", "/nothing") is None
