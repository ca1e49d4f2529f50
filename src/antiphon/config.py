"""Every setting and limit of the server, named once: frozen, typed, with its unit and default.

File (`antiphon.toml`), environment (`ANTIPHON_SECTION_NAME`) and flags fill these classes
(`config_load`); rooms are handed their own section by `wiring`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

MIB = 1024 * 1024

EngineKind = Literal["chat", "responses", "llamacpp", "scripted"]
Dialect = Literal["auto", "generic", "vllm", "sglang", "llamacpp", "ollama", "openai"]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of settings; unknown names in a file are an error, never ignored."""


class HttpSettings(Section, frozen=True):
    host: str = "127.0.0.1"
    port: int = 8000
    max_body_bytes: int = 64 * MIB
    max_header_bytes: int = 64 * 1024
    body_timeout_s: float = 60.0
    heartbeat_s: float = 15.0
    stall_timeout_s: float = 60.0  # a reader that takes no byte for this long is disconnected
    done_marker: bool = True  # `data: [DONE]` after the terminal event
    max_connections: int = 10_000
    shutdown_grace_s: float = 20.0
    ws_max_frame_bytes: int = 64 * MIB
    ws_max_connection_s: float = 3600.0  # SPEC.md H.2: 60 minutes
    ws_max_lanes: int = 32
    ws_max_active: int = 16
    metrics: bool = True
    cors_origins: tuple[str, ...] = ()


class RunSettings(Section, frozen=True):
    max_concurrent: int = 1_000
    max_background_queue: int = 10_000
    max_items_per_context: int = 20_000
    max_turns: int = 64
    max_retained_bytes: int = 64 * MIB  # of one run's event log in memory
    max_event_bytes: int = 64 * MIB
    max_output_bytes: int = 32 * MIB  # of one response's output
    accept_wait_s: float = 5.0  # how long `response.created` waits for the engine to accept the turn
    run_timeout_s: float = 3600.0
    invalid_call_retries: int = 2  # turns sampled again after a call to a tool that was not offered
    event_flush_s: float = 0.05  # background logs reach the store in batches of this age
    max_tool_calls_per_turn: int = 128
    unavailable_tools: Literal["drop", "refuse"] = "drop"
    extra_parameters: tuple[str, ...] = ("client_metadata",)  # recorded and ignored, CLIENTS.md §4.8
    grammar_retries: int = 2


class StoreSettings(Section, frozen=True):
    url: str = "sqlite:///antiphon-data/antiphon.db"
    blob_dir: str | None = None  # default: `blobs` beside the database
    blob_threshold_bytes: int = 64 * 1024  # longer strings of items live on disk
    response_ttl_s: float = 30 * 86_400.0  # SPEC.md H15
    hidden_ttl_s: float = 600.0  # background with store=false, SPEC.md H11
    max_bytes: int | None = None
    sweep_interval_s: float = 300.0
    synchronous: Literal["normal", "full"] = "normal"  # normal survives kill -9; full also power loss
    readers: int = 2
    busy_timeout_s: float = 5.0


class EngineSettings(Section, frozen=True):
    name: str = "default"
    kind: EngineKind = "chat"
    url: str | None = None
    key: str | None = None
    dialect: Dialect = "auto"
    models: tuple[str, ...] = ()  # empty: what the engine lists; where it lists none, any name
    headers: dict[str, str] = {}
    connect_timeout_s: float = 10.0
    accept_timeout_s: float = 600.0  # request sent → response headers
    idle_timeout_s: float = 300.0  # between two reads of a stream
    retries: int = 2
    retry_base_s: float = 0.25
    max_connections: int = 1_000
    max_event_bytes: int = 8 * MIB
    cache_salt: bool = False  # one prompt cache per tenant, where the engine can
    context_tokens: int | None = None
    model_path: str | None = None  # llamacpp
    parallel: int = 4  # llamacpp
    threads: int | None = None  # llamacpp
    start_timeout_s: float = 120.0  # llamacpp


class ModelSettings(Section, frozen=True):
    """A public model name: an alias of `engine`'s `model`."""

    name: str
    engine: str = "default"
    model: str | None = None


class ApiKey(Section, frozen=True):
    """A client key and whose it is; `key` may be the text or `sha256:<hex>`."""

    key: str
    tenant: str = "default"


class AuthSettings(Section, frozen=True):
    keys: tuple[ApiKey, ...] = ()  # none: every caller is tenant `default`


class RateSettings(Section, frozen=True):
    """Token buckets per tenant; None means unlimited and sends no headers."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class ReasoningSettings(Section, frozen=True):
    key_rotation_s: float = 30 * 86_400.0
    key_retention_s: float = 180 * 86_400.0


class FetchSettings(Section, frozen=True):
    """Fetching of URLs that a request names."""

    enabled: bool = True
    timeout_s: float = 20.0
    max_bytes: int = 32 * MIB
    max_redirects: int = 3
    allow_hosts: tuple[str, ...] = ()  # hosts that may be private or loopback addresses


class LogSettings(Section, frozen=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(Section, frozen=True):
    http: HttpSettings = HttpSettings()
    run: RunSettings = RunSettings()
    store: StoreSettings = StoreSettings()
    engines: tuple[EngineSettings, ...] = ()
    models: tuple[ModelSettings, ...] = ()
    auth: AuthSettings = AuthSettings()
    rate: RateSettings = RateSettings()
    reasoning: ReasoningSettings = ReasoningSettings()
    fetch: FetchSettings = FetchSettings()
    log: LogSettings = LogSettings()
