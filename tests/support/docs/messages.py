"""The messages in the project's code, with `…` for each part that is known only when it runs."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from tests.support import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

# Shorter ones are glue between other messages: "…: …".
SHORTEST_MESSAGE = 5


@cache
def is_said(message: str) -> bool:
    """Tell whether a Python module, a macro or the Makefile has a message."""
    if any(matches(text, message) for tree in _trees() for text in _all_texts(tree)):
        return True
    files = [REPOSITORY / "Makefile", *REPOSITORY.glob("macros/**/*.sql")]
    return any(re.search(_pattern(message), file.read_text()) for file in files)


def raised_texts() -> set[str]:
    """Return the messages with which Python modules fail a file, a command or a run."""
    found = {text for tree in _trees() for node in ast.walk(tree) for text in _raised(node)}
    return {text for text in found if len(text.replace("…", "")) >= SHORTEST_MESSAGE}


def matches(text: str, message: str) -> bool:
    """Tell whether a message is what a text becomes when its parts are known."""
    return re.fullmatch(_pattern(text.rstrip(".")), message.rstrip(".")) is not None


def _pattern(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.split("…"))


@cache
def _trees() -> list[ast.Module]:
    return [ast.parse(file.read_text()) for file in REPOSITORY.glob("transcriber/**/*.py")]


def _all_texts(tree: ast.Module) -> Iterator[str]:
    texts = (text for node in ast.walk(tree) for text in _texts(node))
    return (text for text in texts if len(text.replace("…", "")) >= SHORTEST_MESSAGE)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        # A docstring's first line is the message of an error that is raised without one.
        yield re.sub(r"\{\w+\}", "…", node.value.partition("\n")[0])
    elif isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else "…" for each in node.values)
        yield "".join(map(str, parts))


def _raised(node: ast.AST) -> Iterator[str]:
    """Yield the text with which an error is made, directly or by the variable `reason`."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[argument, *_]) if _is_failure(name):
            yield from _texts(argument)
        case ast.Assign(targets=[ast.Name(id="reason")], value=value):
            yield from _texts(value)
        case ast.Tuple(elts=[ast.Attribute(value=ast.Name(id="Verdict")), text]):
            yield from _texts(text)
        case ast.Raise(exc=ast.Name(id=name)) if _is_failure(name):
            yield _error_classes()[name]


def _is_failure(name: str) -> bool:
    return name == "FileFailure" or name in _error_classes()


@cache
def _error_classes() -> dict[str, str]:
    """Return the first line of the docstring of each class of errors, by its name."""
    return {
        node.name: (ast.get_docstring(node) or "").partition("\n")[0]
        for tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
    }
