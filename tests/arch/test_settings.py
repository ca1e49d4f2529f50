"""A setting that nothing reads is a promise that nothing keeps."""

from __future__ import annotations

import re

import pytest
from tests.arch.source import modules

from antiphon.config_fields import Field, fields

SETTINGS_MODULES = ("config", "config_check", "config_fields", "config_load", "config_print")
SCALARS = [field for field in fields().values() if field.tables is None]


@pytest.mark.parametrize("field", SCALARS, ids=lambda field: field.path)
def test_every_setting_is_read_somewhere(field: Field) -> None:
    readers = [
        module.name
        for module in modules()
        if module.name.removesuffix(".py") not in SETTINGS_MODULES
        and re.search(rf"\.{field.name}\b", module.text)
    ]
    assert readers, f"nothing reads {field.path}"
