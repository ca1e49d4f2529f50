"""Runs the checker against one wrong server, and says what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.conformance.mutants.exchange import Fault
from tests.conformance.mutants.proxy import wrong_server

from antiphon.checker import suite
from antiphon.checker.cases import Case, registered
from antiphon.checker.client import Client, Target, connected
from antiphon.checker.report import Report

KEY, SECOND_KEY = "first-key", "second-key"
MODEL = "scripted"

CONFIG = f"""
[[auth.keys]]
key = "{KEY}"
tenant = "first"

[[auth.keys]]
key = "{SECOND_KEY}"
tenant = "second"
"""
"""The correct server: two callers, so that their isolation can be tried."""


@dataclass(frozen=True)
class Trial:
    """What came of one fault. `fired`: how often it changed something; `failed`: requirements broken."""

    fault: Fault
    fired: int
    verdicts: dict[str, str | None]
    report: Report

    @property
    def failed(self) -> frozenset[str]:
        return frozenset(name for name, verdict in self.verdicts.items() if verdict == "fail")

    @property
    def caught(self) -> bool:
        return all(self.verdicts[name] == self.fault.told for name in self.fault.meant)

    @property
    def others(self) -> list[str]:
        return sorted(self.failed - set(self.fault.meant))

    def findings(self, requirement: str) -> list[str]:
        return [told.message for told in self.report.findings if told.requirement == requirement]


def cases_of(fault: Fault) -> list[Case]:
    """Those that the fault names, else all that may speak of what it breaks."""
    known = {case.address: case for case in registered()}
    if fault.gap:
        return list(known.values())
    if fault.cases:
        return [known[address] for address in fault.cases]
    return [case for case in known.values() if set(fault.meant) & set(case.requirements)]


def target(base: str, fault: Fault) -> Target:
    return Target(base=base, model=MODEL, key=KEY, second_key=SECOND_KEY, timeout_s=fault.patience_s)


async def tried(upstream: str, fault: Fault, cases: Sequence[Case] | None = None) -> Trial:
    """The cases of the fault (or these) against a server that has it."""
    chosen = cases_of(fault) if cases is None else cases
    async with wrong_server(upstream, fault) as (base, world), connected(target(base, fault)) as client:
        report = await _run(client, chosen)
        return Trial(fault, world.fired, {row.id: row.verdict for row in report.requirements}, report)


async def _run(client: Client, cases: Sequence[Case]) -> Report:
    return await suite.run(client, suite.Options(), cases=cases)
