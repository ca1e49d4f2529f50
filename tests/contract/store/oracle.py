"""What a store means, without a database: the trivial model that adapters are compared with.

It does not know of grace (sweeps take what is gone at once), of blobs, nor of durability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from antiphon.core.deltas import JSON
from antiphon.core.events import Event
from antiphon.ports import EndedResponse, Listing, NewResponse, Page


@dataclass(eq=False)
class Held:
    """One stored item; the same JSON stored twice is two of them."""

    item: JSON
    tenant: str
    number: int


@dataclass(eq=False)
class Link:
    held: Held
    removed: bool = False


@dataclass(eq=False)
class Talk:
    """A conversation."""

    tenant: str
    body: JSON
    links: list[Link] = field(default_factory=list)
    deleted: bool = False
    owner: str | None = None
    until: float = 0.0
    owner_saw: list[Link] = field(default_factory=list)

    def live(self) -> list[Link]:
        return [link for link in self.links if not link.removed]


@dataclass(eq=False)
class Kept:
    """A response."""

    tenant: str
    body: JSON
    input: list[Held]
    hidden: bool
    lifetime: float | None
    parent: Kept | None = None
    talk: Talk | None = None
    saw: list[Link] = field(default_factory=list)
    output: list[Held] = field(default_factory=list)
    log: list[Event] = field(default_factory=list)
    ended: bool = False
    gone_at: float | None = None

    def before(self) -> list[Held]:
        if self.parent is not None:
            return [*self.parent.before(), *self.parent.input, *self.parent.output]
        return [link.held for link in self.saw]


class Oracle:
    def __init__(self, ttl: float) -> None:
        self.now = 0.0
        self.ttl = ttl
        self.responses: dict[str, Kept] = {}
        self.talks: dict[str, Talk] = {}
        self._items: list[Held] = []
        self._count = 0

    def _hold(self, tenant: str, items: Sequence[JSON]) -> list[Held]:
        held = [Held(item, tenant, self._count + n) for n, item in enumerate(items)]
        self._count += len(held)
        self._items.extend(held)
        return held

    # responses

    def _visible(self, tenant: str, id: str) -> Kept | None:
        kept = self.responses.get(id)
        if kept is None or kept.tenant != tenant or self._is_gone(kept):
            return None
        return kept

    def _is_gone(self, kept: Kept) -> bool:
        return kept.gone_at is not None and kept.gone_at <= self.now

    def create(self, new: NewResponse) -> None:
        kept = Kept(
            new.tenant,
            {**new.response, "output": []},
            self._hold(new.tenant, new.input),
            new.hidden,
            None if new.expires_at is None else new.expires_at - self.now,
        )
        parent = self.responses.get(new.previous_response_id or "")
        if parent is not None and parent.tenant == new.tenant and not parent.hidden:
            kept.parent = parent
        talk = self.talks.get(new.conversation_id or "")
        if talk is not None and talk.tenant == new.tenant:
            kept.talk = talk
            kept.saw = list(talk.owner_saw) if talk.owner == new.response["id"] else talk.live()
        orphan = new.conversation_id is not None and (kept.talk is None or kept.talk.deleted)
        if orphan and kept.lifetime is None:
            kept.lifetime = self.ttl
        self.responses[new.response["id"]] = kept

    def end(self, ended: EndedResponse) -> None:
        kept = self.responses[ended.response["id"]]
        kept.output = self._hold(ended.tenant, ended.response["output"])
        kept.body = {**ended.response, "output": []}
        kept.log.extend(ended.events)
        kept.ended = True
        if kept.gone_at is None and kept.lifetime is not None:
            kept.gone_at = self.now + kept.lifetime
        talk = self.talks.get(ended.conversation_id or "")
        if talk is not None and talk.tenant == ended.tenant and not talk.deleted:
            talk.links.extend(Link(held) for held in [*kept.input, *kept.output])
        if talk is not None and talk.tenant == ended.tenant and talk.owner == ended.response["id"]:
            talk.owner = None

    def get(self, tenant: str, id: str) -> JSON | None:
        kept = self._visible(tenant, id)
        return None if kept is None else {**kept.body, "output": [held.item for held in kept.output]}

    def delete(self, tenant: str, id: str) -> bool:
        kept = self._visible(tenant, id)
        if kept is not None:
            kept.gone_at = self.now
        return kept is not None

    def context(self, tenant: str, id: str) -> list[JSON] | None:
        kept = self._visible(tenant, id)
        if kept is None or kept.hidden:
            return None
        return [held.item for held in [*kept.before(), *kept.input, *kept.output]]

    def input_items(self, tenant: str, id: str, page: Page) -> Listing | None:
        kept = self._visible(tenant, id)
        if kept is None or kept.hidden:
            return None
        return _page([held.item for held in [*kept.before(), *kept.input]], page)

    def find_items(self, tenant: str, ids: Sequence[str]) -> dict[str, JSON]:
        reachable: set[Held] = set()
        for kept in self.responses.values():
            if not self._is_gone(kept) and not kept.hidden:
                ancestor: Kept | None = kept
                while ancestor is not None:
                    reachable.update([*ancestor.input, *ancestor.output])
                    ancestor = ancestor.parent
        for talk in self.talks.values():
            if not talk.deleted:
                reachable.update(link.held for link in talk.live())
        newest = sorted((held for held in reachable if held.tenant == tenant), key=lambda held: held.number)
        return {held.item["id"]: held.item for held in newest if held.item["id"] in ids}

    def events(self, tenant: str, id: str, after: int, limit: int) -> list[Event] | None:
        kept = self._visible(tenant, id)
        if kept is None or not kept.log:
            return None
        return kept.log[after + 1 :][:limit]

    def unfinished(self) -> list[tuple[str, JSON]]:
        kept = [kept for kept in self.responses.values() if not kept.ended and kept.gone_at is None]
        return [(one.tenant, one.body) for one in kept]

    # conversations

    def talk(self, tenant: str, id: str) -> Talk | None:
        talk = self.talks.get(id)
        return None if talk is None or talk.tenant != tenant or talk.deleted else talk

    def create_conversation(self, tenant: str, conversation: JSON, items: Sequence[JSON]) -> None:
        links = [Link(held) for held in self._hold(tenant, items)]
        self.talks[conversation["id"]] = Talk(tenant, conversation, links)

    def delete_conversation(self, tenant: str, id: str) -> bool:
        talk = self.talk(tenant, id)
        if talk is None:
            return False
        talk.deleted = True
        for kept in self.responses.values():
            if kept.talk is talk and kept.lifetime is None and kept.gone_at is None:
                kept.lifetime = self.ttl
                kept.gone_at = self.now + self.ttl if kept.ended else None
        return True

    def add_items(self, tenant: str, id: str, items: Sequence[JSON]) -> bool:
        talk = self.talk(tenant, id)
        if talk is not None:
            talk.links.extend(Link(held) for held in self._hold(tenant, items))
        return talk is not None

    def conversation_items(self, tenant: str, id: str, page: Page) -> Listing | None:
        talk = self.talk(tenant, id)
        return None if talk is None else _page([link.held.item for link in talk.live()], page)

    def get_item(self, tenant: str, id: str, item_id: str) -> JSON | None:
        talk = self.talk(tenant, id)
        found = [] if talk is None else [x.held.item for x in talk.live() if x.held.item["id"] == item_id]
        return found[-1] if found else None

    def delete_item(self, tenant: str, id: str, item_id: str) -> bool:
        talk = self.talk(tenant, id)
        found = [] if talk is None else [link for link in talk.live() if link.held.item["id"] == item_id]
        for link in found:
            link.removed = True
        return bool(found)

    def lock(self, tenant: str, id: str, owner: str, until: float) -> bool:
        talk = self.talk(tenant, id)
        if talk is None or (talk.owner not in (None, owner) and talk.until > self.now):
            return False
        if talk.owner != owner or talk.until <= self.now:
            talk.owner_saw = talk.live()
        talk.owner, talk.until = owner, until
        return True

    def unlock(self, tenant: str, id: str, owner: str) -> None:
        talk = self.talks.get(id)
        if talk is not None and talk.tenant == tenant and talk.owner == owner:
            talk.owner = None

    # sweeping

    def sweep(self) -> dict[str, int]:
        before = (len(self.responses), len(self.talks), len(self._items))
        while leaves := [
            id for id, kept in self.responses.items() if self._is_gone(kept) and self._is_leaf(kept)
        ]:
            for id in leaves:
                del self.responses[id]
        used = {kept.talk for kept in self.responses.values()}
        self.talks = {id: talk for id, talk in self.talks.items() if not talk.deleted or talk in used}
        for talk in self.talks.values():
            seen = {link for kept in self.responses.values() if kept.talk is talk for link in kept.saw}
            talk.links = [link for link in talk.links if not link.removed or link in seen]
            talk.owner_saw = [link for link in talk.owner_saw if link in talk.links]
        held = {one for kept in self.responses.values() for one in [*kept.input, *kept.output]}
        held |= {link.held for talk in self.talks.values() for link in talk.links}
        self._items = [one for one in self._items if one in held]
        after = (len(self.responses), len(self.talks), len(self._items))
        names = ("responses", "conversations", "items")
        return {name: b - a for name, b, a in zip(names, before, after, strict=True)}

    def _is_leaf(self, kept: Kept) -> bool:
        return all(other.parent is not kept for other in self.responses.values())


def _page(items: Sequence[JSON], page: Page) -> Listing:
    listed = list({item["id"]: item for item in items}.values())
    if page.order == "desc":
        listed.reverse()
    if page.after is not None:
        ids = [item["id"] for item in listed]
        listed = listed[ids.index(page.after) + 1 :] if page.after in ids else []
    return Listing(listed[: page.limit], len(listed) > page.limit)
