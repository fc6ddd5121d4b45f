"""Options that the environment can set, too, and those that several commands share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from transcriber.core.languages import language_code

if TYPE_CHECKING:
    from collections.abc import Callable

Decorated = TypeVar("Decorated", bound="Callable[..., Any] | click.Command")

LARGEST_NUMBER = 1e9  # Seconds of 31 years; PostgreSQL cannot add much more to a date.


class Number(click.FloatRange):
    """A number in a range, as large as PostgreSQL can use it; `nan` is in no range."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or end with a usage error."""
        number: float = super().convert(value, param, ctx)  # type: ignore[arg-type]
        if not number <= LARGEST_NUMBER:
            self.fail(f"{value} is no number up to {LARGEST_NUMBER:,.0f}.", param, ctx)
        return number


class Language(click.ParamType[str]):
    """A language, by its ISO 639-1 code or its English name; it becomes the code."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the code, or end with a usage error."""
        code = language_code(value)
        if code is None:
            self.fail(
                f"{value} is no language: write its ISO 639-1 code, such as de or en.", param, ctx
            )
        return code


class EnvironmentOption(click.Option):
    """An option that a variable can set, too; `command` names the variable."""

    @property
    def words(self) -> str:
        """Return the option's name as a variable has it."""
        return self.opts[0].removeprefix("--").upper().replace("-", "_")

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return what the variable says, or for `run` the variable of earlier releases."""
        found = super().resolve_envvar_value(ctx)
        if found is None and ctx.command.name == "run":
            found = os.environ.get(f"TRANSCRIBER_{self.words}") or None
        return found


def option(name: str, *names: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    """Declare the option --name, which a variable can set, too."""
    return click.option(f"--{name}", *names, cls=EnvironmentOption, show_envvar=True, **attributes)


def command(function: Callable[..., Any]) -> click.Command:
    """Make a command; the variable TRANSCRIBER_COMMAND_NAME sets its option --name."""
    made = click.command()(function)
    for each in made.params:
        if isinstance(each, EnvironmentOption):
            each.envvar = f"TRANSCRIBER_{str(made.name).upper()}_{each.words}"
    return made


as_json = option("json", "as_json", is_flag=True, help="Print JSON.")
campaign = option("campaign", help="Choose only files with this campaign_name.")
dry_run = option("dry-run", is_flag=True, help="Say what would be done, and change nothing.")
