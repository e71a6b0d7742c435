"""Help texts that show no type for options without a value."""

from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption


class PlainCommand(TyperCommand):
    """A command whose switches are shown as `--json`, not as `--json <bool>`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, switches without a type."""
        return _without_types_of_switches(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """A group of commands whose switches are shown without a type."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, switches without a type."""
        return _without_types_of_switches(super().get_params(ctx))


def _without_types_of_switches(params: list[Any]) -> list[Any]:
    for param in params:
        if isinstance(param, TyperOption) and param.is_flag:
            param.metavar = ""
    return params
