"""Random programs: the store and the model of `oracle.py` answer alike."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.contract.store.oracle import Oracle
from tests.contract.store.rig import RIGS
from tests.contract.store.samples import conversation, ended, log, message, new

from antiphon.core.deltas import JSON
from antiphon.ports import EndedResponse, NewResponse, Page

X = TypeVar("X")
TTL = 50.0
ITEM_IDS = ["i1", "i2", "i3", "i4"]

tenants = st.sampled_from(["a", "a", "a", "a", "a", "a", "b"])
items = st.lists(
    st.builds(message, st.sampled_from(ITEM_IDS), st.sampled_from(["1", "2", "long " * 10, "longer " * 10])),
    max_size=4,
)
lifetimes = st.sampled_from([None, None, 10.0, 100.0])
pages = st.builds(
    Page,
    limit=st.integers(1, 4),
    order=st.sampled_from(["asc", "desc"]),
    after=st.none() | st.sampled_from([*ITEM_IDS, "never"]),
)
picks = st.integers(0, 1_000)


class StoreProgram(RuleBasedStateMachine):
    rig_name = ""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.rig = RIGS[self.rig_name](Path(self.folder.name))
        self.store = self.wait(self.rig.open(blob_threshold_bytes=30, response_ttl_s=TTL))
        self.model = Oracle(TTL)
        self.model.now = self.rig.clock.time
        self.made: list[str] = []
        self.running: dict[str, NewResponse] = {}
        self.talks: list[str] = []

    def wait(self, work: Coroutine[Any, Any, X]) -> X:
        return self.loop.run_until_complete(work)

    def one(self, names: list[str], pick: int) -> str:
        """Mostly one of the newest."""
        return names[-1 - pick % min(len(names), 3 if pick % 5 else 100)] if names else "nothing"

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.look_at_everything()
            self.wait(self.rig.aclose())
            self.rig.check()
            self.loop.close()
            self.folder.cleanup()

    def look_at_everything(self) -> None:
        assert self.wait(self.store.unfinished()) == self.model.unfinished()
        for tenant in ("a", "b"):
            found = self.wait(self.store.find_items(tenant, ITEM_IDS))
            assert found == self.model.find_items(tenant, ITEM_IDS)
            for id in self.made[-8:]:
                self.look_at_response(tenant, id, Page(100))
            for id in self.talks[-4:]:
                self.look_at_conversation(tenant, id, Page(100), ITEM_IDS[0])

    def look_at_response(self, tenant: str, id: str, page: Page) -> None:
        store, model = self.store, self.model
        assert self.wait(store.get(tenant, id)) == model.get(tenant, id)
        assert self.wait(store.context(tenant, id)) == model.context(tenant, id)
        assert self.wait(store.input_items(tenant, id, page)) == model.input_items(tenant, id, page)
        assert self.wait(store.events(tenant, id, 0, 2)) == model.events(tenant, id, 0, 2)

    def look_at_conversation(self, tenant: str, id: str, page: Page, item: str) -> None:
        store, model = self.store, self.model
        talk = model.talk(tenant, id)
        assert self.wait(store.get_conversation(tenant, id)) == (None if talk is None else talk.body)
        whole = None if talk is None else [link.held.item for link in talk.live()]
        assert self.wait(store.conversation_context(tenant, id)) == whole
        assert self.wait(store.get_item(tenant, id, item)) == model.get_item(tenant, id, item)
        if talk is None or page.after is None or any(x["id"] == page.after for x in whole or []):
            listing = model.conversation_items(tenant, id, page)
            assert self.wait(store.conversation_items(tenant, id, page)) == listing

    def draw_new(self, data: Any, tenant: str, given: list[JSON]) -> NewResponse:
        id = f"r{len(self.made)}"
        self.made.append(id)
        link = data.draw(st.sampled_from(["none", "prev", "prev", "conversation", "conversation"]))
        lifetime = data.draw(lifetimes)
        return new(
            id,
            *given,
            tenant=tenant,
            hidden=data.draw(st.sampled_from([False, False, False, True])),
            expires_at=None if lifetime is None else self.rig.clock.time + lifetime,
            previous_response_id=self.one(self.made[:-1], data.draw(picks)) if link == "prev" else None,
            conversation_id=self.one(self.talks, data.draw(picks)) if link == "conversation" else None,
        )

    def final(self, accepted: NewResponse, output: list[JSON], events: int) -> EndedResponse:
        id = accepted.response["id"]
        done = ended(id, *output, tenant=accepted.tenant, events=log(self.logged(id), events))
        return replace(done, conversation_id=accepted.conversation_id)

    def logged(self, id: str) -> int:
        return len(self.model.responses[id].log) if id in self.model.responses else 0

    @rule(data=st.data(), tenant=tenants, given=items)
    def create(self, data: Any, tenant: str, given: list[JSON]) -> None:
        accepted = self.draw_new(data, tenant, given)
        self.wait(self.store.create(accepted))
        self.model.create(accepted)
        self.running[accepted.response["id"]] = accepted

    @rule(data=st.data(), tenant=tenants, given=items, made=items, events=st.integers(0, 3))
    def end_new(self, data: Any, tenant: str, given: list[JSON], made: list[JSON], events: int) -> None:
        accepted = self.draw_new(data, tenant, given)
        final = self.final(accepted, made, events)
        self.wait(self.store.end_new(accepted, final))
        self.model.create(accepted)
        self.model.end(final)

    @precondition(lambda self: bool(self.running))
    @rule(pick=picks, made=items, events=st.integers(0, 3))
    def end(self, pick: int, made: list[JSON], events: int) -> None:
        accepted = self.running.pop(self.one(list(self.running), pick))
        if accepted.response["id"] in self.model.responses:
            final = self.final(accepted, made, events)
            self.wait(self.store.end(final))
            self.model.end(final)

    @precondition(lambda self: bool(self.running))
    @rule(pick=picks, count=st.integers(1, 3))
    def append_events(self, pick: int, count: int) -> None:
        id = self.one(list(self.running), pick)
        if id in self.model.responses:
            batch = log(self.logged(id), count)
            self.wait(self.store.append_events(id, batch))
            self.model.responses[id].log.extend(batch)

    @rule(pick=picks, tenant=tenants)
    def delete(self, pick: int, tenant: str) -> None:
        id = self.one(self.made, pick)
        assert self.wait(self.store.delete(tenant, id)) == self.model.delete(tenant, id)

    @rule(tenant=tenants, given=items)
    def create_conversation(self, tenant: str, given: list[JSON]) -> None:
        id = f"c{len(self.talks)}"
        self.talks.append(id)
        self.wait(self.store.create_conversation(tenant, conversation(id), given))
        self.model.create_conversation(tenant, conversation(id), given)

    @rule(pick=picks, tenant=tenants, given=items)
    def add_items(self, pick: int, tenant: str, given: list[JSON]) -> None:
        id = self.one(self.talks, pick)
        assert self.wait(self.store.add_items(tenant, id, given)) == self.model.add_items(tenant, id, given)

    @rule(pick=picks, tenant=tenants, place=picks)
    def delete_item(self, pick: int, tenant: str, place: int) -> None:
        id = self.one(self.talks, pick)
        talk = self.model.talk(tenant, id)
        there = [] if talk is None else [link.held.item["id"] for link in talk.live()]
        item = self.one(there, place)
        found = self.wait(self.store.delete_item(tenant, id, item))
        assert found == self.model.delete_item(tenant, id, item)

    @rule(pick=picks, tenant=tenants)
    def delete_conversation(self, pick: int, tenant: str) -> None:
        id = self.one(self.talks, pick)
        found = self.wait(self.store.delete_conversation(tenant, id))
        assert found == self.model.delete_conversation(tenant, id)

    @rule(pick=picks, tenant=tenants, ahead=st.integers(0, 2), seconds=st.sampled_from([5.0, 60.0]))
    def lock(self, pick: int, tenant: str, ahead: int, seconds: float) -> None:
        """Often for a response that is about to be made."""
        id, owner = self.one(self.talks, pick), f"r{len(self.made) + ahead}"
        until = self.rig.clock.time + seconds
        taken = self.wait(self.store.lock_conversation(tenant, id, owner, until))
        assert taken == self.model.lock(tenant, id, owner, until)

    @rule(pick=picks, tenant=tenants, ahead=st.integers(0, 2))
    def unlock(self, pick: int, tenant: str, ahead: int) -> None:
        id, owner = self.one(self.talks, pick), f"r{len(self.made) + ahead}"
        self.wait(self.store.unlock_conversation(tenant, id, owner))
        self.model.unlock(tenant, id, owner)

    @rule(seconds=st.sampled_from([1.0, 10.0, 60.0]))
    def pass_time(self, seconds: float) -> None:
        self.rig.clock.time += seconds
        self.model.now += seconds

    @rule()
    def sweep(self) -> None:
        swept = dict(self.wait(self.store.sweep(self.rig.clock.time)))
        del swept["blobs"]
        assert swept == self.model.sweep()

    @rule(pick=picks, tenant=tenants, page=pages)
    def page_through_a_response(self, pick: int, tenant: str, page: Page) -> None:
        self.look_at_response(tenant, self.one(self.made, pick), page)

    @rule(pick=picks, tenant=tenants, page=pages, item=st.sampled_from(ITEM_IDS))
    def page_through_a_conversation(self, pick: int, tenant: str, page: Page, item: str) -> None:
        self.look_at_conversation(tenant, self.one(self.talks, pick), page, item)

    @rule()
    def look(self) -> None:
        self.look_at_everything()


@pytest.mark.parametrize("rig_name", RIGS)
def test_random_programs(rig_name: str) -> None:
    program = type("Program", (StoreProgram,), {"rig_name": rig_name})
    run_state_machine_as_test(
        program,
        settings=settings(
            max_examples=80, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
