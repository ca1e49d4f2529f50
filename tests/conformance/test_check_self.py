"""Antiphon keeps what it implements, by its own checker: quickly, in any order, by one worker or many."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.support import server

from antiphon.checker.client import connected, target
from antiphon.checker.report import Report
from antiphon.checker.suite import Options, run

FULL_S, CORE_S = 60.0, 15.0
"""The longest that a run against a fast local server may take."""


@pytest.fixture(scope="module")
def antiphon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    with server.serving(tmp_path_factory.mktemp("checked")) as started:
        yield started


def checked(one: server.Server, options: Options) -> Report:
    async def go() -> Report:
        async with connected(target(one.base_url, "scripted")) as client:
            return await run(client, options)

    return asyncio.run(go())


@pytest.fixture(scope="module")
def whole(antiphon: server.Server) -> Report:
    return checked(antiphon, Options())


def broken(report: Report) -> list[str]:
    failed = ("fail", "warn", "unclear")
    return [
        f"{one.requirement} ({one.case}): {one.message}" for one in report.findings if one.verdict in failed
    ]


def test_no_requirement_is_broken(whole: Report) -> None:
    assert broken(whole) == []


def test_much_is_shown_and_what_is_lacking_is_not_called_broken(whole: Report) -> None:
    verdicts = [row.verdict for row in whole.requirements]
    print({verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)})
    assert verdicts.count("pass") >= 600
    lacking = {row.id for row in whole.requirements if row.verdict == "unimplemented"}
    assert not any(
        name.startswith(("responses.", "shapes.response.", "state.", "conversations.")) for name in lacking
    )


def test_a_whole_run_is_quick(whole: Report) -> None:
    assert whole.seconds < FULL_S


@pytest.mark.parametrize("profile", ["core", "stateless", "openresponses"])
def test_each_profile_is_kept_and_quick(antiphon: server.Server, profile: str) -> None:
    report = checked(antiphon, Options(profile=profile))
    assert broken(report) == []
    assert report.seconds < CORE_S


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_does_not_matter(antiphon: server.Server, seed: int) -> None:
    assert broken(checked(antiphon, Options(profile="core", seed=seed, workers=1 if seed == 1 else 16))) == []


def test_the_record_reads_back_as_it_was(whole: Report) -> None:
    from antiphon.checker.report import from_json

    assert from_json(whole.as_json()) == whole
