"""The driver: obeys the agent, moves deltas into the machine and events into the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import structlog

from antiphon.config import RunSettings
from antiphon.core.agent import Finish, RunTools, Step
from antiphon.core.compaction import summary_sample
from antiphon.core.context import Sample
from antiphon.core.deltas import JSON
from antiphon.core.errors import (
    ApiError,
    EngineFailure,
    IllegalTransition,
    Overloaded,
    Server,
    Unsupported,
    api_error,
)
from antiphon.core.events import Event
from antiphon.core.machine import Ended
from antiphon.core.turn import Turn, TurnResult, TurnRules
from antiphon.ports import Clock, Ids, Store, StoreDown
from antiphon.ports import Turn as EngineTurn
from antiphon.run.compaction import summary_of
from antiphon.run.live import Live
from antiphon.run.locks import Locks
from antiphon.run.record import Recorder
from antiphon.run.vault import Vault

logger = structlog.get_logger("antiphon.run")

Incident = Literal["illegal_transition", "internal_error", "store_failure", "engine_failure"]


@dataclass(frozen=True, slots=True)
class World:
    """What runs share.

    `accepts` says whether a custom tool's grammar takes an input; `check` refuses a body whose grammars or
    schemas are wrong; `incident` counts what went wrong.
    """

    store: Store
    vault: Vault
    clock: Clock
    ids: Ids
    settings: RunSettings
    accepts: Callable[[JSON, str], bool] | None = None
    check: Callable[[JSON], Awaitable[None]] | None = None
    incident: Callable[[Incident], None] = lambda _: None


_CANCELLED = Server("The request was cancelled.")
_LOST = Server("The response could not be stored.")
_UNSTORED = Overloaded("The server cannot store the response now.", headers={"retry-after": "5"})


class Driver:
    """Drives runs to their end. `drive` never raises: every outcome is told and stored."""

    def __init__(self, world: World, locks: Locks) -> None:
        self._world, self._locks = world, locks
        self._recorder = Recorder(world.store, locks, world.settings.event_flush_s)

    async def drive(self, live: Live, slots: asyncio.Semaphore) -> None:
        """Run to the end, in one of the process's slots."""
        plan = live.birth.plan
        try:
            if live.background:
                await self._queue(live)
            async with slots, asyncio.timeout(self._world.settings.run_timeout_s):
                # Its time began at the start: waiting for the slot may have used it up.
                await self._locks.take(live.birth.tenant, plan.conversation_id, live.id)
                finish = await self._steps(live)
            await self._finish(live, finish)
        except asyncio.CancelledError:
            await self._end(live, "cancelled")
        except TimeoutError:
            await self._fail(live, Server("The response took longer than this server allows."))
        except EngineFailure as failure:
            self._world.incident("engine_failure")
            logger.warning(
                "engine failed", response=live.id, engine=live.birth.route.engine.name, kind=failure.kind
            )
            await self._fail(live, api_error(failure))
        except ApiError as error:
            await self._fail(live, error)
        except StoreDown as error:
            self._world.incident("store_failure")
            logger.error("store failed", response=live.id, reason=str(error))
            await self._fail(live, _UNSTORED)
        except Exception as error:
            illegal = isinstance(error, IllegalTransition)
            self._world.incident("illegal_transition" if illegal else "internal_error")
            logger.exception("run failed", response=live.id)
            await self._fail(live, Server("The server had an error while making the response."))

    async def pay(self, live: Live) -> None:
        """Return when the store has taken the end, however often it refused."""
        await self._recorder.pay(live)

    # ---------- steps

    async def _steps(self, live: Live) -> Finish:
        if not live.birth.generate:
            await self.begin(live)
            return Finish("completed")
        if live.birth.plan.compact:
            return await self._compact(live)
        step: Step = live.agent.first()
        while not isinstance(step, Finish):
            match step:
                case Sample():
                    step = await self._turn(live, step)
                case RunTools():
                    raise Server("This server has no runner for the tool that was called.")
        return step

    async def _compact(self, live: Live) -> Finish:
        """A `compaction_trigger` makes exactly one output item (CLIENTS.md §3, Codex)."""
        stream = await self._open(live, summary_sample(live.agent.sample))
        machine, index = live.machine, live.machine.next_index
        item: JSON = {"id": self._world.ids.new("cmp"), "type": "compaction", "encrypted_content": ""}
        self._tell(live, [*machine.open_item(item), machine.phase(index, "compacting")])
        summary, usage = await summary_of(stream)
        live.agent.usage += usage
        sealed = self._world.vault.sealer(live.birth.tenant)(summary)
        self._tell(live, machine.close_item(index, encrypted_content=sealed))
        return Finish("completed")

    async def _turn(self, live: Live, sample: Sample) -> Step:
        """One engine call. A stream that fails before its first delta is tried once more."""
        retries = 1
        sample = _enforced(live, sample)
        while True:
            turn = Turn(live.machine, sample.tools, self._turn_rules(live, sample), self._world.ids.new)
            try:
                told = await self._sample(live, sample, turn)
                break
            except EngineFailure as failure:
                shorter = live.agent.after_failure(failure)
                if shorter is not None:
                    return shorter
                if failure.shown or retries == 0 or failure.kind not in ("dropped", "malformed"):
                    raise
                retries -= 1
        self._tell(live, told[0])
        return live.agent.after_turn(told[1])

    async def _sample(self, live: Live, sample: Sample, turn: Turn) -> tuple[list[Event], TurnResult]:
        stream = await self._open(live, sample)
        shown = False
        try:
            async for deltas in stream:
                events = turn.feed(deltas)
                shown = shown or bool(events)
                self._tell(live, events)
                self._check_size(live)
        except EngineFailure as failure:
            failure.shown = shown
            raise
        finally:
            await stream.aclose()
        return turn.close()

    async def _open(self, live: Live, sample: Sample) -> EngineTurn:
        """Open the engine's turn; say `created` when it accepts, or when it lets us wait too long."""
        engine = live.birth.route.engine
        if live.begun:
            return await engine.open(sample)
        begin: list[asyncio.Task[None]] = []
        timer = asyncio.get_running_loop().call_later(
            self._world.settings.accept_wait_s,
            lambda: begin.append(asyncio.create_task(self.begin(live))),
        )
        try:
            stream = await engine.open(sample)
        except BaseException:
            timer.cancel()
            if begin:
                await begin[0]
            raise
        try:
            timer.cancel()
            await (begin[0] if begin else self.begin(live))
        except BaseException:
            await stream.aclose()
            raise
        return stream

    def _turn_rules(self, live: Live, sample: Sample) -> TurnRules:
        plan = live.birth.plan
        return TurnRules(
            summary=plan.settings.reasoning_summary is not None,
            parallel=plan.settings.parallel_tool_calls,
            seal=self._world.vault.sealer(live.birth.tenant) if plan.seal_reasoning else None,
            # Where the engine itself holds the grammar, its word is enough.
            accepts=None if sample.grammar is not None else self._world.accepts,
        )

    def _tell(self, live: Live, events: Sequence[Event]) -> None:
        live.tell(events)
        if live.background:
            self._recorder.flush_soon(live)

    def _check_size(self, live: Live) -> None:
        if live.told_bytes > self._world.settings.max_output_bytes:
            raise Server("The response grew larger than this server allows.")

    # ---------- begin and end

    async def begin(self, live: Live) -> None:
        """Tell that work has begun; a stored stream is stored first."""
        if live.begun:
            return
        live.begun = True
        if live.birth.plan.stream or live.background:
            await self._recorder.create(live)
        # Numbered events are told at once: a cancel during the write would leave a gap in the log.
        self._tell(live, live.machine.begin())
        if live.background:
            await self._recorder.begun(live)
        live.accept()

    async def _queue(self, live: Live) -> None:
        """Tell that a background response waits for its turn."""
        await self._recorder.create(live)
        self._tell(live, live.machine.queue())
        live.announced = live.machine.snapshot()
        live.accept()

    async def _finish(self, live: Live, finish: Finish) -> None:
        match finish.status:
            case "completed":
                await self._end(live, "completed", completed_at=int(self._world.clock.now()))
            case "incomplete":
                await self._end(live, "incomplete", incomplete_details={"reason": finish.reason})
            case "failed":
                await self._fail(live, Server(finish.error or "The run failed."))

    async def _fail(self, live: Live, error: ApiError) -> None:
        """Before the first event an HTTP status, after it a failed response."""
        await self._end(live, "failed", refusal=error, error=error.as_response_error())

    async def _end(self, live: Live, status: Ended, *, refusal: ApiError = _CANCELLED, **fields: Any) -> None:
        """End once, whole, and not interrupted by a cancellation that comes now."""
        if live.ending is None:
            live.ending = asyncio.create_task(self._settle(live, status, refusal, fields))
        while not live.ending.done():
            try:
                await asyncio.shield(live.ending)
            except asyncio.CancelledError:
                continue

    async def _settle(self, live: Live, status: Ended, refusal: ApiError, fields: JSON) -> None:
        """Store before you tell: the terminal event is shown when its response can be found."""
        try:
            await self._recorder.settle(live)
            if live.machine.state == "new" and not live.stored:
                await self._recorder.release(live)
                live.refuse(refusal)
                return
            # SPEC.md H26: the tier that was really used; engines here have one.
            live.machine.update(service_tier="default")
            usage, told = live.agent.usage.official(), refusal.detail()
            events = live.machine.finish(status, told=told, usage=usage, **fields)
            try:
                await self._recorder.end(live, events)
            except StoreDown as error:
                events = self._lost(live, events, error)
                await self._recorder.lose(live, events)
            live.tell_all(events)
            live.end(live.machine.snapshot())
        except Exception:
            self._world.incident("internal_error")
            logger.exception("run could not be ended", response=live.id)
            await self._recorder.release(live)
            live.refuse(_LOST)

    def _lost(self, live: Live, events: list[Event], error: StoreDown) -> list[Event]:
        """The final object could not be stored: nobody is told that the response completed."""
        self._world.incident("store_failure")
        logger.error("store failed", response=live.id, reason=str(error))
        live.machine.retract()
        return [
            *events[:-1],
            *live.machine.finish(
                "failed", error=_LOST.as_response_error(), completed_at=None, incomplete_details=None
            ),
        ]


def _enforced(live: Live, sample: Sample) -> Sample:
    """A forced custom tool with a grammar is generated under it, where the engine can do so."""
    target = sample.tools.targets.get(sample.tools.choice.name or "")
    format_ = target.format if target is not None else None
    if format_ is None or format_.get("type") != "grammar":
        return sample
    held = replace(sample, grammar=format_)
    try:
        live.birth.route.engine.check(held)
    except Unsupported:
        return sample
    return held
