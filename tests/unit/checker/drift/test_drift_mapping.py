"""The mapping of this checkout: derived, complete, and found out when it is stale or points nowhere."""

from __future__ import annotations

import copy
import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.checker.drift import mapping, owed, validate
from antiphon.checker.elements import elements
from antiphon.core.kinds import ITEM_KINDS
from antiphon.core.support import SUPPORT
from antiphon.http.routes import official_routes
from antiphon.spec import catalogue

JSON = dict[str, Any]

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def made() -> JSON:
    return json.loads(mapping.render(mapping.build(ROOT, None)))


def written(file: Path, document: JSON) -> list[str]:
    file.write_text(mapping.render(document))
    return validate.faults(file, ROOT)


def kinds(element: JSON) -> set[tuple[str, str]]:
    return {(place["kind"], place["at"].rpartition("::")[2]) for place in element["code"]}


def test_every_element_of_the_pin_is_there(made: JSON) -> None:
    assert set(made["elements"]) == elements()


def test_what_is_served_has_its_route_and_function(made: JSON) -> None:
    served = {
        name.removeprefix("operation:")
        for name, one in made["elements"].items()
        if name.startswith("operation:") and one["code"]
    }
    assert served == set(official_routes())
    create = kinds(made["elements"]["operation:POST /responses"])
    assert create == {("route", "API[POST /responses]"), ("function", "create")}


def test_tables_are_read_from_the_code(made: JSON) -> None:
    rows = {
        name
        for name in ITEM_KINDS
        if ("row", f"ITEM_KINDS[{name}]") in kinds(made["elements"][f"item:{name}"])
    }
    assert rows == set(ITEM_KINDS)
    for name, row in SUPPORT.items():
        assert made["elements"][f"parameter:{name}"]["code"][0]["says"] == row.how


@pytest.mark.parametrize(
    ("element", "function"),
    [
        ("parameter:temperature", "_echo"),
        ("query:GET /conversations/{conversation_id}/items:limit", "page_of"),
        ("field:ResponseUsage.input_tokens", "Usage.official"),
        ("error:integer_above_max_value", "out_of_range"),
        ("header:x-ratelimit-limit-tokens", "Bucket.headers"),
    ],
)
def test_functions_are_found_by_what_they_say(made: JSON, element: str, function: str) -> None:
    assert ("function", function) in kinds(made["elements"][element])


def test_what_the_code_does_not_know_is_absent(made: JSON) -> None:
    for name in ("operation:POST /skills", "webhook:safety.alert.created", "field:Skill.name"):
        assert (made["elements"][name]["status"], made["elements"][name]["code"]) == ("absent", [])
    assert made["elements"]["parameter:moderation"]["status"] == "refused"


def test_tests_are_files_that_name_the_element(made: JSON) -> None:
    shown = made["elements"]["operation:POST /responses"]["tests"]
    assert any(file.startswith("tests/sdk/") for file in shown)
    assert all((ROOT / file).is_file() for one in made["elements"].values() for file in one["tests"])


def test_a_fresh_mapping_holds(made: JSON, tmp_path: Path) -> None:
    assert written(tmp_path / "map.json", made) == []


def break_place(document: JSON) -> None:
    document["elements"]["event:response.created"]["code"][0]["at"] = "src/antiphon/core/kinds.py::GONE[x]"


def break_file(document: JSON) -> None:
    document["elements"]["event:response.created"]["code"][0]["at"] = (
        "src/antiphon/core/gone.py::EVENT_PLACES"
    )


def break_test(document: JSON) -> None:
    document["elements"]["event:response.created"]["tests"] = ["tests/gone.py"]


def break_requirement(document: JSON) -> None:
    document["elements"]["event:response.created"]["requirements"] = ["no.such-law"]


def drop_element(document: JSON) -> None:
    del document["elements"]["event:response.created"]


def add_element(document: JSON) -> None:
    document["elements"]["event:response.gone"] = document["elements"]["event:response.created"]


def change_pin(document: JSON) -> None:
    document["pin"]["sha256"] = "0" * 64


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (break_place, "event:response.created: points nowhere: src/antiphon/core/kinds.py::GONE[x]"),
        (break_file, "event:response.created: points nowhere: src/antiphon/core/gone.py::EVENT_PLACES"),
        (break_test, "event:response.created: points nowhere: tests/gone.py"),
        (break_requirement, "event:response.created: no such requirement: no.such-law"),
        (drop_element, "event:response.created: stale: not in the mapping"),
        (add_element, "event:response.gone: stale: the pin no longer has it"),
        (change_pin, "stale: made for pin 000000000000"),
    ],
)
def test_a_wrong_mapping_is_found_out(made: JSON, tmp_path: Path, fault: Any, said: str) -> None:
    document = copy.deepcopy(made)
    fault(document)
    found = written(tmp_path / "map.json", document)
    assert any(one.startswith(said) for one in found), found


def test_a_run_gives_status_and_score(tmp_path: Path) -> None:
    fresh = mapping.build(ROOT, None)["elements"]
    first, second, *_ = fresh["parameter:temperature"]["requirements"]
    report = {
        "format": "antiphon-report/1",
        "started": "2026-11-20T10:00:00Z",
        "profile": "full",
        "pin": {"version": "3.52.0"},
        "requirements": [
            {"id": first, "verdict": "pass"},
            {"id": second, "verdict": "fail"},
            {"id": fresh["event:error"]["requirements"][0], "verdict": "skipped"},
        ],
    }
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report))
    made = mapping.build(ROOT, mapping.run_of(file))
    one = made["elements"]["parameter:temperature"]
    assert (one["status"], one["score"]) == ("fail", 0.5)
    assert made["elements"]["event:error"]["status"] == "untried"
    out = tmp_path / "map.json"
    out.write_text(mapping.render(made))
    assert mapping.kept_run(out) == made["run"]
    assert validate.faults(out, ROOT) == []


def test_what_cannot_be_mapped_is_said(tmp_path: Path) -> None:
    with pytest.raises(mapping.NotMappable, match="no checkout"):
        mapping.build(tmp_path, None)
    (tmp_path / "x.json").write_text('{"format": "other"}')
    with pytest.raises(mapping.NotMappable, match="no mapping"):
        mapping.read(tmp_path / "x.json")
    with pytest.raises(mapping.NotMappable, match="no report"):
        mapping.run_of(tmp_path / "x.json")


def test_what_is_absent_is_owed_once(made: JSON) -> None:
    found = owed.owed(made)
    absent = {name for name, one in made["elements"].items() if one["status"] == "absent"}
    listed = {one for elements_ in found.values() for one in elements_}
    assert listed <= absent
    assert {one for one in absent if one.startswith("operation:")} == set(found["new-required"])
    gone = {one.removeprefix("operation:") for one in found["new-required"]}
    with_them = {one for one in absent - listed if one.startswith(("parameter:", "query:"))}
    assert with_them
    assert {one.partition(":")[2].rpartition(":")[0] for one in with_them} <= gone
    due = datetime.date.fromisoformat(catalogue.DATE) + datetime.timedelta(days=30)
    assert f"| new-required | operations on `/skills` | 11 | {due} |" in owed.page(made)


def test_nothing_owed_is_said_so(made: JSON) -> None:
    whole = copy.deepcopy(made)
    for one in whole["elements"].values():
        one["status"] = "pass"
    assert owed.page(whole) == f"Nothing of openai {catalogue.VERSION} is absent."
