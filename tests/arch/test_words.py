"""Words, places and leftovers that the house does without."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.arch.source import ROOT, Module, committed, modules

FORBIDDEN = ("manager", "handler", "helper", "util", "service", "processor", "orchestrator", "misc")
OFFICIAL = re.compile(r"service_tiers?|ServiceTier", re.IGNORECASE)
"""Names that the official API gives."""

CATCH_ALL = {"http/app.py": 1, "http/socket.py": 1, "run/loop.py": 2}
"""Who may catch everything and go on: the error sides of HTTP and WebSocket, and the run's driver (twice)."""

LEFTOVERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
# Written in pieces, so that this file does not hold what it looks for.
PLACES = re.compile(
    r"/wo" r"rk/|/ro" r"ot/|/ho" r"me/\w+/|/Us" r"ers/\w+/|\bfa" r"rm\b|/opt/" r"pypi", re.IGNORECASE
)


def defined(module: Module) -> Iterator[tuple[int, str]]:
    """Every name that the module gives to something: functions, classes, parameters, variables, fields."""
    for node in ast.walk(module.tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.Attribute(attr=name, ctx=ast.Store()) if isinstance(node.value, ast.Name):
                if node.value.id == "self":
                    yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name
            case _:
                pass


def test_names_avoid_the_words_that_say_nothing() -> None:
    found = [
        f"{module.name}:{line} {name}"
        for module in modules()
        for line, name in [(0, module.name), *defined(module)]
        if any(word in OFFICIAL.sub("", name).lower() for word in FORBIDDEN)
    ]
    assert found == []


def test_everything_is_caught_only_where_the_rim_ends() -> None:
    found = [
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node.type) and not raises_again(node)
    ]
    there = {module.name for module in modules()}
    assert {name: found.count(name) for name in found} == {
        name: count for name, count in CATCH_ALL.items() if name in there
    }


def catches_everything(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(catches_everything(part) for part in kind.elts)
    return kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))


def raises_again(node: ast.ExceptHandler) -> bool:
    """It cleans up and lets the exception pass."""
    last = node.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in committed()
        if path.suffix in (".py", ".md", ".toml", ".sql", ".yml", ".yaml", ".mjs", ".js", ".ts", ".sh")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if LEFTOVERS.search(line)
    ]
    assert found == []


def test_no_file_names_a_place_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}"
        for path in committed()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if PLACES.search(line)
    ]
    assert found == []
