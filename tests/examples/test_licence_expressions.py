"""SPDX expressions: read, written, and what they ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spdx
from spdx import Compound, Copyleft, Expression, ExpressionError, Licence

IDS = st.sampled_from(sorted(spdx.KNOWN))
LICENCES = st.builds(Licence, id=IDS, exception=st.sampled_from(["", "Classpath-exception-2.0"]))


def _compounds(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=2, max_size=4, unique=True)
    return st.builds(
        lambda operator, inner: spdx.parse(f" {operator} ".join(f"({part})" for part in inner)),
        st.sampled_from(["AND", "OR"]),
        several,
    )


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(LICENCES, _compounds, max_leaves=8)


@given(EXPRESSIONS)
def test_what_is_written_reads_back_the_same(expression: Expression) -> None:
    assert spdx.parse(str(expression)) == expression


@given(EXPRESSIONS)
def test_case_of_ids_and_operators_does_not_matter(expression: Expression) -> None:
    text = str(expression).replace("Classpath-exception-2.0", "X-exception")
    assert spdx.licence_ids(spdx.parse(text.lower())) == spdx.licence_ids(spdx.parse(text))


@given(EXPRESSIONS, EXPRESSIONS)
def test_a_choice_asks_the_mildest_and_a_sum_the_strictest(
    one: Expression, other: Expression
) -> None:
    levels = (spdx.copyleft_of(one), spdx.copyleft_of(other))
    assert spdx.copyleft_of(Compound(operator="OR", parts=(one, other))) == min(levels)
    assert spdx.copyleft_of(Compound(operator="AND", parts=(one, other))) == max(levels)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_a_named_error(text: str) -> None:
    try:
        expression = spdx.parse(text)
    except ExpressionError:
        return
    assert spdx.licence_ids(expression)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("mit", "MIT"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("mit or apache-2.0 and isc", "MIT OR (Apache-2.0 AND ISC)"),
        ("(MIT OR ISC) AND Zlib", "(MIT OR ISC) AND Zlib"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("LGPL-2.1+ WITH GCC-exception-3.1", "LGPL-2.1-or-later WITH GCC-exception-3.1"),
        ("LicenseRef-Acme", "LicenseRef-Acme"),
        ("(((MIT)))", "MIT"),
    ],
)
def test_reads(text: str, written: str) -> None:
    assert str(spdx.parse(text)) == written


@pytest.mark.parametrize(
    "text",
    ["", "  ", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "MIT; ISC", "(" * 5_000],
)
def test_refuses(text: str) -> None:
    with pytest.raises(ExpressionError):
        spdx.parse(text)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("MIT", Copyleft.NONE),
        ("MPL-2.0", Copyleft.WEAK),
        ("LGPL-3.0-or-later", Copyleft.WEAK),
        ("AGPL-3.0-only", Copyleft.STRONG),
        ("GPL-3.0-only OR MIT", Copyleft.NONE),
        ("GPL-3.0-only AND MIT", Copyleft.STRONG),
        ("GPL-2.0-only WITH Classpath-exception-2.0", Copyleft.WEAK),
    ],
)
def test_copyleft(text: str, level: Copyleft) -> None:
    assert spdx.copyleft_of(spdx.parse(text)) == level


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("BSD", "BSD-3-Clause", True),
        ("GPL-3.0", "GPL-3.0-or-later", True),
        ("GPL", "GPL-2.0-only", True),
        ("PSF-2.0", "Python-2.0", True),
        ("MIT", "MIT-0", False),
        ("GPL", "LGPL-3.0-only", False),
        ("BSD-2-Clause", "BSD-3-Clause", False),
    ],
)
def test_a_family_can_mean_its_members(one: str, other: str, same: bool) -> None:
    assert spdx.same_licence(one, other) is same
    assert spdx.same_licence(other, one) is same
