"""Rules between settings, which no single type can say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from antiphon.config import EngineSettings, Settings

Sources = Mapping[str, str]
"""Place of a setting (`engines[0].url`) → who gave it; absent: the default."""


class ConfigError(Exception):
    """The configuration is wrong; the message is one line for the operator and shows no secret."""


def check(settings: Settings, sources: Sources) -> None:
    """Raise `ConfigError` at the first rule that does not hold."""

    def fail(place: str, why: str) -> None:
        source = sources.get(place) or sources.get(place.partition("[")[0], "default")
        raise ConfigError(f"{source}: {place} {why}")

    for rule in (_store, _engines, _models, _keys, _reasoning):
        rule(settings, fail)


Fail = Callable[[str, str], None]


def _store(settings: Settings, fail: Fail) -> None:
    if not re.match(r"sqlite:///.", settings.store.url):
        fail("store.url", "must be: sqlite:///FILE")


def _engines(settings: Settings, fail: Fail) -> None:
    names: set[str] = set()
    for index, engine in enumerate(settings.engines):
        place = f"engines[{index}]."
        if engine.name in names:
            fail(place + "name", f"is used twice: {engine.name}")
        names.add(engine.name)
        if engine.kind in ("chat", "responses"):
            _remote(engine, place, fail)
        else:
            _embedded(engine, place, fail)


def _remote(engine: EngineSettings, place: str, fail: Fail) -> None:
    if engine.url is None:
        fail(place + "url", f"is missing: an engine of kind {engine.kind} needs --engine-url or url")
    elif not re.match(r"https?://[^/?#\s]+", engine.url):
        fail(place + "url", "must be: http://HOST:PORT/v1 or https://…")
    if engine.model_path is not None:
        fail(place + "model_path", f"is for kind llamacpp; this engine is of kind {engine.kind}")


def _embedded(engine: EngineSettings, place: str, fail: Fail) -> None:
    if engine.url is not None:
        fail(place + "url", f"is for kinds chat and responses; {engine.kind} runs inside this server")
    if engine.model_path is None:
        return
    if engine.kind != "llamacpp":
        fail(place + "model_path", f"is for kind llamacpp; this engine is of kind {engine.kind}")
    if not Path(engine.model_path).is_file():
        fail(place + "model_path", f"is no file: {engine.model_path}")


def _models(settings: Settings, fail: Fail) -> None:
    engines = {engine.name for engine in settings.engines}
    names: set[str] = set()
    for index, model in enumerate(settings.models):
        place = f"models[{index}]."
        if model.engine not in engines:
            known = ", ".join(sorted(engines))
            fail(place + "engine", f"names no engine: {model.engine}; there is {known}")
        if model.name in names:
            fail(place + "name", f"is used twice: {model.name}")
        names.add(model.name)


def _keys(settings: Settings, fail: Fail) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(settings.auth.keys):
        place = f"auth.keys[{index}].key"
        if entry.key.startswith("sha256:") and not re.fullmatch(r"sha256:[0-9a-f]{64}", entry.key):
            fail(place, "must have 64 lower-case hex digits after sha256:")
        if entry.key in seen:
            fail(place, "is listed twice")
        seen.add(entry.key)


def _reasoning(settings: Settings, fail: Fail) -> None:
    if settings.reasoning.key_retention_s < settings.reasoning.key_rotation_s:
        fail("reasoning.key_retention_s", "is below reasoning.key_rotation_s: keys would end while in use")
