"""Faults of what is in an answer: reasoning, log probabilities, formats, answers that were cut off."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from tests.conformance.mutants.exchange import JSON, Answer, Asked, Changing, Fault, World
from tests.conformance.mutants.faults_state import error
from tests.conformance.mutants.stream import each, put

R, L, CUT, F = "reasoning", "logprobs", "incomplete", "structured"
Answered = Callable[[Asked, Answer, World], Awaitable[None]]


def _created(change: Callable[[JSON, Asked], object]) -> Answered:
    """A change of the response that answers a create request."""

    async def answered(asked: Asked, answer: Answer, world: World) -> None:
        if asked.creates and answer.ok and answer.json is not None and "output" in answer.json:
            change(answer.json, asked)

    return answered


def _thought(change: Changing) -> Changing:
    def changing(item: JSON) -> None:
        if item.get("type") == "reasoning":
            change(item)

    return changing


def _thoughts_last(response: JSON) -> None:
    response["output"] = sorted(
        response.get("output") or [], key=lambda item: item.get("type") == "reasoning"
    )


def _repeated(response: JSON, asked: Asked) -> None:
    """The raw reasoning stands in the answer, in tags."""
    thoughts = [item for item in response["output"] if item["type"] == "reasoning"]
    raw = "".join(part["text"] for item in thoughts for part in item.get("content") or [])
    for item in response["output"]:
        for part in item.get("content") or [] if item["type"] == "message" else []:
            part["text"] = f"<think>{raw}</think>{part['text']}"


def _open_seal(item: JSON) -> None:
    raw = "".join(part["text"] for part in item.get("content") or [])
    if item.get("encrypted_content"):
        item["encrypted_content"] = base64.b64encode(raw.encode()).decode()


def _summarised(item: JSON) -> None:
    item["summary"] = item.get("summary") or [{"type": "summary_text", "text": "It thinks."}]


def _without_seal(items: list[Any]) -> list[Any]:
    """Sealed reasoning is taken back unseen, whatever it is."""
    return [item for item in items if item.get("type") != "reasoning"]


async def _any_seal(asked: Asked, world: World) -> None:
    if asked.creates and asked.json and isinstance(asked.json.get("input"), list):
        asked.json["input"] = _without_seal(asked.json["input"])


async def _seal_refused(asked: Asked, world: World) -> Answer | None:
    items = (asked.json or {}).get("input")
    if asked.creates and isinstance(items, list) and any(item.get("encrypted_content") for item in items):
        return error(400, "The encrypted content could not be verified.", code="invalid_encrypted_content")
    return None


def _inner(name: str, key: str, fits: Callable[[Any], bool]) -> Callable[[Asked, World], Awaitable[None]]:
    """A wrong value of `name.key` is taken: left out."""

    async def asking(asked: Asked, world: World) -> None:
        inside = (asked.json or {}).get(name)
        if asked.creates and isinstance(inside, dict) and key in inside and not fits(inside[key]):
            del inside[key]

    return asking


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", None)

REASONING = (
    Fault(
        "reasoning.after-the-message",
        "Reasoning stands behind the message.",
        (f"{R}.item.comes-before-the-message",),
        response=_thoughts_last,
    ),
    Fault(
        "reasoning.summary-null",
        "`summary` of reasoning is null.",
        ("shapes.items.reasoning",),
        ("reasoning.item.plain",),
        item=_thought(put(summary=None)),
    ),
    Fault(
        "reasoning.in-the-answer",
        "The answer holds the raw reasoning in tags.",
        (f"{R}.item.text-is-not-repeated-in-the-answer",),
        answered=_created(_repeated),
        told="warn",
    ),
    Fault(
        "reasoning.not-sealed",
        "`reasoning.encrypted_content` is ignored.",
        (f"{R}.sealed.content-comes-when-included",),
        item=_thought(lambda i: "encrypted_content" in i and i.update(encrypted_content=None)),
    ),
    Fault(
        "reasoning.seal-is-base64",
        "`encrypted_content` is the text in base64.",
        (f"{R}.sealed.content-hides-the-text",),
        item=_thought(_open_seal),
    ),
    Fault(
        "reasoning.any-seal-taken",
        "Changed `encrypted_content` is taken.",
        gap="What cannot be opened may be refused or left out: the sources do not say.",
        asked=_any_seal,
    ),
    Fault(
        "reasoning.own-seal-refused",
        "The server refuses what it sealed itself.",
        (f"{R}.sealed.round-trip-is-accepted",),
        asked=_seal_refused,
    ),
    Fault(
        "reasoning.no-summary",
        "Summaries are never given.",
        (f"{R}.item.summary-comes-when-asked",),
        item=_thought(put(summary=[])),
        told="warn",
    ),
    Fault(
        "reasoning.summary-unasked",
        "A summary is always given.",
        (f"{R}.item.no-summary-unasked",),
        item=_thought(_summarised),
    ),
    Fault(
        "reasoning.any-effort",
        "An unknown effort is taken.",
        (f"{R}.request.unknown-effort-is-refused",),
        asked=_inner("reasoning", "effort", lambda v: v in EFFORTS),
    ),
    Fault(
        "reasoning.any-summary",
        "An unknown kind of summary is taken.",
        (f"{R}.request.unknown-summary-is-refused",),
        asked=_inner("reasoning", "summary", lambda v: v in ("auto", "concise", "detailed", None)),
    ),
    Fault(
        "reasoning.deltas-differ",
        "Deltas of reasoning lack their last letter.",
        ("reasoning.stream.text-deltas-are-the-content",),
        frames=each(lambda e: e.update(delta=e["delta"][:-1]), "response.reasoning_text.delta"),
    ),
)


def _probs(change: Callable[[list[JSON]], object]) -> Changing:
    """A change of the log probabilities of every part."""

    def changing(item: JSON) -> None:
        for part in item.get("content") or []:
            if part.get("logprobs"):
                change(part["logprobs"])

    return changing


def _unasked_probs(response: JSON, asked: Asked) -> None:
    for item in response["output"]:
        for part in item.get("content") or [] if item["type"] == "message" else []:
            part["logprobs"] = part.get("logprobs") or [
                {
                    "token": part["text"],
                    "logprob": -0.1,
                    "bytes": list(part["text"].encode()),
                    "top_logprobs": [],
                }
            ]


def _other_chosen(probs: list[JSON]) -> None:
    for one in probs:
        one["top_logprobs"] = [alt for alt in one["top_logprobs"] if alt["token"] != one["token"]]
        one["logprob"] = 0.0


def _wrong_bytes(probs: list[JSON]) -> None:
    for one in probs:
        one["bytes"] = [0]


LOGPROBS = (
    Fault(
        "logprobs.never",
        "Log probabilities are never given.",
        (f"{L}.include.gives-them",),
        item=_probs(lambda probs: probs.clear()),
    ),
    Fault(
        "logprobs.always",
        "Log probabilities are always given.",
        (f"{L}.include.none-without-it",),
        answered=_created(_unasked_probs),
    ),
    Fault(
        "logprobs.one-token-missing",
        "The first token has no log probability.",
        (f"{L}.tokens.spell-the-text",),
        item=_probs(lambda probs: probs.pop(0)),
    ),
    Fault(
        "logprobs.positive",
        "Log probabilities are probabilities.",
        (f"{L}.values.are-not-positive",),
        item=_probs(lambda probs: [one.update(logprob=0.9) for one in probs]),
    ),
    Fault(
        "logprobs.one-too-many",
        "There is one alternative more than was asked for.",
        (f"{L}.top.has-the-number-asked-for",),
        item=_probs(
            lambda probs: [
                one["top_logprobs"].append({"token": "~", "logprob": -99.0, "bytes": [126]}) for one in probs
            ]
        ),
    ),
    Fault(
        "logprobs.unsorted",
        "Alternatives come with rising probability.",
        (f"{L}.top.is-sorted",),
        item=_probs(lambda probs: [one["top_logprobs"].reverse() for one in probs]),
    ),
    Fault(
        "logprobs.without-the-chosen",
        "The chosen token is not among its alternatives.",
        (f"{L}.top.contains-the-chosen",),
        item=_probs(_other_chosen),
    ),
    Fault(
        "logprobs.wrong-bytes",
        "`bytes` are not those of the token.",
        (f"{L}.tokens.bytes-are-utf8",),
        item=_probs(_wrong_bytes),
    ),
)


async def _no_object(asked: Asked, world: World) -> None:
    text = (asked.json or {}).get("text")
    if asked.creates and isinstance(text, dict) and (text.get("format") or {}).get("type") == "json_object":
        asked.notes["format"] = text.pop("format")


async def _say_object(asked: Asked, answer: Answer, world: World) -> None:
    if answer.ok and answer.json is not None and "format" in asked.notes:
        answer.json["text"]["format"] = asked.notes["format"]


async def _chat_format(asked: Asked, world: World) -> None:
    if asked.creates and asked.json is not None:
        asked.json.pop("response_format", None)


async def _nameless(asked: Asked, world: World) -> None:
    text = (asked.json or {}).get("text")
    if asked.creates and isinstance(text, dict) and (text.get("format") or {}).get("type") == "json_schema":
        text["format"].setdefault("name", "answer")


def _bare_format(response: JSON) -> None:
    form = (response.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        form["schema"] = {}


FORMATS = (
    Fault(
        "format.object-ignored",
        "`json_object` is not enforced.",
        (f"{F}.object.text-is-an-object",),
        asked=_no_object,
        answered=_say_object,
    ),
    Fault(
        "format.of-chat-completions-taken",
        "`response_format` is taken and ignored.",
        (f"{F}.format.of-another-api-is-refused",),
        asked=_chat_format,
    ),
    Fault(
        "format.nameless-taken",
        "A `json_schema` without a name is taken.",
        (f"{F}.schema.name-is-required",),
        asked=_nameless,
    ),
    Fault(
        "format.schema-not-told",
        "`text.format` comes back without its schema.",
        ("responses.create.text-format-comes-back",),
        ("structured.schema.strict",),
        response=_bare_format,
    ),
    Fault(
        "format.any-verbosity",
        "An unknown verbosity is taken.",
        (f"{F}.verbosity.unknown-is-refused",),
        asked=_inner("text", "verbosity", lambda v: v in ("low", "medium", "high", None)),
    ),
)


def _cut(change: Callable[[JSON], object]) -> Changing:
    def changing(response: JSON) -> None:
        if response.get("status") == "incomplete":
            change(response)

    return changing


def _items_completed(response: JSON) -> None:
    for item in response["output"]:
        if "status" in item:
            item["status"] = "completed"


CUT_OFF = (
    Fault(
        "incomplete.reason-content-filter",
        "The reason of a cut is told as `content_filter`.",
        ("responses.create.limit-ends-incomplete",),
        response=_cut(lambda r: r.update(incomplete_details={"reason": "content_filter"})),
    ),
    Fault(
        "incomplete.with-error",
        "A response that was cut off has an `error`.",
        (f"{CUT}.length.error-is-null",),
        response=_cut(lambda r: r.update(error={"code": "server_error", "message": "max tokens"})),
    ),
    Fault(
        "incomplete.without-usage",
        "A response that was cut off has no usage.",
        (f"{CUT}.length.usage-is-there",),
        response=_cut(lambda r: r.update(usage=None)),
    ),
    Fault(
        "incomplete.items-completed",
        "The message of a response that was cut off is `completed`.",
        (f"{CUT}.length.item-is-incomplete",),
        response=_cut(_items_completed),
    ),
    Fault(
        "incomplete.completed-at",
        "A response that was cut off has `completed_at`.",
        (f"{CUT}.length.completed-at-is-null",),
        response=_cut(lambda r: r.update(completed_at=r["created_at"])),
    ),
)

FAULTS = (*REASONING, *LOGPROBS, *FORMATS, *CUT_OFF)
