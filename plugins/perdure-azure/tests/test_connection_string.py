"""Connection strings are read as Microsoft's SDKs read them, and misspelt ones are refused."""

from __future__ import annotations

import pytest

from perdure.errors import ConfigurationError
from perdure_azure.connection_string import parse_connection_string

pytestmark = pytest.mark.sdk_independent

WHOLE = "Endpoint=https://a.b.durabletask.io;TaskHub=trips;Authentication=ManagedIdentity"
VALUES = {
    "Endpoint": "https://a.b.durabletask.io",
    "TaskHub": "trips",
    "Authentication": "ManagedIdentity",
}


def parse(text: str) -> dict[str, str]:
    return parse_connection_string(text, setting="THE_VARIABLE")


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"{WHOLE};",
        f";; {WHOLE} ; ;",
        "AUTHENTICATION=ManagedIdentity;taskhub=trips;endPoint=https://a.b.durabletask.io",
        " Endpoint = https://a.b.durabletask.io ;\n TaskHub=trips ;Authentication= ManagedIdentity",
        f"{WHOLE};ClientID=;TenantId= ",
        "Endpoint=\"https://a.b.durabletask.io\";TaskHub='trips';Authentication=ManagedIdentity",
    ],
)
def test_order_case_space_and_empty_parts_do_not_matter(text: str) -> None:
    assert parse(text) == VALUES


def test_all_that_is_known_is_returned_in_microsofts_spelling() -> None:
    details = {
        "ClientID": "c",
        "TenantId": "t",
        "TokenFilePath": "/var/run/token",
        "AdditionallyAllowedTenants": "x,y",
        "ResourceId": "https://durabletask.azure.us",
        "AuthorityHost": "https://login.microsoftonline.us/",
    }
    text = ";".join(f"{key.lower()}={value}" for key, value in details.items())
    assert parse(f"{WHOLE};{text}") == VALUES | details


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ResourceId=api://custom/resource=value", "api://custom/resource=value"),
        ("ResourceId==", "="),
        ('ResourceId="a;b"', "a;b"),
        ('ResourceId="a""b"', 'a"b'),
        ("ResourceId='a''b'", "a'b"),
        ('ResourceId="a', '"a'),
        ('ResourceId="a"b', '"a"b'),
    ],
)
def test_a_value_may_hold_what_separates_others(text: str, value: str) -> None:
    assert parse(f"{WHOLE};{text}")["ResourceId"] == value


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "lacks Endpoint"),
        ("TaskHub=trips;Authentication=None", "lacks Endpoint"),
        ("Endpoint=https://h;TaskHub=trips", "lacks Authentication"),
        (f"{WHOLE};Hub=x", "unknown key 'Hub'; known: Endpoint, Authentication, TaskHub, ClientID"),
        (f"{WHOLE};taskHUB=x", "the key TaskHub is given twice"),
        (f"{WHOLE};ClientID=;ClientId=x", "the key ClientID is given twice"),
        (f"{WHOLE};ClientID", "part 4 is not of the form key=value"),
        (f"{WHOLE};=x", "part 4 is not of the form key=value"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=f"THE_VARIABLE: .*{complaint}"):
        parse(text)


def test_the_values_are_not_repeated_in_errors() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(f"{WHOLE};AccountKey=abcdefgh;letmein")
    assert "AccountKey" in str(caught.value)
    assert "abcdefgh" not in str(caught.value)
    assert "letmein" not in str(caught.value)
