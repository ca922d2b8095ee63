"""Building the stand-in's program from its sources in this package, once per user and version."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from perdure.stack import GoBuilder, GoRecipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure.stack import GoTool, Tell

STACK: Final = "azure"
PROGRAM: Final = "dts-stand-in"
VARIABLE: Final = "PERDURE_AZURE_BIN"
LIBRARY: Final = "github.com/microsoft/durabletask-go"

_DURATION: Final = "the first time this takes one to two minutes on two cores"
_OTHER_WAY: Final = f"name a {PROGRAM} that is built already with {VARIABLE}"
_MODULE_FILES: Final = ("go.mod", "go.sum")
_FLAGS: Final = ("-trimpath", "-ldflags=-s -w", ".")


def builder(
    *, environment: Mapping[str, str], tell: Tell, sources: Mapping[str, str] | None = None
) -> GoBuilder:
    """Return what builds the program.

    Args:
        environment: The variables of the user.
        tell: Takes words for the user.
        sources: The files that it is built from, by name; those of this package unless given.

    Raises:
        StackError: The sources cannot be used.
    """
    recipe = _recipe(_own_sources() if sources is None else sources)
    return GoBuilder(recipe, environment=environment, tell=tell)


def _own_sources() -> dict[str, str]:
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in sorted((files("perdure_azure") / "runtime").iterdir(), key=lambda f: f.name)
        if file.name in _MODULE_FILES
        or (file.name.endswith(".go") and not file.name.endswith("_test.go"))
    }


def _recipe(sources: Mapping[str, str]) -> GoRecipe:
    go_mod = sources.get("go.mod", "")

    def prepare(go: GoTool) -> None:
        for name, text in sources.items():
            (go.workspace / name).write_text(text, encoding="utf-8")

    return GoRecipe(
        stack=STACK,
        product=PROGRAM,
        version=GoRecipe.stated(rf"^\s*(?:require\s+)?{LIBRARY} v(\S+)", go_mod, stack=STACK),
        oldest_go=GoRecipe.stated(r"^go (\S+)", go_mod, stack=STACK),
        ingredients=(*(part for pair in sources.items() for part in pair), *_FLAGS),
        duration=_DURATION,
        without_go=f"{PROGRAM}, the local stand-in for DTS, has to be built, and there is no Go",
        other_way=_OTHER_WAY,
        prepare=prepare,
        arguments=lambda name: _FLAGS,
    )
