"""Dependencies point down."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.arch.source import ROOT, modules

# Doors to the world, to time and to chance; `core` has none of them.
# fmt: off
IMPURE = frozenset((
    "aiohttp", "anyio", "apsw", "asyncio", "concurrent", "ctypes", "datetime", "http", "httpx", "logging",
    "multiprocessing", "os", "pathlib", "pickle", "random", "secrets", "select", "shutil", "signal", "socket",
    "sqlite3", "ssl", "starlette", "structlog", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib", "uuid", "uvicorn", "uvloop", "websockets", "zoneinfo",
))
# fmt: on
# Pure parts of a module that has doors; each is a function of its arguments.
PURE_PARTS = frozenset({"urllib.parse"})


def test_names_point_down() -> None:
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports"
    done = subprocess.run(
        [program, "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_checker_knows_only_the_law_book() -> None:
    checker = modules("checker")
    if not checker:
        pytest.skip("there is no antiphon.checker yet")
    ours = {
        (module.name, name) for module in checker for name in module.imports if name.startswith("antiphon")
    }
    assert {
        (module, name) for module, name in ours if not name.startswith(("antiphon.spec", "antiphon.checker"))
    } == set()


def test_the_core_has_no_doors() -> None:
    found = {
        (module.name, name)
        for module in modules("core")
        for name in module.imports
        if name.partition(".")[0] in IMPURE and not any(name.startswith(part) for part in PURE_PARTS)
    }
    assert found == set()
