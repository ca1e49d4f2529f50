"""A run from the terminal: what it will cost, how far it is, and its findings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import click

from antiphon.checker import suite
from antiphon.checker.cases import Case
from antiphon.checker.client import Budget, Call, Client, Target, connected
from antiphon.checker.narrow import as_object, objects
from antiphon.checker.report import Report
from antiphon.checker.requirements import load
from antiphon.checker.suite import Options, Progress
from antiphon.checker.verdicts import Verdict

CONSPICUOUS = (Verdict.FAIL, Verdict.WARN, Verdict.UNCLEAR)
"""Verdicts of which the terminal tells every one."""


class NoModel(RuntimeError):
    """No model was named, and the target does not list any."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run against what, and within which budget (None: no limit)."""

    where: Target
    options: Options
    max_requests: int | None = None
    max_tokens: int | None = None
    quiet: bool = False


async def check(plan: Plan) -> Report:
    """Runs the checker. Raises `suite.Unreachable`, `suite.NothingSelected`, `NoModel`."""
    chosen = suite.select(plan.options)
    async with connected(plan.where, Budget(plan.max_requests, plan.max_tokens)) as client:
        if not plan.where.model:
            client.target = replace(plan.where, model=await _first_model(client))
        if plan.quiet:
            return await suite.run(client, plan.options)
        click.echo(_announced(client.target, plan.options, chosen), err=True)
        return await suite.run(client, plan.options, progress=_progress())


async def _first_model(client: Client) -> str:
    answer = await client.send(Call("GET", "/models"))
    if not answer.status:
        raise suite.Unreachable(f"{client.target.base}: {answer.fault}")
    listed = objects(as_object(answer.json).get("data"))
    found = [str(one["id"]) for one in listed if one.get("id")]
    if not found:
        raise NoModel(f"{client.target.base} lists no model ({answer.status}): name one with --model")
    return found[0]


def _announced(where: Target, options: Options, chosen: Sequence[Case]) -> str:
    requests, tokens = suite.cost(chosen)
    return (
        f"{where.base}, model {where.model}: {len(chosen)} cases (profile {options.profile}, "
        f"seed {options.seed}), about {requests} requests and at most {tokens:,} tokens"
    )


def _progress() -> Callable[[Progress], None]:
    """One line that changes in a terminal; elsewhere a line for each case that did not pass."""
    live = sys.stderr.isatty()

    def told(progress: Progress) -> None:
        bad = progress.verdict in CONSPICUOUS
        line = f"[{progress.number}/{progress.total}] {progress.verdict or '-'} {progress.case.address}"
        if live:
            end = "\n" if bad or progress.number == progress.total else ""
            click.echo(f"\r\x1b[K{line}{end}", nl=False, err=True)
        elif bad:
            click.echo(line, err=True)

    return told


def listing(options: Options) -> str:
    """The selected cases with their cost and their requirements. Raises `suite.NothingSelected`."""
    book, chosen = load(), sorted(suite.select(options), key=lambda case: case.address)
    lines: list[str] = []
    for case in chosen:
        needs = f", needs {', '.join(case.needs)}" if case.needs else ""
        lines.append(f"{case.address}  ({case.requests} requests, {case.tokens} tokens{needs})")
        lines += [f"    {book.by_id[name].level:6} {name}" for name in case.requirements]
    requests, tokens = suite.cost(chosen)
    lines.append(
        f"{len(chosen)} cases, about {requests} requests and at most {tokens:,} tokens; "
        f"{len(book.requirements)} requirements in the law book"
    )
    return "\n".join(lines)
