"""The product's source as the architecture tests read it: modules, syntax trees, committed files."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "antiphon"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """`name` is the path below `src/antiphon`, with slashes."""

    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    @property
    def imports(self) -> Iterator[str]:
        """Dotted names of everything imported, anywhere in the module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules(below: str = "") -> tuple[Module, ...]:
    """Every module of the package, or of one of its rooms, in order."""
    return tuple(
        Module(path.relative_to(PACKAGE).as_posix(), text := path.read_text("utf-8"), ast.parse(text))
        for path in sorted((PACKAGE / below).rglob("*.py"))
    )


@cache
def committed() -> tuple[Path, ...]:
    """Text files under version control; without git, every text file of the folders that are."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached"], cwd=ROOT, capture_output=True, check=False)
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else _found()
    paths = [ROOT / name for name in names if name and (ROOT / name).is_file()]
    return tuple(path for path in paths if b"\0" not in path.read_bytes()[:8_000])


def _found() -> list[str]:
    folders = [ROOT / name for name in ("src", "tests", "docs", "bench", ".ci", ".github")]
    return [str(path.relative_to(ROOT)) for folder in folders for path in folder.rglob("*") if path.is_file()]
