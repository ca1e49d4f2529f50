"""Whether the committed mapping is what the code says now, and points at things that are there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

from antiphon.checker import requirements
from antiphon.checker.drift import mapping
from antiphon.spec import catalogue

JSON = dict[str, Any]


def faults(file: Path, root: Path) -> list[str]:
    """One line for each fault, those that point nowhere first. Raises `mapping.NotMappable`."""
    committed = mapping.read(file)
    found: list[str] = []
    if committed["pin"]["sha256"] != catalogue.HASH:
        found.append(
            f"stale: made for pin {committed['pin']['sha256'][:12]}, the pin is {catalogue.HASH[:12]}"
        )
    for name, element in committed["elements"].items():
        found += [f"{name}: {fault}" for fault in _nowhere(element, root)]
    return found + _stale(committed["elements"], mapping.build(root, committed["run"])["elements"])


def _stale(committed: JSON, now: JSON) -> list[str]:
    found = [f"{name}: stale: the pin no longer has it" for name in committed if name not in now]
    for name, element in now.items():
        before = committed.get(name)
        if before is None:
            found.append(f"{name}: stale: not in the mapping")
        elif before != element:
            moved = [key for key in {**before, **element} if before.get(key) != element.get(key)]
            found.append(f"{name}: stale: {', '.join(moved)}")
    return found


def _nowhere(element: JSON, root: Path) -> list[str]:
    found = [f"points nowhere: {one['at']}" for one in element["code"] if not _is_there(one["at"], root)]
    found += [f"points nowhere: {test}" for test in element["tests"] if not (root / test).is_file()]
    known = requirements.load().by_id
    return found + [f"no such requirement: {one}" for one in element["requirements"] if one not in known]


def _is_there(place: str, root: Path) -> bool:
    """Whether `FILE::NAME`, `FILE::Class.name` or `FILE::TABLE[row]` is defined."""
    path, _, name = place.partition("::")
    file = root / path
    return file.is_file() and name.partition("[")[0] in _defined(file)


@cache
def _defined(file: Path) -> frozenset[str]:
    def names(body: list[ast.stmt], owner: str) -> list[str]:
        found: list[str] = []
        for node in body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    found.append(owner + name)
                case ast.ClassDef(name=name, body=inner):
                    found += [owner + name, *names(inner, f"{owner}{name}.")]
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    found.append(owner + name)
                case _:
                    pass
        return found

    return frozenset(names(ast.parse(file.read_text("utf-8")).body, ""))
