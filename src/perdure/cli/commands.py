"""How a command is registered: with the options that all have, and errors made exit codes."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from perdure.cli.exit_codes import ExitCode, code_of
from perdure.cli.help import CommandHelp, GroupHelp
from perdure.cli.options import Options, common_parameters, take_common
from perdure.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    CommandFunction = Callable[..., ExitCode | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Where a command stands in ``perdure --help``."""

    title: str


RUN = Heading(title="Run")
INSTANCES = Heading(title="Instances")
CONTROL = Heading(title="Control (ID... or - for IDs from stdin)")
APPROVALS = Heading(title="Approvals")
STACKS = Heading(title="Local servers")
BACKENDS = Heading(title="Backends and settings")
CHECKS = Heading(title="Checks")


def group(help: str, *, is_root: bool = False) -> typer.Typer:
    """Return a group of commands, with our help and our errors."""
    return typer.Typer(
        help=help,
        cls=GroupHelp,
        add_completion=is_root,
        no_args_is_help=not is_root,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def command(
    app: typer.Typer,
    *,
    name: str | None = None,
    under: Heading,
    examples: Sequence[str],
    is_open: bool = False,
) -> Callable[[CommandFunction], CommandFunction]:
    """Return the decorator that registers a command of ``app``.

    The function's first parameter is the :class:`Shell` it works in. It returns the code to end
    with, where that is not 0.

    Args:
        app: The group it belongs to.
        name: Its name, if not the function's own.
        under: Where it stands in the help.
        examples: Command lines, for its help.
        is_open: Whether options that it does not declare are left to it, among its arguments.
    """

    def register(function: CommandFunction) -> CommandFunction:
        app.command(
            name or function.__name__.rstrip("_"),
            cls=CommandHelp,
            epilog="\n".join(examples),
            rich_help_panel=under.title,
            help=inspect.getdoc(function),
            context_settings={"ignore_unknown_options": is_open},
        )(_with_common_options(function))
        return function

    return register


def begin(context: typer.Context, given: dict[str, Any]) -> None:
    """Keep the common options that stand before the command's name."""
    context.obj = Options().merged(take_common(given))


def _with_common_options(function: CommandFunction) -> Callable[..., None]:
    def run(context: typer.Context, **given: Any) -> None:
        options = (context.obj or Options()).merged(take_common(given))
        shell = Shell(options)
        try:
            code = function(shell, **given) or ExitCode.OK
        except (Exception, KeyboardInterrupt) as error:
            if _is_of_typer(error):
                raise
            shell.show_error(error)
            code = code_of(error)
        raise typer.Exit(code)

    return declared(run, own=list(inspect.signature(function).parameters.values())[1:], of=function)


def declared(
    run: Callable[..., None], *, own: Sequence[inspect.Parameter], of: Callable[..., Any]
) -> Callable[..., None]:
    """Give ``run`` the signature that typer reads: the context, its own, and the common options."""
    known = {"Shell": Shell, "ExitCode": ExitCode}
    hints = get_type_hints(of, localns=known, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in own
    ]
    context = inspect.Parameter(
        "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )
    parameters = [context, *own, *common_parameters()]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _is_of_typer(error: BaseException) -> bool:
    return isinstance(error, typer.Exit | typer.Abort | USAGE_ERROR | BrokenPipeError)


# What typer raises for a wrong command line; its own name has moved between versions.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
