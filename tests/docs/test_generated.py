"""The generated parts of docs/ are what the code says now."""

from __future__ import annotations

import pytest
from tests.docs.generated import DOCS, PARTS, renewed


@pytest.mark.parametrize("page", sorted(PARTS))
def test_the_page_says_what_the_code_says(page: str) -> None:
    assert (DOCS / page).read_text("utf-8") == renewed(page), "run `make docs`"
