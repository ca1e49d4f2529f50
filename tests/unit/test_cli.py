"""The command line as scripts see it: names, exit codes, streams and how soon it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result

from antiphon.cli import main, serve
from antiphon.config_fields import bare, fields


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def python(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_contract_of_serve_is_complete() -> None:
    flags = {option for parameter in serve.params for option in parameter.opts}
    contract = "--host --port --engine --engine-url --engine-key --model --store --config"
    assert set(contract.split()) <= flags
    assert flags - set(contract.split()) == {"--log-level", "--log-format", "--set"}


def test_metavars_name_the_choices_that_the_settings_take() -> None:
    context = serve.make_context("serve", [])
    metavars = {flag.opts[0]: flag.make_metavar(context).split("|") for flag in serve.params}
    choices = {field.flags[0]: get_args(bare(field.type)) for field in fields().values() if field.flags}
    for flag in ("--engine", "--log-level", "--log-format"):
        assert tuple(metavars[flag]) == choices[flag]


def test_help_needs_none_of_the_heavy_imports(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom antiphon.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = python("-c", program, cwd=tmp_path)
    assert "serve" in done.stdout
    heavy = {
        "aiohttp",
        "starlette",
        "uvicorn",
        "structlog",
        "cryptography",
        "apsw",
        "openai",
        "jsonschema_rs",
    }
    assert not heavy & set(done.stderr.replace("'", "").strip("[]\n").split(", "))


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = python("-m", "antiphon", "version", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("antiphon 0.")
    assert "Usage: antiphon serve" in python("-m", "antiphon", "serve", "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    "args", [["--port", "many"], ["--prot", "1"], ["--config", "absent.toml"], ["--set", "x"]]
)
@pytest.mark.parametrize("command", ["serve", "config"])
def test_wrong_usage_ends_with_code_2_and_says_why(command: str, args: list[str]) -> None:
    result = run(command, *args)
    assert result.exit_code == 2
    assert not result.stdout
    assert args[1] in result.stderr or args[0] in result.stderr


def test_config_prints_what_serve_would_use() -> None:
    result = run("config", "--json", "--port", "0", "--engine", "scripted")
    assert result.exit_code == 0
    values = {row["name"]: (row["value"], row["source"]) for row in json.loads(result.stdout)}
    assert values["http.port"] == (0, "--port")
    assert values["engines[0].kind"] == ("scripted", "--engine")


@pytest.mark.parametrize(("shape", "sign"), [("--toml", "[http]\nhost ="), (None, "http.port   ")])
def test_config_prints_other_shapes(shape: str | None, sign: str) -> None:
    assert sign in run("config", *filter(None, [shape])).stdout


def test_the_list_of_commands_says_of_check_what_check_says() -> None:
    from antiphon.checker.commands import check

    shown = CliRunner().invoke(main, ["--help"]).output
    assert check.get_short_help_str(80) in shown
