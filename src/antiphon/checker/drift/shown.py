"""Which test files show an element of the pin: by a string, a key, a keyword, a path or an SDK call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from antiphon.spec import catalogue

MOST = 6
"""Files that are listed for one element; those nearest to a client come first."""

_FOLDERS = ("conformance", "sdk", "wire", "contract", "engine", "fault", "unit")


@dataclass(slots=True)
class TestFile:
    """`words` are its strings, `keys` its keys, keywords and attributes, `paths` what it requests."""

    __test__ = False

    path: str
    text: str
    words: set[str] = field(default_factory=set[str])
    keys: set[str] = field(default_factory=set[str])
    paths: set[str] = field(default_factory=set[str])


def places(root: Path, elements: Iterable[str]) -> dict[str, list[str]]:
    """Element → test files below `root` that show it."""
    files = _files(root.resolve())
    return {element: _shown(element, files) for element in elements}


def _shown(element: str, files: tuple[TestFile, ...]) -> list[str]:
    group, _, name = element.partition(":")
    if group == "operation":
        found = [file.path for file in files if _requests(file, name)]
    elif group in ("parameter", "query"):
        operation, _, key = name.rpartition(":")
        operation = operation or "POST /responses"
        found = [file.path for file in files if key in file.keys and _requests(file, operation)]
    elif group == "field":
        kind, _, key = name.rpartition(".")
        found = [file.path for file in files if key in file.keys and _answers(file, kind)]
    elif group == "enum":
        found = [file.path for file in files if name in file.keys]
    else:
        found = [file.path for file in files if name in file.words]
    return found[:MOST]


def _requests(file: TestFile, operation: str) -> bool:
    method, _, template = operation.partition(" ")
    shape = re.compile(r"(/v1)?" + re.sub(r"\\{\w+\\}", "[^/?]+", re.escape(template)) + r"(\?.*)?")
    if any(shape.fullmatch(path) for path in file.paths):
        alone = sum(1 for one in catalogue.operations() if one.endswith(f" {template}")) == 1
        return alone or bool(re.search(rf"\b{method}\b|\b{method.lower()}\(", file.text))
    words = catalogue.operations()[operation].sdk.split(".")
    call = ".".join(word for place, word in enumerate(words) if word not in words[:place])
    return f".{call}(" in file.text


def _answers(file: TestFile, kind: str) -> bool:
    """Whether the file asks for an object of this type, alone or inside a response."""
    makers = [name for name, one in catalogue.operations().items() if one.returns == {"ref": kind}]
    return any(_requests(file, name) for name in makers or ("POST /responses",))


@cache
def _files(root: Path) -> tuple[TestFile, ...]:
    def nearness(path: Path) -> tuple[int, str]:
        folder = path.relative_to(root / "tests").parts[0]
        return (_FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS)), path.as_posix()

    files: list[TestFile] = []
    for path in sorted((root / "tests").rglob("test_*.py"), key=nearness):
        if "checker" in path.parts or "arch" in path.parts:
            continue  # the instrument's own tests show nothing of the server
        file = TestFile(path.relative_to(root).as_posix(), path.read_text("utf-8"))
        for node in ast.walk(ast.parse(file.text)):
            _read(file, node)
        files.append(file)
    return tuple(files)


def _read(file: TestFile, node: ast.AST) -> None:
    match node:
        case ast.Constant(value=str(text)):
            file.words.add(text)
            if text.startswith("/"):
                file.paths.add(text)
        case ast.JoinedStr(values=parts):
            path = "".join(str(one.value) if isinstance(one, ast.Constant) else "x" for one in parts)
            if path.startswith(("/", "x/")):
                file.paths.add(path[path.index("/") :])
        case ast.keyword(arg=str(name)) | ast.Attribute(attr=name):
            file.keys.add(name)
        case ast.Dict(keys=keys):
            file.keys |= {str(one.value) for one in keys if isinstance(one, ast.Constant)}
        case ast.Subscript(slice=ast.Constant(value=str(text))):
            file.keys.add(text)
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(text)), *_]):
            file.keys.add(text)
        case _:
            pass
