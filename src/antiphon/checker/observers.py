"""Looks at every exchange of a run, whatever the case was after."""

from __future__ import annotations

from functools import cache

from antiphon.checker import shapes
from antiphon.checker.look import Look
from antiphon.checker.requirements import load
from antiphon.checker.verdicts import Observation
from antiphon.checker.wire import Exchange, SocketExchange, StreamExchange


def observe(exchange: Exchange) -> list[Observation]:
    """What this exchange shows, one observation per requirement."""
    look = Look(exchange)
    if isinstance(exchange, SocketExchange):
        return look.observations()
    operation = shapes.operation_of(exchange.method, exchange.path)
    if isinstance(exchange, StreamExchange) and exchange.events:
        for event in exchange.events:
            shapes.look_at_event(look, event)
    elif exchange.ok and operation is not None:
        shapes.look_at_reply(look, operation, exchange.json)
    return look.observations()


@cache
def observed() -> frozenset[str]:
    """The requirements of which some observer may speak."""
    return frozenset(one.id for one in load().requirements if one.generated and not _by_case(one.id))


def _by_case(requirement: str) -> bool:
    return requirement.startswith(("parameters.", "responses.include."))
