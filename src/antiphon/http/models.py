"""The resource `/models`: every public name, aliases included."""

from __future__ import annotations

from antiphon.core.deltas import JSON
from antiphon.core.errors import NotFound
from antiphon.http.exchange import Exchange
from antiphon.ports import ModelInfo


async def list_all(x: Exchange) -> None:
    """`GET /models`; not paginated (SPEC.md H21)."""
    models = await x.site.deps.router.models()
    await x.reply({"object": "list", "data": [_official(model) for model in models]})


async def retrieve(x: Exchange) -> None:
    """`GET /models/{model}`; names may hold slashes."""
    name = x.params["model"]
    for model in await x.site.deps.router.models():
        if model.id == name:
            await x.reply(_official(model))
            return
    raise NotFound(f"The model '{name}' does not exist.", param="model", code="model_not_found")


def _official(model: ModelInfo) -> JSON:
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}
