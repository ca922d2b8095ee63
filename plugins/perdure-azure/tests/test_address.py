"""Where the scheduler is and who we are: the URL first, then the variables of Microsoft's SDKs."""

from __future__ import annotations

import pytest

from perdure import ConfigurationError
from perdure_azure.address import Address, parse_address
from perdure_azure.credentials import Authentication, AuthenticationKind

pytestmark = pytest.mark.sdk_independent

VARIABLE = "DURABLE_TASK_SCHEDULER_CONNECTION_STRING"
STRING = "Endpoint=https://a.b.durabletask.io;TaskHub=trips;Authentication=ManagedIdentity"
DEFAULT = AuthenticationKind.DEFAULT_AZURE
MANAGED = AuthenticationKind.MANAGED_IDENTITY
NONE = AuthenticationKind.NONE


def parse(url: str, **variables: str) -> Address:
    return parse_address(url, environment=variables)


def test_a_connection_string_says_it_all() -> None:
    assert parse("azure", **{VARIABLE: f"{STRING};ClientID=c"}) == Address(
        target="a.b.durabletask.io:443",
        hub="trips",
        is_secure=True,
        authentication=Authentication(kind=MANAGED, client_id="c"),
        audience="https://durabletask.io",
    )


@pytest.mark.parametrize("kind", list(AuthenticationKind))
def test_every_kind_can_be_named_in_any_case(kind: AuthenticationKind) -> None:
    string = f"Endpoint=https://h;TaskHub=trips;Authentication={kind.upper()}"
    assert parse("azure", **{VARIABLE: string}).authentication.kind is kind
    assert parse(f"azure://h/trips?authentication={kind.lower()}").authentication.kind is kind


def test_the_variables_of_microsofts_samples_are_read_without_a_connection_string() -> None:
    samples = {"ENDPOINT": "https://a.b.durabletask.io", "TASKHUB": "trips"}
    address = parse("azure", **samples)
    assert (address.target, address.hub) == ("a.b.durabletask.io:443", "trips")
    assert address.authentication.kind is DEFAULT
    assert parse("azure", **samples, **{VARIABLE: STRING}).authentication.kind is MANAGED


def test_the_emulator_is_spoken_to_as_in_microsofts_samples() -> None:
    address = parse("azure", ENDPOINT="http://localhost:8080")
    assert (address.target, address.hub) == ("localhost:8080", "default")
    assert (address.is_secure, address.authentication.kind) == (False, NONE)


@pytest.mark.parametrize(
    ("endpoint", "target", "is_secure"),
    [
        ("https://a.b.durabletask.io", "a.b.durabletask.io:443", True),
        ("https://a.b.durabletask.io:444/", "a.b.durabletask.io:444", True),
        ("a.b.durabletask.io", "a.b.durabletask.io:443", True),
        (
            "a.b.usgovvirginia.durabletask.azure.us",
            "a.b.usgovvirginia.durabletask.azure.us:443",
            True,
        ),
        ("http://localhost", "localhost:8080", False),
        ("http://127.0.0.1:9000", "127.0.0.1:9000", False),
        ("http://[::1]:9000", "[::1]:9000", False),
        ("https://[::1]", "[::1]:443", True),
    ],
)
def test_an_endpoint_has_a_port_and_is_secure_unless_it_says_http(
    endpoint: str, target: str, is_secure: bool
) -> None:
    address = parse("azure", ENDPOINT=endpoint)
    assert (address.target, address.is_secure) == (target, is_secure)


@pytest.mark.parametrize(
    ("url", "target", "is_secure", "kind"),
    [
        ("azure://a.b.durabletask.io/trips", "a.b.durabletask.io:443", True, DEFAULT),
        ("azure://127.0.0.1/trips", "127.0.0.1:8080", False, NONE),
        ("azure://localhost:9000/trips", "localhost:9000", False, NONE),
        ("azure://localhost:9000/trips?tls=true", "localhost:9000", True, DEFAULT),
        ("azure://emulator/trips?authentication=None", "emulator:8080", False, NONE),
        ("azure://h/trips?authentication=None&tls=true", "h:443", True, NONE),
        ("azure://h:9000/trips?tls=false", "h:9000", False, DEFAULT),
        ("azure://[::1]:9000/trips?authentication=AzureCli", "[::1]:9000", False, "AzureCli"),
    ],
)
def test_a_url_means_tls_unless_it_is_local_or_anonymous(
    url: str, target: str, is_secure: bool, kind: str
) -> None:
    address = parse(url, **{VARIABLE: STRING})
    assert (address.target, address.is_secure) == (target, is_secure)
    assert address.authentication.kind == kind


def test_options_of_a_url_are_those_of_a_connection_string() -> None:
    address = parse(
        "azure://h/trips?authentication=WorkloadIdentity&client_id=c&tenant_id=t"
        "&token_file_path=/var/run/token&additionally_allowed_tenants=x,%20y"
        "&audience=api://mine/.default&authority=login.example.com:8443"
    )
    assert address.audience == "api://mine"
    assert address.authentication == Authentication(
        kind=AuthenticationKind.WORKLOAD_IDENTITY,
        client_id="c",
        tenant_id="t",
        token_file_path="/var/run/token",
        additionally_allowed_tenants=("x", "y"),
        authority="login.example.com:8443",
    )
    same = (
        "Endpoint=h;TaskHub=trips;Authentication=WorkloadIdentity;ClientID=c;TenantId=t;"
        "TokenFilePath=/var/run/token;AdditionallyAllowedTenants=x, y;"
        "ResourceId=api://mine/.default;AuthorityHost=https://login.example.com:8443/"
    )
    assert parse("azure", **{VARIABLE: same}) == address


def test_options_go_before_the_connection_string() -> None:
    address = parse("azure?hub=other&authentication=AzureCli", **{VARIABLE: STRING})
    assert (address.hub, address.authentication.kind) == ("other", AuthenticationKind.AZURE_CLI)
    assert address.target == "a.b.durabletask.io:443"


def test_the_option_hub_goes_before_the_hub_of_the_path() -> None:
    assert parse("azure://h/trips?hub=other").hub == "other"
    assert parse("azure://h?hub=other").hub == "other"


@pytest.mark.parametrize(
    ("variables", "audience"),
    [
        ({}, "https://durabletask.io"),
        ({"REGION_NAME": "westus2"}, "https://durabletask.io"),
        ({"REGION_NAME": "UsGovVirginia"}, "https://durabletask.azure.us"),
        ({"REGION_NAME": "usdodeast"}, "https://durabletask.azure.us"),
        ({"REGION_NAME": "notusgov"}, "https://durabletask.io"),
        ({"PERDURE_AZURE_AUDIENCE": "https://x.example/"}, "https://x.example"),
        ({"PERDURE_AZURE_AUDIENCE": "https://x", "REGION_NAME": "usgov"}, "https://x"),
    ],
)
def test_the_audience_follows_the_region_unless_it_is_said(
    variables: dict[str, str], audience: str
) -> None:
    assert parse("azure://h/trips", **variables).audience == audience
    said = parse("azure://h/trips?audience=https://y.example//.DEFAULT//", **variables)
    assert said.audience == "https://y.example"


@pytest.mark.parametrize(
    ("variables", "authority"),
    [
        ({}, ""),
        ({"AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us/"}, "login.microsoftonline.us"),
        (
            {"PERDURE_AZURE_AUTHORITY": "a.example", "AZURE_AUTHORITY_HOST": "b.example"},
            "a.example",
        ),
    ],
)
def test_the_authority_comes_from_a_variable_unless_it_is_said(
    variables: dict[str, str], authority: str
) -> None:
    assert parse("azure://h/trips", **variables).authentication.authority == authority
    said = parse("azure://h/trips?authority=c.example", **variables)
    assert said.authentication.authority == "c.example"


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("azure://127.0.0.1:1/trips", True),
        ("azure://127.8.0.1/trips", True),
        ("azure://[::1]:1/trips", True),
        ("azure://LOCALHOST/trips", True),
        ("azure://10.0.0.7/trips", False),
        ("azure://localhost.example.com/trips", False),
    ],
)
def test_what_is_on_this_host_is_known(url: str, is_local: bool) -> None:
    assert parse(url).is_local is is_local


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("azure", f"nothing says where .* set {VARIABLE} .* ENDPOINT and TASKHUB"),
        ("azure://h", "backend azure://h: names no task hub; .* PERDURE_HUB"),
        ("azure://h/a/b", "not of the form azure, azure"),
        ("azure:///trips", "not of the form"),
        ("azure://h/trips#x", "not of the form"),
        ("azure://[::1/trips", "not of the form"),
        ("azure://h:0/trips", "'h:0' is no endpoint"),
        ("azure://h:x/trips", "no endpoint"),
        ("azure://h:/trips", "no endpoint"),
        ("azure://h h/trips", "no endpoint"),
        ("azure://h/my_hub", "'my_hub' is no task hub's name: 3 to 64"),
        ("azure://h/ab", "no task hub's name"),
        ("azure://h/trips?hubb=x", "unknown option 'hubb'; known: hub, authentication, client_id"),
        ("azure://h/trips?tls=true&tls=false", "the option tls is given twice"),
        ("azure://h/trips?tls=maybe", "tls of backend azure://h/trips: 'maybe' is neither"),
        ("azure://h/trips?record=no", "record of backend azure://h/trips: 'no': say on or off"),
        ("azure://h/trips?authentication=Sesame", "unknown kind 'Sesame'; known: DefaultAzure, "),
        ("azure://h/trips?authentication=IntelliJ", "IntelliJ gives no tokens to Python; use one"),
        ("azure://h/trips?audience=///", "audience of .*'///' is no audience"),
        ("azure://h/trips?authority=http://a", "authority of .*over https://"),
        ("azure://h/trips?authority=a/tenant", "authority of .*a host alone"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_in_words(url: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        parse(url)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("ENDPOINT", "ftp://h", "ftp:// is not possible"),
        ("ENDPOINT", "https://h/path", "no endpoint"),
        ("ENDPOINT", "http://10.0.0.7:8080", "would send tokens .DefaultAzure. unencrypted"),
        (VARIABLE, STRING.replace("https", "http"), "would send tokens .ManagedIdentity. unenc"),
        (VARIABLE, STRING.replace("ManagedIdentity", "Sesame"), "unknown kind 'Sesame'"),
        (VARIABLE, STRING.replace("trips", "no hub"), "'no hub' is no task hub's name"),
        ("PERDURE_AZURE_AUDIENCE", "/.default", "no audience"),
        ("PERDURE_AZURE_AUTHORITY", "http://a", "over https"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str, complaint: str) -> None:
    variables = {"ENDPOINT": "https://h", name: value}
    with pytest.raises(ConfigurationError, match=f"{name}.*{complaint}"):
        parse("azure", **variables)


@pytest.mark.parametrize(
    ("detail", "complaint"),
    [
        ("Authentication=AzureCli;ClientID=c", "ClientID of .*AzureCli, which takes TenantId"),
        ("Authentication=ManagedIdentity;TenantId=t", "TenantId of .*which takes ClientID"),
        ("Authentication=None;ClientID=c", "which takes nothing of the kind"),
        ("Authentication=DefaultAzure;TokenFilePath=x", "TokenFilePath of .*does not go with"),
    ],
)
def test_a_key_that_the_kind_does_not_take_is_refused(detail: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        parse("azure", **{VARIABLE: f"Endpoint=https://h;TaskHub=trips;{detail}"})


@pytest.mark.parametrize("kind", list(AuthenticationKind))
def test_the_cloud_can_be_said_with_every_kind(kind: AuthenticationKind) -> None:
    cloud = "ResourceId=https://durabletask.azure.us;AuthorityHost=login.microsoftonline.us"
    string = f"Endpoint=https://h;TaskHub=trips;Authentication={kind};{cloud}"
    address = parse("azure", **{VARIABLE: string})
    assert address.audience == "https://durabletask.azure.us"
    assert address.authentication.authority == "login.microsoftonline.us"


def test_results_are_recorded_unless_the_url_says_otherwise() -> None:
    assert parse("azure://h/trips").is_recorded
    assert parse("azure://h/trips?record=on").is_recorded
    assert not parse("azure?record=off", **{VARIABLE: STRING}).is_recorded


def test_plain_http_can_be_insisted_on() -> None:
    string = STRING.replace("https", "http")
    assert not parse("azure?tls=false", **{VARIABLE: string}).is_secure
    anonymous = parse("azure?authentication=None", ENDPOINT="http://emulator:8080")
    assert (anonymous.target, anonymous.is_secure) == ("emulator:8080", False)


@pytest.mark.parametrize("url", ["azure://user:word@h/trips", "azure://word@h/a/b?hub=x"])
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not of the form") as caught:
        parse(url)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "variables", "hub"),
    [
        ("azure", {"TASKHUB_NAME": "trips", "TASKHUB": "other"}, "trips"),
        ("azure", {"TASKHUB": "trips"}, "trips"),
        ("azure?hub=trips", {"TASKHUB_NAME": "other"}, "trips"),
    ],
)
def test_a_connection_string_may_leave_the_hub_to_what_stands_beside_it(
    url: str, variables: dict[str, str], hub: str
) -> None:
    text = "Endpoint=https://h;Authentication=AzureCli"
    environment = {"DURABLE_TASK_SCHEDULER_CONNECTION_STRING": text, **variables}
    assert parse_address(url, environment=environment).hub == hub


def test_a_hub_in_the_connection_string_goes_before_one_beside_it() -> None:
    text = "Endpoint=https://h;TaskHub=trips;Authentication=None"
    environment = {"DURABLE_TASK_SCHEDULER_CONNECTION_STRING": text, "TASKHUB_NAME": "other"}
    assert parse_address("azure", environment=environment).hub == "trips"


def test_a_connection_string_without_any_hub_says_where_to_put_it() -> None:
    text = "Endpoint=https://h;Authentication=None"
    environment = {"DURABLE_TASK_SCHEDULER_CONNECTION_STRING": text}
    with pytest.raises(ConfigurationError, match=r"names no task hub; use TaskHub=.*TASKHUB_NAME"):
        parse_address("azure", environment=environment)
