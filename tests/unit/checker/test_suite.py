"""How cases become verdicts: refusals, gaps, stumbles, the model's freedom, budgets, order, selection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from tests.unit.checker.loopback import refusal, said, talking_to

from antiphon.checker.cases import Case, registered
from antiphon.checker.client import Budget, connected, target
from antiphon.checker.probe import Probe, UnknownRequirement
from antiphon.checker.report import Report
from antiphon.checker.suite import NothingSelected, Options, Unreachable, run, select

FIRST, SECOND = "responses.create.ends-completed", "responses.create.input-may-be-text"
Run = Callable[[Probe], Awaitable[None]]


def a_case(run: Run, address: str = "one", **more: Any) -> Case:
    return Case(address, "A test.", (FIRST, SECOND), run, **more)


async def creates(probe: Probe) -> None:
    made = await probe.create(input="Hi")
    probe.holds(
        FIRST, made.json["status"] == "completed", expected="completed", got=made.json["status"], on=made
    )


async def fine(request: web.Request) -> web.Response:
    return web.json_response(said()) if request.method == "POST" else refusal("Nothing here.", 404)


def verdicts(report: Report) -> tuple[str | None, str | None]:
    rows = {row.id: row.verdict for row in report.requirements}
    return rows[FIRST], rows[SECOND]


async def checked(answering: Any, *cases: Case, **options: Any) -> Report:
    async with talking_to(answering) as client:
        return await run(client, Options(**options), cases=cases)


async def test_what_holds_passes_and_observers_pass_too() -> None:
    report = await checked(fine, a_case(creates))
    rows = {row.id: row for row in report.requirements}
    assert verdicts(report) == ("pass", None)
    assert rows["shapes.response.usage"].verdict == "pass"
    assert rows["shapes.response.usage"].cases == ["one"]
    assert (report.requests, report.tokens) == (2, 5)
    assert rows[SECOND].why == "nothing in this run showed it"


async def test_a_breach_fails_with_wire_and_command() -> None:
    async def failing(request: web.Request) -> web.Response:
        return web.json_response(said(status="failed", error={"code": "server_error", "message": "x"}))

    report = await checked(failing, a_case(creates))
    told = next(one for one in report.findings if one.requirement == FIRST)
    assert (told.message, told.expected, told.got) == (
        "expected completed, got failed",
        ["completed"],
        "failed",
    )
    assert told.wire[0]["status"] == 200
    assert told.curl.startswith("curl -sS -i -X POST http://127.0.0.1:")
    assert report.exit_code == 1


async def test_a_refusal_speaks_against_what_the_case_is_for_and_no_more() -> None:
    async def refusing(request: web.Request) -> web.Response:
        return refusal("I would rather not.")

    report = await checked(refusing, a_case(creates))
    assert verdicts(report) == ("fail", "skipped")


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "Streaming is not supported.", None),
        (400, "No.", "unsupported_parameter"),
        (501, "No.", None),
        (405, "No.", None),
    ],
)
async def test_what_is_lacking_is_unimplemented(status: int, message: str, code: str | None) -> None:
    async def lacking(request: web.Request) -> web.Response:
        return refusal(message, status, code)

    report = await checked(lacking, a_case(creates), a_case(creates, "two"))
    assert verdicts(report) == ("unimplemented", "unimplemented")
    assert report.failed() == []


async def test_a_missing_route_is_known_from_a_missing_object() -> None:
    async def gone(request: web.Request) -> web.Response:
        return refusal(f"No such path: {request.method} {request.path}", 404)

    async def missing(request: web.Request) -> web.Response:
        told = "no such path" if "no-such-route" in request.path else "no such object"
        return refusal(told, 404)

    assert verdicts(await checked(gone, a_case(creates))) == ("unimplemented", "unimplemented")
    assert verdicts(await checked(missing, a_case(creates))) == ("fail", "skipped")


async def test_a_fault_of_the_server_is_told_once_and_does_not_cascade() -> None:
    async def broken(request: web.Request) -> web.Response:
        return refusal("Oops.", 500)

    report = await checked(broken, *(a_case(creates, f"case-{n}") for n in range(5)))
    told = [one.requirement for one in report.findings if one.verdict == "fail"]
    assert told == ["responses.errors.nothing-breaks-the-server"]
    assert verdicts(report) == ("skipped", "skipped")


async def test_an_answer_of_another_shape_stumbles_but_does_not_end_the_run() -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.json_response({"choices": []})

    report = await checked(odd, a_case(creates), a_case(creates, "two"))
    rows = {row.id: row.verdict for row in report.requirements}
    assert verdicts(report) == ("skipped", "skipped")
    assert rows["operations.post-responses"] == "fail"


async def test_where_the_model_may_be_the_cause_it_is_tried_again_and_then_warned() -> None:
    seen: list[str] = []

    async def free(probe: Probe) -> None:
        seen.append(probe.word())
        probe.holds(FIRST, len(seen) == 2, expected=2, got=len(seen), free=True)

    assert verdicts(await checked(fine, a_case(free)))[0] == "pass"
    assert len(seen) == 2
    report = await checked(fine, a_case(free))
    assert verdicts(report)[0] == "warn"
    assert len(set(seen)) == 3  # the words of the second run are those of the first, and one more
    assert report.exit_code == 0


async def test_a_feature_found_missing_is_not_tried_again() -> None:
    tried: list[str] = []

    async def lacking(request: web.Request) -> web.Response:
        tried.append(request.path)
        return refusal("Not supported.")

    cases = [a_case(creates, f"case-{n}", needs=("moon",)) for n in range(4)]
    report = await checked(lacking, *cases, workers=1)
    assert verdicts(report) == ("unimplemented", "unimplemented")
    assert tried == ["/v1/antiphon-check-no-such-route", "/v1/responses"]


async def test_what_is_left_out_or_beyond_the_budget_is_skipped_with_the_reason() -> None:
    report = await checked(fine, a_case(creates, needs=("moon",)), without=frozenset({"moon"}))
    assert verdicts(report) == ("skipped", "skipped")
    async with talking_to(fine, Budget(max_requests=2)) as client:
        cases = [a_case(creates), a_case(creates, "two")]
        report = await run(client, Options(workers=1), cases=cases)
    assert verdicts(report) == ("pass", "skipped")
    assert report.requests == 2


async def test_the_sources_differ_and_what_one_of_them_says_passes() -> None:
    name = "responses.errors.unknown-parameter-is-refused"

    async def asks(probe: Probe) -> None:
        probe.unclear(name, "ignored")

    async def strange(probe: Probe) -> None:
        probe.unclear(name, "laughed at")

    found = [
        {row.id: row.verdict for row in (await checked(fine, a_case(one))).requirements}[name]
        for one in (asks, strange)
    ]
    assert found == ["pass", "unclear"]


async def test_a_requirement_that_is_not_in_the_book_is_our_mistake() -> None:
    async def wrong(probe: Probe) -> None:
        probe.holds("no.such.thing", True)

    with pytest.raises(ExceptionGroup) as caught:
        await checked(fine, a_case(wrong))
    assert caught.group_contains(UnknownRequirement)


async def test_cases_that_are_not_safe_run_alone() -> None:
    running: list[str] = []
    together: list[tuple[str, int]] = []

    def named(name: str, safe: bool) -> Case:
        async def one(probe: Probe) -> None:
            running.append(name)
            await probe.attempt(input="Hi")
            together.append((name, len(running)))
            running.remove(name)

        return a_case(one, name, safe=safe)

    await checked(
        fine, *(named(f"safe-{n}", True) for n in range(4)), *(named(f"alone-{n}", False) for n in range(3))
    )
    assert [number for name, number in together if name.startswith("alone")] == [1, 1, 1]
    assert max(number for _, number in together) > 1


async def test_nobody_there_cannot_be_checked() -> None:
    async with connected(target("http://127.0.0.1:9/v1", "m")) as client:
        with pytest.raises(Unreachable):
            await run(client, Options(), cases=[a_case(creates)])


def test_selection_by_address_area_and_requirement() -> None:
    assert [case.address for case in select(Options(select=("responses.create.plain",)))] == [
        "responses.create.plain"
    ]
    area = {case.address for case in select(Options(select=("responses.errors",)))}
    assert {"responses.errors.broken-json", "responses.errors.unknown-model"} <= area
    one = [case.address for case in select(Options(select=("responses.create.metadata-is-kept",)))]
    assert one == ["responses.create.metadata"]
    with pytest.raises(NothingSelected):
        select(Options(select=("no.such.case",)))


def test_the_order_is_seeded() -> None:
    first, again, other = (select(Options(seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert set(first) == set(other) == set(registered())


@pytest.mark.parametrize("profile", ["core", "stateless", "openresponses"])
def test_profiles_are_parts_of_the_whole(profile: str) -> None:
    chosen = select(Options(profile=profile))
    assert 10 < len(chosen) < len(registered())
    assert all(profile in case.profiles for case in chosen)
