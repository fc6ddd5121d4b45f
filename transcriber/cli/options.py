"""Options that the environment can set, too, and those that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Decorated = TypeVar("Decorated", bound="Callable[..., Any] | click.Command")


def option(name: str, *names: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    """Declare the option --name, which the variable TRANSCRIBER_NAME can set, too."""
    variable = f"TRANSCRIBER_{name.upper().replace('-', '_')}"
    return click.option(f"--{name}", *names, envvar=variable, show_envvar=True, **attributes)


as_json = option("json", "as_json", is_flag=True, help="Print JSON.")
campaign = option("campaign", help="Choose only files with this campaign_name.")
dry_run = option("dry-run", is_flag=True, help="Say what would be done, and change nothing.")
