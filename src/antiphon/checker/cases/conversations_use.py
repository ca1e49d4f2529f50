"""Responses made in a conversation, one after another and at once."""

from __future__ import annotations

import asyncio

from antiphon.checker.cases import case
from antiphon.checker.cases.conversations import NEEDS, opened
from antiphon.checker.material import input_tokens, output_of, refused, same, user, weather_call
from antiphon.checker.paging import ids_of
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, Exchange

USE, CROWD = "conversations.use", "conversations.concurrency"
EIGHT = 8


async def held(probe: Probe, path: str) -> Exchange:
    """The items of a conversation, oldest first."""
    return await probe.ask("GET", f"{path}/items", query={"order": "asc", "limit": 100})


def words_of(page: Exchange) -> list[str]:
    """The texts of the user messages."""
    data: list[JSON] = page.json["data"]
    return [part["text"] for item in data if item.get("role") == "user" for part in item["content"]]


@case(
    f"{USE}.turns",
    requirements=[
        f"{USE}.id-is-echoed",
        f"{USE}.both-forms-are-accepted",
        f"{USE}.items-are-context",
        f"{USE}.input-and-output-are-appended",
        f"{USE}.output-ids-are-kept",
        f"{USE}.streamed-is-appended",
    ],
    requests=7,
    tokens=300,
    needs=NEEDS,
    profiles=("core",),
)
async def turns(probe: Probe) -> None:
    """Three responses in one conversation, the last one streamed."""
    words = [probe.word() for _ in range(4)]
    name, path = await opened(probe, items=[user(words[0])])
    first = await probe.create(input=words[1], conversation=name, max_output_tokens=16)
    same(probe, f"{USE}.id-is-echoed", {"id": name}, first.json.get("conversation"), first)
    second = await probe.attempt(input=words[2], conversation={"id": name}, max_output_tokens=16)
    same(probe, f"{USE}.both-forms-are-accepted", 200, second.status, second)
    rising = input_tokens(second) > input_tokens(first)
    counts = [input_tokens(first), input_tokens(second)]
    probe.holds(f"{USE}.items-are-context", rising, expected="rising counts", got=counts, on=(first, second))
    page = await held(probe, path)
    same(probe, f"{USE}.input-and-output-are-appended", words[:3], words_of(page), page)
    ours = [[item.get("id") for item in made.json["output"]] for made in (first, second)]
    wanted = [2 + len(ours[0]) + len(ours[1]) + 1, ours]
    ids = ids_of(page)
    start = 2 + len(ours[0]) + 1
    found = [len(ids), [ids[2 : 2 + len(ours[0])], ids[start : start + len(ours[1])]]]
    same(probe, f"{USE}.output-ids-are-kept", wanted, found, first, second, page)
    third = await probe.stream(input=words[3], conversation=name, max_output_tokens=16)
    page = await held(probe, path)
    made = [item.get("id") for item in third.final["output"]]
    shown = (words_of(page), ids_of(page)[-len(made) :])
    same(probe, f"{USE}.streamed-is-appended", (words, made), shown, third, page)


@case(f"{USE}.calls", requirements=[f"{USE}.calls-are-carried"], requests=3, tokens=400, needs=NEEDS)
async def calls(probe: Probe) -> None:
    """A call in the conversation is answered by its output alone."""
    name, _ = await opened(probe)
    _, call = await weather_call(probe, conversation=name)
    if call is None:
        probe.skip(f"{USE}.calls-are-carried", "no call came to answer")
        return
    answer = await probe.attempt(input=[output_of(call["call_id"])], conversation=name, max_output_tokens=16)
    same(probe, f"{USE}.calls-are-carried", 200, answer.status, answer)


@case(
    f"{USE}.refusals",
    requirements=[f"{USE}.unknown-id-is-refused", f"{USE}.refused-request-appends-nothing"],
    requests=4,
    needs=NEEDS,
)
async def refusals(probe: Probe) -> None:
    """What is refused leaves no trace."""
    name, path = await opened(probe, items=[user("Hi")])
    strange = await probe.attempt(input="Hi", conversation="conv_" + "0f" * 24, max_output_tokens=16)
    refused(probe, f"{USE}.unknown-id-is-refused", strange, 400, 404)
    bad = await probe.attempt(input=[output_of("call_of_nobody")], conversation=name, max_output_tokens=16)
    page = await held(probe, path)
    if not bad.ok:
        same(probe, f"{USE}.refused-request-appends-nothing", 1, len(ids_of(page)), bad, page)


@case(
    f"{USE}.deletions",
    requirements=[f"{USE}.deleted-item-is-no-context", f"{USE}.deleting-a-response-keeps-its-items"],
    requests=8,
    tokens=60,
    needs=NEEDS,
)
async def deletions(probe: Probe) -> None:
    """Items and responses are deleted around a conversation."""
    long = user(" ".join(probe.word() for _ in range(60)))
    name, path = await opened(probe, items=[long, user("Hi")])
    with_it = await probe.create(input="Say: ok", conversation=name, max_output_tokens=16)
    await probe.ask("DELETE", f"{path}/items/{ids_of(await held(probe, path))[0]}")
    without = await probe.create(input="Say: ok", conversation=name, max_output_tokens=16)
    least = input_tokens(with_it) - 60 + 40  # without 60 words, with another input and output
    probe.holds(
        f"{USE}.deleted-item-is-no-context",
        input_tokens(without) < least,
        expected=f"fewer than {least} input tokens",
        got=input_tokens(without),
        on=(with_it, without),
    )
    before = ids_of(await held(probe, path))
    await probe.ask("DELETE", f"/responses/{without.json['id']}")
    after = await held(probe, path)
    same(probe, f"{USE}.deleting-a-response-keeps-its-items", before, ids_of(after), after)


@case(
    f"{CROWD}.at-once",
    requirements=[
        f"{CROWD}.each-succeeds-or-is-locked",
        f"{CROWD}.one-at-least-succeeds",
        f"{CROWD}.turns-do-not-mix",
        f"{CROWD}.lock-ends-with-the-response",
    ],
    requests=EIGHT + 3,
    tokens=400,
    needs=NEEDS,
)
async def at_once(probe: Probe) -> None:
    """Eight requests at once in one conversation."""
    name, path = await opened(probe)
    words = [probe.word() for _ in range(EIGHT)]
    answers = await asyncio.gather(
        *(probe.attempt(input=word, conversation=name, max_output_tokens=16) for word in words)
    )
    for answer in answers:
        fine = answer.ok or (
            answer.status in (400, 409) and answer.error.get("code") == "conversation_locked"
        )
        got = (answer.status, answer.error.get("code"))
        wanted = (200, "400 conversation_locked")
        probe.holds(f"{CROWD}.each-succeeds-or-is-locked", fine, expected=wanted, got=got, on=answer)
    won = {word: answer for word, answer in zip(words, answers, strict=True) if answer.ok}
    if not probe.holds(f"{CROWD}.one-at-least-succeeds", bool(won), expected="a success", got=0, on=answers):
        return
    page = await held(probe, path)
    wrong = mixed(page, won)
    probe.holds(
        f"{CROWD}.turns-do-not-mix", not wrong, expected="turn after turn", got=wrong, on=(*answers, page)
    )
    last = await probe.attempt(input="Say: ok", conversation=name, max_output_tokens=16)
    same(probe, f"{CROWD}.lock-ends-with-the-response", 200, last.status, last)


def mixed(page: Exchange, won: dict[str, Exchange]) -> str:
    """What is wrong with the order of a conversation's items; empty where nothing is."""
    rest: list[JSON] = list(page.json["data"])
    while rest:
        head = rest.pop(0)
        word = head["content"][0]["text"] if head.get("role") == "user" else ""
        made = won.pop(word, None)
        if made is None:
            return f"{head.get('type')} {head.get('id')} belongs to no success"
        ids = [item.get("id") for item in made.json["output"]]
        if [item.get("id") for item in rest[: len(ids)]] != ids:
            return f"the output of {made.json['id']} does not follow its input"
        rest = rest[len(ids) :]
    return f"nothing of {len(won)} successes" if won else ""
