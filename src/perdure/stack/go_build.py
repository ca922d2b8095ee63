"""Building a plugin's programs from Go modules that it pins, once per user and version.

What is built is kept in the user's cache, in a folder whose name tells apart all that decides what
comes out, so that a program never meets a plugin that it was not made for.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.stack.errors import StackError
from perdure.stack.go_tool import find_go, numbers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from perdure.stack.go_tool import GoTool
    from perdure.stack.server import Tell

_WORKSPACE: Final = "building-"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoRecipe:
    """What is built, and how.

    Attributes:
        stack: The stack that needs it; also its folder in the cache.
        product: What people call it.
        version: Of the product.
        oldest_go: The version of Go that it needs at least.
        ingredients: The texts that decide what comes out.
        duration: How long it takes, in words.
        without_go: What is wrong where there is no Go, in words.
        other_way: What the user can do instead of installing Go, in words.
        prepare: Fills the workspace, a folder that goes with the build.
        arguments: Returns Go's arguments for the program of a name, all but where it is written.
    """

    stack: str
    product: str
    version: str
    oldest_go: str
    ingredients: tuple[str, ...]
    duration: str
    without_go: str
    other_way: str
    prepare: Callable[[GoTool], None]
    arguments: Callable[[str], Sequence[str]]

    @property
    def label(self) -> str:
        """The product and its version."""
        return f"{self.product} {self.version}"

    @property
    def ways_out(self) -> str:
        """What can be done where there is no Go that is good for it."""
        return (
            f"Two ways out: {self.other_way}, or install Go {self.oldest_go} or newer from "
            "https://go.dev/dl and try again"
        )

    @classmethod
    def stated(cls, pattern: str, go_mod: str, *, stack: str) -> str:
        """Return what the first group of ``pattern`` finds in the text of a ``go.mod``.

        Raises:
            StackError: It finds nothing.
        """
        match = re.search(pattern, go_mod, re.MULTILINE)
        if match is None:
            raise StackError(stack=stack, problem=f"its go.mod has no line like {pattern}")
        return match[1]


class GoBuilder:
    """Builds into the cache of this user, a folder for each version and way of building."""

    def __init__(self, recipe: GoRecipe, *, environment: Mapping[str, str], tell: Tell) -> None:
        self._recipe = recipe
        self._environment = environment
        self._tell = tell

    @property
    def folder(self) -> Path:
        """Where this version is kept."""
        home = self._environment.get("HOME") or str(Path.home())
        cache = self._environment.get("XDG_CACHE_HOME") or str(Path(home) / ".cache")
        digest = hashlib.sha256("\0".join(self._recipe.ingredients).encode()).hexdigest()[:12]
        kept = Path(cache).absolute() / "perdure" / self._recipe.stack
        return kept / f"{self._recipe.version}-{digest}"

    def has_built(self, names: Sequence[str]) -> bool:
        """Return whether all of the programs are there already."""
        return not self._missing(names)

    def build(self, names: Sequence[str]) -> Path:
        """Build those of ``names`` that are missing, and return the folder with all of them.

        What is built stays, so an interrupted build goes on where it was.

        Raises:
            StackError: There is no Go, or one that is too old, or the build fails.
        """
        if self.has_built(names):
            return self.folder
        go = self._find_go()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            for leftover in self.folder.glob(f"{_WORKSPACE}*"):  # of a build that was killed
                shutil.rmtree(leftover, ignore_errors=True)
            if missing := self._missing(names):
                with tempfile.TemporaryDirectory(prefix=_WORKSPACE, dir=self.folder) as workspace:
                    self._build_missing(go.at(Path(workspace)), missing)
        return self.folder

    def _missing(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if not os.access(self.folder / name, os.X_OK)]

    def _build_missing(self, go: GoTool, names: Sequence[str]) -> None:
        label = self._recipe.label
        self._tell(
            f"building {label} ({', '.join(names)}) into {self.folder}; {self._recipe.duration}"
        )
        self._recipe.prepare(go)
        begun = time.monotonic()
        for number, name in enumerate(names, start=1):
            output = go.workspace / name
            arguments = self._recipe.arguments(name)
            step = f"{name} ({number} of {len(names)})"
            go.run(["build", "-o", str(output), *arguments], step=step, begun=begun)
            output.replace(self.folder / name)  # whole or not at all
        self._tell(f"{label} is built, {time.monotonic() - begun:.0f} s")

    def _find_go(self) -> GoTool:
        """Return Go, if it is there and new enough."""
        recipe = self._recipe
        go = find_go(stack=recipe.stack, environment=self._environment, tell=self._tell)
        if go is None:
            problem = f"{recipe.without_go}. {recipe.ways_out}"
            raise StackError(stack=recipe.stack, problem=problem)
        found = go.version()
        if numbers_of(found) < numbers_of(recipe.oldest_go):
            problem = f"{go.program} is Go {found or '?'}, too old to build {recipe.label}. "
            raise StackError(stack=recipe.stack, problem=problem + recipe.ways_out)
        return go

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                product = self._recipe.product
                self._tell(f"another process builds {product} here; waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
