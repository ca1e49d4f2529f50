"""The other servers: what is installed, how each starts, where it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """`packages` go into an environment of the peer's own (none: ours). `{bin}` is its programs, `{port}` a
    free port, `{upstream}` the engine's root (no `/v1`), `{model}` its model, `{folder}` an empty folder.
    `ready` is a path that answers 200. `configuration` is told with the result."""

    name: str
    packages: tuple[str, ...]
    version_of: str
    command: tuple[str, ...]
    ready: str
    configuration: str
    python: str = "python3.11"
    model: str = "{model}"
    key: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()


LITELLM = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: {upstream}/v1
      api_key: none
router_settings:
  disable_cooldowns: true
general_settings:
  master_key: sk-peer
"""

PEERS = (
    Peer(
        "antiphon",
        (),
        "antiphon",
        (
            *("{bin}/python", "-m", "antiphon", "serve", "--port", "{port}", "--engine", "chat"),
            *("--engine-url", "{upstream}/v1", "--model", "{model}"),
            *("--store", "sqlite:///{folder}/antiphon.db"),
        ),
        "/ready",
        "this checkout, SQLite, in front of the Chat Completions of vLLM",
    ),
    Peer(
        "agentic-api",
        ("agentic-api",),
        "agentic-api",
        (
            *("{bin}/agentic-server", "--llm-api-base", "{upstream}", "--gateway-host", "127.0.0.1"),
            *("--gateway-port", "{port}", "--db-url", "sqlite://{folder}/agentic.db"),
        ),
        "/health",
        "SQLite, in front of the Responses API of vLLM",
    ),
    Peer(
        "smg",
        ("smg",),
        "smg",
        (
            *("{bin}/smg", "launch", "--backend", "openai", "--worker-urls", "{upstream}"),
            *("--host", "127.0.0.1", "--port", "{port}", "--history-backend", "memory"),
            *("--prometheus-port", "{second_port}"),
        ),
        "/health",
        "history in memory, in front of the Responses API of vLLM",
        variables=(("OPENAI_API_KEY", "none"),),
    ),
    Peer(
        "litellm",
        ("litellm[proxy]",),
        "litellm",
        ("{bin}/litellm", "--config", "{folder}/config.yaml", "--host", "127.0.0.1", "--port", "{port}"),
        "/health/liveliness",
        "no database, cooldowns off, as provider `openai`",
        key="sk-peer",
        files=(("config.yaml", LITELLM),),
    ),
)
"""Each as its own documentation starts it, with a store that keeps responses where it has one."""
