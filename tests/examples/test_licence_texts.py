"""Licences told by their text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import texts

FOLDER = Path(__file__).with_name("licence_texts")
SYSTEM = Path("/usr/share/common-licenses")
PUBLISHED = "as published by the\nFree Software Foundation"
LATER = "of the License, or (at your option) any later version."
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))


def _text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_each_text_is_its_licence_and_no_other(name: str) -> None:
    assert texts.identify(_text(name)) == (name,)


@given(st.sampled_from(NAMES), st.integers(min_value=20, max_value=200), st.booleans())
def test_line_width_and_case_do_not_matter(name: str, width: int, is_upper: bool) -> None:
    words, lines = _text(name).split(), [""]
    for word in words:
        lines[-1:] = [f"{lines[-1]} {word}"] if len(lines[-1]) < width else [lines[-1], word]
    text = "\r\n  ".join(lines)
    assert texts.identify(text.upper() if is_upper else text) == (name,)


@given(
    st.lists(
        st.sampled_from(["MIT", "Apache-2.0", "ISC", "PSF-2.0", "MPL-2.0"]), min_size=1, unique=True
    )
)
def test_a_file_may_hold_several(names: list[str]) -> None:
    assert texts.identify("\n\n----\n\n".join(_text(name) for name in names)) == tuple(
        sorted(names)
    )


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    assert texts.identify(text) == ()


@pytest.mark.parametrize(
    ("notice", "name"),
    [
        (f"GNU General Public License {PUBLISHED}, either version 3 {LATER}", "GPL-3.0-or-later"),
        (f"GNU General Public License {PUBLISHED}; version 2 of the License.", "GPL-2.0-only"),
        (
            f"GNU Lesser General Public License {PUBLISHED}; version 2.1 {LATER}",
            "LGPL-2.1-or-later",
        ),
        ('Licensed under the Apache License, Version 2.0 (the "License");', "Apache-2.0"),
    ],
)
def test_a_notice_is_as_good_as_the_text(notice: str, name: str) -> None:
    assert texts.identify(notice) == (name,)


@pytest.mark.skipif(not SYSTEM.is_dir(), reason="this system keeps no licence texts")
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Apache-2.0", "Apache-2.0"),
        ("CC0-1.0", "CC0-1.0"),
        ("GPL-2", "GPL-2.0"),
        ("GPL-3", "GPL-3.0"),
        ("LGPL-2", "LGPL-2.0"),
        ("LGPL-2.1", "LGPL-2.1"),
        ("LGPL-3", "LGPL-3.0"),
        ("MPL-1.1", "MPL-1.1"),
        ("MPL-2.0", "MPL-2.0"),
        ("BSD", "BSD-3-Clause"),
    ],
)
def test_the_full_texts_of_the_system(file: str, name: str) -> None:
    if not (SYSTEM / file).exists():
        pytest.skip(f"no {file} here")
    assert texts.identify((SYSTEM / file).read_text(encoding="utf-8", errors="replace")) == (name,)
