"""Token buckets and their headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.config import RateSettings
from antiphon.core.errors import RateLimited
from antiphon.http.rates import Rates, duration


def test_without_limits_nothing_is_said_or_refused() -> None:
    rates = Rates(RateSettings())
    assert [rates.admit("t", 10**9, 0.0).headers for _ in range(1000)] == [{}] * 1000


def test_requests_run_out_and_come_back() -> None:
    rates = Rates(RateSettings(requests_per_minute=2))
    assert rates.admit("t", 0, 100.0).headers == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "30s",
    }
    rates.admit("t", 0, 100.0)
    with pytest.raises(RateLimited) as caught:
        rates.admit("t", 0, 100.0)
    assert caught.value.status == 429
    assert caught.value.headers == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
        "retry-after": "30",
        "retry-after-ms": "30000",
    }
    rates.admit("t", 0, 130.0)


def test_tenants_do_not_share() -> None:
    rates = Rates(RateSettings(requests_per_minute=1))
    rates.admit("a", 0, 0.0)
    rates.admit("b", 0, 0.0)
    with pytest.raises(RateLimited):
        rates.admit("a", 0, 0.0)


def test_tokens_are_estimated_then_settled() -> None:
    rates = Rates(RateSettings(tokens_per_minute=100))
    charge = rates.admit("t", 80, 0.0)
    assert charge.tokens == 20
    rates.settle(charge, 130, 0.0)  # 30 in debt
    with pytest.raises(RateLimited, match="tokens per min") as caught:
        rates.admit("t", 4, 0.0)
    assert caught.value.headers["retry-after"] == "19"  # 31 tokens at 100 a minute
    rates.admit("t", 4, 18.7)


def test_a_refused_run_gives_its_tokens_back() -> None:
    rates = Rates(RateSettings(tokens_per_minute=100))
    rates.settle(rates.admit("t", 400, 0.0), 0, 0.0)
    assert rates.admit("t", 0, 0.0).headers["x-ratelimit-remaining-tokens"] == "99"


def test_one_huge_request_is_not_refused_for_ever() -> None:
    rates = Rates(RateSettings(tokens_per_minute=10))
    assert rates.admit("t", 10**6, 0.0).tokens == 10


def test_a_refusal_takes_nothing() -> None:
    rates = Rates(RateSettings(requests_per_minute=5, tokens_per_minute=10))
    rates.admit("t", 40, 0.0)
    for _ in range(10):
        with pytest.raises(RateLimited):
            rates.admit("t", 40, 0.0)
    assert rates.admit("t", 40, 60.0).headers["x-ratelimit-remaining-requests"] == "4"


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.integers(1, 50))
def test_never_more_than_the_bucket_and_its_refill(pauses: list[float], limit: int) -> None:
    rates, now, taken = Rates(RateSettings(requests_per_minute=limit)), 0.0, 0
    for pause in pauses:
        now += pause
        try:
            rates.admit("t", 0, now)
        except RateLimited:
            continue
        taken += 1
    assert taken <= limit + now * limit / 60 + 1e-6


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.02, "20ms"), (1, "1s"), (8.64, "8.64s"), (60, "1m0s"), (360, "6m0s"), (61.5, "1m1.5s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
