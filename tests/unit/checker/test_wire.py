"""Evidence: what is sent and kept, without keys; SSE read from any pieces; targets in all their forms."""

from __future__ import annotations

import pytest

from antiphon.checker.client import Budget, OutOfBudget, target
from antiphon.checker.sse import SseReader, event_of
from antiphon.checker.wire import Exchange, StreamExchange, curl, redacted

KEY = "sk-secret"


@pytest.mark.parametrize(
    ("url", "base", "path", "azure"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1", "/responses", False),
        ("localhost:8000/v1/", "http://localhost:8000/v1", "/responses", False),
        ("https://host/api/v1/responses", "https://host/api/v1", "/responses", False),
        ("https://host/openai/v1", "https://host/openai/v1", "/responses", False),
        (
            "https://me.openai.azure.com/openai?api-version=2025-04-01-preview",
            "https://me.openai.azure.com/openai",
            "/responses?api-version=2025-04-01-preview",
            True,
        ),
        (
            "http://localhost:1/openai?api-version=1",
            "http://localhost:1/openai",
            "/responses?api-version=1",
            True,
        ),
    ],
)
def test_base_urls_of_all_forms(url: str, base: str, path: str, azure: bool) -> None:
    found = target(url, "m", key=KEY)
    assert (found.base, found.url("/responses"), found.azure) == (base, base + path, azure)
    wanted = {"api-key": KEY} if azure else {"Authorization": f"Bearer {KEY}"}
    assert found.key_headers(found.key) == wanted


@pytest.mark.parametrize("url", ["ftp://host/v1", "http://", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http URL"):
        target(url, "m")


def test_queries_have_several_values_and_booleans() -> None:
    found = target("http://h/v1", "m").url("/x", {"include": ["a", "b"], "stream": True, "limit": 3})
    assert found == "http://h/v1/x?include=a&include=b&stream=true&limit=3"


def test_keys_get_into_no_record_and_no_command() -> None:
    headers = redacted({"Authorization": f"Bearer {KEY}", "api-key": KEY, "X-Plain": "1"})
    one = Exchange("POST", "http://h/v1/responses", "/responses", headers, b'{"input": "it\'s"}', status=400)
    assert KEY not in str(one.record()) + curl(one)
    assert curl(one) == (
        'curl -sS -i -X POST http://h/v1/responses -H "Authorization: Bearer $API_KEY" '
        '-H "api-key: $API_KEY" -H \'X-Plain: 1\' --data-binary \'{"input": "it\'"\'"\'s"}\''
    )


def test_a_stream_is_asked_for_without_buffering() -> None:
    assert curl(StreamExchange("GET", "http://h/v1/x", "/x")) == "curl -sS -i -N http://h/v1/x"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_sse_is_read_from_any_pieces(end: str, size: int) -> None:
    text = end.join(
        [": hi", "", "event: a", 'data: {"type":', 'data: "é"}', "", "data:[DONE]", "", ""]
    ).encode()
    reader = SseReader()
    frames = [f for at in range(0, len(text), size) for f in reader.feed(text[at : at + size], 0.0)]
    frames += reader.feed(b"\n", 0.0) if end == "\r" else []  # the last CR may be half of a CRLF
    assert [(frame.event, frame.data, event_of(frame)) for frame in frames] == [
        (None, None, None),
        ("a", '{"type":\n"é"}', {"type": "é"}),
        (None, "[DONE]", None),
    ]
    assert not reader.unfinished


def test_what_is_not_closed_by_an_empty_line_is_unfinished() -> None:
    reader = SseReader()
    assert reader.feed(b"data: {}\n", 0.0) == []
    assert reader.unfinished


def test_a_budget_ends() -> None:
    budget = Budget(max_requests=1)
    budget.spend_request()
    with pytest.raises(OutOfBudget, match="1 requests"):
        budget.spend_request()
    with pytest.raises(OutOfBudget, match="tokens"):
        Budget(max_tokens=10, tokens=10).spend_request()
