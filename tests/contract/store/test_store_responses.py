from __future__ import annotations

import pytest
from tests.contract.store.rig import START, Rig
from tests.contract.store.samples import EXPIRY, T, answer, ended, ids, log, message, new, plain, response

from antiphon.core.errors import IllegalTransition
from antiphon.ports import Page, Store


async def test_an_accepted_response_has_no_output(store: Store) -> None:
    await store.create(new("r", message("m")))
    assert await store.get(T, "r") == response("r")


async def test_an_update_replaces_the_fields(store: Store) -> None:
    await store.create(new("r", status="queued", background=True))
    await store.update(T, response("r", "in_progress", metadata={}))
    assert await store.get(T, "r") == response("r", "in_progress", metadata={})


async def test_an_ended_response_is_what_was_told(store: Store) -> None:
    await store.create(new("r", message("m")))
    output = [{"id": "rs", "type": "reasoning", "summary": []}, answer("a")]
    await store.end(ended("r", *output))
    assert await store.get(T, "r") == response("r", "completed", output=output)


async def test_a_plain_request_writes_once(store: Store) -> None:
    await store.end_new(new("r", message("m")), ended("r", answer("a")))
    assert await store.get(T, "r") == response("r", "completed", output=[answer("a")])
    assert await store.context(T, "r") == [message("m"), answer("a")]


@pytest.mark.parametrize("status", ["failed", "cancelled", "incomplete"])
async def test_other_ends_keep_their_output(store: Store, status: str) -> None:
    await store.create(new("r"))
    await store.end(ended("r", answer("a"), status=status))
    assert await store.get(T, "r") == response("r", status, output=[answer("a")])


async def test_a_response_without_items(store: Store) -> None:
    await store.end_new(new("r"), ended("r"))
    assert await store.get(T, "r") == response("r", "completed")
    assert await store.context(T, "r") == []


async def test_the_order_of_fields_is_kept(store: Store) -> None:
    sent = ended("r", answer("a"))
    await store.end_new(new("r"), sent)
    found = await store.get(T, "r")
    assert found is not None
    assert list(found) == list(sent.response)


async def test_other_tenants_find_nothing(store: Store) -> None:
    await store.create(new("r", message("m"), tenant="a", background=True))
    await store.append_events("r", log(0, 1))
    assert await store.get("b", "r") is None
    assert await store.context("b", "r") is None
    assert await store.input_items("b", "r", Page()) is None
    assert await store.events("b", "r", -1, 10) is None
    assert await store.find_items("b", ["m"]) == {}
    assert await store.delete("b", "r") is False
    with pytest.raises(IllegalTransition):
        await store.update("b", response("r"))
    with pytest.raises(IllegalTransition):
        await store.end(ended("r", tenant="b"))
    assert await store.get("a", "r") == response("r")


async def test_a_deleted_response_is_not_found(store: Store) -> None:
    await plain(store, "r")
    assert await store.delete(T, "r") is True
    assert await store.get(T, "r") is None
    assert await store.context(T, "r") is None
    assert await store.input_items(T, "r", Page()) is None
    assert await store.find_items(T, ["r.in", "r.out"]) == {}
    assert await store.delete(T, "r") is False


async def test_unknown_ids_are_not_found(store: Store) -> None:
    assert await store.get(T, "r") is None
    assert await store.delete(T, "r") is False
    assert await store.context(T, "r") is None
    assert await store.input_items(T, "r", Page()) is None
    assert await store.events(T, "r", -1, 10) is None


async def test_a_response_expires(rig: Rig, store: Store) -> None:
    await plain(store, "r")
    rig.clock.time = EXPIRY - 0.001
    assert await store.get(T, "r") is not None
    rig.clock.time = EXPIRY
    assert await store.get(T, "r") is None
    assert await store.context(T, "r") is None
    assert await store.delete(T, "r") is False


async def test_an_unfinished_response_does_not_expire(rig: Rig, store: Store) -> None:
    await store.create(new("r", hidden=True, background=True, expires_at=START + 600))
    rig.clock.time = START + 1000
    assert await store.get(T, "r") == response("r")
    await store.end(ended("r", answer("a")))
    rig.clock.time = START + 1599
    assert await store.get(T, "r") == response("r", "completed", output=[answer("a")])
    rig.clock.time = START + 1600
    assert await store.get(T, "r") is None


async def test_a_response_without_expiry_stays(rig: Rig, store: Store) -> None:
    await plain(store, "r", expires_at=None)
    rig.clock.time = START + 1e9
    await store.sweep(rig.clock.time)
    assert await store.get(T, "r") is not None


async def test_a_hidden_response_is_for_polls_only(store: Store) -> None:
    await store.create(new("r", message("m"), hidden=True, background=True))
    await store.append_events("r", log(0, 2))
    await store.end(ended("r", answer("a")))
    assert await store.get(T, "r") == response("r", "completed", output=[answer("a")])
    assert await store.events(T, "r", -1, 10) == log(0, 2)
    assert await store.context(T, "r") is None
    assert await store.input_items(T, "r", Page()) is None
    assert await store.find_items(T, ["m", "a"]) == {}
    await plain(store, "child", prev="r")
    assert ids(await store.context(T, "child")) == ["child.in", "child.out"]
    assert await store.delete(T, "r") is True
    assert await store.get(T, "r") is None


async def test_unfinished_responses_of_all_tenants(store: Store) -> None:
    await store.create(new("q", tenant="a", status="queued", background=True))
    await store.create(new("p", tenant="b"))
    await store.create(new("hidden", hidden=True))
    await store.create(new("deleted"))
    await store.delete(T, "deleted")
    await store.create(new("done"))
    await store.end(ended("done"))
    await plain(store, "plain")
    assert await store.unfinished() == [
        ("a", response("q", "queued")),
        ("b", response("p")),
        (T, response("hidden")),
    ]


async def test_a_response_deleted_during_its_run_can_end(store: Store) -> None:
    await store.create(new("r", message("m")))
    await store.delete(T, "r")
    await store.update(T, response("r", "in_progress"))
    await store.append_events("r", log(0, 1))
    await store.end(ended("r", answer("a")))
    assert await store.get(T, "r") is None
    assert await store.unfinished() == []


async def test_our_bugs_are_told(store: Store) -> None:
    await plain(store, "r")
    with pytest.raises(IllegalTransition):
        await store.create(new("r"))
    with pytest.raises(IllegalTransition):
        await store.create(new("r", tenant="other"))
    with pytest.raises(IllegalTransition):
        await store.end_new(new("r"), ended("r"))
    with pytest.raises(IllegalTransition):
        await store.end(ended("r", answer("again")))
    with pytest.raises(IllegalTransition):
        await store.update(T, response("r"))
    with pytest.raises(IllegalTransition):
        await store.end(ended("unknown"))
    with pytest.raises(IllegalTransition):
        await store.update(T, response("unknown"))
    with pytest.raises(IllegalTransition):
        await store.create(new("both", previous_response_id="r", conversation_id="c"))
    assert await store.get(T, "r") == response("r", "completed", output=[answer("r.out")])


async def test_a_reopened_store_finds_everything(rig: Rig) -> None:
    first = await rig.open()
    await plain(first, "r")
    await first.create(new("u", message("m"), background=True, previous_response_id="r"))
    await first.append_events("u", log(0, 3))
    await first.aclose()
    second = await rig.open()
    assert await second.get(T, "r") == response("r", "completed", output=[answer("r.out")])
    assert await second.unfinished() == [(T, response("u"))]
    await second.append_events("u", log(3, 1))
    await second.end(ended("u", answer("a"), events=log(4, 2)))
    assert await second.events(T, "u", -1, 100) == log(0, 6)
    assert ids(await second.context(T, "u")) == ["r.in", "r.out", "m", "a"]


async def test_ready_and_closed(rig: Rig) -> None:
    store = await rig.open()
    assert await store.ready() is True
    await store.aclose()
    assert await store.ready() is False
    await store.aclose()
