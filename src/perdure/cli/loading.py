"""Finding a user's app: a module by its name or its file, and the App or Registry in it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    from types import ModuleType

    from perdure.app import App
    from perdure.cli.options import Options
    from perdure.registry import Registry


def load_app(target: str, options: Options) -> App:
    """Return the app that ``MODULE[:APP]`` names, on the backend that the options say, if any.

    Raises:
        CommandError: There is no such module or app, or the module cannot be imported.
    """
    from perdure.app import App

    found = load_registry(target)
    says_where = options.backend is not None or options.profile is not None
    if isinstance(found, App) and not says_where:
        return found
    name = found.name if isinstance(found, App) else split_target(target)[0]
    app = App(name, backend=options.backend, profile=options.profile)
    app.include(found)
    return app


def load_registry(target: str) -> Registry:
    """Return the App or Registry that ``MODULE[:APP]`` names.

    Raises:
        CommandError: There is no such module or app, or the module cannot be imported.
    """
    from perdure.registry import Registry

    module_name, attribute = split_target(target)
    module = import_module(module_name)
    if attribute:
        found = getattr(module, attribute, None)
        if isinstance(found, Registry):
            return found
        what = "has no" if found is None else "has no App or Registry called"
        step = f"perdure worker {module_name}" + _choices(module, " (it has: {})")
        raise CommandError(f"{module_name} {what} {attribute!r}", step=step, code=ExitCode.USAGE)
    names = _registries_in(module)
    if len(names) == 1:
        return getattr(module, names[0])  # type: ignore[no-any-return]  # found by its class
    if names:
        message = f"{module_name} has several apps: {', '.join(names)}"
        step = f"{module_name}:{names[0]}"
        raise CommandError(message, step=step, code=ExitCode.USAGE)
    step = 'app = perdure.App("name") in it, or MODULE:APP'
    raise CommandError(f"{module_name} has no App or Registry", step=step, code=ExitCode.USAGE)


def split_target(target: str) -> tuple[str, str]:
    """Return the module and the attribute of ``MODULE[:APP]``; the latter may be empty."""
    module, _, attribute = target.partition(":")
    return module, attribute


def import_module(name: str) -> ModuleType:
    """Import a module by its dotted name, or by the path of its file, as seen from here.

    Raises:
        CommandError: There is none, or it cannot be imported; the message says where.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")
    path = Path(name)
    try:
        if path.suffix == ".py" or "/" in name:
            return _import_file(path)
        return importlib.import_module(name)
    except CommandError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            message = f"there is no module {name!r} in this folder, nor installed"
            step = "MODULE as in an import, from the folder that it is in"
            raise CommandError(message, step=step, code=ExitCode.USAGE) from error
        raise _broken(name, error) from error
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise _broken(name, error) from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        message = f"there is no file {str(path)!r}"
        raise CommandError(message, step="check the path", code=ExitCode.USAGE)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(path.stem)


def _registries_in(module: ModuleType) -> list[str]:
    """Return the names of its apps; of its registries where it has no app."""
    from perdure.app import App
    from perdure.registry import Registry

    for kind in (App, Registry):
        found: dict[int, str] = {}
        for name, value in vars(module).items():
            if isinstance(value, kind):
                found.setdefault(id(value), name)
        if found:
            return list(found.values())
    return []


def _choices(module: ModuleType, words: str) -> str:
    names = _registries_in(module)
    return words.replace("{}", ", ".join(names)) if names else ""


def _broken(name: str, error: BaseException) -> CommandError:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "importlib" not in f.filename and f.filename != __file__]
    where = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    if isinstance(error, SyntaxError):
        where = f" ({error.filename}:{error.lineno})"
        words = f"SyntaxError: {error.msg}"
    else:
        words = f"{type(error).__name__}: {error}"
    broken = CommandError(f"{name} cannot be imported: {words}{where}", step="mend it, or --debug")
    broken.__cause__ = error
    return broken
