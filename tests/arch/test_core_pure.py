"""`core/` is a function of its arguments: nothing waits, opens or prints in it."""

from __future__ import annotations

import ast

from tests.arch.source import modules

WAITING = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
DOORS = frozenset({"open", "input", "print", "exec", "eval", "breakpoint", "__import__"})


def test_nothing_in_the_core_waits() -> None:
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules("core")
        for node in ast.walk(module.tree)
        if isinstance(node, WAITING)
    ]
    assert found == []


def test_nothing_in_the_core_opens_or_prints() -> None:
    found = [
        f"{module.name}:{node.lineno} {node.func.id}"
        for module in modules("core")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DOORS
    ]
    assert found == []


def test_no_module_of_the_core_keeps_state() -> None:
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules("core")
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.Global, ast.Nonlocal))
    ]
    assert found == []
