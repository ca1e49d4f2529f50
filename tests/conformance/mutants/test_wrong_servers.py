"""The checker believes no wrong server: each fault makes the requirement fail that is meant for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.mutants.exchange import Fault
from tests.conformance.mutants.faults import FAULTS
from tests.conformance.mutants.proxy import CORRECT
from tests.conformance.mutants.trial import CONFIG, Trial, cases_of, tried
from tests.support.server import serving

from antiphon.checker.cases import registered
from antiphon.checker.requirements import load

SEEN = [fault for fault in FAULTS if not fault.gap]
GAPS = [fault for fault in FAULTS if fault.gap]
MOST_BESIDES = 25
"""A fault may break other requirements too, but not all at once."""


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("correct"), config=CONFIG) as server:
        yield server.root


@pytest.fixture(scope="module")
def known() -> dict[str, Trial]:
    """The run against the correct server, made once."""
    return {}


async def _correct(upstream: str, known: dict[str, Trial]) -> Trial:
    if "correct" not in known:
        known["correct"] = await tried(upstream, CORRECT, registered())
    return known["correct"]


async def test_the_correct_server_fails_nothing(upstream: str, known: dict[str, Trial]) -> None:
    trial = await _correct(upstream, known)
    assert {name: trial.findings(name) for name in sorted(trial.failed)} == {}


def test_there_are_many_faults_and_each_has_its_name() -> None:
    assert len({fault.id for fault in FAULTS}) == len(FAULTS) >= 80


def test_every_requirement_that_is_meant_exists() -> None:
    strange = {name for fault in SEEN for name in fault.meant} - set(load().by_id)
    assert strange == set()
    assert [fault.id for fault in SEEN if not fault.meant or not cases_of(fault)] == []


def _named(faults: list[Fault]) -> list[object]:
    slow = pytest.mark.slow
    return [pytest.param(fault, id=fault.id, marks=[slow] if fault.long else []) for fault in faults]


@pytest.mark.parametrize("fault", _named(SEEN))
async def test_a_wrong_server_is_caught(fault: Fault, upstream: str) -> None:
    trial = await tried(upstream, fault)
    assert trial.fired, "the cases never gave the fault anything to do wrong"
    got = {name: trial.verdicts[name] for name in fault.meant}
    assert got == dict.fromkeys(fault.meant, fault.told)
    assert len(trial.others) <= MOST_BESIDES, trial.others


@pytest.mark.parametrize("slow", [False, True], ids=["at once", "slow background"])
async def test_the_correct_server_passes_what_wrong_ones_fail(slow: bool, upstream: str) -> None:
    faults = [fault for fault in SEEN if fault.slow is slow]
    cases = {case.address: case for fault in faults for case in cases_of(fault)}
    correct = Fault("none.correct", "Nothing.", slow=slow)
    trial = await tried(upstream, correct, list(cases.values()))
    meant = {name for fault in faults for name in fault.meant}
    assert {name: trial.verdicts[name] for name in sorted(meant) if trial.verdicts[name] != "pass"} == {}


@pytest.mark.parametrize("fault", _named(GAPS))
async def test_a_gap_is_still_one(fault: Fault, upstream: str, known: dict[str, Trial]) -> None:
    correct = await _correct(upstream, known)
    trial = await tried(upstream, fault)
    assert sorted(trial.failed - correct.failed) == [], "it is seen now: it is no gap any more"
