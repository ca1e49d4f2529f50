"""Two surfaces → what was added, removed and changed, each with its priority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

from antiphon.checker.drift import priorities
from antiphon.checker.drift.flatten import LIMITS, Element, digest
from antiphon.checker.drift.priorities import Priority, Rule
from antiphon.checker.drift.sources import Surface

JSON = dict[str, Any]
What = Literal["added", "removed", "changed"]

FORMAT = "antiphon-drift/1"

_FREE = "a free object: one calls it any value"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `fact` names what changed of an element that both have; for limits `kind` is `limit`.

    `because` is why the two differ although neither moved: an erratum, or what one of them cannot say.
    """

    path: str
    kind: str
    what: What
    priority: Priority
    rule: str
    fact: str = ""
    old: Any = None
    new: Any = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """A comparison. `digests` are of the two sides' whole surfaces."""

    old: str
    new: str
    digests: tuple[str, str]
    counts: tuple[dict[str, int], dict[str, int]]
    changes: tuple[Change, ...]

    def summary(self) -> JSON:
        """Counts by what happened, kind and priority; `explained` counts the changes with a reason."""
        return {
            "changes": len(self.changes),
            "explained": sum(1 for one in self.changes if one.because),
            "what": _counted(one.what for one in self.changes),
            "kind": _counted(one.kind for one in self.changes),
            "priority": {str(one): 0 for one in Priority}
            | _counted(str(one.priority) for one in self.changes),
        }

    def record(self) -> JSON:
        """The machine-readable form."""
        return {
            "format": FORMAT,
            "old": self.old,
            "new": self.new,
            "digests": list(self.digests),
            "counts": list(self.counts),
            "summary": self.summary(),
            "changes": [asdict(one) for one in self.changes],
        }


def from_record(record: JSON) -> Drift:
    """The comparison that `record` wrote. Raises `ValueError` for another format."""
    if record.get("format") != FORMAT:
        raise ValueError(f"not a comparison of form {FORMAT}")
    changes = [Change(**(one | {"priority": Priority(one["priority"])})) for one in record["changes"]]
    digests, counts = record["digests"], record["counts"]
    return Drift(
        record["old"], record["new"], (digests[0], digests[1]), (counts[0], counts[1]), tuple(changes)
    )


def compare(old: Surface, new: Surface, errata: Mapping[str, str] | None = None) -> Drift:
    """All changes from `old` to `new`, the most urgent first; not the insides of what came or went.

    `errata` as from `sources.touched_by_errata`.
    """
    both_sdk = old.origin == new.origin == "sdk"
    found = [*_presence(old.elements, new.elements), *_facts(old.elements, new.elements, both_sdk)]
    if old.origin != new.origin and "openapi" in (old.origin, new.origin):
        reasons = _Reasons(old, new, errata or {})
        found = [reasons.explained(one) for one in found]
    order = list(Priority)
    found.sort(key=lambda one: (order.index(one.priority), one.kind, one.path, one.fact))
    return Drift(
        old.label,
        new.label,
        (digest(old.elements), digest(new.elements)),
        (counted(old.elements), counted(new.elements)),
        tuple(found),
    )


def counted(elements: Mapping[str, Element]) -> dict[str, int]:
    """How many there are of each kind: operations, events, items, …"""
    return _counted(one.kind for one in elements.values())


def _presence(old: Mapping[str, Element], new: Mapping[str, Element]) -> Iterator[Change]:
    sides: tuple[tuple[What, Mapping[str, Element], Mapping[str, Element]], ...] = (
        ("added", new, old),
        ("removed", old, new),
    )
    for what, there, elsewhere in sides:
        for path, one in there.items():
            if path in elsewhere or (one.parent in there and one.parent not in elsewhere):
                continue
            required = bool(one.facts.get("required"))
            rule = priorities.of_presence(one.kind, one.side, added=what == "added", required=required)
            yield _change(one, what, rule)


def _facts(old: Mapping[str, Element], new: Mapping[str, Element], both_sdk: bool) -> Iterator[Change]:
    """In the SDK an optional field of a reply always takes null: between SDKs that is one change, not two."""
    for path, one in new.items():
        before = old.get(path)
        if before is None:
            continue
        for fact in sorted({*before.facts, *one.facts}):
            was, now = before.facts.get(fact), one.facts.get(fact)
            implied = both_sdk and fact == "nullable" and one.side == "out"
            if implied and before.facts.get("required") != one.facts.get("required"):
                continue
            if was != now:
                rule = priorities.of_fact(fact, one.side, was, now)
                yield _change(one, "changed", rule, fact=fact, old=_plain(was), new=_plain(now))


def _change(element: Element, what: What, rule: Rule, **rest: Any) -> Change:
    kind = "limit" if rest.get("fact") in LIMITS else element.kind
    return Change(element.path, kind, what, rule.priority, rule.name, **rest)


def _plain(value: Any) -> Any:
    return list(cast(tuple[str, ...], value)) if isinstance(value, tuple) else value


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


class _Reasons:
    """Why an OpenAPI document and the SDK (or the pin) differ where nothing has moved."""

    def __init__(self, old: Surface, new: Surface, errata: Mapping[str, str]) -> None:
        self._document, self._other = (old, new) if old.origin == "openapi" else (new, old)
        self._reversed = new.origin == "openapi"
        self._errata: Mapping[str, str] = errata if self._other.origin == "pin" else {}

    def explained(self, change: Change) -> Change:
        because = self._erratum(change.path) or self._silence(change)
        if not because:
            return change
        return replace(change, priority=Priority.DOCS, because=because)

    def _erratum(self, path: str) -> str:
        element: Element | None = self._other.elements.get(path)
        while element is not None:
            said = next((self._errata[part] for part in sorted(element.parts) if part in self._errata), "")
            if said:
                return f"erratum: {said}"
            element = self._other.elements.get(element.parent)
        return ""

    def _silence(self, change: Change) -> str:
        if change.what != "changed":
            return _FREE if change.path.endswith("{}") and self._free(change.path[:-2]) else ""
        document, other = (change.new, change.old) if self._reversed else (change.old, change.new)
        if other is None and (change.fact in LIMITS or change.fact in ("default", "deprecated", "required")):
            return "only the document says it: the SDK has relaxed it or cannot say it"
        if change.fact == "nullable" and document is None:
            return "the SDK's optional fields all take null"
        if change.fact == "shape" and {*(document or ()), *(other or ())} <= {"any", "object"}:
            return _FREE
        return ""

    def _free(self, path: str) -> bool:
        sides = (self._document.elements.get(path), self._other.elements.get(path))
        return all(one is not None and {*one.facts["shape"]} <= {"any", "object"} for one in sides)
