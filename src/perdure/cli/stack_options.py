"""The options that a stack declares, read from what a command line leaves over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perdure.stack import OptionValue, StackKind, StackOption


def read_options(kind: StackKind, words: Sequence[str]) -> dict[str, OptionValue]:
    """Return the options that ``words`` give: ``--name value``, ``--name=value``, ``--flag``.

    Raises:
        CommandError: One that the stack does not have, or one without its value.
    """
    declared = {f"--{option.name.replace('_', '-')}": option for option in kind.options}
    given: dict[str, OptionValue] = {}
    left = iter(words)
    for word in left:
        flag, mark, value = word.partition("=")
        option = declared.get(flag)
        if option is None:
            raise _wrong(kind, f"no such option: {flag}")
        if isinstance(option.default, bool):
            if mark:
                raise _wrong(kind, f"{flag} takes no value")
            given[option.name] = True
        else:
            text = value if mark else _next(kind, left, flag)
            given[option.name] = _value(kind, option, flag, text)
    return given


def _next(kind: StackKind, left: Iterator[str], flag: str) -> str:
    value = next(left, None)
    if value is None:
        raise _wrong(kind, f"{flag} needs a value")
    return value


def _value(kind: StackKind, option: StackOption, flag: str, text: str) -> OptionValue:
    if not isinstance(option.default, int):
        return text
    try:
        return int(text)
    except ValueError:
        raise _wrong(kind, f"{flag} needs a whole number, not {text!r}") from None


def _wrong(kind: StackKind, problem: str) -> CommandError:
    step = f"perdure stack options {kind.name}"
    return CommandError(f"stack {kind.name!r}: {problem}", step=step, code=ExitCode.USAGE)
