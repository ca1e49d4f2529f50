"""`python -m bench [serve|chain]`: everything, or one of them."""

from __future__ import annotations

import sys

import uvloop

from bench import chain, serve

PROGRAMS = {"serve": serve.main, "chain": chain.main}

for name in sys.argv[1:] or PROGRAMS:
    print(f"\n{name}")
    uvloop.run(PROGRAMS[name]())
