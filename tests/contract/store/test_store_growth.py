"""A long conversation costs its items once: rows and bytes per turn do not grow with the turns."""

from __future__ import annotations

from itertools import pairwise

from tests.contract.store.rig import Rig
from tests.contract.store.samples import T, answer, conversation, ended, ids, message, new

from antiphon.ports import Page, Store

TURNS = 500
STEP = 100


async def _turn(store: Store, n: int, prev: str | None, conversation_id: str | None) -> None:
    await store.end_new(
        new(
            f"resp_{n:032}",
            message(f"msg_in_{n:032}", "question " * 30),
            previous_response_id=prev,
            conversation_id=conversation_id,
        ),
        ended(f"resp_{n:032}", answer(f"msg_out_{n:032}", "answer " * 40), conversation_id=conversation_id),
    )


async def _grow(rig: Rig, store: Store, conversation_id: str | None = None) -> list[int]:
    """Bytes after every STEP turns."""
    sizes = [rig.size()]
    for n in range(TURNS):
        prev = f"resp_{n - 1:032}" if n and conversation_id is None else None
        await _turn(store, n, prev, conversation_id)
        if (n + 1) % STEP == 0:
            sizes.append(rig.size())
    return sizes


def _check_linear(sizes: list[int], most: int) -> None:
    per_turn = [(after - before) / STEP for before, after in pairwise(sizes)]
    print("bytes per turn, in steps of", STEP, "turns:", per_turn)
    assert max(per_turn[1:]) <= 1.25 * min(per_turn[1:])
    assert max(per_turn) <= most


async def test_a_chain_of_500_turns(rig: Rig, store: Store) -> None:
    sizes = await _grow(rig, store)
    _check_linear(sizes, most=2500)
    rows = {name: count for name, count in rig.rows().items() if count >= TURNS}
    assert rows == {"responses": TURNS, "items": 2 * TURNS}
    context = await store.context(T, f"resp_{TURNS - 1:032}")
    assert ids(context) == [f"msg_{side}_{n:032}" for n in range(TURNS) for side in ("in", "out")]
    last = await store.input_items(T, f"resp_{TURNS - 1:032}", Page(1, "asc", f"msg_out_{TURNS - 3:032}"))
    assert last is not None
    assert ids(last.data) == [f"msg_in_{TURNS - 2:032}"]


async def test_a_conversation_of_500_turns(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [])
    sizes = await _grow(rig, store, "c")
    _check_linear(sizes, most=2600)
    rows = {name: count for name, count in rig.rows().items() if count >= TURNS}
    assert rows == {"responses": TURNS, "items": 2 * TURNS, "conversation_items": 2 * TURNS}
    assert len(await store.conversation_context(T, "c") or []) == 2 * TURNS
