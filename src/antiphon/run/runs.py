"""Every response of this process: start, find, cancel, shut down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import cast

from antiphon.core.agent import Agent, Limits
from antiphon.core.compaction import summary_sample, user_messages
from antiphon.core.context import Sample
from antiphon.core.deltas import JSON
from antiphon.core.errors import EngineFailure, Invalid, NotFound, Overloaded, Server, api_error
from antiphon.core.events import Event
from antiphon.core.items import normalise
from antiphon.core.machine import ResponseMachine
from antiphon.core.request import (
    Plan,
    Rules,
    check_compact,
    check_count,
    check_request,
    conversation_of,
    plan_given,
)
from antiphon.core.tools import ToolRules
from antiphon.ports import (
    Caller,
    Listing,
    NewResponse,
    Page,
    Route,
    Router,
    SlowReader,
    Tenant,
    TokenCount,
    Warm,
)
from antiphon.run.compaction import summary_of
from antiphon.run.history import History, Start
from antiphon.run.inputs import Inputs
from antiphon.run.live import Birth, Live
from antiphon.run.locks import Locks
from antiphon.run.log import EventLog
from antiphon.run.loop import Driver, World

_AT_LIMIT = "The server is at its limit of responses."
_READ_BATCH = 500
"""Events read from the store at a time when a log is resumed."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long stored responses are kept, in seconds: official (30 days), and with `store: false`."""

    response_s: float
    hidden_s: float


class Runs:
    """Implements `ports.Runs`."""

    def __init__(self, world: World, router: Router, inputs: Inputs, lifetimes: Lifetimes) -> None:
        self._world, self._router, self._inputs, self._lifetimes = world, router, inputs, lifetimes
        self._locks = Locks(world.store, world.clock, world.settings.run_timeout_s)
        self._driver = Driver(world, self._locks)
        self._history = History(world.store, world.vault, world.settings.max_items_per_context)
        self._live: dict[str, Live] = {}
        self._slots = asyncio.Semaphore(world.settings.max_concurrent)
        self._closing = False

    # ---------- making

    async def start(self, body: object, caller: Caller, warm: Warm | None = None) -> Live:
        self._admit()
        warm = warm or Warm()
        given = check_request(body, self._rules())
        if self._world.check is not None:
            await self._world.check(given)
        route = await self._router.route(cast(str, given["model"]))
        if not given.get("background"):
            self._admit_now()
        response_id = self._world.ids.new("resp")
        # Taken before it is read: nothing may come between what the model sees and what it adds.
        async with self._locks.starting(caller.tenant, conversation_of(given), response_id):
            plan, start = await self._planned(caller.tenant, given, route, warm.history)
            sample = await self._sample(caller.tenant, plan, route, start)
            route.engine.check(sample)
            record = self._record(response_id, caller.tenant, plan, start, warm)
            generate = warm.generate and plan.generate
            birth = Birth(response_id, caller.tenant, plan, route, start, record, generate)
            return self._launch(birth, sample)

    async def count_tokens(self, body: object, caller: Caller) -> TokenCount:
        given = check_count(body, self._rules())
        route = await self._router.route(cast(str, given["model"]))
        plan, start = await self._planned(caller.tenant, given, route)
        sample = await self._sample(caller.tenant, plan, route, start)
        try:
            return await route.engine.count_tokens(sample)
        except EngineFailure as failure:
            raise api_error(failure) from failure

    async def compact(self, body: object, caller: Caller) -> JSON:
        self._admit()
        given = check_compact(body, self._rules())
        route = await self._router.route(cast(str, given["model"]))
        plan, start = await self._planned(caller.tenant, given, route)
        sample = summary_sample(await self._sample(caller.tenant, plan, route, start))
        route.engine.check(sample)
        self._admit_now()
        try:
            async with self._slots, asyncio.timeout(self._world.settings.run_timeout_s):
                summary, usage = await summary_of(await route.engine.open(sample))
        except EngineFailure as failure:
            raise api_error(failure) from failure
        except TimeoutError as error:
            raise Server("The compaction took longer than this server allows.") from error
        sealed = self._world.vault.sealer(caller.tenant)(summary)
        item = {"id": self._world.ids.new("cmp"), "type": "compaction", "encrypted_content": sealed}
        return {
            "id": self._world.ids.new("resp"),
            "object": "response.compaction",
            "created_at": int(self._world.clock.now()),
            "output": [*user_messages((*start.history, *start.input)), item],
            "usage": usage.official(),
        }

    async def create_items(self, items: Sequence[JSON], caller: Caller) -> list[JSON]:
        normal = normalise(items, self._world.ids.new, "items")
        return list(await self._history.resolve(caller.tenant, normal))

    # ---------- finding

    async def get(self, response_id: str, caller: Caller) -> JSON:
        live = self._mine(response_id, caller)
        if live is not None and live.birth.record is not None and (live.stored or live.ended):
            if live.ending is not None:
                await asyncio.shield(live.ending)  # nobody sees an end that is not stored yet
            return live.machine.snapshot()
        found = await self._world.store.get(caller.tenant, response_id)
        if found is None:
            raise _not_found(response_id)
        return found

    async def resume(self, response_id: str, after: int, caller: Caller) -> AsyncIterator[Sequence[Event]]:
        live = self._mine(response_id, caller)
        if live is None or not live.background:
            response = await self.get(response_id, caller)
            if not response.get("background"):
                raise Invalid(
                    "Only responses created with 'background' true can be streamed again.", param="stream"
                )
            live = None
            if await self._world.store.events(caller.tenant, response_id, after, 1) is None:
                raise _not_found(response_id)
        return self._tail(live, response_id, after, caller)

    async def cancel(self, response_id: str, caller: Caller) -> JSON:
        response = await self.get(response_id, caller)
        if not response.get("background"):
            raise Invalid("Cannot cancel a synchronous response.", param="response_id")
        live = self._mine(response_id, caller)
        if live is not None:
            await live.cancel()
            return live.machine.snapshot()
        return response

    async def delete(self, response_id: str, caller: Caller) -> None:
        await self.get(response_id, caller)
        live = self._mine(response_id, caller)
        if live is not None:
            await live.cancel()
        if not await self._world.store.delete(caller.tenant, response_id):
            raise _not_found(response_id)

    async def input_items(self, response_id: str, page: Page, caller: Caller) -> Listing:
        listing = await self._world.store.input_items(caller.tenant, response_id, page)
        if listing is None:
            raise _not_found(response_id)
        return listing

    # ---------- the end of the process

    @property
    def accepting(self) -> bool:
        return not self._closing

    @property
    def active(self) -> int:
        """Runs that have not ended."""
        return len(self._live)

    async def aclose(self, grace_s: float) -> None:
        """Take no more runs; let those under way end within `grace_s` seconds, then cancel the rest."""
        self._closing = True
        tasks = {live.task for live in self._live.values() if live.task}
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for live in list(self._live.values()):
            await live.cancel()

    # ---------- inside

    def _rules(self, route: Route | None = None) -> Rules:
        """What is allowed here; hosted tools are those that the route's engine runs itself."""
        settings = self._world.settings
        hosted = route.engine.native_tools if route is not None else frozenset[str]()
        tools = ToolRules(hosted, settings.unavailable_tools)
        return Rules(tools, frozenset(settings.extra_parameters))

    def _admit(self) -> None:
        if self._closing:
            raise Overloaded("The server is shutting down.", headers={"retry-after": "1"})
        limit = self._world.settings.max_concurrent + self._world.settings.max_background_queue
        if len(self._live) >= limit:
            raise Overloaded(_AT_LIMIT, headers={"retry-after": "1"})

    def _admit_now(self) -> None:
        if self._slots.locked():
            raise Overloaded(_AT_LIMIT, headers={"retry-after": "1"})

    async def _planned(
        self, tenant: Tenant, given: JSON, route: Route, known: Sequence[JSON] | None = None
    ) -> tuple[Plan, Start]:
        """What a request asks for and where it begins. `known` is a WebSocket lane's own history."""
        earlier = await self._history.earlier(tenant, given) if known is None else known
        plan = plan_given(given, self._rules(route), self._world.ids.new, earlier)
        return plan, await self._history.start(tenant, plan, earlier)

    async def _sample(self, tenant: Tenant, plan: Plan, route: Route, start: Start) -> Sample:
        items = (*start.history, *start.input)
        seen = self._history.for_engine(tenant, items, plan.current_reasoning_only)
        earlier = max(0, len(seen) - len(start.input))
        return Sample(
            model=route.model,
            items=await self._inputs.resolve(tenant, seen, earlier),
            tools=plan.tools,
            settings=plan.settings,
            instructions=plan.instructions,
            include=plan.include,
            cache_salt=tenant,
        )

    def _record(
        self, response_id: str, tenant: Tenant, plan: Plan, start: Start, warm: Warm
    ) -> NewResponse | None:
        """What the store is told of the response; None where nothing is stored."""
        if not (plan.store or plan.background):
            return None
        now = self._world.clock.now()
        kept = self._lifetimes.response_s if plan.store else self._lifetimes.hidden_s
        return NewResponse(
            tenant,
            _newborn(response_id, int(now), plan),
            # A lane's own history is in no store: the chain begins here, with all of it.
            start.input if warm.history is None else (*start.history, *start.input),
            plan.previous_response_id if warm.history is None else None,
            plan.conversation_id,
            plan.background,
            hidden=not plan.store,
            # SPEC.md H15: items of a response in a conversation have no 30-day limit.
            expires_at=None if plan.conversation_id and plan.store else now + kept,
        )

    def _launch(self, birth: Birth, sample: Sample) -> Live:
        settings = self._world.settings
        now = int(self._world.clock.now())
        machine = ResponseMachine(_newborn(birth.id, now, birth.plan))
        limits = Limits(settings.max_turns, settings.invalid_call_retries)
        agent = Agent(birth.plan, sample, limits, self._world.ids.new)
        live = Live(birth, machine, agent, EventLog(settings.max_retained_bytes))
        self._live[birth.id] = live
        live.task = asyncio.create_task(self._run(live), name=birth.id)
        return live

    async def _run(self, live: Live) -> None:
        try:
            await self._driver.drive(live, self._slots)
            if not self._closing:  # what is still owed then is ended by recovery, at the next start
                await self._driver.pay(live)
        finally:
            self._live.pop(live.id, None)

    def _mine(self, response_id: str, caller: Caller) -> Live | None:
        live = self._live.get(response_id)
        return live if live is not None and live.birth.tenant == caller.tenant else None

    async def _tail(
        self, live: Live | None, response_id: str, after: int, caller: Caller
    ) -> AsyncIterator[Sequence[Event]]:
        """The log from `after`+1: from the store what is not in memory, then from the live run, if any.

        A reader that falls behind the memory of a live run goes on from the store, once it is there.
        """
        while True:
            if live is not None and after + 1 >= live.log.first:
                try:
                    async for batch in live.events(after):
                        yield batch
                        after = batch[-1].sequence_number
                    return
                except SlowReader:
                    pass
            ended = live is None or live.ended
            batch = await self._world.store.events(caller.tenant, response_id, after, _READ_BATCH)
            if batch:
                yield batch
                after = batch[-1].sequence_number
            elif ended:
                return
            else:
                await asyncio.sleep(self._world.settings.event_flush_s)


def _newborn(response_id: str, now: int, plan: Plan) -> JSON:
    """The response object at its birth, in the order that people read."""
    return {"id": response_id, "object": "response", "created_at": now, "status": "in_progress", **plan.echo}


def _not_found(response_id: str) -> NotFound:
    return NotFound(f"Response with id '{response_id}' not found.")
