"""Plain requests: what every response is."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.probe import Probe

ALWAYS = ("core", "stateless", "openresponses")


@case(
    "responses.create.plain",
    requirements=["responses.create.ends-completed"],
    requests=1,
    tokens=128,
    profiles=ALWAYS,
)
async def plain(probe: Probe) -> None:
    """A plain text request is answered."""
    made = await probe.create(input="Say: ok", max_output_tokens=512)
    status = made.json.get("status")
    probe.holds(
        "responses.create.ends-completed", status == "completed", expected="completed", got=status, on=made
    )
