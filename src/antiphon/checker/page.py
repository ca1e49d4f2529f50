"""The frame of a page that is one file: style and script inside, and a policy that admits nothing else."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from antiphon.checker.markup import Child, Markup, joined, raw, tag


def page(title: str, *inside: Child) -> str:
    """A whole HTML document. Only this package's script and style may act: the policy has their hashes."""
    style, script = _part("report.css"), _part("report.js")
    policy = (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", raw(style)),
    )
    body = tag("body", joined(inside), tag("script", raw(script)))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def header(title: str, outcome: str, *inside: Child) -> Markup:
    """The top of a page: what it is about, and the switch between dark and light."""
    switch = tag("button", "◐", type="button", id="theme", title="Dark or light", aria_label="Dark or light")
    return tag("header", switch, tag("h1", title), tag("p", outcome, class_="outcome"), *inside)


def _part(name: str) -> str:
    return resources.files("antiphon.checker").joinpath("templates", name).read_text("utf-8")


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
