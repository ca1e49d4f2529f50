"""Every error that the code can answer with, read from its syntax: code, HTTP status and type."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from tests.arch.source import Function, Module, modules

from antiphon.core.errors import ApiError
from antiphon.http import faults as http_faults
from antiphon.spec import faults as spec_faults

Answer = tuple[str, int, str]
"""(code, status, type)"""

CARRIED = frozenset({"violation.code", "failure.code"})
"""Codes that come from elsewhere: from `spec/faults.py`, scanned apart, and from engines."""


def answers() -> set[Answer]:
    """Every code with each status and type that it is sent with."""
    found = {answer for module in modules() for answer in _Reading(module).answers()}
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


@dataclass(frozen=True)
class _Reading:
    module: Module

    def answers(self) -> Iterator[Answer]:
        known = classes()
        for call, inside, owner in _calls(self.module.tree, None, None):
            name = owner if ast.unparse(call.func) == "super().__init__" else called(call)
            if kind := known.get(name or ""):
                for code in self._codes(call, inside, kind):
                    yield code, kind.status, kind.type

    def _codes(self, call: ast.Call, inside: Function | None, kind: type[ApiError]) -> set[str]:
        given = next((keyword.value for keyword in call.keywords if keyword.arg == "code"), None)
        codes = {None} if given is None else self._texts(given, inside)
        return {code for code in (one or kind.default_code for one in codes) if code}

    def _texts(self, value: ast.expr, inside: Function | None) -> set[str | None]:
        """Every text that an expression can have."""
        match value:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.Constant(value=None):
                return {None}
            case ast.IfExp(body=one, orelse=other):
                return self._texts(one, inside) | self._texts(other, inside)
            case ast.FormattedValue(value=inner):
                return self._texts(inner, inside)
            case ast.JoinedStr(values=parts):
                every = product(*(self._texts(part, inside) for part in parts))
                return {"".join(str(text) for text in texts) for texts in every}
            case ast.Name(id=name) if inside is not None:
                return self._of_name(name, inside)
            case _:
                place = f"{self.module.name}:{value.lineno}"
                assert ast.unparse(value) in CARRIED, f"{place} takes a code that docs cannot know"
                return set()

    def _of_name(self, name: str, inside: Function) -> set[str | None]:
        """What a function assigns to a name of its own, or what its callers in the module hand in."""
        names = [argument.arg for argument in inside.args.args]
        if name not in names:
            assigned = [
                node.value
                for node in ast.walk(inside)
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
            ]
            assert assigned, f"{self.module.name}:{inside.lineno}: {name} is not assigned there"
            return {text for value in assigned for text in self._texts(value, inside)}
        place = names.index(name)
        late = place - len(names) + len(inside.args.defaults)
        found = self._texts(inside.args.defaults[late], inside) if late >= 0 else set[str | None]()
        for call, outside, _ in _calls(self.module.tree, None, None):
            if called(call) == inside.name:
                at = place - (names[0] == "self")
                given = [keyword.value for keyword in call.keywords if keyword.arg == name]
                for value in given or call.args[at : at + 1]:
                    found |= self._texts(value, outside)
        return found


def called(call: ast.Call) -> str | None:
    """The last name of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None


def _calls(
    tree: ast.AST, inside: Function | None, owner: str | None
) -> Iterator[tuple[ast.Call, Function | None, str | None]]:
    """Every call with the function and the class that it stands in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield node, inside, owner
        yield from _calls(
            node,
            node if isinstance(node, Function) else inside,
            node.name if isinstance(node, ast.ClassDef) else owner,
        )


def _violations() -> Iterator[str]:
    """First arguments of `Fault`; the one that is put together stands for its four readings."""
    (module,) = [module for module in modules("spec") if module.name == "spec/faults.py"]
    for call, _, _ in _calls(module.tree, None, None):
        if called(call) != "Fault":
            continue
        if isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value)
        else:
            for kind, below in product(("integer", "decimal"), (True, False)):
                yield spec_faults.out_of_range(0, 0, below=below, kind=kind).code
