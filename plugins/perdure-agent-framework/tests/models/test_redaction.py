"""What is taken for a secret, by its name or by how it looks."""

from __future__ import annotations

import pytest

from perdure_agent_framework.redaction import REDACTED, redact, secret_names


@pytest.mark.parametrize(
    "name",
    ["Authorization", "api-key", "Ocp-Apim-Subscription-Key", "api-token", "private_key", "token"],
)
def test_a_secret_is_known_by_its_name_in_headers_and_in_lists(name: str) -> None:
    given = {"extra_body": [{"headers": {name: "hunter2"}}], "temperature": "0"}
    assert list(secret_names(given, "options")) == [
        f"options['extra_body'][0]['headers'][{name!r}]"
    ]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("cannot reach https://ann:hunter2hunter@host/v1", "hunter2hunter"),
        ("key AIza" + "x" * 35 + " is wrong", "AIza" + "x" * 35),
        ("token ghp_" + "a" * 36 + " has expired", "ghp_" + "a" * 36),
        ("Incorrect API key provided: sk-abcdefgh", "sk-abcdefgh"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_texts(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert REDACTED in redact(text)


def test_what_only_counts_tokens_is_no_secret() -> None:
    assert list(secret_names({"max_tokens": "100", "token_limit": "5"}, "options")) == []
