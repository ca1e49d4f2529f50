"""Where the code does what an element of the pin asks: `python -m antiphon.code_places < NAMES`.

Reads a JSON list of elements (`event:response.created`, as the law book names them) and writes their places:
rows of the tables as they are imported, and functions whose text names the element. Nothing is typed in. It
stands beside `wiring` because it looks into every room, which the checker may not.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from antiphon.core import kinds, support, tools
from antiphon.http import routes
from antiphon.spec import catalogue, pin

HERE = Path(__file__).parent
ROOMS = ("core", "http", "run", "engines", "tools", "store", "inputs")

# fmt: off
_REQUEST = (
    "core/request.py", "core/tools.py", "core/compaction.py", "http/responses.py", "http/body.py",
    "http/include.py", "http/lists.py", "http/lanes.py", "run/",
)
_REPLY = (
    "core/request.py", "core/machine.py", "core/turn.py", "core/restore.py", "core/compaction.py",
    "core/errors.py", "core/chat/stream.py", "core/chat/chunks.py", "core/deltas.py", "run/", "http/",
    "store/",
)
# fmt: on
_MOST = 8
"""Places that are listed for one element; a word that stands in more is told by the first of them."""


@dataclass(slots=True)
class Function:
    """`at` is `src/antiphon/core/request.py::plan_request`; a table at the top of a module is one too.

    `keys` are words used as keys of an object, `patterns` those that an f-string makes.
    """

    at: str
    kind: str = "function"
    words: set[str] = field(default_factory=set[str])
    keys: set[str] = field(default_factory=set[str])
    calls: set[str] = field(default_factory=set[str])
    patterns: set[str] = field(default_factory=set[str])

    def says(self, word: str) -> bool:
        return word in self.words or any(re.fullmatch(pattern, word) for pattern in self.patterns)

    @property
    def room(self) -> str:
        return self.at.removeprefix("src/antiphon/")


Place = dict[str, str]
"""`{"kind": "route" | "row" | "table" | "function", "at": FILE::NAME}`; `"says"` where a row has words."""
Finder = Callable[[str], Iterator[Place]]


def places(elements: Iterable[str]) -> dict[str, list[Place]]:
    """Element → its places; an empty list where the code does not know it."""
    return {element: _places(element) for element in elements}


def _places(element: str) -> list[Place]:
    group, _, name = element.partition(":")
    found = list(_FINDERS[group](name)) if group in _FINDERS else []
    unique = {(one["kind"], one["at"]): one for one in found}
    return list(unique.values())[:_MOST]


def _row(module: str, table: str, key: str, says: str = "") -> Place:
    place = {"kind": "row", "at": f"src/antiphon/{module}::{table}[{key}]"}
    return place | ({"says": says} if says else {})


def _functions(found: Iterable[Function]) -> Iterator[Place]:
    for one in sorted(found, key=lambda one: one.at):
        yield {"kind": one.kind, "at": one.at}


def _words(word: str, *rooms: str) -> Iterator[Place]:
    yield from _functions(one for one in index() if one.says(word) and one.room.startswith(rooms))


def _keys(word: str, *rooms: str) -> Iterator[Place]:
    yield from _functions(one for one in index() if word in one.keys and one.room.startswith(rooms))


# ---------- by group of elements


def _operation(name: str) -> Iterator[Place]:
    for route in routes.API:
        if route.official == name:
            yield {"kind": "route", "at": f"src/antiphon/http/routes.py::API[{name}]"}
            yield {"kind": "function", "at": _at(route.run)}


def _at(function: Any) -> str:
    module = str(function.__module__).removeprefix("antiphon.").replace(".", "/")
    return f"src/antiphon/{module}.py::{function.__qualname__}"


def _parameter(name: str) -> Iterator[Place]:
    operation, _, key = name.rpartition(":")
    if operation:
        yield from _reached(operation, key)
        return
    row = support.SUPPORT.get(key)
    if row is not None:
        yield _row("core/support.py", "SUPPORT", key, row.how)
    yield from _keys(key, *_REQUEST)


def _query(name: str) -> Iterator[Place]:
    operation, _, key = name.rpartition(":")
    yield from _reached(operation, key)


def _reached(operation: str, key: str) -> Iterator[Place]:
    """Functions that name the parameter, among those that the operation's function reaches by name."""
    start = next((_at(one.run) for one in routes.API if one.official == operation), None)
    if start is None:
        return
    by_name: dict[str, list[Function]] = {}
    for one in index():
        by_name.setdefault(one.at.rpartition("::")[2].rpartition(".")[2], []).append(one)
    seen: dict[str, Function] = {}
    pending = [one for one in index() if one.at == start]
    for _ in range(4):
        seen |= {one.at: one for one in pending}
        names = {name for one in pending for name in one.calls}
        pending = [one for name in names for one in by_name.get(name, ()) if one.at not in seen]
    yield from _functions(one for one in seen.values() if key in one.words)


def _field(name: str) -> Iterator[Place]:
    kind, _, key = name.rpartition(".")
    if kind == "Response" or kind not in pin.load().types:
        yield from _keys(key, *_REPLY)
        return
    served = {route.official for route in routes.API}
    makers = [
        operation
        for operation, known in catalogue.operations().items()
        if operation in served and known.returns == {"ref": kind}
    ]
    if makers:
        yield from (place for operation in makers for place in _reached(operation, key))
    elif kind in (
        "ResponseUsage",
        "InputTokensDetails",
        "OutputTokensDetails",
        "ResponseError",
        "IncompleteDetails",
    ):
        yield from _keys(key, *_REPLY)


def _event(name: str) -> Iterator[Place]:
    if name in kinds.EVENT_PLACES:
        yield _row("core/kinds.py", "EVENT_PLACES", name, kinds.EVENT_PLACES[name])
    yield from _words(name, "core/", "run/", "http/")


def _item(name: str) -> Iterator[Place]:
    for table in ("ITEM_KINDS", "INPUT_PREFIXES"):
        if name in getattr(kinds, table):
            yield _row("core/kinds.py", table, name)
    yield from _words(name, "core/", "run/", "engines/")


def _tool(name: str) -> Iterator[Place]:
    if name in tools.HOSTED_TYPES:
        yield _row("core/tools.py", "HOSTED_TYPES", name)
    yield from _words(
        name, "core/tools.py", "core/chat/request.py", "core/request.py", "tools/", "engines/build.py"
    )


def _enum(name: str) -> Iterator[Place]:
    known = pin.load().enums.get(name)
    values = {
        "incomplete_reason": catalogue.INCOMPLETE_REASONS,
        "error_code": catalogue.ERROR_CODES,
    }.get(name, known.values if known is not None else ())
    for value in values:
        yield from _words(value, "core/", "run/")


def _in(*rooms: str) -> Finder:
    def find(name: str) -> Iterator[Place]:
        return _words(name, *rooms)

    return find


_FINDERS: Mapping[str, Finder] = {
    "operation": _operation,
    "parameter": _parameter,
    "query": _query,
    "field": _field,
    "event": _event,
    "item": _item,
    "tool": _tool,
    "enum": _enum,
    "frame": _in("http/socket", "http/lanes"),
    "webhook": _in("run/webhooks", "http/webhook"),
    "part": _in("core/", "inputs/", "engines/"),
    "annotation": _in("core/", "tools/", "engines/"),
    "format": _in("core/", "engines/"),
    "tool_choice": _in("core/tools.py", "core/chat/forced.py", "core/chat/request.py"),
    "include": _in("core/", "http/", "run/", "tools/"),
    "error": _in("core/", "http/", "run/", "spec/faults.py", "spec/checks.py", "spec/validate.py"),
    "header": _in("http/"),
}


# ---------- the index of functions


@cache
def index() -> tuple[Function, ...]:
    """Every function of the rooms, and every table at the top of a module, with the words in it."""
    found: list[Function] = []
    paths = [path for room in ROOMS for path in sorted((HERE / room).rglob("*.py"))]
    for path in [*paths, *(HERE / "spec" / f"{name}.py" for name in ("faults", "checks", "validate"))]:
        base = f"src/antiphon/{path.relative_to(HERE).as_posix()}"
        found += _indexed(ast.parse(path.read_text("utf-8")).body, base, "")
    return tuple(found)


def _indexed(body: list[ast.stmt], base: str, owner: str) -> Iterator[Function]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield _read(Function(f"{base}::{owner}{name}"), node)
            case ast.ClassDef(name=name, body=inner):
                yield from _indexed(inner, base, f"{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield _read(Function(f"{base}::{owner}{name}", "table"), node)
            case _:
                pass


def _read(function: Function, node: ast.AST) -> Function:
    docstrings = {
        id(one.body[0].value)
        for one in ast.walk(node)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and isinstance(one.body[0], ast.Expr)
    }
    for one in ast.walk(node):
        match one:
            case ast.Constant(value=str(text)) if id(one) not in docstrings:
                function.words.add(text.lower() if text.istitle() else text)
            case ast.JoinedStr(values=parts):
                function.patterns |= set(_patterns(parts))
            case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                function.calls.add(name)
            case ast.Name(id=name):
                function.calls.add(name)  # handed on, as the functions of a table are
            case _:
                pass
        function.keys |= set(_keys_of(one))
    return function


def _patterns(parts: list[ast.expr]) -> Iterator[str]:
    """What an f-string without spaces can say, as a regular expression; a few letters would say too much."""
    said = [_choices(one) for one in parts]
    letters = "".join(one[0] for one in said if one)
    if len(letters) >= 8 and not re.search(r"[\s/<>:]", letters):
        yield "".join(f"({'|'.join(map(re.escape, one))})" if one else r"[\w-]+" for one in said)


def _choices(part: ast.expr) -> list[str]:
    """What a part of an f-string says; nothing where that is not written there."""
    match part:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.FormattedValue(
            value=ast.IfExp(body=ast.Constant(value=str(one)), orelse=ast.Constant(value=str(other)))
        ):
            return [one, other]
        case _:
            return []


def _keys_of(node: ast.AST) -> Iterator[str]:
    """Words that are keys here: `x["key"]`, `x.get("key")`, `f(x, "key")`, `{"key": …}`, `"key" in x`."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(text))):
            yield text
        case ast.Call(
            func=ast.Attribute(attr="get" | "pop" | "setdefault"), args=[ast.Constant(value=str(text)), *_]
        ):
            yield text
        case ast.Call(args=[_, ast.Constant(value=str(text)), *_]):
            yield text
        case ast.Dict(keys=keys):
            yield from (
                one.value for one in keys if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )
        case ast.Compare(left=ast.Constant(value=str(text)), ops=[ast.In() | ast.NotIn()]):
            yield text
        case _:
            pass


if __name__ == "__main__":
    json.dump(places(json.load(sys.stdin)), sys.stdout)
