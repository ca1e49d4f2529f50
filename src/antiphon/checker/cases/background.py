"""Responses that are made without their client: polling, cancelling, hanging up."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.cases.stored import difference, settled
from antiphon.checker.client import pause
from antiphon.checker.material import MANY_WORDS, refused, same
from antiphon.checker.probe import Probe
from antiphon.checker.wire import Exchange

MADE, POLL, STOP, STREAM = (f"background.{topic}" for topic in ("create", "poll", "cancel", "stream"))
NEEDS = ("background",)
ORDER = ("queued", "in_progress")
ENDED = ("completed", "incomplete", "failed", "cancelled")


def stage(status: str | None) -> int:
    """How far along a status is."""
    return ORDER.index(status) if status in ORDER else len(ORDER)


@case(
    f"{POLL}.to-the-end",
    requirements=[
        f"{MADE}.answers-at-once",
        f"{MADE}.is-echoed",
        f"{MADE}.has-no-output-yet",
        f"{POLL}.reaches-an-end",
        f"{POLL}.status-only-goes-forward",
        f"{POLL}.ended-response-is-whole",
        f"{POLL}.id-stays",
        f"{POLL}.can-be-continued",
        "background.delete.ended-is-gone",
    ],
    requests=12,
    tokens=200,
    needs=NEEDS,
    profiles=("core",),
)
async def to_the_end(probe: Probe) -> None:
    """A background response is polled until it has ended."""
    made = await probe.create(input="Say: ok", background=True, max_output_tokens=128)
    first = made.json
    status = first.get("status")
    probe.holds(f"{MADE}.answers-at-once", status in (*ORDER, *ENDED), expected=ORDER, got=status, on=made)
    same(probe, f"{MADE}.is-echoed", True, first.get("background"), made)
    if status == "queued":
        same(probe, f"{MADE}.has-no-output-yet", ([], None), (first.get("output"), first.get("usage")), made)
    polls = [made]
    while polls[-1].json.get("status") in ORDER and len(polls) < 200:
        await pause(0.05)
        polls.append(await probe.ask("GET", f"/responses/{first['id']}"))
    _polled(probe, polls)
    plain = await probe.create(input="Say: ok", previous_response_id=first["id"], max_output_tokens=16)
    same(probe, f"{POLL}.can-be-continued", first["id"], plain.json.get("previous_response_id"), plain)
    await probe.ask("DELETE", f"/responses/{first['id']}")
    gone = await probe.request("GET", f"/responses/{first['id']}")
    refused(probe, "background.delete.ended-is-gone", gone, 404)


def _polled(probe: Probe, polls: list[Exchange]) -> None:
    last = polls[-1].json
    statuses = [one.json.get("status") for one in polls]
    ended = last.get("status") in ENDED
    probe.holds(f"{POLL}.reaches-an-end", ended, expected=ENDED, got=last.get("status"), on=polls[-1])
    stages = [stage(one) for one in statuses]
    forward = stages == sorted(stages)
    probe.holds(f"{POLL}.status-only-goes-forward", forward, expected="forward", got=statuses, on=polls)
    names = {(one.json.get("id"), one.json.get("created_at")) for one in polls}
    same(probe, f"{POLL}.id-stays", 1, len(names), *polls)
    if last.get("status") == "completed":
        whole = all(last.get(key) for key in ("output", "usage", "completed_at"))
        got = {key: last.get(key) for key in ("output", "usage", "completed_at")}
        probe.holds(f"{POLL}.ended-response-is-whole", whole, expected="all three", got=got, on=polls[-1])


@case(
    f"{STOP}.while-it-runs",
    requirements=[f"{STOP}.ends-cancelled", f"{STOP}.twice-gives-the-same", f"{STOP}.is-kept"],
    requests=5,
    tokens=600,
    needs=NEEDS,
    profiles=("core",),
)
async def while_it_runs(probe: Probe) -> None:
    """A long answer is cancelled at its beginning."""
    made = await probe.create(input=f"{MANY_WORDS}. Then once more.", background=True, max_output_tokens=2048)
    path = f"/responses/{made.json['id']}"
    stopped = await probe.ask("POST", f"{path}/cancel")
    after = await probe.until_ended(made.json["id"])
    status = after.json.get("status")
    if stopped.json.get("status") in ("completed", "incomplete"):
        probe.skip(f"{STOP}.ends-cancelled", "the answer had ended before it was cancelled")
    else:
        same(probe, f"{STOP}.ends-cancelled", "cancelled", status, stopped, after)
    again = await probe.ask("POST", f"{path}/cancel")
    same(probe, f"{STOP}.twice-gives-the-same", settled(after.json), settled(again.json), stopped, again)
    kept = await probe.ask("GET", path)
    same(probe, f"{STOP}.is-kept", settled(again.json), settled(kept.json), again, kept)


@case(
    f"{STOP}.afterwards",
    requirements=[f"{STOP}.of-an-ended-changes-nothing", f"{STOP}.of-an-ended-answers-with-it"],
    requests=5,
    tokens=60,
    needs=NEEDS,
)
async def afterwards(probe: Probe) -> None:
    """A response that has ended is cancelled."""
    made = await probe.create(input="Say: ok", background=True, max_output_tokens=64)
    ended = await probe.until_ended(made.json["id"])
    answer = await probe.request("POST", f"/responses/{made.json['id']}/cancel")
    if answer.ok:
        same(
            probe,
            f"{STOP}.of-an-ended-answers-with-it",
            settled(ended.json),
            settled(answer.json),
            ended,
            answer,
        )
    else:
        probe.unclear(f"{STOP}.of-an-ended-answers-with-it", str(answer.status), on=answer)
    after = await probe.ask("GET", f"/responses/{made.json['id']}")
    same(
        probe, f"{STOP}.of-an-ended-changes-nothing", settled(ended.json), settled(after.json), answer, after
    )


@case(
    "background.store.false",
    requirements=["background.store.false-can-be-polled"],
    requests=3,
    tokens=60,
    needs=NEEDS,
)
async def store_false(probe: Probe) -> None:
    """A background response that is not to be kept."""
    made = await probe.attempt(input="Say: ok", background=True, store=False, max_output_tokens=64)
    if made.status == 400:
        probe.unclear("background.store.false-can-be-polled", "400", on=made)
        return
    found = await probe.request("GET", f"/responses/{probe.demand(made).json['id']}")
    same(probe, "background.store.false-can-be-polled", 200, found.status, made, found)


@case(
    f"{STREAM}.whole",
    requirements=[f"{STREAM}.stored-equals-streamed"],
    requests=2,
    tokens=100,
    needs=NEEDS,
)
async def whole(probe: Probe) -> None:
    """A background response is streamed to its end."""
    made = await probe.stream(input="Say: ok", background=True, max_output_tokens=64)
    found = await probe.ask("GET", f"/responses/{made.final['id']}")
    probe.holds(
        f"{STREAM}.stored-equals-streamed",
        settled(found.json) == settled(made.final),
        expected=made.final,
        got=found.json,
        on=(made, found),
        message=difference(made.final, found.json),
    )


@case(
    f"{STREAM}.abandoned",
    requirements=[f"{STREAM}.outlives-its-client"],
    requests=4,
    tokens=300,
    needs=NEEDS,
    profiles=("core",),
)
async def abandoned(probe: Probe) -> None:
    """The client of a background stream hangs up after two events."""
    made = await probe.stream(input=MANY_WORDS, background=True, max_output_tokens=256, stop_after=2)
    ended = await probe.until_ended(made.final["id"])
    status = ended.json.get("status")
    fine = status in ("completed", "incomplete")
    wanted = ("completed", "incomplete")
    probe.holds(f"{STREAM}.outlives-its-client", fine, expected=wanted, got=status, on=(made, ended))
