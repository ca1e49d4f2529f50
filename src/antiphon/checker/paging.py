"""The rules of lists, tried on any list: order, pages, edges. A case says which requirement is which rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antiphon.checker.material import refused, same
from antiphon.checker.probe import Probe
from antiphon.checker.wire import Exchange

RULES = (
    "all-have-ids",
    "default-order-is-descending",
    "ascending-is-the-reverse",
    "limit-bounds-a-page",
    "after-goes-on",
    "envelope-names-first-and-last",
    "after-the-last-is-empty",
    "limit-edges-are-accepted",
    "limit-beyond-edges-is-refused",
    "unknown-order-is-refused",
    "unknown-after-is-refused",
)
REQUESTS = 18
"""What all rules together cost at most, for a list of up to four."""


def rules(area: str) -> list[str]:
    """The requirements of a list's area, one per rule."""
    return [f"{area}.{rule}" for rule in RULES]


async def check_list(
    probe: Probe, area: str, path: str, oldest_first: list[str] | None, *, above: int = 101
) -> None:
    """Tries every rule on the list at `path`. `oldest_first`: its ids where the case knows them; `above`: the
    first `limit` that is too high."""
    whole = await probe.ask("GET", path, query={"limit": 100, "order": "asc"})
    ids = ids_of(whole)
    real = all(one for one in ids) and len(set(ids)) == len(ids)
    probe.holds(f"{area}.all-have-ids", real, expected="ids, all distinct", got=ids, on=whole)
    usual = await probe.ask("GET", path)
    want = [*reversed(oldest_first or ids)]
    same(probe, f"{area}.default-order-is-descending", want[:20], ids_of(usual), usual)
    falling = await probe.ask("GET", path, query={"limit": 100, "order": "desc"})
    same(probe, f"{area}.ascending-is-the-reverse", [*reversed(ids_of(falling))], ids, whole, falling)
    for page in (whole, usual):
        _envelope(probe, area, page)
    await _pages(probe, area, path, ids)
    await _edges(probe, area, path, above)


async def _pages(probe: Probe, area: str, path: str, ids: list[str]) -> None:
    for order, wanted in (("asc", ids), ("desc", [*reversed(ids)])):
        seen: list[str] = []
        while len(seen) < len(wanted):
            query: dict[str, Any] = {"limit": 2, "order": order, **({"after": seen[-1]} if seen else {})}
            page = await probe.ask("GET", path, query=query)
            shape = (len(ids_of(page)), page.json.get("has_more"))
            left = len(wanted) - len(seen)
            same(probe, f"{area}.limit-bounds-a-page", (min(2, left), left > 2), shape, page)
            _envelope(probe, area, page)
            if not same(
                probe, f"{area}.after-goes-on", wanted[len(seen) : len(seen) + 2], ids_of(page), page
            ):
                return
            seen += ids_of(page)
        end = await probe.ask("GET", path, query={"limit": 2, "order": order, "after": seen[-1]})
        same(
            probe,
            f"{area}.after-the-last-is-empty",
            ([], False),
            (ids_of(end), end.json.get("has_more")),
            end,
        )


async def _edges(probe: Probe, area: str, path: str, above: int) -> None:
    answers = {n: await _asked(probe, path, {"limit": n}) for n in (1, above - 1, 0, above)}
    for inside in (1, above - 1):
        same(probe, f"{area}.limit-edges-are-accepted", 200, answers[inside].status, answers[inside])
    for outside in (0, above):
        refused(probe, f"{area}.limit-beyond-edges-is-refused", answers[outside])
    refused(probe, f"{area}.unknown-order-is-refused", await _asked(probe, path, {"order": "sideways"}))
    strange = await _asked(probe, path, {"after": "item_" + "0f" * 24})
    if strange.ok and ids_of(strange) == []:
        probe.unclear(f"{area}.unknown-after-is-refused", "an empty page", on=strange)
    else:
        refused(probe, f"{area}.unknown-after-is-refused", strange, 400, 404)


async def _asked(probe: Probe, path: str, query: Mapping[str, Any]) -> Exchange:
    return await probe.request("GET", path, query=query)


def _envelope(probe: Probe, area: str, page: Exchange) -> None:
    ids = ids_of(page)
    wanted = (ids[0], ids[-1]) if ids else (None, None)
    found = (page.json.get("first_id"), page.json.get("last_id"))
    same(probe, f"{area}.envelope-names-first-and-last", wanted, found, page)


def ids_of(page: Exchange) -> list[str]:
    return [one.get("id") for one in page.json["data"]]
