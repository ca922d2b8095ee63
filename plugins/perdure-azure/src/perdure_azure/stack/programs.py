"""The stand-in's program: the one that ``PERDURE_AZURE_BIN`` names, else one that is built here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.stack import StackError
from perdure_azure.stack.build import PROGRAM, STACK, VARIABLE, builder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.stack import Tell

BUILT_HERE: Final = "built here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that can be used.

    Attributes:
        path: Where it is.
        origin: How it was found, in words.
    """

    path: Path
    origin: str


def find_program(*, environment: Mapping[str, str], tell: Tell) -> Program:
    """Return the stand-in's program, built if there is none.

    Raises:
        StackError: What ``PERDURE_AZURE_BIN`` names cannot be used, or it cannot be built.
    """
    named = environment.get(VARIABLE)
    if not named:
        folder = builder(environment=environment, tell=tell).build([PROGRAM])
        return Program(path=folder / PROGRAM, origin=BUILT_HERE)
    path = Path(named).expanduser().absolute()
    if path.is_dir():
        path /= PROGRAM
    if not (path.is_file() and os.access(path, os.X_OK)):
        problem = f"{VARIABLE}={named}: there is no program at {path}; unset it to have one built"
        raise StackError(stack=STACK, problem=problem)
    return Program(path=path, origin=VARIABLE)
