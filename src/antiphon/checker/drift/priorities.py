"""The rules that say how urgent a change of the surface is. A priority is derived, never entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from antiphon.checker.drift.flatten import LIMITS, Side


class Priority(StrEnum):
    """Most urgent first."""

    BREAKS_CLIENTS = "breaks-clients"
    NEW_REQUIRED = "new-required"
    OPTIONAL = "optional"
    DOCS = "docs"


DAYS: Mapping[Priority, int] = {
    Priority.BREAKS_CLIENTS: 7,
    Priority.NEW_REQUIRED: 30,
    Priority.OPTIONAL: 90,
    Priority.DOCS: 180,
}
"""Days from the day a change was seen to the day by which it is dealt with."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` stands in every change that the rule decided."""

    name: str
    priority: Priority
    sentence: str


_B, _N, _O, _D = Priority

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("operation-added", _N, "A new operation: who claims the whole surface has to serve it."),
        Rule("operation-removed", _B, "An operation is gone: clients that call it fail."),
        Rule(
            "operation-changed",
            _N,
            "An operation answers or takes in a new manner (stream, multipart, pages).",
        ),
        Rule("input-added", _O, "Clients may send something new."),
        Rule("input-added-required", _B, "Clients must send something new: requests of before are refused."),
        Rule("input-removed", _B, "Clients may no longer send something."),
        Rule("output-added", _O, "Servers may send something new."),
        Rule(
            "output-added-required", _N, "Servers must send a new field in an object that was there before."
        ),
        Rule("output-removed", _B, "An event, item or tool, or a field that was required, no longer comes."),
        Rule("output-removed-optional", _O, "A field that need not have come no longer comes."),
        Rule("value-removed", _N, "A listed value is no longer one that servers may send."),
        Rule("input-now-required", _B, "What clients could leave out they must send."),
        Rule("input-now-optional", _O, "What clients had to send they can leave out: servers fill it in."),
        Rule("output-now-required", _N, "What servers could leave out they must send."),
        Rule("output-now-optional", _B, "What clients could count on may be absent."),
        Rule("input-takes-null", _O, "Clients may send null."),
        Rule("input-refuses-null", _B, "Clients may no longer send null."),
        Rule("output-may-be-null", _B, "Clients may meet null where there was none."),
        Rule("output-never-null", _N, "Servers may no longer send null."),
        Rule("type-widened", _O, "Clients may send a further type."),
        Rule("type-narrowed", _B, "Clients may no longer send a type that they could."),
        Rule("output-type-widened", _B, "Clients may meet a type that they do not know."),
        Rule("output-type-narrowed", _N, "Servers may no longer send a type that they could."),
        Rule("type-changed", _B, "Another type altogether."),
        Rule("list-opened", _O, "Other values than the listed ones are allowed too."),
        Rule("list-closed", _B, "Only the listed values are allowed now."),
        Rule("limit-tightened", _B, "Requests of before can be over a limit."),
        Rule("limit-loosened", _O, "Servers have to take more than before."),
        Rule("output-limit", _D, "A limit of what servers send is said anew."),
        Rule("default-changed", _N, "What is not said means something else now."),
        Rule("default-said", _D, "A default is said, or no longer said."),
        Rule("deprecated", _D, "Marked as deprecated, or no longer."),
    )
}


def of_presence(kind: str, side: Side, *, added: bool, required: bool) -> Rule:
    """The rule for an element that came or went. `required` speaks of a parameter or field."""
    if kind == "operation":
        return RULES["operation-added" if added else "operation-removed"]
    if kind == "value":
        return RULES[f"{_who(side)}-added" if added else "input-removed" if side == "in" else "value-removed"]
    if added:
        return RULES[f"{_who(side)}-added-required" if required else f"{_who(side)}-added"]
    if side == "out" and kind in ("field", "parameter") and not required:
        return RULES["output-removed-optional"]
    return RULES[f"{_who(side)}-removed"]


def of_fact(fact: str, side: Side, old: Any, new: Any) -> Rule:
    """The rule for one fact of an element that has changed from `old` to `new`."""
    if fact in LIMITS:
        return RULES[_limit(fact, old, new) if side == "in" else "output-limit"]
    if fact == "shape":
        return RULES[_shape(frozenset(old or ()), frozenset(new or ()), side)]
    if fact == "default":
        return RULES["default-said" if old is None or new is None else "default-changed"]
    named = {
        "required": (f"{_who(side)}-now-required", f"{_who(side)}-now-optional"),
        "nullable": ("input-takes-null", "input-refuses-null")
        if side == "in"
        else ("output-may-be-null", "output-never-null"),
        "open": ("list-opened", "list-closed" if side == "in" else "list-opened"),
        "deprecated": ("deprecated", "deprecated"),
    }
    return RULES[named.get(fact, ("operation-changed",) * 2)[0 if new else 1]]


def _who(side: Side) -> str:
    return "input" if side == "in" else "output"


def _limit(fact: str, old: Any, new: Any) -> str:
    if fact == "pattern" or old is None or new is None:
        return "limit-loosened" if new is None else "limit-tightened"
    lower_is_tighter = fact.startswith("max")
    return "limit-tightened" if (new < old) == lower_is_tighter else "limit-loosened"


def _shape(old: frozenset[str], new: frozenset[str], side: Side) -> str:
    old, new = _widest(old), _widest(new)
    if old < new or "any" in new:
        return "type-widened" if side == "in" else "output-type-widened"
    if new < old or "any" in old:
        return "type-narrowed" if side == "in" else "output-type-narrowed"
    return "type-changed"


def _widest(shape: frozenset[str]) -> frozenset[str]:
    return shape | {"integer"} if "number" in shape else shape
