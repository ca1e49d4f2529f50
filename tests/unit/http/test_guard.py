"""Keys, tenants, and the headers that are read and kept."""

from __future__ import annotations

import hashlib

import pytest

from antiphon.config import ApiKey
from antiphon.core.errors import Auth
from antiphon.http.faults import HeadersTooLarge
from antiphon.http.guard import Guard, echo, headers_of, masked

SECRET = "sk-test-0123456789abcdef"
GUARD = Guard(
    (
        ApiKey(key=SECRET, tenant="one"),
        ApiKey(key="sha256:" + hashlib.sha256(b"other-secret").hexdigest().upper(), tenant="two"),
    )
)


@pytest.mark.parametrize(
    ("headers", "tenant"),
    [
        ({"authorization": f"Bearer {SECRET}"}, "one"),
        ({"authorization": f"bearer   {SECRET} "}, "one"),
        ({"api-key": SECRET}, "one"),
        ({"authorization": "Basic abc", "api-key": "other-secret"}, "two"),
        ({"authorization": "Bearer other-secret", "api-key": SECRET}, "two"),
    ],
)
def test_a_key_tells_the_tenant(headers: dict[str, str], tenant: str) -> None:
    assert GUARD.caller(headers, "req_1").tenant == tenant


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": SECRET},
        {"authorization": f"Bearer {SECRET}x"},
        {"authorization": f"Bearer {SECRET[:-1]}"},
        {"authorization": "Bearer sha256:" + hashlib.sha256(b"other-secret").hexdigest()},
        {"authorization": "Bearer \xe9\xff"},
        {"api-key": "wrong"},
    ],
)
def test_no_key_or_a_wrong_one_is_a_401(headers: dict[str, str]) -> None:
    with pytest.raises(Auth) as caught:
        GUARD.caller(headers, "req_1")
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    assert SECRET not in caught.value.message


def test_a_wrong_key_is_shown_masked() -> None:
    with pytest.raises(Auth) as caught:
        GUARD.caller({"authorization": "Bearer sk-proj-0123456789wxyz"}, "req_1")
    assert caught.value.message == "Incorrect API key provided: sk-…wxyz."
    assert masked("short-key") == "…"


def test_without_keys_everyone_is_the_default_tenant() -> None:
    assert Guard(()).caller({"authorization": "Bearer whatever"}, "req_1").tenant == "default"


def test_recorded_headers_hold_no_secrets() -> None:
    headers = {"authorization": f"Bearer {SECRET}", "api-key": SECRET, "cookie": "c", "user-agent": "curl/8"}
    assert GUARD.caller(headers, "req_1").headers == {"user-agent": "curl/8"}


def test_headers_are_bounded_in_bytes_and_in_number() -> None:
    scope = {"raw_path": b"/x", "query_string": b"", "headers": [(b"a", b"1"), (b"a", b"2")]}
    assert headers_of(scope, 100) == {"a": "1"}
    with pytest.raises(HeadersTooLarge):
        headers_of({**scope, "headers": [(b"a", b"1" * 100)]}, 100)
    with pytest.raises(HeadersTooLarge):
        headers_of({**scope, "query_string": b"q" * 101}, 100)
    with pytest.raises(HeadersTooLarge):
        headers_of({**scope, "headers": [(b"a", b"")] * 257}, 10_000)


@pytest.mark.parametrize(
    ("value", "kept"), [("org-1", True), ("", False), ("a b", False), ("é", False), ("x" * 129, False)]
)
def test_only_plain_header_values_are_echoed(value: str, kept: bool) -> None:
    assert echo(value) == (value if kept else None)
