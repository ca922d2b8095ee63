#!/bin/sh
# Make .venv and install perdure, its plugins and its tools into it, at the versions of constraints.txt.
# PYTHON chooses the interpreter; without it, the first that fits of those below.
set -eu
cd "$(dirname "$0")/.."

FITS='import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13)))'

fits() { "$1" -c "$FITS" >/dev/null 2>&1; }
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() {
    without_venv=""
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11 python "$HOME"/.pyenv/versions/3.1[123]*/bin/python
    fi
    for candidate in "$@"; do
        fits "$candidate" || continue
        if has_venv "$candidate"; then
            found=$candidate
            return
        fi
        without_venv=$candidate
    done
    if [ -n "$without_venv" ]; then
        echo "perdure: $without_venv has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2
    elif [ -n "${PYTHON:-}" ]; then
        echo "perdure: PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13." >&2
    else
        echo "perdure: found no Python 3.11, 3.12 or 3.13; looked for: $*" >&2
        echo "Install one, or say where it is: make PYTHON=/path/to/python3.12" >&2
    fi
    exit 1
}

# A .venv whose Python was removed, or that PYTHON asks to replace, is made anew.
if [ -n "${PYTHON:-}" ] || ! fits .venv/bin/python; then
    find_python
    echo "==> Making .venv with $("$found" --version) ($found)"
    "$found" -m venv --clear .venv
fi

set -- -e ".[dev]"
for plugin in plugins/*/pyproject.toml; do
    [ -e "$plugin" ] && set -- "$@" -e "$(dirname "$plugin")[test]"
done
set -- "$@" -e benchmarks -e tests/toy_backend

export PIP_DISABLE_PIP_VERSION_CHECK=1
install() { .venv/bin/python -m pip install --constraint constraints.txt "$@"; }

echo "==> Installing the exact versions of constraints.txt (about a minute the first time)"
# The build tool goes first and is used as it is, so that no build fetches a version of its own.
{ install --quiet setuptools && install --no-build-isolation "$@"; } || {
    echo "perdure: the installation failed; pip says why above. The same command tries again." >&2
    exit 1
}
echo "==> Installed into .venv"
