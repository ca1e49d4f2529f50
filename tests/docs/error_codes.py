"""Every error that the code can answer with, read from its syntax: code, HTTP status and type."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.arch.source import Module, modules

from antiphon.core.errors import ApiError
from antiphon.http import faults as http_faults
from antiphon.spec import faults as spec_faults

Answer = tuple[str, int, str]
"""(code, status, type)"""

CARRIED = frozenset({"violation.code", "failure.code", "code", "error.code"})
"""Codes that come from elsewhere: from `spec/faults.py`, scanned apart, and from engines."""


def answers() -> set[Answer]:
    """Every code with each status and type that it is sent with."""
    found = {answer for module in modules() for answer in _raised(module)}
    return found | {(code, 400, "invalid_request_error") for code in _violations()}


def classes() -> dict[str, type[ApiError]]:
    """Error classes by name, of every room."""
    assert http_faults  # imported, so that its classes are known
    found: dict[str, type[ApiError]] = {}
    waiting = [ApiError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return found


def _raised(module: Module) -> Iterator[Answer]:
    known = classes()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and (kind := known.get(_name(node.func))):
            for code in _codes(module, node, kind):
                yield code, kind.status, kind.type
        if isinstance(node, ast.ClassDef) and node.name in known:
            kind = known[node.name]
            for call in _super_calls(node):
                for code in _codes(module, call, kind):
                    yield code, kind.status, kind.type


def _codes(module: Module, call: ast.Call, kind: type[ApiError]) -> list[str]:
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "code"), None)
    if given is None:
        return [kind.default_code] if kind.default_code else []
    if isinstance(given, ast.IfExp):
        return [part.value for part in (given.body, given.orelse) if isinstance(part, ast.Constant)]
    if isinstance(given, ast.Constant):
        return [str(given.value)]
    assert ast.unparse(given) in CARRIED, f"{module.name}:{call.lineno} takes a code that docs cannot know"
    return []


def _super_calls(node: ast.ClassDef) -> Iterator[ast.Call]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "super().__init__":
            yield inner


def _violations() -> Iterator[str]:
    """First arguments of `Fault`; the one that is put together stands for its four readings."""
    (module,) = [module for module in modules("spec") if module.name == "spec/faults.py"]
    assert spec_faults.Fault
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Call) and _name(node.func) == "Fault"):
            continue
        code = node.args[0]
        if isinstance(code, ast.Constant):
            yield str(code.value)
        else:
            for kind in ("integer", "decimal"):
                for below in (True, False):
                    yield spec_faults.out_of_range(0, 0, below=below, kind=kind).code


def _name(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
