"""The command line: exit codes, listing without traffic, replay, configuration file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.checker.streams import text_stream

from antiphon.checker.report import read
from antiphon.cli import main

NOBODY = "http://127.0.0.1:9/v1"


def check(*args: str) -> Result:
    return CliRunner().invoke(main, ["check", *args], catch_exceptions=False)


def test_a_listing_needs_no_server() -> None:
    told = check("--list", "--profile", "core")
    assert told.exit_code == 0
    assert "responses.create.plain  (1 requests, 128 tokens)" in told.output
    assert "    MUST   responses.create.ends-completed" in told.output
    assert "requirements in the law book" in told.output.splitlines()[-1]


def test_a_listing_of_what_follows_a_url() -> None:
    told = check(NOBODY, "responses.create.plain", "--list")
    assert told.output.splitlines()[-1].startswith("1 cases, about 2 requests and at most 128 tokens")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "a URL is missing"),
        (("--replay",), "a recording is missing"),
        ((NOBODY, "--model", "m"), "Cannot connect"),
        ((NOBODY,), "Cannot connect"),
        ((NOBODY, "no.such.case", "--model", "m"), "no case fits"),
        (("ftp://host",), "not an http URL"),
        (("--list", "no.such.case"), "no case fits"),
        (("--replay", "absent.jsonl"), "absent.jsonl"),
    ],
)
def test_what_cannot_be_done_is_2(args: tuple[str, ...], message: str) -> None:
    told = check(*args)
    assert (told.exit_code, message in told.output) == (2, True), told.output


def test_a_replay_is_0_where_no_must_fails_and_1_where_one_does(tmp_path: Path) -> None:
    events = text_stream("Hel", "lo")
    (tmp_path / "right.jsonl").write_text("\n".join(map(json.dumps, events)))
    (tmp_path / "wrong.jsonl").write_text("\n".join(map(json.dumps, events[:-1])))
    record = tmp_path / "record.json"
    assert check("--replay", str(tmp_path / "right.jsonl")).exit_code == 0
    told = check("--replay", str(tmp_path / "wrong.jsonl"), "--json", str(record))
    assert told.exit_code == 1
    assert "responses.stream.ends-with-one-terminal-event" in told.output
    assert [row.id for row in read(record).failed()] == ["responses.stream.ends-with-one-terminal-event"]


def test_the_file_has_the_names_of_the_flags(tmp_path: Path) -> None:
    file = tmp_path / "check.toml"
    file.write_text(
        'url = "http://127.0.0.1:9"\nselect = ["responses.create.plain"]\nlist = true\nseed = 3\n'
    )
    told = check("--config", str(file))
    assert (told.exit_code, told.output.splitlines()[-1].startswith("1 cases")) == (0, True), told.output


def test_an_unknown_name_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "check.toml"
    file.write_text("colour = 1\n")
    told = check("--config", str(file))
    assert (told.exit_code, "unknown names: colour" in told.output) == (2, True)
