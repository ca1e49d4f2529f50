"""The program that reads one SDK's surface, in a process of its own whose path begins with that SDK."""

from __future__ import annotations

import json
import sys

from antiphon.spec import extract

if __name__ == "__main__":
    json.dump(extract.surface(lenient=True), sys.stdout)
