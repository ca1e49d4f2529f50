"""One wrong value per parameter of `POST /responses` and way of being wrong, made from the pin."""

from __future__ import annotations

from typing import Any

from antiphon.checker import generated
from antiphon.checker.cases import Case, add
from antiphon.checker.client import NOTHING
from antiphon.checker.probe import Probe
from antiphon.spec import catalogue, validate
from antiphon.spec.pin import Field

_CANDIDATES: tuple[Any, ...] = ({"no": "such"}, 7, "text", [7], True)
_CODES = {
    "below-minimum": -1,
    "above-maximum": 1_000,
    "outside-its-values": "no-such-value",
}


def wrong_value(name: str, field: Field, why: str) -> Any:
    """A value that the pin refuses for this reason."""
    if why == "of-wrong-type":
        return next(value for value in _CANDIDATES if _refuses(name, value))
    if why == "too-long":
        return "x" * ((field.max_length or 0) + 1)
    if why == "with-too-many-entries":
        return {f"key{n}": "value" for n in range((field.max_properties or 0) + 1)}
    return _CODES[why]


def _refuses(name: str, value: Any) -> bool:
    """The pin calls exactly this a wrong type."""
    body = {"model": "m", "input": "Hi"} | {name: value}
    found = validate.check_body("POST /responses", body)
    return found is not None and found.param == name and found.code in ("invalid_type", "invalid_value")


def _case(name: str, field: Field, why: str) -> Case | None:
    requirement = generated.refusal_id(name, why)
    try:
        value = wrong_value(name, field, why)
    except StopIteration:
        return None

    async def run(probe: Probe) -> None:
        body = {"input": "Hi", "max_output_tokens": 16, name: value}
        answer = await probe.attempt(**body)
        if why := probe.lack(answer):
            probe.unimplemented(requirement, why, on=answer)
            return
        wanted = (400, 422) if name != "model" else (400, 404, 422)
        fine = answer.status in wanted
        probe.holds(requirement, fine, expected=wanted, got=answer.status, on=answer)

    statement = f"`{name}` {generated.REFUSALS[why]} is refused."
    profiles = ("core",) if why != "of-wrong-type" and why != "too-long" else ()
    return Case(f"parameters.{name}.{why}", statement, (requirement,), run, tokens=16, profiles=profiles)


for _name, _field in catalogue.REQUEST_PARAMETERS.items():
    for _why in generated.refusals(_field):
        _made = _case(_name, _field, _why)
        if _made is not None:
            add(_made)


def _include(value: str) -> Case:
    requirement = generated.include_id(value)

    async def run(probe: Probe) -> None:
        more = {"top_logprobs": 1} if value.endswith("logprobs") else {"top_logprobs": NOTHING}
        made = await probe.create(input="Say: ok", include=[value], max_output_tokens=64, **more)
        probe.holds(requirement, made.ok, on=made)

    return Case(f"responses.include.{value}", f"`include` takes `{value}`.", (requirement,), run, tokens=64)


for _value in catalogue.INCLUDE_VALUES:
    add(_include(_value))
