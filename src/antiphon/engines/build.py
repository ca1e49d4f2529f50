"""Settings → engines. Each kind's module is imported only when it is asked for."""

from __future__ import annotations

from pathlib import Path

from antiphon.config import EngineSettings
from antiphon.ports import Engine


def build_engine(settings: EngineSettings) -> Engine:
    """The engine that these settings describe; nothing is started or connected yet."""
    match settings.kind:
        case "chat":
            from antiphon.engines.chat.engine import ChatEngine

            return ChatEngine(settings)
        case "responses":
            from antiphon.engines.responses.engine import ResponsesEngine

            return ResponsesEngine(settings)
        case "llamacpp":
            return _embedded(settings)
        case "scripted":
            from antiphon.engines.scripted.engine import ScriptedEngine

            return ScriptedEngine(settings)


def _embedded(settings: EngineSettings) -> Engine:
    from antiphon.engines.llamacpp.engine import EmbeddedEngine
    from antiphon.engines.llamacpp.server import DEMO_MODEL, EmbeddedConfig, EmbeddedServer

    path = Path(settings.model_path) if settings.model_path else DEMO_MODEL
    default = EmbeddedConfig(path)
    config = EmbeddedConfig(
        path,
        context_tokens=settings.context_tokens or default.context_tokens,
        parallel=settings.parallel,
        threads=settings.threads,
        start_timeout_s=settings.start_timeout_s,
    )
    return EmbeddedEngine(settings, EmbeddedServer(config))
