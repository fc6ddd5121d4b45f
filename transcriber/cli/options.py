"""Options of the command line, which the environment can set, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def option(
    name: str,
    *names: str,
    **attributes: Any,  # noqa: ANN401 (click's own signature)
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare --name, which can be set as TRANSCRIBER_NAME, too."""
    variable = f"TRANSCRIBER_{name.upper().replace('-', '_')}"
    return click.option(f"--{name}", *names, envvar=variable, show_envvar=True, **attributes)
