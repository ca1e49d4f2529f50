"""The command line. What a command needs is imported when it runs, so that `--help` is quick.

Exit codes: 0 it worked, 1 the server could not start or a command failed, 2 the command line or the
configuration is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon.checker.drift.commands import COMMANDS as DRIFT_COMMANDS
from antiphon.spec.commands import spec_group

if TYPE_CHECKING:
    from antiphon.config_load import Loaded

F = TypeVar("F", bound=Callable[..., Any])


_CHECK_HELP = "Measure how well a deployment keeps the official Responses API."


class _Commands(click.Group):
    """The checker's command is imported when it is asked for: it brings an HTTP client with it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "check"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name != "check":
            return super().get_command(ctx, cmd_name)
        from antiphon.checker.commands import check

        return check

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing `check` for its one line."""
        known = {name: super(_Commands, self).get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(n, c.get_short_help_str(60) if c else _CHECK_HELP) for n, c in known.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The OpenAI Responses API in front of any inference engine."""


def settings_options(command: F) -> F:
    """The flags of `serve`; `config` takes them too, to show what they would do."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]"),
    click.option("--port", metavar="PORT", help="TCP port; 0 takes a free one.  [default: 8000]"),
    click.option("--engine", metavar="chat|responses|llamacpp|scripted", help="What the engine speaks."),
    click.option("--engine-url", metavar="URL", help="Base URL of the engine, usually ending in /v1."),
    click.option("--engine-key", metavar="KEY", help="Bearer token for the engine."),
    click.option(
        "--model", metavar="NAME|FILE.gguf", help="The one model to serve; a .gguf file runs embedded."
    ),
    click.option("--store", metavar="URL", help="sqlite:///FILE"),
    click.option(
        "--config",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="TOML file.  [default: $ANTIPHON_CONFIG, else ./antiphon.toml if it is there]",
    ),
    click.option("--log-level", metavar="debug|info|warning|error", help="Least level written."),
    click.option("--log-format", metavar="auto|json|console", help="Shape of the log lines."),
    click.option(
        "--set",
        "sets",
        metavar="SECTION.NAME=VALUE",
        multiple=True,
        help="Any setting (docs/configuration.md).",
    ),
)


@main.command()
@settings_options
def serve(config: Path | None, sets: tuple[str, ...], **flags: str | None) -> None:
    """Serve the API; without arguments, on the embedded demo model."""
    loaded = _load(config, sets, flags)
    from antiphon import logs, wiring

    logs.configure(loaded.settings.log)
    sys.exit(wiring.serve(loaded.settings))


@main.command("config")
@settings_options
@click.option("--json", "shape", flag_value="json", help="As JSON.")
@click.option("--toml", "shape", flag_value="toml", help="As a file for --config.")
def show_config(config: Path | None, sets: tuple[str, ...], shape: str | None, **flags: str | None) -> None:
    """Print every setting in force: value, default, source and meaning. Secrets are masked."""
    loaded = _load(config, sets, flags)
    from antiphon import config_print

    shapes = {"json": config_print.as_json, "toml": config_print.as_toml}
    click.echo(shapes.get(shape or "", config_print.as_text)(loaded))


@main.command()
def version() -> None:
    """Print the version of the server and of the surface that it is held to."""
    from importlib.metadata import version as installed

    from antiphon.spec import catalogue

    click.echo(f"antiphon {installed('antiphon')} (surface: openai {catalogue.VERSION} of {catalogue.DATE})")


for _command in DRIFT_COMMANDS:
    spec_group.add_command(_command)
main.add_command(spec_group)


def _load(config: Path | None, sets: tuple[str, ...], flags: dict[str, str | None]) -> Loaded:
    """Settings from everywhere; a wrong one ends the program with code 2 and one line."""
    import os

    from antiphon.config_load import ConfigError, load

    given = {"--" + name.replace("_", "-"): text for name, text in flags.items() if text is not None}
    try:
        return load(flags=given, sets=sets, config=config, environ=os.environ)
    except ConfigError as exc:
        click.echo(f"antiphon: {exc}", err=True)
        sys.exit(2)
