"""What is wrong with the value of an option or an argument: what would be right, in the place of how it was parsed."""

from typing import Any

import typer
from typer.core import TyperCommand

SUCH_AS = {int: "a whole number such as 10", float: "a number such as 0.5"}


class Command(TyperCommand):
    """A command that says what its options and arguments must be."""

    def make_context(self, *given: Any, **options: Any) -> Any:
        """The context of what was typed; typer.BadParameter."""
        try:
            return super().make_context(*given, **options)
        except typer.BadParameter as error:
            if (right := _right(error.param)) and (typed := _typed(error)) is not None:
                error.message = f"must be {right}, not {typed!r}."
            raise


def says_what_would_be_right(app: typer.Typer) -> None:
    """Makes all commands that an application has, and those of its groups, such ones."""
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        assert group.typer_instance is not None
        says_what_would_be_right(group.typer_instance)


def _right(parameter: Any) -> str | None:
    wanted = parameter and parameter.type_descriptor
    if not wanted:
        return None
    if wanted.choices:
        return f"one of {', '.join(map(str, wanted.choices))}"
    such_as, least, most = SUCH_AS.get(wanted.annotation), wanted.parameter_info.min, wanted.parameter_info.max
    if such_as is None or least is None:
        return such_as
    return such_as.partition(" such as ")[0] + (f" of {least} or more" if most is None else f" from {least} to {most}")


def _typed(error: typer.BadParameter) -> Any:
    """The value that isn't right; None where there is none at all."""
    errors = getattr(error.__cause__, "errors", None)
    return errors()[0].get("input") if errors else None
