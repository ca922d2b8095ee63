"""Environments of their own below ``.venv``, for tests on other Pythons and other versions."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"


@dataclass(frozen=True, slots=True)
class Editable:
    """A distribution to install from here, with an extra.

    Attributes:
        folder: Where its ``pyproject.toml`` is.
        extra: Which of its extras.
    """

    folder: Path
    extra: str = "test"


def environment(
    name: str,
    *,
    interpreter: str,
    editable: Sequence[Editable],
    pins: Sequence[str] = (),
) -> Path:
    """Return the Python of an environment; make it if need be.

    Args:
        name: Its folder below ``.venv``.
        interpreter: The Python that it is made with.
        editable: The distributions to install from here.
        pins: Further requirements, ``name==version``, each in the place of its constraint.
    """
    folder = ROOT / ".venv" / name
    python, stamp = folder / "bin" / "python", folder / ".installed"
    constraints = _constraints(pins)
    projects = [(it.folder / "pyproject.toml").read_text(encoding="utf-8") for it in editable]
    wanted = hashlib.sha256("\0".join([interpreter, constraints, *projects]).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    subprocess.run([interpreter, "-m", "venv", "--clear", str(folder)], check=True)
    (folder / "constraints.txt").write_text(constraints, encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--constraint", str(folder / "constraints.txt")]
    subprocess.run([*pip, "setuptools"], check=True)
    sources = [word for it in editable for word in ("--editable", f"{it.folder}[{it.extra}]")]
    subprocess.run([*pip, "--no-build-isolation", *sources, *pins], check=True)
    stamp.write_text(wanted)
    return python


def _constraints(pins: Sequence[str]) -> str:
    replaced = {pin.partition("==")[0] for pin in pins}
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition("==")[0] not in replaced]
    return "\n".join([*kept, *pins]) + "\n"
