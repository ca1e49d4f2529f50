"""Chooses cases, runs them in a seeded order, and makes the report."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from antiphon.checker.cases import Case, registered
from antiphon.checker.client import Client, OutOfBudget
from antiphon.checker.observers import observe, observed
from antiphon.checker.probe import Lacking, Probe, Refused
from antiphon.checker.report import Circumstances, Report, build
from antiphon.checker.requirements import LawBook, load
from antiphon.checker.verdicts import Observation, Verdict, worst
from antiphon.checker.wire import Exchange

ATTEMPTS = 3
"""A case in which the model's freedom may be the cause of a breach is run this often."""

STUMBLES = (LookupError, TypeError, ValueError, AttributeError)
"""What a case raises when an answer does not have the shape that it builds on."""


class Unreachable(RuntimeError):
    """The target does not answer at all; the run cannot be done."""


class NothingSelected(RuntimeError):
    """The selection names no case."""


@dataclass(frozen=True, slots=True)
class Options:
    """`select`: addresses, areas or requirement ids (a beginning is enough); empty: all of the profile.
    `without`: features that are not to be tried."""

    select: tuple[str, ...] = ()
    profile: str = "full"
    seed: int = 0
    workers: int = 8
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Progress:
    """A case has ended: the `number`th of `total`, with this worst verdict (None: it saw nothing)."""

    case: Case
    number: int
    total: int
    verdict: Verdict | None
    seconds: float


@dataclass
class _Run:
    client: Client
    book: LawBook
    options: Options
    missing: dict[str, str] = field(default_factory=dict[str, str])
    """Feature → why the target lacks it."""
    observations: list[Observation] = field(default_factory=list[Observation])


def select(options: Options, cases: Iterable[Case] | None = None) -> list[Case]:
    """The cases of a run, in their order. Raises `NothingSelected`."""
    chosen = [
        case
        for case in (registered() if cases is None else cases)
        if (options.profile == "full" or options.profile in case.profiles) and _named(case, options.select)
    ]
    if not chosen:
        raise NothingSelected(f"no case fits {' '.join(options.select) or options.profile}")
    random.Random(options.seed).shuffle(chosen)
    return chosen


def _named(case: Case, names: Sequence[str]) -> bool:
    return not names or any(
        _begins(one, name) for name in names for one in (case.address, *case.requirements)
    )


def _begins(whole: str, start: str) -> bool:
    return whole == start or whole.startswith(start.rstrip(".") + ".")


def cost(cases: Iterable[Case]) -> tuple[int, int]:
    """Requests and tokens that these cases need at most, were the model never at fault; an estimate."""
    chosen = list(cases)
    return sum(case.requests for case in chosen) + 1, sum(case.tokens for case in chosen)


async def run(
    client: Client,
    options: Options,
    *,
    cases: Iterable[Case] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Runs the selected cases. Raises `Unreachable`, `NothingSelected`."""
    chosen = select(options, cases)
    began, started = time.monotonic(), datetime.now(UTC)
    known = await client.learn()
    if not known.status:
        raise Unreachable(f"{client.target.base}: {known.fault}")
    state = _Run(client, load(), options)
    await _all(state, chosen, progress or (lambda _: None))
    asked = {name for case in chosen for name in case.requirements}
    return build(
        state.book,
        state.observations,
        Circumstances(
            target={"url": client.target.base, "model": client.target.model},
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - began, 2),
            requests=client.budget.requests,
            tokens=client.budget.tokens,
            profile=options.profile,
            seed=options.seed,
            asked=frozenset(asked | observed()),
        ),
    )


async def _all(state: _Run, chosen: Sequence[Case], progress: Callable[[Progress], None]) -> None:
    """The safe ones side by side, then the others one after another."""
    number = 0

    async def one(case: Case) -> None:
        nonlocal number
        began = time.monotonic()
        seen = await run_case(state.client, state.book, case, options=state.options, missing=state.missing)
        state.observations += seen
        number += 1
        own = worst(o.verdict for o in seen if o.requirement in case.requirements)
        progress(Progress(case, number, len(chosen), own, time.monotonic() - began))

    waiting = [case for case in reversed(chosen) if case.safe]

    async def work() -> None:
        while waiting:
            await one(waiting.pop())

    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, state.options.workers)):
            group.create_task(work())
    for case in chosen:
        if not case.safe:
            await one(case)


async def run_case(
    client: Client, book: LawBook, case: Case, *, options: Options, missing: dict[str, str]
) -> list[Observation]:
    """All that one case and the observers of its exchanges saw. Fills `missing` with the features lacking."""
    lacking = next((need for need in case.needs if need in missing), None)
    if lacking is not None:
        return _rest(case, set(), Verdict.UNIMPLEMENTED, missing[lacking])
    if left_out := options.without & set(case.needs):
        return _rest(case, set(), Verdict.SKIPPED, f"left out: {', '.join(sorted(left_out))}")
    observed_so_far: list[Observation] = []
    own: list[Observation] = []
    for attempt in range(ATTEMPTS):
        seed = f"{options.seed}:{case.address}:{attempt}"
        store = False if options.profile == "stateless" else None
        probe = Probe(client, book, seed, observers=(observe,), store=store)
        ended = await _attempt(case, probe, missing)
        observed_so_far += probe.observed
        own = [*probe.observations, *ended]
        if not any(o.free and o.verdict is Verdict.FAIL for o in own):
            break
    own = [replace(o, verdict=Verdict.WARN) if o.free and o.verdict is Verdict.FAIL else o for o in own]
    return [replace(o, case=case.address) for o in (*own, *observed_so_far)]


async def _attempt(case: Case, probe: Probe, missing: dict[str, str]) -> list[Observation]:
    """Runs a case once; gives what follows from the way it ended."""
    try:
        await case.run(probe)
        return []
    except Lacking as exc:
        if len(case.needs) == 1 and not probe.observations:
            missing.setdefault(case.needs[0], exc.why)
        on = (exc.exchange,) if exc.exchange else ()
        return [replace(o, on=on) for o in _rest(case, _said(probe), Verdict.UNIMPLEMENTED, exc.why)]
    except Refused as exc:
        return _refused(case, probe, exc)
    except OutOfBudget as exc:
        return _rest(case, _said(probe), Verdict.SKIPPED, str(exc))
    except STUMBLES as exc:
        return _stumbled(case, probe, f"{type(exc).__name__}: {exc}")


def _said(probe: Probe) -> set[str]:
    return {one.requirement for one in probe.observations}


def _rest(case: Case, said: set[str], verdict: Verdict, why: str) -> list[Observation]:
    """This verdict for all of the case's requirements of which nothing was said yet."""
    return [
        Observation(name, verdict, why, case=case.address) for name in case.requirements if name not in said
    ]


def _refused(case: Case, probe: Probe, refusal: Refused) -> list[Observation]:
    """A fault of the server has its requirement; another refusal speaks against what the case is for."""
    exchange, said = refusal.exchange, _said(probe)
    rest = _rest(case, said, Verdict.SKIPPED, f"could not be tried: {refusal}")
    if not rest or exchange.status >= 500 or not exchange.status:
        return rest
    told = exchange.error.get("message") or exchange.body[:200].decode("utf-8", errors="replace")
    if not said and exchange.status in (400, 422) and _names_a_need(case, exchange, told):
        return _rest(case, said, Verdict.UNIMPLEMENTED, f"{refusal}: {told}")
    failed = replace(rest[0], verdict=Verdict.FAIL, message=f"{refusal}: {told}", on=(exchange,))
    return [replace(failed, expected=("a success",), got=exchange.status), *rest[1:]]


def _names_a_need(case: Case, exchange: Exchange, told: str) -> bool:
    """The refusal is about the parameter that the case's feature goes by: the feature is what is refused."""
    return any(need == exchange.error.get("param") or f"parameter={need}" in told for need in case.needs)


def _stumbled(case: Case, probe: Probe, why: str) -> list[Observation]:
    """Where an observer has seen what is wrong, that is the finding; else this is one."""
    rest = _rest(case, _said(probe), Verdict.SKIPPED, f"an answer could not be read: {why}")
    blamed = any(one.verdict is Verdict.FAIL for one in probe.observed)
    if not rest or blamed or not probe.exchanges:
        return rest
    return [replace(rest[0], verdict=Verdict.FAIL, on=(probe.exchanges[-1],)), *rest[1:]]
