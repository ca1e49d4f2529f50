"""Our reader folds each recorded stream to its final object."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support import shared
from tests.wire.recordings import known

from antiphon.core.fold import fold
from antiphon.core.kinds import CHANNELS, ITEM_KINDS

JSON = dict[str, Any]
NAMES = shared.recordings() or ["none"]

UNFOLDABLE = {
    "vercel--openai-phase.1": "output_index jumps from 0 to 2",
    "vercel--openai-shell-tool.1": "two responses in one file",
    "vercel--parallel-tool-call-wrapper.1": "no response, only an item",
}


def without(response: JSON, ids: bool) -> JSON:
    """The object without what the real API makes anew at the end."""
    left_out = known.MADE_ANEW | ({"id"} if ids else frozenset())
    items = [{k: v for k, v in item.items() if k not in left_out} for item in response["output"]]
    return {**response, "output": items}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNFOLDABLE])
def test_folds_to_the_final_object(name: str) -> None:
    events = list(shared.events(name))
    folded = fold(shared.events(name))
    rotated = name == "vercel--github-copilot-id-rotation.1"
    assert folded is not None
    assert without(folded, rotated) == without(events[-1]["response"], rotated)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNFOLDABLE])
def test_what_was_streamed_is_known_before_the_item_is_done(name: str) -> None:
    """The events up to `output_item.done` leave a reader with the item's texts, parts and annotations."""
    for number, event in enumerate(shared.events(name)):
        if event["type"] == "response.output_item.done":
            before = fold(list(shared.events(name))[:number])
            assert before is not None
            assert streamed(before["output"][event["output_index"]]) == streamed(event["item"])


def streamed(item: JSON) -> JSON:
    """The fields that channels fill. The real API rounds log probabilities anew when the item is done."""
    fields = {CHANNELS[name].field for name in ITEM_KINDS[item["type"]].channels}
    found = {k: v for k, v in item.items() if k in fields}
    for part in found["content"] if isinstance(found.get("content"), list) else ():
        part.pop("logprobs", None)
    return found


@pytest.mark.parametrize("name", sorted(UNFOLDABLE))
def test_the_unfoldable_are_as_few_as_they_are_listed(name: str) -> None:
    events = list(shared.events(name))
    try:
        folded = fold(shared.events(name))
    except IndexError:
        return
    assert folded is None or folded != events[-1].get("response")
