"""What is said when there is no token, or when one is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import ClientAuthenticationError

from perdure_azure.credentials import Authentication, AuthenticationKind
from perdure_azure.token_faults import explain_refusal, has_secret, no_token, one_line

if TYPE_CHECKING:
    from azure_kit.signing import Signer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def explained(detail: str, *, minutes_left: int | None = 30) -> str:
    left = None if minutes_left is None else NOW + timedelta(minutes=minutes_left)
    return explain_refusal(detail, audience="https://durabletask.io", now=NOW, expires_at=left)


@pytest.mark.parametrize(
    "detail",
    [
        "the token is not valid before 2026-03-01T12:05:00Z",
        "IDX10222: Lifetime validation failed. The token is not yet valid.",
        "claim nbf is in the future",
    ],
)
def test_a_token_that_comes_too_early_makes_the_clock_suspect(detail: str) -> None:
    assert "this machine's clock says 2026-03-01 12:00:00 UTC" in explained(detail)


@pytest.mark.parametrize(
    "detail",
    [
        "the token expired at 2026-03-01T11:59:00Z",
        "IDX10223: Lifetime validation failed. The token is expired.",
    ],
)
def test_a_token_that_has_ended_makes_the_clock_suspect_unless_that_agrees(detail: str) -> None:
    assert "good for 0:30:00 more, so that clock is slow" in explained(detail)
    assert explained(detail, minutes_left=-1) == "the next call gets a new token"
    assert explained(detail, minutes_left=None) == "the next call gets a new token"


def test_a_wrong_audience_names_the_settings() -> None:
    assert "ResourceId" in explained("IDX10214: Audience validation failed.")


def test_of_what_is_not_understood_nothing_is_made_up() -> None:
    assert explained("the moon is full") == ""


@pytest.mark.parametrize("kind", list(AuthenticationKind))
def test_every_kind_has_words_for_what_to_do(kind: AuthenticationKind) -> None:
    error = no_token(Authentication(kind=kind), ClientAuthenticationError(message="It\n failed."))
    text = str(error)
    assert text.startswith(
        f"backend 'azure' refused the credentials: no token ({kind}): It failed;"
    )
    assert len(text) > len("backend 'azure' refused the credentials: no token (): It failed;") + 20


def test_pointers_to_pages_and_tokens_are_left_out_and_long_texts_cut(signer: Signer) -> None:
    text = f"Odd: {signer.token()}.\nTo mitigate this issue, please refer to https://aka.ms/x.\nEnd"
    assert one_line(text) == "Odd: <token>. End"
    assert one_line("x" * 1000) == "x" * 399 + "…"


def test_a_token_is_found_in_what_caused_an_error(signer: Signer) -> None:
    error = ValueError("plain")
    assert not has_secret(error)
    error.__cause__ = KeyError(signer.token())
    assert has_secret(error)
