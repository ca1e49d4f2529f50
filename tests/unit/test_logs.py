"""Log lines say what happened, in one shape, and hold neither content nor secrets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from antiphon import logs
from antiphon.config import LogSettings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    structlog.contextvars.clear_contextvars()
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def json_logs(level: Literal["debug", "info", "warning", "error"] = "info") -> Any:
    logs.configure(LogSettings(format="json", level=level))
    return structlog.get_logger()


def test_a_line_is_one_json_object_with_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    json_logs().info("started", port=8000)
    (line,) = lines(capsys)
    stamp = line.pop("timestamp")
    assert line == {"event": "started", "port": 8000, "level": "info"}
    assert stamp.endswith("Z")


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log = json_logs("warning")
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_the_request_id_follows_into_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    log = json_logs()

    async def inner() -> None:
        log.info("inner")

    async def request(name: str) -> None:
        logs.bind_request(name)
        await asyncio.create_task(inner())

    async def both() -> None:
        await asyncio.gather(request("req_1"), request("req_2"))

    asyncio.run(both())
    assert sorted(line["request_id"] for line in lines(capsys)) == ["req_1", "req_2"]


@pytest.mark.parametrize("key", sorted(logs.CONTENT))
def test_content_is_withheld_at_any_depth(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    json_logs().info("odd", **{key: "my diary"}, more={"deep": [{key: ["my diary"]}]})
    (line,) = lines(capsys)
    assert "diary" not in json.dumps(line)
    assert line[key] == "[withheld, size 8]"


@pytest.mark.parametrize(
    "given",
    [
        {"key": "hush"},
        {"engine_key": "hush"},
        {"Authorization": "hush"},
        {"encrypted_content": "hush"},
        {"url": "http://user:hush@host/v1"},
        {"error": "401 for Bearer hush"},
        {"error": "wrong key sk-hush-hush-hush"},
        {"raw": b"hush"},
    ],
    ids=str,
)
def test_secrets_are_withheld(given: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    json_logs().info("odd", **given)
    (line,) = lines(capsys)
    assert "hush" not in json.dumps(line)


def test_numbers_under_those_names_are_counts_and_stay(capsys: pytest.CaptureFixture[str]) -> None:
    json_logs().info("stored", items=3, output=0)
    (line,) = lines(capsys)
    assert (line["items"], line["output"]) == (3, 0)


def test_long_texts_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    json_logs().info("long", reason="x" * 5_000)
    (line,) = lines(capsys)
    assert line["reason"] == "x" * 2_000 + "… [3000 more]"


def test_tracebacks_are_kept_without_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    log = json_logs()

    def fails() -> None:
        text = "my diary".upper()
        raise ValueError(len(text))

    try:
        fails()
    except ValueError:
        log.exception("broke")
    (line,) = lines(capsys)
    assert "ValueError: 8" in line["exception"]
    assert "MY DIARY" not in line["exception"]


def test_libraries_log_in_the_same_shape_and_access_lines_are_off(capsys: pytest.CaptureFixture[str]) -> None:
    json_logs()
    logging.getLogger("uvicorn.error").warning("bad %s", "frame")
    logging.getLogger("uvicorn.access").warning("GET /")
    logging.getLogger("uvicorn.error").info("Started server")
    assert [(line["event"], line["level"]) for line in lines(capsys)] == [("bad frame", "warning")]


def test_console_lines_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(format="console"))
    structlog.get_logger().info("started", port=8000)
    text = capsys.readouterr().err
    assert "started" in text
    assert not text.startswith("{")
