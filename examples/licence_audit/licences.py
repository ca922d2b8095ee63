"""Classify a distribution's licence from what it declares and ships. Pure: nothing is read here.

Every source is asked (licence expression, classifiers, licence field, licence files), the most
precise answer wins, and whatever a person has to look at becomes a flag: copyleft, sources that
contradict each other, licences without a choice, an unknown one, none at all.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import declared
import spdx
import texts
from declared import Claim, Declaration, Source


class Flag(enum.StrEnum):
    """Why a human must look."""

    COPYLEFT = "copyleft"
    WEAK_COPYLEFT = "weak copyleft"
    CONFLICTING = "conflicting"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFinding:
    """Which licences the text of one file holds."""

    path: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the audit says of one distribution.

    Attributes:
        spdx: The SPDX expression, or ``NOASSERTION``.
        source: Which source decided.
        flags: Why a human must look; empty if nobody must.
        reason: The flags in a sentence.
        also_in_files: Licences in the files beyond the declared one, mostly of bundled code.
    """

    name: str
    version: str
    spdx: str
    source: Source
    flags: tuple[Flag, ...] = ()
    reason: str = ""
    said: tuple[str, ...] = ()
    files: tuple[FileFinding, ...] = ()
    also_in_files: tuple[str, ...] = ()


NO_ASSERTION = "NOASSERTION"


def classify(declaration: Declaration) -> Finding:
    """Return the finding for one distribution."""
    claims = _claims(declaration)
    files = tuple(
        FileFinding(path=file.path, ids=texts.identify(file.text)) for file in declaration.files
    )
    said = _said(declaration)
    if not claims:
        return _without_claims(declaration, said, files)
    chosen = _refined(claims[0], claims[1:])
    also_in_files = _also_in_files(claims)
    problems = _problems(declaration, chosen, claims, also_in_files)
    return Finding(
        name=declaration.name,
        version=declaration.version,
        spdx=str(chosen.expression),
        source=chosen.source,
        flags=tuple(problems),
        reason="; ".join(problems.values()),
        said=said,
        files=files,
        also_in_files=also_in_files,
    )


def unreadable(name: str, version: str, problem: str) -> Finding:
    """Return the finding for a distribution whose reader failed for good."""
    return Finding(
        name=name,
        version=version,
        spdx=NO_ASSERTION,
        source=Source.NOTHING,
        flags=(Flag.UNREADABLE,),
        reason=problem,
    )


def _without_claims(
    declaration: Declaration, said: tuple[str, ...], files: tuple[FileFinding, ...]
) -> Finding:
    unknown = said or tuple(file.path for file in files)
    return Finding(
        name=declaration.name,
        version=declaration.version,
        spdx=NO_ASSERTION,
        source=Source.NOTHING,
        flags=(Flag.UNKNOWN if unknown else Flag.MISSING,),
        reason=f"no licence recognised in {_list(unknown)}"
        if unknown
        else "neither metadata nor files name one",
        said=said,
        files=files,
    )


def _claims(declaration: Declaration) -> list[Claim]:
    """Ask every source; what it says comes back most trusted first."""
    answers = (
        declared.from_expression(declaration.expression),
        declared.from_classifiers(declaration.classifiers),
        declared.from_field(declaration.field),
        declared.from_files(declaration.files),
    )
    return [claim for claim in answers if claim is not None]


def _said(declaration: Declaration) -> tuple[str, ...]:
    field = declaration.field.strip()
    if field.upper() in {"UNKNOWN", "NONE", "N/A"}:
        field = ""
    first_line = field.partition("\n")[0]
    quoted = f"{first_line[:60]} …" if len(first_line) > 60 or field != first_line else field
    parts = (
        declaration.expression.strip(),
        quoted,
        *declared.licence_classifiers(declaration.classifiers),
    )
    return tuple(dict.fromkeys(part for part in parts if part))


def _refined(first: Claim, others: list[Claim]) -> Claim:
    """Let a vaguer claim take its exact form from a source that fits: ``BSD`` from a file."""
    if first.source is Source.EXPRESSION:
        return first
    if not first.is_choice_clear:
        clear = (
            other
            for other in others
            if other.is_choice_clear and _covers(first, other) and _covers(other, first)
        )
        return next(clear, first)
    (name,) = first.ids if len(first.ids) == 1 else ("",)
    for other in others if name in spdx.FAMILIES else ():
        exact = [
            member
            for member in other.ids
            if spdx.same_licence(name, member) and member not in spdx.FAMILIES
        ]
        if len(exact) == 1:
            return Claim(source=other.source, ids=(exact[0],), expression=spdx.Licence(id=exact[0]))
    return first


def _covers(one: Claim, other: Claim) -> bool:
    """Return whether every licence of ``other`` is among those of ``one``."""
    return all(any(spdx.same_licence(a, b) for a in one.ids) for b in other.ids)


def _contradict(one: Claim, other: Claim) -> bool:
    if Source.FILES in (one.source, other.source):
        # Files hold more than the own licence (bundled code) or less (a missing one of two).
        return not any(spdx.same_licence(a, b) for a in one.ids for b in other.ids)
    return not (_covers(one, other) or _covers(other, one))


def _also_in_files(claims: list[Claim]) -> tuple[str, ...]:
    files = claims[-1]
    own = [claim for claim in claims if claim.source is not Source.FILES]
    if files.source is not Source.FILES or not own:
        return ()
    return tuple(
        name
        for name in files.ids
        if not any(spdx.same_licence(name, a) for claim in own for a in claim.ids)
    )


def _problems(
    declaration: Declaration, chosen: Claim, claims: list[Claim], extra: tuple[str, ...]
) -> dict[Flag, str]:
    """Say why a human must look, one sentence for each flag."""
    problems = _copyleft(chosen.expression, extra)
    if against := [other for other in claims[1:] if _contradict(claims[0], other)]:
        problems[Flag.CONFLICTING] = f"{_quoted(claims[0])}, {_quoted(against[0])}"
    unknown = [name for name in chosen.ids if name not in spdx.KNOWN and name not in spdx.FAMILIES]
    if declaration.expression and claims[0].source is not Source.EXPRESSION:
        unknown.append(declaration.expression)
    if unknown:
        problems[Flag.UNKNOWN] = f"{_list(unknown)} is no licence this audit knows"
    if not chosen.is_choice_clear:
        problems[Flag.AMBIGUOUS] = f"{_list(chosen.ids)} are named without and/or"
    elif vague := [name for name in chosen.ids if name in spdx.FAMILIES]:
        problems[Flag.AMBIGUOUS] = f"which {_list(vague)} is not said"
    return problems


def _copyleft(expression: spdx.Expression, extra: tuple[str, ...]) -> dict[Flag, str]:
    levels = {str(expression): spdx.copyleft_of(expression)}
    levels |= {f"{name} in its files": spdx.copyleft_of(spdx.Licence(id=name)) for name in extra}
    strictest = max(levels, key=lambda name: levels[name])
    match levels[strictest]:
        case spdx.Copyleft.STRONG:
            return {Flag.COPYLEFT: f"{strictest}: what is built on it must be open too"}
        case spdx.Copyleft.WEAK:
            return {Flag.WEAK_COPYLEFT: f"{strictest}: changes to it must be open"}
        case _:
            return {}


def _quoted(claim: Claim) -> str:
    said = str(claim.expression) if claim.is_choice_clear else _list(claim.ids)
    return f"{claim.source} {'say' if claim.source.endswith('s') else 'says'} {said}"


def _list(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names)
