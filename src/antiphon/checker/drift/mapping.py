"""Which code, tests and requirements stand behind each element of the pin, and what the last run said of it.

The code's places come from `antiphon.code_places`, run as a program, for the checker imports nothing of the
server.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from antiphon.checker import requirements
from antiphon.checker.drift import shown as showing
from antiphon.spec import catalogue

JSON = dict[str, Any]

FORMAT = "antiphon-mapping/1"
TRIED = ("pass", "fail", "warn", "unclear")
"""Verdicts that say something of the element; `unimplemented` and `skipped` do not count in its score."""


class NotMappable(RuntimeError):
    """There is no checkout, mapping or report where one was named, or it cannot be read."""


def build(root: Path, run: JSON | None) -> JSON:
    """The mapping of the checkout at `root`. `run` as from `run_of`. Raises `NotMappable`."""
    if not (root / "tests").is_dir():
        raise NotMappable(f"{root.resolve()} is no checkout of this project: it has no tests/")
    coverage = requirements.load().coverage()
    code = _code_places(coverage)
    tests = showing.places(root, coverage)
    verdicts: JSON = (run or {}).get("verdicts", {})
    return {
        "format": FORMAT,
        "pin": {"version": catalogue.VERSION, "date": catalogue.DATE, "sha256": catalogue.HASH},
        "run": run,
        "elements": {
            name: _element(code[name], tests[name], shown, verdicts) for name, shown in coverage.items()
        },
    }


def render(mapping: JSON) -> str:
    """The mapping's text: one element on each line, so that a change reads as one line in a diff."""
    head = {key: mapping[key] for key in ("format", "pin", "run")}
    lines = ",\n".join(f"  {_text(name)}: {_text(one)}" for name, one in mapping["elements"].items())
    return "{\n" + "".join(f"{_text(key)}: {_text(one)},\n" for key, one in head.items()) + (
        f'"elements": {{\n{lines}\n}}\n}}\n'
    )  # fmt: skip


def read(file: Path) -> JSON:
    """A mapping from its file. Raises `NotMappable`."""
    try:
        found: JSON = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise NotMappable(f"{file}: {exc}") from exc
    if found.get("format") != FORMAT:
        raise NotMappable(f"{file} is no mapping of form {FORMAT}")
    return found


def kept_run(file: Path) -> JSON | None:
    """The run that the mapping in this file was made with, if there is one."""
    return read(file)["run"] if file.is_file() else None


def run_of(report: Path) -> JSON:
    """What a mapping keeps of a report of `antiphon check`. Raises `NotMappable`."""
    try:
        found: JSON = json.loads(report.read_text("utf-8"))
        verdicts = {one["id"]: one["verdict"] for one in found["requirements"]}
        return {
            "started": found["started"],
            "profile": found.get("profile"),
            "pin": found["pin"]["version"],
            "verdicts": {name: verdicts[name] for name in sorted(verdicts) if verdicts[name] != "skipped"},
        }
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise NotMappable(f"{report} is no report of `antiphon check`: {exc!r}") from exc


def summary(mapping: JSON) -> str:
    """One line: how many elements have which status."""
    counts = Counter(str(one["status"]) for one in mapping["elements"].values())
    words = ", ".join(f"{counts[status]} {status}" for status in sorted(counts))
    return f"{len(mapping['elements'])} elements of openai {mapping['pin']['version']}: {words}"


def by_group(mapping: JSON) -> dict[str, Counter[str]]:
    """Group of elements (`event`, `item`, …) → how many have which status."""
    groups: dict[str, Counter[str]] = {}
    for name, one in mapping["elements"].items():
        groups.setdefault(name.partition(":")[0], Counter())[str(one["status"])] += 1
    return groups


def _element(
    code: list[JSON], tests: list[str], shown: tuple[str, ...] | str, verdicts: Mapping[str, str]
) -> JSON:
    names = list(shown) if isinstance(shown, tuple) else []
    said = [verdicts[name] for name in names if name in verdicts]
    tried = [one for one in said if one in TRIED]
    element: JSON = {"status": _status(code, said), "code": code, "tests": tests, "requirements": names}
    if tried:
        element["score"] = round(tried.count("pass") / len(tried), 2)
    return element | ({"gap": shown} if isinstance(shown, str) and shown else {})


def _status(code: list[JSON], said: list[str]) -> str:
    """`absent` (the code does not know it), `refused`, the worst verdict of the last run, or `untried`."""
    if not code:
        return "absent"
    if any(place.get("says") == "refused" for place in code):
        return "refused"
    worst = ("fail", "warn", "unclear", "pass", "unimplemented")
    return next((verdict for verdict in worst if verdict in said), "untried")


def _code_places(elements: Iterable[str]) -> dict[str, list[JSON]]:
    done = subprocess.run(
        [sys.executable, "-m", "antiphon.code_places"],
        input=json.dumps(list(elements)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        raise NotMappable(f"the code could not be read: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
