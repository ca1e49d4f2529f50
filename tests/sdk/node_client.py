"""Running `node/run.mjs`, and the jobs that the tests of the Node client ask of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

JSON = dict[str, Any]
FOLDER = Path(__file__).parent / "node"
PATIENCE_S = 120


def node() -> str:
    """The Node that the client's package came with; skips the test where there is none."""
    found = FOLDER / "node_modules" / ".bin" / "node"
    if not (FOLDER / "node_modules" / "openai").is_dir() or not found.exists():
        why = "run `make setup`" if shutil.which("npm") else "npm is not installed"
        pytest.skip(f"the Node client is not there: {why}")
    return str(found)


def run(root: str, jobs: list[JSON]) -> dict[str, JSON]:
    """What each job saw: `{"seen": …}` or `{"error": …}`, by the job's name."""
    given = json.dumps({"root": root, "jobs": jobs})
    done = subprocess.run(
        [node(), "run.mjs"],
        check=False,
        input=given.encode(),
        cwd=FOLDER,
        capture_output=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return json.loads(done.stdout)
