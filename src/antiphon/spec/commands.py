"""`antiphon spec …`: the commands about the pinned surface."""

from __future__ import annotations

import json
from pathlib import Path

import click

_HERE = Path(__file__).parent


@click.group("spec")
def spec_group() -> None:
    """The pinned official surface."""


@spec_group.command("pin")
@click.option(
    "--openapi",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Renew the overlay from this OpenAPI document (JSON) too.",
)
@click.option("--openapi-date", help="The date of that document, YYYY-MM-DD.")
@click.option("--check", is_flag=True, help="Write nothing; fail if a file would change.")
def pin(openapi: Path | None, openapi_date: str | None, check: bool) -> None:
    """Make the pin again from the installed OpenAI SDK, the overlay and the errata."""
    from antiphon.spec import compose, extract, overlay  # here, so that the command line starts without them

    surface = extract.surface()
    errata = json.loads(_read("errata.json"))
    laid_over = json.loads(_read("overlay.json"))
    files: dict[str, bytes] = {}
    if openapi is not None:
        date = openapi_date or laid_over["meta"]["date"]
        laid_over = overlay.overlay(surface, json.loads(openapi.read_bytes()), date=date)
        files["overlay.json"] = compose.render(laid_over)
    files["pin.json"] = compose.compose(surface, laid_over, errata)
    changed = [name for name, text in files.items() if (_HERE / name).read_bytes() != text]
    if check and changed:
        raise click.ClickException(f"would change: {', '.join(changed)}")
    for name in changed:
        (_HERE / name).write_bytes(files[name])
    click.echo(f"openai {surface['version']}: {'changed ' + ', '.join(changed) if changed else 'no change'}")


@spec_group.command("show")
def show() -> None:
    """Say which surface is pinned."""
    from antiphon.spec import catalogue

    click.echo(f"openai {catalogue.VERSION} of {catalogue.DATE}, pin {catalogue.HASH[:12]}")


def _read(name: str) -> bytes:
    return (_HERE / name).read_bytes()
