"""docs/errors.md lists every error that the code can answer with, and no other."""

from __future__ import annotations

import re

from tests.docs.error_codes import Answer, answers
from tests.docs.generated import DOCS

ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| `(\w+)` \| (.+) \|$", re.MULTILINE)


def test_every_error_code_has_its_row() -> None:
    rows = ROW.findall((DOCS / "errors.md").read_text("utf-8"))
    documented: list[Answer] = [(code, int(status), kind) for code, status, kind, _ in rows]
    assert sorted(answers() - set(documented)) == [], "these have no row in docs/errors.md"
    assert sorted(set(documented) - answers()) == [], "nothing answers with these any more"
    assert documented == sorted(documented), "the rows are in order"
