"""Versions of the OpenAI SDK: found on the package index, fetched into a cache, read in a child process."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

JSON = dict[str, Any]

PACKAGE = "openai"
VERSION = re.compile(r"\d+\.\d+(\.\d+)?([a-z0-9.]*)")
_LIMIT_S = 300
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


class Unobtainable(RuntimeError):
    """A surface could not be had: no network, no such version, not a package of the SDK."""


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/antiphon/spec`, by default in the home folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "antiphon" / "spec"


def newest() -> str:
    """The newest version on the package index. Raises `Unobtainable`."""
    text = _run([*_PIP, "index", "versions", PACKAGE], {}).splitlines()
    found = re.match(rf"{PACKAGE} \(([^)]+)\)", text[0]) if text else None
    if found is None:
        raise Unobtainable("the package index does not say which version is the newest")
    return found[1]


def installed() -> JSON:
    """The surface of the SDK that is installed beside this program. Raises `Unobtainable`."""
    return _extracted(None)


def fetched(version: str, cache: Path) -> JSON:
    """The surface of a version from the package index. Raises `Unobtainable`."""
    return _cached(f"{PACKAGE}=={version}", f"{PACKAGE}-{version}", cache)


def from_wheel(wheel: Path, cache: Path) -> JSON:
    """The surface of a wheel file. Raises `Unobtainable`."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()[:12]
    return _cached(str(wheel.resolve()), f"{wheel.stem}-{digest}", cache)


def _cached(requirement: str, name: str, cache: Path) -> JSON:
    """The surface kept in the cache; one that another extractor made is made again."""
    kept = cache / f"{name}.{_extractor()}.json"
    if not kept.is_file():
        surface = _extracted(_package(requirement, cache / name))
        kept.write_text(json.dumps(surface), "utf-8")
    return json.loads(kept.read_text("utf-8"))


def _package(requirement: str, folder: Path) -> Path:
    """The folder with the unpacked SDK and what it needs: older ones need other libraries than ours."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            target = Path(made) / "package"
            _run([*_PIP, "install", "--quiet", "--no-compile", "--target", str(target), requirement], {})
            shutil.move(target, folder)
    return folder


def _extracted(folder: Path | None) -> JSON:
    path = {} if folder is None else {"PYTHONPATH": str(folder)}
    return json.loads(_run([sys.executable, "-m", "antiphon.checker.drift.extraction"], path))


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Unobtainable(said[-1] if said else f"{command[2:4]} ended with {done.returncode}")
    return done.stdout


def _extractor() -> str:
    """A short hash of the extractor's own text."""
    folder = resources.files("antiphon.spec")
    texts = [
        folder.joinpath(f"{name}.py").read_bytes() for name in ("extract", "extract_fold", "extract_types")
    ]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:8]
