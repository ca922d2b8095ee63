"""Classification over the shapes that real metadata has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import declared
import licences
import spdx
from declared import Declaration, LicenceFile, Source
from licences import Finding, Flag

FOLDER = Path(__file__).with_name("licence_texts")
MIT, APACHE, BSD = (
    "License :: OSI Approved :: MIT License",
    "License :: OSI Approved :: Apache Software License",
    "License :: OSI Approved :: BSD License",
)


def _file(licence: str, path: str = "LICENSE") -> LicenceFile:
    return LicenceFile(path=path, text=(FOLDER / f"{licence}.txt").read_text(encoding="utf-8"))


def _classify(
    *,
    expression: str = "",
    field: str = "",
    classifiers: tuple[str, ...] = (),
    files: tuple[LicenceFile, ...] = (),
) -> Finding:
    return licences.classify(
        Declaration(
            name="some",
            version="1.0",
            expression=expression,
            field=field,
            classifiers=classifiers,
            files=files,
        )
    )


def test_expression_decides() -> None:
    finding = _classify(expression="MIT", classifiers=(MIT,), files=(_file("MIT"),))
    assert (finding.spdx, finding.source, finding.flags) == ("MIT", Source.EXPRESSION, ())


def test_choice_with_a_permissive_licence_needs_nobody() -> None:
    files = (_file("Apache-2.0", "LICENSE.APACHE"), _file("BSD-2-Clause", "LICENSE.BSD"))
    finding = _classify(expression="Apache-2.0 OR BSD-2-Clause", files=files)
    assert (finding.spdx, finding.flags, finding.also_in_files) == (
        "Apache-2.0 OR BSD-2-Clause",
        (),
        (),
    )


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("MIT", "MIT"),
        ("The MIT License", "MIT"),
        ("Apache 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache Software License 2.0", "Apache-2.0"),
        ("apache-2.0", "Apache-2.0"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("3-Clause BSD License", "BSD-3-Clause"),
        ("BSD-2-Clause", "BSD-2-Clause"),
        ("New BSD License", "BSD-3-Clause"),
        ("MPL 2.0", "MPL-2.0"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("ISC License", "ISC"),
        ("PSF", "PSF-2.0"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GPL v2", "GPL-2.0-only"),
        ("GNU GPLv3", "GPL-3.0-only"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("LGPLv3+", "LGPL-3.0-or-later"),
        ("GNU Lesser General Public License v3 or later", "LGPL-3.0-or-later"),
        ("AGPL-3.0", "AGPL-3.0-only"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
    ],
)
def test_the_free_field_in_the_words_people_use(field: str, expected: str) -> None:
    finding = _classify(field=field)
    assert (finding.spdx, finding.source) == (expected, Source.FIELD)


def test_a_licence_pasted_into_the_field() -> None:
    finding = _classify(field=_file("ISC").text)
    assert (finding.spdx, finding.source, finding.flags) == ("ISC", Source.FIELD, ())
    assert len(finding.said[0]) < 80


def test_a_vague_classifier_takes_its_exact_form_from_the_file() -> None:
    finding = _classify(classifiers=(BSD,), files=(_file("BSD-3-Clause"),))
    assert (finding.spdx, finding.source, finding.flags) == ("BSD-3-Clause", Source.FILES, ())


def test_a_vague_classifier_alone_is_ambiguous() -> None:
    finding = _classify(classifiers=(BSD,), field="BSD")
    assert (finding.spdx, finding.flags) == ("BSD", (Flag.AMBIGUOUS,))


def test_several_classifiers_do_not_say_whether_one_may_choose() -> None:
    files = (_file("Apache-2.0", "LICENSE.APACHE"), _file("BSD-3-Clause", "LICENSE.BSD"))
    finding = _classify(field="Dual License", classifiers=(BSD, APACHE), files=files)
    assert (finding.spdx, finding.flags) == ("Apache-2.0 AND BSD", (Flag.AMBIGUOUS,))


def test_several_classifiers_with_a_field_that_says_or() -> None:
    finding = _classify(field="MIT OR Apache-2.0", classifiers=(MIT, APACHE))
    assert (finding.spdx, finding.source, finding.flags) == ("MIT OR Apache-2.0", Source.FIELD, ())


def test_sources_that_contradict_each_other() -> None:
    finding = _classify(expression="MIT", classifiers=(APACHE,))
    assert (finding.spdx, finding.flags) == ("MIT", (Flag.CONFLICTING,))
    assert finding.reason == "expression says MIT, classifiers say Apache-2.0"


def test_a_file_that_contradicts_the_metadata() -> None:
    finding = _classify(expression="MIT", files=(_file("MIT-0"),))
    assert finding.flags == (Flag.CONFLICTING,)


def test_a_copyleft_file_behind_permissive_metadata() -> None:
    finding = _classify(expression="MIT", files=(_file("GPL-3.0"),))
    assert set(finding.flags) == {Flag.COPYLEFT, Flag.CONFLICTING}


def test_bundled_code_is_noted_and_needs_nobody_unless_it_is_copyleft() -> None:
    calm = _classify(expression="MIT", files=(_file("MIT"), _file("PSF-2.0", "vendored/LICENSE")))
    strict = _classify(
        expression="MIT", files=(_file("MIT"), _file("LGPL-3.0", "vendored/LICENSE"))
    )
    assert (calm.also_in_files, calm.flags) == (("PSF-2.0",), ())
    assert (strict.also_in_files, strict.flags) == (("LGPL-3.0",), (Flag.WEAK_COPYLEFT,))


@pytest.mark.parametrize(
    ("expression", "flags"),
    [
        ("MPL-2.0", (Flag.WEAK_COPYLEFT,)),
        ("GPL-3.0-or-later", (Flag.COPYLEFT,)),
        ("GPL-3.0-or-later OR MIT", ()),
        ("GPL-3.0-or-later AND MIT", (Flag.COPYLEFT,)),
        ("LicenseRef-Acme", (Flag.UNKNOWN,)),
    ],
)
def test_what_an_expression_flags(expression: str, flags: tuple[Flag, ...]) -> None:
    assert _classify(expression=expression).flags == flags


def test_gpl_text_fits_only_and_or_later() -> None:
    classifier = "License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)"
    finding = _classify(classifiers=(classifier,), files=(_file("GPL-3.0", "COPYING"),))
    assert (finding.spdx, finding.flags) == ("GPL-3.0-or-later", (Flag.COPYLEFT,))


def test_gpl_text_alone_does_not_tell_the_version_rule() -> None:
    finding = _classify(files=(_file("GPL-2.0", "COPYING"),))
    assert (finding.spdx, set(finding.flags)) == ("GPL-2.0", {Flag.COPYLEFT, Flag.AMBIGUOUS})


def test_files_alone_are_enough() -> None:
    finding = _classify(field="UNKNOWN", files=(_file("MIT"),))
    assert (finding.spdx, finding.source, finding.flags) == ("MIT", Source.FILES, ())


@pytest.mark.parametrize("field", ["", "UNKNOWN", "  "])
def test_nothing_at_all_is_missing(field: str) -> None:
    finding = _classify(
        field=field, classifiers=("Programming Language :: Python", "License :: OSI Approved")
    )
    assert (finding.spdx, finding.flags) == (licences.NO_ASSERTION, (Flag.MISSING,))


@pytest.mark.parametrize(
    ("field", "classifiers", "files"),
    [
        ("Proprietary", (), ()),
        ("see LICENSE", (), (LicenceFile(path="LICENSE", text="All rights reserved. Ask us."),)),
        ("", ("License :: Other/Proprietary License",), ()),
        ("", (), (LicenceFile(path="COPYING", text=""),)),
    ],
)
def test_what_we_do_not_know_is_unknown(
    field: str, classifiers: tuple[str, ...], files: tuple[LicenceFile, ...]
) -> None:
    finding = _classify(field=field, classifiers=classifiers, files=files)
    assert (finding.spdx, finding.flags) == (licences.NO_ASSERTION, (Flag.UNKNOWN,))
    assert finding.reason


def test_a_broken_expression_is_flagged_and_the_rest_decides() -> None:
    finding = _classify(expression="MIT OR", classifiers=(MIT,))
    assert (finding.spdx, finding.source, finding.flags) == (
        "MIT",
        Source.CLASSIFIERS,
        (Flag.UNKNOWN,),
    )


def test_a_reader_that_failed_for_good_needs_a_human() -> None:
    finding = licences.unreadable("some", "1.0", "no such file")
    assert (finding.flags, finding.reason) == ((Flag.UNREADABLE,), "no such file")


DECLARATIONS = st.builds(
    Declaration,
    name=st.just("some"),
    version=st.just("1"),
    expression=st.sampled_from(["", "MIT", "MIT OR", "GPL-3.0-only AND ISC", "LicenseRef-X"])
    | st.text(max_size=20),
    field=st.sampled_from(["", "MIT", "BSD", "Dual License", "GPLv2", "MIT/Apache-2.0"])
    | st.text(max_size=150),
    classifiers=st.lists(
        st.sampled_from(
            [
                MIT,
                APACHE,
                BSD,
                "License :: OSI Approved",
                "License :: Other/Proprietary License",
                "Topic :: Games",
            ]
        )
    ).map(tuple),
    files=st.lists(st.sampled_from(["MIT", "GPL-3.0", "ISC", "BSD-2-Clause"]).map(_file)).map(
        tuple
    ),
)


@given(DECLARATIONS)
def test_every_declaration_gets_an_answer_and_every_flag_a_reason(declaration: Declaration) -> None:
    finding = licences.classify(declaration)
    assert bool(finding.flags) is bool(finding.reason)
    assert finding.spdx == licences.NO_ASSERTION or spdx.licence_ids(spdx.parse(finding.spdx))
    assert finding.spdx != licences.NO_ASSERTION or finding.flags


@given(DECLARATIONS)
def test_copyleft_in_any_accepted_source_is_never_silent(declaration: Declaration) -> None:
    finding = licences.classify(declaration)
    claim = declared.from_files(declaration.files)
    if claim and spdx.copyleft_of(claim.expression) is not spdx.Copyleft.NONE:
        assert finding.flags
