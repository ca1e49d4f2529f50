"""The table of docs/check-blind-spots.md, from the faults themselves."""

from __future__ import annotations

from collections.abc import Iterable

from tests.conformance.mutants.exchange import Fault
from tests.conformance.mutants.faults import FAULTS


def score() -> str:
    """What the self-test holds: it fails where this is not so."""
    seen = [fault for fault in FAULTS if not fault.gap]
    warned = [fault for fault in seen if fault.told == "warn"]
    gaps = [fault for fault in FAULTS if fault.gap]
    share = 100 * (len(seen) - len(warned)) / len(FAULTS)
    return (
        f"Of **{len(FAULTS)}** faults, one at a time in a server that is otherwise correct, "
        f"**{len(seen) - len(warned)}** ({share:.1f} %) make the requirement fail that is meant for them, "
        f"{len(warned)} give a `warn` (a model may be the cause), and {len(gaps)} are not seen."
    )


def gaps() -> str:
    return _table(("fault", "what the server does", "why it is not seen"), _gap_rows())


def _gap_rows() -> Iterable[tuple[str, ...]]:
    for fault in FAULTS:
        if fault.gap:
            yield f"`{fault.id}`", fault.what, fault.gap


def faults() -> str:
    head = ("fault", "what the server does", "requirement that must fail")
    return _table(head, (_row(fault) for fault in FAULTS if not fault.gap))


def _row(fault: Fault) -> tuple[str, ...]:
    meant = ", ".join(f"`{name}`" for name in fault.meant)
    return f"`{fault.id}`", fault.what, meant + (" (`warn`)" if fault.told == "warn" else "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)
