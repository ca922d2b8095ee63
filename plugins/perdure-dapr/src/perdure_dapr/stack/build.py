"""Building Dapr's programs from the pinned Go module, once per user and version.

In that module one thing is newer than Dapr has it: ``modernc.org/sqlite``, which before 1.41 shows
old states after calls that were given up.
"""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.stack import GoBuilder, GoRecipe, StackError
from perdure_dapr.stack.programs import BUILT_HERE, FOLDER_VARIABLE, STACK, Programs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure.stack import GoTool, Tell

_DAPR: Final = "github.com/dapr/dapr"
_CONVERSATIONS: Final = ("openai", "ollama")
_TAGS: Final = ",".join(
    ["stablecomponents", "conversation_echo", *(f"conversation_{name}" for name in _CONVERSATIONS)]
)
_DURATION: Final = (
    "the first time this takes 6 to 7 minutes on two cores, later ones well under one"
)
_OTHER_WAY: Final = (
    "install Dapr's programs (the Dapr CLI's `dapr init --slim`, or a folder that "
    f"{FOLDER_VARIABLE} names)"
)
# The health listener of Dapr up to 1.18 ignores the address that it is given, and is open to the
# network; Dapr 1.19 keeps to it. In what is built here it stays on loopback.
_HEALTH_FILE: Final = Path("pkg/healthz/server/server.go")
_HEALTH_OPEN: Final = 'fmt.Sprintf(":%d", s.port)'
_HEALTH_CLOSED: Final = 'fmt.Sprintf("127.0.0.1:%d", s.port)'
# Of its Conversation components Dapr gives only echo a tag of its own; the others come with all
# components or not at all. In what is built here a few of them have one too.
_COMPONENTS: Final = Path("cmd/daprd/components")
_ALL_ONLY: Final = "//go:build allcomponents\n"


class Builder:
    """Builds into the cache of this user, a folder for each version and way of building."""

    def __init__(self, *, environment: Mapping[str, str], tell: Tell) -> None:
        module = files("perdure_dapr") / "runtime"
        self._go_mod = (module / "go.mod").read_text(encoding="utf-8")
        self._go_sum = (module / "go.sum").read_text(encoding="utf-8")
        required = rf"^\s*(?:require\s+)?{re.escape(_DAPR)} v(\S+)"
        self.version = GoRecipe.stated(required, self._go_mod, stack=STACK)
        self._builder = GoBuilder(self._recipe(), environment=environment, tell=tell)

    @property
    def folder(self) -> Path:
        """Where this version is kept."""
        return self._builder.folder

    def built(self, names: Sequence[str]) -> Programs | None:
        """Return the programs if all of them are there already."""
        return self._programs() if self._builder.has_built(names) else None

    def build(self, names: Sequence[str]) -> Programs:
        """Build those of ``names`` that are missing, and return all.

        What is built stays, so an interrupted build goes on where it was.

        Raises:
            StackError: There is no Go, or one that is too old, or the build fails.
        """
        self._builder.build(names)
        return self._programs()

    def _programs(self) -> Programs:
        return Programs(folder=self.folder, origin=BUILT_HERE, version=self.version)

    def _recipe(self) -> GoRecipe:
        return GoRecipe(
            stack=STACK,
            product="Dapr",
            version=self.version,
            oldest_go=GoRecipe.stated(r"^go (\S+)", self._go_mod, stack=STACK),
            ingredients=(self._go_mod, self._go_sum, _TAGS, self._linker_flags, _HEALTH_CLOSED),
            duration=_DURATION,
            without_go="Dapr's programs are not installed, and there is no Go to build them",
            other_way=_OTHER_WAY,
            prepare=self._prepare,
            arguments=self._arguments,
        )

    @property
    def _linker_flags(self) -> str:
        return f"-s -w -X {_DAPR}/pkg/buildinfo.version={self.version}"

    def _arguments(self, name: str) -> list[str]:
        flags = ["-trimpath", "-tags", _TAGS, "-ldflags", self._linker_flags]
        return [*flags, f"{_DAPR}/cmd/{name}"]

    def _prepare(self, go: GoTool) -> None:
        (go.workspace / "go.mod").write_text(self._go_mod, encoding="utf-8")
        (go.workspace / "go.sum").write_text(self._go_sum, encoding="utf-8")
        self._take_copy(go)

    def _take_copy(self, go: GoTool) -> None:
        """Have Go take Dapr from a copy in which a few lines differ."""
        asked = ["list", "-f", "{{.Module.Dir}}", f"{_DAPR}/pkg/buildinfo"]
        source = go.run(asked, step="the sources").strip()
        copy = go.workspace / "dapr"
        # Go's own copy is read-only, and so would be what is copied with its permissions.
        shutil.copytree(
            source, copy, ignore=shutil.ignore_patterns("tests"), copy_function=shutil.copyfile
        )
        self._change(copy / _HEALTH_FILE, _HEALTH_OPEN, _HEALTH_CLOSED)
        for name in _CONVERSATIONS:
            tagged = f"{_ALL_ONLY.rstrip()} || conversation_{name}\n"
            self._change(copy / _COMPONENTS / f"conversation_{name}.go", _ALL_ONLY, tagged)
        with (go.workspace / "go.mod").open("a", encoding="utf-8") as go_mod:
            go_mod.write(f"\nreplace {_DAPR} => ./{copy.name}\n")

    def _change(self, file: Path, before: str, after: str) -> None:
        text = file.read_text(encoding="utf-8")
        if before not in text:
            problem = f"{file.name} of Dapr {self.version} is not as expected"
            raise StackError(stack=STACK, problem=problem)
        file.write_text(text.replace(before, after), encoding="utf-8")
