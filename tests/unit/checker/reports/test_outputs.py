"""The options around a record: which files are written, what is said, which exit code follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tests.unit.checker.reports import sample

from antiphon.checker import exporter, outputs, report
from antiphon.checker.report import Report


def command(made: Report | None = None) -> click.Command:
    """A command with these options, whose run gives this report."""

    @click.command()
    @click.argument("args", nargs=-1)
    @outputs.output_options
    def check(args: tuple[str, ...], **flags: Any) -> None:
        wanted = outputs.taken(flags)
        assert flags == {}
        if wanted.offline:
            raise SystemExit(outputs.from_records(args, wanted))
        assert made is not None
        raise SystemExit(outputs.deliver(made, wanted))

    return check


def invoke(made: Report | None, *args: str | Path) -> Result:
    return CliRunner().invoke(command(made), [str(one) for one in args])


def test_every_reading_is_written(tmp_path: Path) -> None:
    names = {"--json": "a.json", "--html": "deep/er/a.html", "--md": "a.md", "--junit": "a.xml"}
    names |= {"--sarif": "a.sarif", "--metrics-file": "a.prom"}
    flags = [part for flag, name in names.items() for part in (flag, tmp_path / name)]
    done = invoke(sample.small(), *flags)
    assert done.exit_code == 1, done.output
    assert all((tmp_path / name).stat().st_size > 500 for name in names.values())
    assert report.read(tmp_path / "a.json") == sample.small()


def test_a_record_gives_the_same_readings_as_its_run(tmp_path: Path) -> None:
    invoke(sample.large(), "--json", tmp_path / "a.json", "--html", tmp_path / "run.html")
    done = invoke(None, "--read", tmp_path / "a.json", "--html", tmp_path / "read.html")
    assert done.exit_code == 1
    assert (tmp_path / "run.html").read_bytes() == (tmp_path / "read.html").read_bytes()


def test_a_hostile_server_does_not_act_on_the_terminal_or_break_a_file(tmp_path: Path) -> None:
    names = {"--json": "a.json", "--html": "a.html", "--md": "a.md", "--junit": "a.xml", "--sarif": "a.sarif"}
    flags = [part for flag, name in names.items() for part in (flag, tmp_path / name)]
    done = invoke(sample.hostile(100), *flags)
    assert done.exit_code == 1
    assert "\x1b" not in done.output
    assert max(map(len, done.output.splitlines())) < 300
    assert report.read(tmp_path / "a.json") == sample.hostile(100)


def test_the_terminal_tells_the_broken_and_counts_the_rest() -> None:
    assert invoke(sample.small()).output.splitlines() == [
        'fail MUST responses.create.status-completed: expected "completed", got "in_progress"',
        "fail SHOULD responses.stream.retry: no retry field",
        'warn MUST responses.stream.starts-at-zero: expected "completed", got "in_progress"',
        'unclear SHOULD responses.stream.done: expected "completed", got "in_progress"',
        "1 of 3 MUST requirements judged are broken.",
        "MUST   1 fail, 1 warn, 1 unimplemented, 1 pass, 1 skipped, 1 untested",
        "SHOULD 1 fail, 1 unclear",
        "345 requests, 6,789 tokens, 12.5 s",
    ]


def test_a_baseline_is_written_and_then_accepts_what_it_lists(tmp_path: Path) -> None:
    file = tmp_path / "known.toml"
    assert invoke(sample.small(), "--write-baseline", file).exit_code == 1
    done = invoke(sample.small(), "--baseline", file, "--junit", tmp_path / "a.xml")
    assert done.exit_code == 0
    assert "baseline: 0 new, 2 known, 0 fixed, 0 changed, 0 not tried" in done.output
    assert "<failure" not in (tmp_path / "a.xml").read_text()
    worse = sample.report([*sample.small().requirements, sample.row("a.b.c", "fail", level="SHOULD")])
    done = invoke(worse, "--baseline", file)
    assert done.exit_code == 1
    assert "new failure: a.b.c (SHOULD)" in done.output


def test_compare(tmp_path: Path) -> None:
    sample.small().write(tmp_path / "a.json")
    sample.report([sample.row("a.b.c", "fail")]).write(tmp_path / "b.json")
    done = invoke(None, "--compare", tmp_path / "a.json", tmp_path / "b.json", "--json", tmp_path / "c.json")
    assert done.exit_code == 1
    assert "MUST a.b.c: absent -> fail" in done.output
    assert json.loads((tmp_path / "c.json").read_text())["format"] == "antiphon-comparison/1"
    assert invoke(None, "--compare", tmp_path / "a.json", tmp_path / "a.json").exit_code == 0


def test_matrix(tmp_path: Path) -> None:
    sample.small().write(tmp_path / "a.json")
    sample.large().write(tmp_path / "b.json")
    files = ("--matrix", tmp_path / "m.html", "--matrix", tmp_path / "m.md")
    done = invoke(None, *files, tmp_path / "a.json", tmp_path / "b.json")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "m.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "m.md").read_text().startswith("# Deployments compared")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--compare", "nowhere.json", "nowhere.json"], "nowhere.json"),
        (["--compare", "nowhere.json"], "nowhere.json"),
        (["--compare"], "takes two records"),
        (["--read"], "no record is named"),
        (["--read", "--compare"], "exclude each other"),
        (["--every", "5"], "--every repeats a run"),
        (["--serve-metrics", "nine"], "[HOST:]PORT"),
        (["--baseline", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_what_cannot_be_done_is_said_with_code_2(args: list[str], text: str) -> None:
    done = invoke(sample.small(), *args)
    assert done.exit_code == 2
    assert text in done.output


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = invoke(sample.small(), "--html", tmp_path / "file" / "a.html")
    assert (done.exit_code, "cannot write" in done.output) == (2, True)


def test_a_broken_baseline_is_said(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text("[[known]]\nrequirement='a.b'")
    done = invoke(sample.small(), "--baseline", tmp_path / "b.toml")
    assert (done.exit_code, "b.toml" in done.output) == (2, True)


def test_metrics_are_served_while_the_run_is_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    served: list[exporter.Exporter] = []
    listen = exporter.serve

    def serve(shown: exporter.Exporter, where: tuple[str, int]) -> tuple[str, Callable[[], None]]:
        served.append(shown)
        return listen(shown, where)

    monkeypatch.setattr(exporter, "serve", serve)
    file = tmp_path / "m.prom"
    wanted = outputs.Wanted(serve_metrics="0", every=0.001, metrics_file=file)
    seen: list[bytes] = []

    def again() -> Report:
        seen.append(served[0].text())
        if len(seen) == 1:
            raise outputs.Undone("no answer")
        if len(seen) == 2:
            return sample.report([sample.row("a.b.c")])
        raise KeyboardInterrupt

    outputs.serve(wanted, sample.small(), again)
    up = f'antiphon_check_up{{target="{sample.URL}"}}'.encode()
    assert [one.partition(up)[2][:4] for one in seen] == [b" 1.0", b" 0.0", b" 1.0"]
    assert b'area="a.b"' in file.read_bytes()
    out, err = capsys.readouterr()
    assert out.startswith("metrics on http://127.0.0.1:")
    assert err == "no answer\n"


def test_an_interrupted_run_ends_the_serving() -> None:
    def again() -> Report:
        raise outputs.Undone("interrupted") from KeyboardInterrupt()

    outputs.serve(outputs.Wanted(serve_metrics="0", every=0.001), sample.small(), again)
