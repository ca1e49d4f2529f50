"""Limits at their edges, and headers."""

from __future__ import annotations

import json
import re

from antiphon.checker.cases import case
from antiphon.checker.material import refused, same
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

E, ROUTES, REPLY, SENT = "limits.edges", "headers.routes", "headers.reply", "headers.request"
ANYWHERE = ("stateless",)


@case(
    f"{E}.values",
    requirements=[
        f"{E}.{rule}"
        for rule in ("metadata", "metadata-beyond", "smallest-output", "longest-names", "stream-options")
    ],
    requests=8,
    tokens=80,
    profiles=ANYWHERE,
)
async def values(probe: Probe) -> None:
    """The largest that is accepted, and the smallest that is not."""
    edge = {f"{n:02}" + "k" * 62: "v" * 512 for n in range(16)}
    full = await probe.attempt(input="Say: ok", metadata=edge, max_output_tokens=16)
    if same(probe, f"{E}.metadata", 200, full.status, full):
        same(probe, f"{E}.metadata", edge, full.json.get("metadata"), full)
    beyond: tuple[JSON, ...] = ({"k" * 65: "v"}, {"k": "v" * 513}, {"k": 1})
    for metadata in beyond:
        answer = await probe.attempt(input="Say: ok", metadata=metadata, max_output_tokens=16)
        refused(probe, f"{E}.metadata-beyond", answer)
    for n, status in ((16, 200), (15, 400)):
        answer = await probe.attempt(input="Say: ok", max_output_tokens=n)
        same(probe, f"{E}.smallest-output", (n, status), (n, answer.status), answer)
    names = {"safety_identifier": "s" * 64, "prompt_cache_key": "p" * 64}
    long = await probe.attempt(input="Say: ok", max_output_tokens=16, **names)
    same(probe, f"{E}.longest-names", 200, long.status, long)
    body = {"input": "Say: ok", "max_output_tokens": 16, "stream": True}
    options = probe.body({**body, "stream_options": {"include_obfuscation": False}})
    streamed = await probe.stream_of("POST", "/responses", options)
    same(probe, f"{E}.stream-options", 200, streamed.status, streamed)


@case(
    "headers.replies",
    requirements=[
        f"{ROUTES}.wrong-method-names-the-right-ones",
        f"{ROUTES}.head-is-get-without-body",
        f"{REPLY}.streams-are-not-cached",
        f"{REPLY}.version-is-a-date",
        f"{REPLY}.organization-is-a-name",
    ],
    requests=4,
    tokens=60,
)
async def replies(probe: Probe) -> None:
    """Headers that answers carry."""
    wrong = await probe.request("PUT", "/responses")
    if wrong.status == 405:
        allowed = wrong.header("allow") or ""
        probe.holds(
            f"{ROUTES}.wrong-method-names-the-right-ones",
            "POST" in allowed,
            expected="POST",
            got=allowed,
            on=wrong,
        )
    else:
        probe.skip(f"{ROUTES}.wrong-method-names-the-right-ones", f"PUT is answered with {wrong.status}")
    made = await probe.create(input="Say: ok", max_output_tokens=16)
    head = await probe.request("HEAD", f"/responses/{made.json['id']}")
    if head.status == 200:
        same(probe, f"{ROUTES}.head-is-get-without-body", b"", head.body, head)
    else:
        probe.skip(f"{ROUTES}.head-is-get-without-body", f"HEAD is answered with {head.status}")
    flow = await probe.stream(input="Say: ok", max_output_tokens=16)
    control = flow.header("cache-control") or ""
    fresh = "no-cache" in control or "no-store" in control
    probe.holds(
        f"{REPLY}.streams-are-not-cached", fresh, expected=("no-cache", "no-store"), got=control, on=flow
    )
    shapes = {
        "version-is-a-date": ("openai-version", r"\d{4}-\d\d-\d\d"),
        "organization-is-a-name": ("openai-organization", ".+"),
    }
    for rule, (name, pattern) in shapes.items():
        value = made.header(name)
        if value is None:
            probe.skip(f"{REPLY}.{rule}", f"no {name}")
        else:
            fits = re.fullmatch(pattern, value) is not None
            probe.holds(f"{REPLY}.{rule}", fits, expected=pattern, got=value, on=made)


@case(
    "headers.requests",
    requirements=[
        f"{SENT}.client-headers-are-taken",
        f"{SENT}.charset-is-taken",
        f"{SENT}.form-body-is-refused",
    ],
    requests=3,
    tokens=40,
    profiles=ANYWHERE,
)
async def requests(probe: Probe) -> None:
    """Headers that clients send."""
    body = probe.body({"input": "Say: ok", "max_output_tokens": 16})
    sdk = {
        "x-stainless-lang": "python",
        "x-stainless-retry-count": "0",
        "OpenAI-Organization": "org-a",
        "OpenAI-Project": "proj_a",
        "OpenAI-Beta": "responses=v1",
        "X-Client-Request-Id": "a1b2",
    }
    answer = await probe.request("POST", "/responses", body, headers=sdk)
    same(probe, f"{SENT}.client-headers-are-taken", 200, answer.status, answer)
    kinds = {
        "charset-is-taken": "application/json; charset=utf-8",
        "form-body-is-refused": "application/x-www-form-urlencoded",
    }
    for rule, kind in kinds.items():
        raw = json.dumps(body).encode()
        answer = await probe.request("POST", "/responses", body=raw, headers={"Content-Type": kind})
        if rule == "charset-is-taken":
            same(probe, f"{SENT}.{rule}", 200, answer.status, answer)
        else:
            refused(probe, f"{SENT}.{rule}", answer, 400, 415)
