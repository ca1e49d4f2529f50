"""The Protocols at the rim: what the middle of the house asks of engines, stores, tools and the world.

Adapters live in `engines/`, `store/`, `tools/`; each port has one contract suite in `tests/contract` that
every adapter passes.
"""

from antiphon.ports.engine import Engine, ModelInfo, Route, Router, TokenCount, Turn
from antiphon.ports.runs import Caller, LiveRun, Offer, Runs, SlowReader, Warm
from antiphon.ports.store import (
    ConversationStore,
    EndedResponse,
    KeyStore,
    Listing,
    NewResponse,
    Page,
    ResponseStore,
    Store,
    StoreDown,
    StoreFull,
)
from antiphon.ports.world import Clock, Ids, Tenant

__all__ = [
    "Caller",
    "Clock",
    "ConversationStore",
    "EndedResponse",
    "Engine",
    "Ids",
    "KeyStore",
    "Listing",
    "LiveRun",
    "ModelInfo",
    "NewResponse",
    "Offer",
    "Page",
    "ResponseStore",
    "Route",
    "Router",
    "Runs",
    "SlowReader",
    "Store",
    "StoreDown",
    "StoreFull",
    "Tenant",
    "TokenCount",
    "Turn",
    "Warm",
]
