"""Every setting and limit of the server, named once: frozen, typed, with unit, default and meaning.

File (`antiphon.toml`), environment (`ANTIPHON_SECTION_NAME`) and flags fill these classes
(`config_load`); rooms are handed their own section by `wiring`. The text in each annotation is what
`antiphon config` and docs/configuration.md print; the `Meta` in the unit types is checked on loading.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MIB = 1024 * 1024
DAY_S = 86_400.0

EngineKind = Literal["chat", "responses", "llamacpp", "scripted"]
Dialect = Literal["auto", "generic", "vllm", "sglang", "llamacpp", "ollama", "openai"]

Port = Annotated[int, Meta(ge=0, le=65_535)]
Bytes = Annotated[int, Meta(ge=1, extra={"unit": "bytes"})]
Seconds = Annotated[float, Meta(gt=0, extra={"unit": "seconds"})]
Pause = Annotated[float, Meta(ge=0, extra={"unit": "seconds"})]
Count = Annotated[int, Meta(ge=1)]
Times = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1)]
Secret = Annotated[str, Meta(min_length=1, extra={"secret": True})]
SecretHeaders = Annotated[dict[str, str], Meta(extra={"secret": True})]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of settings; unknown names in a file are an error, never ignored."""


class HttpSettings(Section, frozen=True):
    """The HTTP and WebSocket side."""

    host: Annotated[Name, "Address to listen on."] = "127.0.0.1"
    port: Annotated[Port, "TCP port to listen on; 0 takes a free one."] = 8000
    max_body_bytes: Annotated[Bytes, "A longer request body is answered 413."] = 64 * MIB
    max_header_bytes: Annotated[Bytes, "Longer request headers are refused."] = 64 * 1024
    body_timeout_s: Annotated[Seconds, "Time for a request body to arrive."] = 60.0
    heartbeat_s: Annotated[Seconds, "Silence in a stream after which a comment line is sent."] = 15.0
    stall_timeout_s: Annotated[Seconds, "A reader that takes no byte for this long is disconnected."] = 60.0
    done_marker: Annotated[bool, "Send `data: [DONE]` after the terminal event."] = True
    max_connections: Annotated[Count, "Open client connections."] = 10_000
    shutdown_grace_s: Annotated[Pause, "Time for running responses to end when the server stops."] = 20.0
    ws_max_frame_bytes: Annotated[Bytes, "Longest WebSocket frame from a client."] = 64 * MIB
    # SPEC.md H.2: 60 minutes
    ws_max_connection_s: Annotated[Seconds, "Age at which a WebSocket connection is closed."] = 3600.0
    ws_max_lanes: Annotated[Count, "Named streams of one WebSocket connection."] = 32
    ws_max_active: Annotated[Count, "Responses running at once on one WebSocket connection."] = 16
    ws_max_history_bytes: Annotated[
        Bytes, "Unstored context that one WebSocket connection keeps for its next responses."
    ] = 64 * MIB
    metrics: Annotated[bool, "Serve `/metrics`."] = True
    cors_origins: Annotated[tuple[str, ...], "Origins that browsers may call from; `*` is any."] = ()
    allowed_hosts: Annotated[
        tuple[str, ...],
        "Host names answered without keys on a loopback address, beside localhost; `*` is any.",
    ] = ()


class RunSettings(Section, frozen=True):
    """Responses being made."""

    max_concurrent: Annotated[Count, "Responses running at once; further ones are answered 503."] = 1_000
    max_background_queue: Annotated[Count, "Background responses waiting to run."] = 10_000
    max_items_per_context: Annotated[Count, "Items that one request may put before the model."] = 20_000
    max_turns: Annotated[Count, "Engine calls of one response."] = 64
    max_retained_bytes: Annotated[Bytes, "One response's event log in memory."] = 64 * MIB
    max_output_bytes: Annotated[Bytes, "One response's events, told or not."] = 256 * MIB
    accept_wait_s: Annotated[
        Pause, "How long `response.created` waits for the engine to accept the first turn."
    ] = 5.0
    run_timeout_s: Annotated[Seconds, "One response from start to end."] = 3600.0
    invalid_call_retries: Annotated[
        Times, "Turns sampled again after a call to a tool not offered, or against its grammar."
    ] = 2
    event_flush_s: Annotated[
        Pause,
        "Least time between two writes of a background response's events, which are shown when written.",
    ] = 0.05
    unavailable_tools: Annotated[
        Literal["drop", "refuse"],
        "Hosted tools that are not configured: leave them out and say so in a header, or answer 400.",
    ] = "drop"
    # CLIENTS.md §4.8
    extra_parameters: Annotated[
        tuple[str, ...], "Request parameters outside the official surface that are recorded and ignored."
    ] = ("client_metadata",)


class StoreSettings(Section, frozen=True):
    """What is kept, where and how long."""

    url: Annotated[Name, "Database; `sqlite:///FILE`."] = "sqlite:///antiphon-data/antiphon.db"
    blob_dir: Annotated[str | None, "Folder of long strings; unset: `blobs` beside the database."] = None
    blob_threshold_bytes: Annotated[Bytes, "Longer strings of items live in `blob_dir`."] = 64 * 1024
    # SPEC.md H15
    response_ttl_s: Annotated[Seconds, "Age at which stored responses are deleted."] = 30 * DAY_S
    # SPEC.md H11
    hidden_ttl_s: Annotated[Seconds, "How long background responses with `store: false` can be fetched."] = (
        600.0
    )
    max_bytes: Annotated[Bytes | None, "Size of database and blobs; unset: no limit."] = None
    sweep_interval_s: Annotated[Seconds, "Time between two deletions of what has expired."] = 300.0
    synchronous: Annotated[
        Literal["normal", "full"], "`normal` survives the death of the process, `full` also of the machine."
    ] = "normal"
    readers: Annotated[Count, "Connections that read the database."] = 2
    busy_timeout_s: Annotated[Pause, "Wait for another process that holds the database."] = 5.0
    max_queued: Annotated[Count, "Reads waiting, and writes waiting; more are refused."] = 10_000
    sweep_grace_s: Annotated[
        Pause, "How long what nothing uses is kept on, for runs that began before (`run_timeout_s`)."
    ] = 3600.0


class EngineSettings(Section, frozen=True):
    """One engine; `[[engines]]` in the file, one table each."""

    name: Annotated[Name, "Name in messages, metrics and `models`."] = "default"
    kind: Annotated[
        EngineKind,
        "What it speaks. Unset: `chat` with a `url`, `llamacpp` with a `model_path` or as the only engine.",
    ] = "chat"
    url: Annotated[str | None, "Base URL, usually ending in `/v1`; for `chat` and `responses`."] = None
    key: Annotated[Secret | None, "Sent to the engine as bearer token."] = None
    dialect: Annotated[Dialect, "Which server's deviations to expect; `auto` finds out."] = "auto"
    models: Annotated[
        tuple[str, ...],
        "Models to serve; empty: those that the engine lists, or any name where it lists none.",
    ] = ()
    headers: Annotated[SecretHeaders, "Headers added to every request to the engine."] = {}
    connect_timeout_s: Annotated[Seconds, "Connecting to the engine."] = 10.0
    accept_timeout_s: Annotated[Seconds, "From the request to the engine's response headers."] = 600.0
    idle_timeout_s: Annotated[Seconds, "Between two reads of an engine's stream."] = 300.0
    retries: Annotated[Times, "Further attempts when nothing was shown to the client yet."] = 2
    retry_base_s: Annotated[Pause, "Wait before the first further attempt; doubles each time."] = 0.25
    max_connections: Annotated[Count, "Open connections to the engine."] = 1_000
    max_event_bytes: Annotated[Bytes, "One event of the engine's stream."] = 8 * MIB
    cache_salt: Annotated[bool, "A prompt cache per tenant, where the engine can."] = False
    native_tools: Annotated[
        tuple[str, ...],
        "`responses`, `scripted`: hosted tool types that the engine itself runs; empty: as its dialect says.",
    ] = ()
    context_tokens: Annotated[Count | None, "Context window in tokens; unset: as the engine says."] = None
    model_path: Annotated[str | None, "`llamacpp`: a .gguf file; unset: the demo model."] = None
    parallel: Annotated[Count, "`llamacpp`: answers at once."] = 4
    threads: Annotated[Count | None, "`llamacpp`: CPU threads; unset: the number of cores."] = None
    start_timeout_s: Annotated[Seconds, "`llamacpp`: loading the model."] = 120.0


class ModelSettings(Section, frozen=True):
    """A public model name that stands for a model of an engine; `[[models]]` in the file, one table each."""

    name: Annotated[Name, "The name clients use."]
    engine: Annotated[Name, "The engine's `name`."] = "default"
    model: Annotated[str | None, "The engine's name for it; unset: the same name."] = None


class ApiKey(Section, frozen=True):
    """A client key and whose it is; `[[auth.keys]]` in the file, one table each."""

    key: Annotated[Secret, "The key, or `sha256:` and the 64 hex digits of its hash."]
    tenant: Annotated[Name, "Owner of what is stored with this key; owners do not see each other."] = (
        "default"
    )


class AuthSettings(Section, frozen=True):
    """Who may call."""

    keys: Annotated[tuple[ApiKey, ...], "Client keys; none: every caller is tenant `default`."] = ()


class RateSettings(Section, frozen=True):
    """Token buckets per tenant; unset means unlimited and sends no headers."""

    requests_per_minute: Annotated[Count | None, "Requests of one tenant; unset: unlimited."] = None
    tokens_per_minute: Annotated[Count | None, "Tokens of one tenant; unset: unlimited."] = None


class ReasoningSettings(Section, frozen=True):
    """Keys that seal `encrypted_content`."""

    key_rotation_s: Annotated[Seconds, "Age at which a new key takes over."] = 30 * DAY_S
    key_retention_s: Annotated[Seconds, "Age until which content sealed with a key can be opened."] = (
        180 * DAY_S
    )


class FetchSettings(Section, frozen=True):
    """Fetching of URLs that a request names."""

    enabled: Annotated[bool, "Fetch at all."] = True
    timeout_s: Annotated[Seconds, "One fetch."] = 20.0
    max_bytes: Annotated[Bytes, "One fetched body."] = 32 * MIB
    max_redirects: Annotated[Times, "Redirects followed."] = 3
    max_request_bytes: Annotated[Bytes, "All bodies fetched for one request."] = 64 * MIB
    max_parallel: Annotated[Count, "Fetches at once; further ones wait."] = 16
    max_request_parallel: Annotated[Count, "Fetches at once for one request."] = 4
    allow_hosts: Annotated[
        tuple[str, ...], "Hosts that may be private or loopback addresses; others may not."
    ] = ()
    images: Annotated[
        Literal["inline", "pass"],
        "Image URLs: fetched here and handed to the engine as data, or passed on for the engine to fetch.",
    ] = "inline"


class InputSettings(Section, frozen=True):
    """Files, images, grammars and schemas in requests."""

    timeout_s: Annotated[Seconds, "Fetching and reading all files and images of one request."] = 120.0
    max_parts: Annotated[Count, "Files and images of one request's whole context."] = 500
    max_file_bytes: Annotated[Bytes, "One file."] = 32 * MIB
    max_image_bytes: Annotated[Bytes, "One image."] = 20 * MIB
    max_text_bytes: Annotated[Bytes, "The text of one file."] = 4 * MIB
    document_timeout_s: Annotated[Seconds, "Reading one document."] = 30.0
    document_memory_bytes: Annotated[Bytes, "Address space of the process that reads one document."] = (
        1024 * MIB
    )
    document_processes: Annotated[Count, "Documents read at once; further ones wait."] = 1
    cache_bytes: Annotated[Bytes, "Texts of files and fetched images kept for the next turn."] = 32 * MIB
    cache_ttl_s: Annotated[Seconds, "Age at which a fetched file or image is fetched again."] = 600.0
    max_grammar_bytes: Annotated[Bytes, "Definition of one custom tool's grammar."] = 64 * 1024
    grammar_timeout_s: Annotated[Seconds, "Compiling one lark grammar."] = 5.0
    match_timeout_s: Annotated[Seconds, "Matching one tool input against its lark grammar."] = 1.0
    regex_program_bytes: Annotated[Bytes, "A custom tool's regex, compiled."] = 2 * MIB
    max_regex_input_bytes: Annotated[Bytes, "A tool input that is matched against a regex."] = 64 * 1024


class LogSettings(Section, frozen=True):
    """Log lines on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], "Least level written."] = "info"
    format: Annotated[
        Literal["auto", "json", "console"], "`auto`: console on a terminal, JSON lines otherwise."
    ] = "auto"


class Settings(Section, frozen=True):
    """The whole configuration."""

    http: HttpSettings = HttpSettings()
    run: RunSettings = RunSettings()
    store: StoreSettings = StoreSettings()
    engines: Annotated[tuple[EngineSettings, ...], "Engines; none: the embedded demo model."] = ()
    models: Annotated[tuple[ModelSettings, ...], "Public names beside the engines' own."] = ()
    auth: AuthSettings = AuthSettings()
    rate: RateSettings = RateSettings()
    reasoning: ReasoningSettings = ReasoningSettings()
    fetch: FetchSettings = FetchSettings()
    inputs: InputSettings = InputSettings()
    log: LogSettings = LogSettings()
