"""The cases: what is tried on a deployment. Each module of this package registers its own with `@case`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cache

from antiphon.checker.probe import Probe

Run = Callable[[Probe], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """`address` is unique, `statement` one line; `requirements` are all that it may speak of, the one that it
    is for first. `requests` and `tokens` are what it costs. `needs` are features: where one is found missing,
    the case is not tried again. A case that is not `safe` runs alone. `profiles`: besides `full`, when it
    runs."""

    address: str
    statement: str
    requirements: tuple[str, ...]
    run: Run
    requests: int = 1
    tokens: int = 0
    needs: tuple[str, ...] = ()
    safe: bool = True
    profiles: tuple[str, ...] = ()


_REGISTERED: dict[str, Case] = {}


def case(
    address: str,
    *,
    requirements: Iterable[str],
    requests: int = 1,
    tokens: int = 0,
    needs: Iterable[str] = (),
    safe: bool = True,
    profiles: Iterable[str] = (),
) -> Callable[[Run], Run]:
    """Registers an async function as a case; its docstring is the statement."""

    def register(run: Run) -> Run:
        add(
            Case(
                address=address,
                statement=(run.__doc__ or "").strip().partition("\n")[0],
                requirements=tuple(requirements),
                run=run,
                requests=requests,
                tokens=tokens,
                needs=tuple(needs),
                safe=safe,
                profiles=tuple(profiles),
            )
        )
        return run

    return register


def add(one: Case) -> None:
    """Registers a case that a loop has made. Raises `ValueError` for an address that is taken."""
    if one.address in _REGISTERED:
        raise ValueError(f"two cases are called {one.address}")
    _REGISTERED[one.address] = one


@cache
def registered() -> tuple[Case, ...]:
    """All cases of this package, by address."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(_REGISTERED[address] for address in sorted(_REGISTERED))
