"""What README.md tells people to run does what it says, on the embedded demo model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.arch.source import ROOT
from tests.docs.serving import Serving, need_server, serving
from tests.docs.test_pages import blocks

README = ROOT / "README.md"
ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    need_server(demo=True)
    with serving(tmp_path_factory.mktemp("demo")) as started:
        yield started


def run(program: list[str], text: str, server: Serving) -> str:
    assert ADDRESS in text
    done = subprocess.run(
        [*program, text.replace(ADDRESS, server.url)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_curl_line_is_answered(server: Serving) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    (line,) = [block for block in blocks(README, "sh") if "curl" in block]
    response = json.loads(run(["bash", "-c"], line, server))
    assert response["object"] == "response"
    assert response["status"] == "completed"
    assert "good morning" in response["output"][-1]["content"][0]["text"].lower()


def test_the_python_program_prints_an_answer(server: Serving) -> None:
    (program,) = blocks(README, "python")
    assert "Ada" in run([sys.executable, "-c"], program, server)


def test_the_two_commands_are_the_ones_of_the_makefile() -> None:
    first = next(block for block in blocks(README, "sh"))
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make serve", "make test"]


def test_flags_in_the_readme_are_flags_of_serve() -> None:
    from antiphon.cli import serve

    known = {option for parameter in serve.params for option in parameter.opts}
    lines = [
        line for block in blocks(README, "sh") for line in block.splitlines() if "antiphon serve" in line
    ]
    assert lines
    used = {word for line in lines for word in line.partition("#")[0].split() if word.startswith("--")}
    assert used <= known
