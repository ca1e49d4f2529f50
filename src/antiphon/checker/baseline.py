"""Failures that are known, each with its reason: new ones fail the run, fixed ones are told.

The file is TOML, made to be read in a review:

    [[known]]
    requirement = "responses.stream.sequence-starts-at-zero"
    reason = "fixed upstream in 1.4, which we do not run yet"
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from antiphon.checker.markup import cleaned, one_line
from antiphon.checker.reading import UNTESTED, verdict_of
from antiphon.checker.report import Report, Row

UNEXPLAINED = "not looked into yet"
"""The reason that `--write-baseline` gives to a failure which had none."""
_HEAD = """\
# Known failures for `antiphon check --baseline`. A failure that is not listed fails the run.
# Say in each reason why it is accepted, and until when.
"""


class _Known(msgspec.Struct, forbid_unknown_fields=True):
    requirement: str
    reason: Annotated[str, msgspec.Meta(pattern=r"\S")]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    known: list[_Known] = []


class BaselineError(ValueError):
    """The file is no baseline; the text says why."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A run held against a baseline. `new` fail and are not listed; `known` are listed and fail; `fixed` are
    listed and pass; `moved` are listed and do neither; `untried` are listed and not in this run."""

    new: tuple[Row, ...] = ()
    known: tuple[Row, ...] = ()
    fixed: tuple[Row, ...] = ()
    moved: tuple[Row, ...] = ()
    untried: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 where a failure is new, of whatever level: the list is there to grow only on purpose."""
        return 1 if self.new else 0


def read(file: Path) -> dict[str, str]:
    """Requirement → reason. Raises `BaselineError`."""
    try:
        return parse(file.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise BaselineError(f"{file}: {exc}") from exc


def parse(text: str) -> dict[str, str]:
    """Requirement → reason. Raises `BaselineError`; an entry without a reason is refused."""
    try:
        entries = msgspec.convert(tomllib.loads(text), _File).known
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise BaselineError(str(exc)) from exc
    found: dict[str, str] = {}
    for entry in entries:
        if entry.requirement in found:
            raise BaselineError(f"{entry.requirement} is there twice")
        found[entry.requirement] = entry.reason
    return found


def judge(report: Report, known: Mapping[str, str]) -> Judged:
    rows = {row.id: row for row in report.requirements}
    failed = {name: row for name, row in rows.items() if row.verdict == "fail"}
    rest = [rows[name] for name in known if name in rows and name not in failed]
    tried = [row for row in rest if verdict_of(row) not in (UNTESTED, "skipped")]
    return Judged(
        new=tuple(row for name, row in failed.items() if name not in known),
        known=tuple(row for name, row in failed.items() if name in known),
        fixed=tuple(row for row in tried if row.verdict == "pass"),
        moved=tuple(row for row in tried if row.verdict != "pass"),
        untried=tuple(name for name in known if name not in failed and name not in {row.id for row in tried}),
    )


def tell(judged: Judged, known: Mapping[str, str]) -> str:
    """What the terminal says."""
    lines = [f"new failure: {row.id} ({row.level})" for row in judged.new]
    lines += [f"fixed, take it off the list: {row.id}" for row in judged.fixed]
    lines += [f"known, but now {verdict_of(row)}: {row.id}" for row in judged.moved]
    unexplained = [row.id for row in judged.known if known[row.id] == UNEXPLAINED]
    lines += [f"known without a reason: {name}" for name in unexplained]
    lines.append(
        f"baseline: {len(judged.new)} new, {len(judged.known)} known, {len(judged.fixed)} fixed, "
        f"{len(judged.moved)} changed, {len(judged.untried)} not tried"
    )
    return "\n".join(one_line(line) for line in lines)


def renewed(report: Report, known: Mapping[str, str]) -> dict[str, str]:
    """The list after this run: what fails, with the reason that it had, and what was not tried."""
    judged = judge(report, known)
    names = {row.id for row in (*judged.new, *judged.known)} | set(judged.untried)
    return {name: known.get(name, UNEXPLAINED) for name in sorted(names)}


def render(known: Mapping[str, str]) -> str:
    """The file's text."""
    tables = [
        f"\n[[known]]\nrequirement = {_string(name)}\nreason = {_string(reason)}\n"
        for name, reason in sorted(known.items())
    ]
    return _HEAD + "".join(tables)


def _string(text: str) -> str:
    """A TOML basic string; its escapes are a part of JSON's."""
    return json.dumps(cleaned(text), ensure_ascii=False)
