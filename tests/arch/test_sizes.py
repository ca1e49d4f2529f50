"""Walls: functions of 60 lines, modules of 400, a core of 2,000, five positional parameters."""

from __future__ import annotations

import ast
import io
import tokenize

from tests.arch.source import Function, Module, modules

LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
LARGEST_CORE = 2_000  # lines of code; Chat Completions (`core/chat`) is a second grammar and counts apart
LARGEST_CHAT = 1_500
MOST_PARAMETERS = 5

TABLES = frozenset({"core/kinds.py", "core/support.py"})
"""Modules that are data; the walls for modules do not hold for them."""


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def code_lines(module: Module) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    spans = (
        (node.body[0].lineno, node.body[0].end_lineno or 0)
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.Module, ast.ClassDef, *Function.__args__)) and ast.get_docstring(node)
    )
    prose = {line for first, last in spans for line in range(first, last + 1)}
    skipped = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    held = {
        line
        for token in tokens
        if token.type not in skipped
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(held - prose)


def test_functions_fit_on_a_page() -> None:
    found = {
        f"{module.name}:{function.lineno} {function.name}": length(function)
        for module in modules()
        for function in module.functions
        if length(function) > LONGEST_FUNCTION
    }
    assert found == {}


def test_modules_stay_small() -> None:
    found = {
        module.name: module.lines
        for module in modules()
        if module.lines > LONGEST_MODULE and module.name not in TABLES
    }
    assert found == {}


def test_the_core_stays_small() -> None:
    sizes = {module.name: code_lines(module) for module in modules("core") if module.name not in TABLES}
    chat = {name: size for name, size in sizes.items() if name.startswith("core/chat/")}
    core = {name: size for name, size in sizes.items() if name not in chat}
    print(f"core: {sum(core.values())} lines of code without tables; chat: {sum(chat.values())}")
    assert sum(core.values()) < LARGEST_CORE, core
    assert sum(chat.values()) < LARGEST_CHAT, chat


def test_functions_take_at_most_five_positional_parameters() -> None:
    found = {}
    for module in modules():
        for function in module.functions:
            names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
            count = len([name for name in names if name not in ("self", "cls")])
            if count > MOST_PARAMETERS:
                found[f"{module.name}:{function.lineno} {function.name}"] = count
    assert found == {}
