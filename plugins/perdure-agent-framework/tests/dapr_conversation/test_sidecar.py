"""Where the sidecar is looked for."""

from __future__ import annotations

import pytest

from perdure.errors import ConfigurationError
from perdure_agent_framework.dapr_conversation import DaprConversationChatClient
from perdure_agent_framework.dapr_conversation.sidecar import find_sidecar


@pytest.mark.parametrize(
    ("variables", "endpoint", "is_local"),
    [
        ({}, "http://127.0.0.1:3500", True),
        ({"DAPR_HTTP_PORT": "3501"}, "http://127.0.0.1:3501", True),
        ({"DAPR_RUNTIME_HOST": "10.0.0.9"}, "http://10.0.0.9:3500", False),
        ({"DAPR_RUNTIME_HOST": "::1", "DAPR_HTTP_PORT": "1"}, "http://[::1]:1", True),
        (
            {"DAPR_HTTP_ENDPOINT": "https://dapr.example/api/", "DAPR_HTTP_PORT": "1"},
            "https://dapr.example/api",
            False,
        ),
        ({"DAPR_HTTP_ENDPOINT": "localhost:3502"}, "http://localhost:3502", True),
    ],
)
def test_it_is_where_daprs_variables_say(
    variables: dict[str, str], endpoint: str, is_local: bool
) -> None:
    found = find_sidecar(environment=variables)
    assert (found.endpoint, found.is_local, found.token) == (endpoint, is_local, "")


def test_what_the_caller_says_goes_first() -> None:
    variables = {"DAPR_HTTP_ENDPOINT": "http://other:1", "DAPR_API_TOKEN": "theirs"}
    found = find_sidecar(endpoint="http://127.0.0.1:9", api_token="mine", environment=variables)
    assert (found.endpoint, found.token) == ("http://127.0.0.1:9", "mine")
    assert find_sidecar(environment=variables).token == "theirs"
    assert find_sidecar(api_token="", environment=variables).token == ""
    assert "mine" not in repr(found)


@pytest.mark.parametrize(
    "endpoint",
    ["", "ftp://host", "http://", "http://host:port", "http://u:secret@host", "http://host?a=b"],
)
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match=r"endpoint: not of the form") as caught:
        find_sidecar(endpoint=endpoint, environment={})
    assert "secret" not in str(caught.value)


def test_the_variable_that_is_wrong_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^DAPR_HTTP_PORT: "):
        find_sidecar(environment={"DAPR_HTTP_PORT": "many"})


def test_a_client_reads_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAPR_HTTP_ENDPOINT", raising=False)
    monkeypatch.delenv("DAPR_RUNTIME_HOST", raising=False)
    monkeypatch.setenv("DAPR_HTTP_PORT", "3999")
    url = DaprConversationChatClient("my echo").service_url()
    assert url == "http://127.0.0.1:3999/v1.0-alpha2/conversation/my%20echo/converse"
