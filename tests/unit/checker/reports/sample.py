"""Reports of runs that never were: small, large, and of servers that attack their reader."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from antiphon.checker.report import Report, Row, Told

URL = "http://127.0.0.1:8000/v1"
PIN = {"version": "3.52.0", "date": "2026-11-16", "hash": "f0d8e70dd90d149d4c7761740f266fcf"}

HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>\"'&]]>"
    "\x1b[31mred\x1b]0;title\x07\x00\x9b \ud800 half \u202e txt.exe \ufffe "
    "| `tick` ``` \n# heading\n@everyone"
)


def row(name: str, verdict: str | None = "pass", *, level: str = "MUST", severity: str = "schema") -> Row:
    """A requirement in a run; its area is the name without its last word."""
    return Row(
        id=name,
        area=name.rpartition(".")[0],
        sentence=f"The sentence of {name}.",
        level=level,
        severity=severity,
        source="SPEC H5",
        verdict=verdict,
        cases=["responses.text.plain"] if verdict else [],
        observations=3 if verdict else 0,
        why="" if verdict else "not selected (profile core)",
    )


def exchange(body: str = '{"status":"in_progress"}', **more: Any) -> dict[str, Any]:
    """One entry of a finding's wire log."""
    return {
        "method": "POST",
        "url": f"{URL}/responses",
        "request_headers": {"content-type": "application/json", "authorization": "Bearer $API_KEY"},
        "request": '{"model":"m","input":"Say: ok"}',
        "status": 200,
        "headers": [["content-type", "application/json"], ["x-request-id", "req_1"]],
        "body": body,
        "started": 1_795_000_000.0,
        "seconds": 0.0421,
        **more,
    }


def told(name: str, verdict: str = "fail", **more: Any) -> Told:
    """A finding."""
    plain = Told(
        requirement=name,
        verdict=verdict,
        case="responses.text.plain",
        message='expected "completed", got "in_progress"',
        expected=["completed"],
        got="in_progress",
        wire=[exchange()],
        curl=f"curl -sS {URL}/responses -H 'Authorization: Bearer '$API_KEY -d '{{\"model\":\"m\"}}'",
    )
    return replace(plain, **more)


def report(rows: list[Row], findings: list[Told] | None = None, **target: Any) -> Report:
    return Report(
        target={"url": URL, "model": "m", **target},
        pin=PIN,
        started="2026-11-21T03:40:00+00:00",
        seconds=12.5,
        requests=345,
        tokens=6789,
        profile="full",
        seed=7,
        requirements=rows,
        findings=findings or [],
    )


def small() -> Report:
    """One requirement of each kind of fate."""
    return report(
        [
            row("responses.create.status-completed", "fail", severity="sdk"),
            row("responses.create.has-id"),
            row("responses.stream.starts-at-zero", "warn"),
            row("responses.stream.done", "unclear", level="SHOULD"),
            row("responses.stream.retry", "fail", level="SHOULD", severity="cosmetic"),
            row("conversations.create.exists", "unimplemented"),
            row("errors.shape.has-param", "skipped"),
            row("limits.metadata.pairs", None),
        ],
        [
            told("responses.create.status-completed"),
            told("responses.stream.retry", message="no retry field", expected=[], got=None, wire=[], curl=""),
            told("responses.stream.starts-at-zero", "warn", times=3),
            told("responses.stream.done", "unclear"),
            told("conversations.create.exists", "unimplemented", message="POST /conversations: 404"),
        ],
    )


def hostile(size: int = 1_000_000) -> Report:
    """A server that writes tags, terminal codes, halves of characters and megabytes wherever it can."""
    much = HOSTILE + "A" * size
    wire = [
        exchange(much, headers=[["x-evil", HOSTILE]], fault=HOSTILE),
        exchange("", frames=[{"way": "came", "at": 0.1, "text": HOSTILE}], closed=1000),
    ]
    deep: Any = "bottom"
    for _ in range(400):
        deep = [deep]
    return report(
        [
            replace(row("responses.create.a", "fail"), sentence=HOSTILE, source=HOSTILE),
            row("responses.create.b", "warn"),
            replace(row("responses.create.c", None), why=HOSTILE),
        ],
        [
            told(
                "responses.create.a", message=much, expected=[HOSTILE, much], got=much, wire=wire, curl=much
            ),
            told("responses.create.b", "warn", got=deep, message=HOSTILE),
            told("nowhere.at.all", message=HOSTILE, case=HOSTILE),
        ],
        name=HOSTILE,
        model=HOSTILE,
    )


AREAS = (
    "responses.create", "responses.stream", "responses.resume", "responses.background",
    "responses.tools.function",
    "responses.structured", "responses.usage", "state.chaining", "state.deletion", "conversations.items",
    "files.upload", "vector_stores.search", "containers.files", "errors.shape", "limits.metadata",
    "websocket.frames",
    "headers.request_id", "isolation.keys",
)  # fmt: skip


def large(seed: int = 1, rows: int = 480) -> Report:
    """As many requirements as a real run has, with verdicts in likely shares."""
    chance = random.Random(seed)
    verdicts = ["pass"] * 70 + ["fail"] * 6 + ["warn"] * 3 + ["unclear"] * 2 + ["unimplemented"] * 10
    kinds: list[str | None] = [*verdicts, *["skipped"] * 3, *[None] * 6]
    made = [
        row(
            f"{chance.choice(AREAS)}.requirement-number-{number}",
            chance.choice(kinds),
            level=chance.choice(["MUST", "MUST", "SHOULD"]),
            severity=chance.choice(["sdk", "schema", "schema", "cosmetic"]),
        )
        for number in range(rows)
    ]
    tell = ("fail", "warn", "unclear", "unimplemented")
    stream = "".join(
        f'event: delta\ndata: {{"type":"response.output_text.delta","sequence_number":{n}}}\n\n'
        for n in range(40)
    )
    wire = [exchange(), exchange(stream, headers=[["content-type", "text/event-stream"]])]
    return report(made, [told(one.id, one.verdict, wire=wire) for one in made if one.verdict in tell])
