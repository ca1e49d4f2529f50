"""`antiphon check …` on the command line.

Exit codes: 0 no MUST failed (with a baseline: nothing failed that is not listed), 1 one did, 2 the run could
not be done.
"""

from __future__ import annotations

import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any

import click

from antiphon.checker import outputs, replay, running, suite
from antiphon.checker.client import target
from antiphon.checker.report import Report
from antiphon.checker.requirements import PROFILES

_READ = click.Path(exists=True, dir_okay=False, path_type=Path)


def _defaults(context: click.Context, _: click.Parameter, file: Path | None) -> None:
    """The file has the names of the flags, with `_` for `-`; `url` and `select` are the arguments."""
    if file is None:
        return
    try:
        given = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise click.BadParameter(f"{file}: {exc}") from exc
    names = {one.opts[0].removeprefix("--").replace("-", "_"): one.name for one in context.command.params}
    if unknown := sorted(set(given) - set(names) - {"url", "select"}):
        raise click.BadParameter(f"{file}: unknown names: {', '.join(unknown)}")
    args = [*([given.pop("url")] if "url" in given else []), *given.pop("select", [])]
    named = {str(names[name]): value for name, value in given.items()}
    context.default_map = {**named, **({"args": args} if args else {})}


@click.command("check")
@click.argument("args", nargs=-1, metavar="[URL] [CASE|AREA|REQUIREMENT]...")
@click.option(
    "--config",
    type=_READ,
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_defaults,
    help="TOML file with these options; `url` and `select` are the arguments.",
)
@click.option("--model", help="Model to ask.  [default: the first of GET /models]")
@click.option(
    "--api-key", envvar="ANTIPHON_CHECK_KEY", help="Key of the deployment.  [env: ANTIPHON_CHECK_KEY]"
)
@click.option(
    "--second-key", envvar="ANTIPHON_CHECK_SECOND_KEY", help="Key of another tenant, to test isolation."
)
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="Header for every request.")
@click.option("--profile", type=click.Choice(PROFILES), default="full", show_default=True, help="How much.")
@click.option("--without", multiple=True, metavar="FEATURE", help="Leave out what needs this (see --list).")
@click.option("--list", "listing", is_flag=True, help="Print the cases and what they cost; no traffic.")
@click.option(
    "--replay", "recorded", is_flag=True, help="The arguments are recordings (JSON lines, SSE, JSON)."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Order of the cases, words in prompts.")
@click.option("--workers", type=click.IntRange(1), default=8, show_default=True, help="Cases side by side.")
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Seconds per request."
)
@click.option("--max-requests", type=click.IntRange(0), help="Ask no more often than this.")
@click.option("--max-tokens", type=click.IntRange(0), help="Ask no more once so many tokens are used.")
@click.option("--quiet", is_flag=True, help="No progress, only findings and the outcome.")
@outputs.output_options
def check(args: tuple[str, ...], listing: bool, recorded: bool, **flags: Any) -> None:
    """Measure how well a deployment keeps the official Responses API.

    URL is its base URL, as an official SDK takes it: http://localhost:8000/v1, or
    https://NAME.openai.azure.com/openai?api-version=2025-04-01-preview. What follows names what to check, by
    address or the beginning of one.
    """
    wanted = outputs.taken(flags)
    if wanted.offline:
        sys.exit(outputs.from_records(args, wanted))
    if listing:
        click.echo(_listing(args, flags))
        return
    if not args:
        raise click.UsageError("a recording is missing" if recorded else "a URL is missing")
    report = _replayed(args) if recorded else _checked(args, flags)
    code = outputs.deliver(report, wanted)
    if not recorded:
        outputs.serve(wanted, report, lambda: _checked(args, {**flags, "quiet": True}))
    sys.exit(code)


def _listing(args: tuple[str, ...], flags: dict[str, Any]) -> str:
    """A URL may stand before the names here too; it is not asked."""
    try:
        return running.listing(_options(args[1:] if args and "/" in args[0] else args, flags))
    except suite.NothingSelected as exc:
        raise outputs.Undone(str(exc)) from exc


def _checked(args: tuple[str, ...], flags: dict[str, Any]) -> Report:
    pairs = [text.partition("=") for text in flags["headers"]]
    try:
        where = target(
            args[0],
            flags["model"] or "",
            key=flags["api_key"],
            second_key=flags["second_key"],
            headers={name.strip(): value.strip() for name, _, value in pairs},
            timeout_s=flags["timeout"],
        )
        options = _options(args[1:], flags)
        limits = flags["max_requests"], flags["max_tokens"]
        return asyncio.run(running.check(running.Plan(where, options, *limits, quiet=flags["quiet"])))
    except (suite.Unreachable, suite.NothingSelected, running.NoModel, ValueError) as exc:
        raise outputs.Undone(str(exc)) from exc
    except KeyboardInterrupt as exc:
        raise outputs.Undone("interrupted") from exc


def _options(select: tuple[str, ...], flags: dict[str, Any]) -> suite.Options:
    return suite.Options(
        select=select,
        profile=flags["profile"],
        seed=flags["seed"],
        workers=flags["workers"],
        without=frozenset(flags["without"]),
    )


def _replayed(args: tuple[str, ...]) -> Report:
    try:
        return replay.replay(map(Path, args))
    except replay.UnreadableRecording as exc:
        raise outputs.Undone(str(exc)) from exc
