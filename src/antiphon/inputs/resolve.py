"""Files and images in items become what engines read: text and data URLs. Implements `run.inputs.Inputs`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, cast

from antiphon.config import InputSettings
from antiphon.core.deltas import JSON
from antiphon.core.errors import ApiError, Invalid, Unsupported
from antiphon.inputs.cache import BoundedCache
from antiphon.inputs.fetch import FetchFailure, FetchFailureKind, GuardedFetcher
from antiphon.inputs.files import Files
from antiphon.inputs.images import Images
from antiphon.inputs.place import Pass, Place
from antiphon.ports import Tenant

_PARTS = frozenset({"input_file", "input_image", "computer_screenshot"})
_GONE: frozenset[FetchFailureKind] = frozenset({"unreachable", "timeout", "status", "redirects"})


class InputResolver:
    """Resolves contexts. What was fetched or converted is kept for the next turn, per tenant."""

    def __init__(self, fetcher: GuardedFetcher, settings: InputSettings) -> None:
        self._fetcher, self._settings = fetcher, settings
        cache = BoundedCache(settings.cache_bytes)
        self._files, self._images = Files(settings, cache), Images(settings, cache)

    async def resolve(self, tenant: Tenant, items: Sequence[JSON], history: int = 0) -> tuple[JSON, ...]:
        """The items with every file and image resolved; those without stay the very same objects.

        The first `history` items come from earlier requests: what is wrong there has `param` `input`, and
        a URL that no longer answers is told to the model instead of ending the conversation for good.
        Raises `Invalid` and `Unsupported`.
        """
        if not _any_part(items):
            return tuple(items)
        found = list(_parts(items, history))
        if len(found) > self._settings.max_parts:
            raise Invalid(
                f"The context has {len(found)} files and images; the limit is {self._settings.max_parts}.",
                param="input",
                code="array_above_max_length",
            )
        fetching = self._fetcher.settings
        run = Pass(
            tenant,
            self._fetcher,
            fetching.max_request_bytes,
            asyncio.Semaphore(fetching.max_request_parallel),
        )
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                made = await _together([self._part(run, place, part) for place, part in found])
        except TimeoutError as error:
            raise Invalid(
                "The files and images of this request take too long to fetch and read.", param="input"
            ) from error
        return _replaced(items, [(place, part) for (place, _), part in zip(found, made, strict=True)])

    async def _part(self, run: Pass, place: Place, part: JSON) -> JSON:
        file = part["type"] == "input_file"
        try:
            return await (self._files if file else self._images).resolve(run, place, part)
        except FetchFailure as failure:
            if place.own < 0 and place.index is not None and failure.kind in _GONE:
                return {"type": "input_text", "text": _gone(part)}
            raise _refusal(failure, place, file) from failure


def _any_part(items: Sequence[JSON]) -> bool:
    """The hot path: most contexts hold text alone."""
    for item in items:
        parts = item.get("content") or item.get("output")
        if type(parts) is list:
            for part in cast(list[Any], parts):
                if type(part) is dict and cast(JSON, part).get("type") in _PARTS:
                    return True
        elif type(parts) is dict:
            return True
    return False


def _parts(items: Sequence[JSON], history: int) -> Iterator[tuple[Place, JSON]]:
    for number, item in enumerate(items):
        for name in ("content", "output"):
            parts = item.get(name)
            if isinstance(parts, list):
                for index, part in enumerate(cast(list[Any], parts)):
                    if isinstance(part, dict) and cast(JSON, part).get("type") in _PARTS:
                        yield Place(number, number - history, name, index), cast(JSON, part)
            elif isinstance(parts, dict) and cast(JSON, parts).get("type") in _PARTS:
                yield Place(number, number - history, name, None), cast(JSON, parts)


async def _together(waiting: list[Any]) -> list[JSON]:
    """All of them at once; the first that fails stops the others."""
    tasks = [asyncio.ensure_future(each) for each in waiting]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _replaced(items: Sequence[JSON], made: Sequence[tuple[Place, JSON]]) -> tuple[JSON, ...]:
    """Copies of the items that changed, down to the changed part; stored items stay as they came."""
    out = list(items)
    for place, part in made:
        item = out[place.item]
        old = item[place.field] if place.index is None else item[place.field][place.index]
        if part is old:
            continue
        if place.index is not None:
            part = [*item[place.field][: place.index], part, *item[place.field][place.index + 1 :]]
        out[place.item] = {**item, place.field: part}
    return tuple(out)


def _gone(part: JSON) -> str:
    what = "file" if part["type"] == "input_file" else "image"
    return f"[The {what} that stood here is no longer available.]"


def _refusal(failure: FetchFailure, place: Place, file: bool) -> ApiError:
    """What the client is told of a URL; the codes of images are official, those of files follow them."""
    param = place.param("file_url" if file else "image_url")
    if failure.kind == "disabled":
        return Unsupported(f"{failure.message} Send the data itself.", param=param)
    noun = "file" if file else "image"
    match failure.kind:
        case "invalid_url" | "blocked":
            code = f"invalid_{noun}_url"
        case "content_type":
            code = "unsupported_file" if file else "unsupported_image_media_type"
        case "too_large":
            code = "file_too_large" if file else "image_file_too_large"
        case _:
            code = f"failed_to_download_{noun}"
    return Invalid(f"Failed to download the {noun} of '{param}'. {failure.message}", param=param, code=code)
