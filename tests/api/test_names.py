"""Names and ids: what every backend can take passes, anything else is refused before a call."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from perdure.errors import InvalidInstanceIdError, InvalidNameError
from perdure.names import (
    check_event_name,
    check_function_name,
    check_instance_id,
    check_patch_names,
)


class Place(str, enum.Enum):  # noqa: UP042 - a StrEnum has not the fault that this shows
    OSLO = "oslo"


@pytest.mark.parametrize("instance_id", ["a", "A-b_9", "-", "_", "0", "x" * 64])
def test_portable_instance_id_is_returned(instance_id: str) -> None:
    assert check_instance_id(instance_id) == instance_id


@pytest.mark.parametrize(
    "instance_id",
    ["", "x" * 65, "a/b", "a b", "a.b", "a:b", "a\n", "\n", "a\0", "é", "٣", "../x", "a\u200b"],
)
def test_other_instance_id_is_refused_and_named(instance_id: str) -> None:
    with pytest.raises(InvalidInstanceIdError) as caught:
        check_instance_id(instance_id)

    assert repr(instance_id) in str(caught.value)
    assert str(len(instance_id)) in str(caught.value)


@pytest.mark.parametrize("name", ["a", "order.paid", "a-b_c.9", "perdure", "x" * 64])
def test_portable_event_name_is_returned(name: str) -> None:
    assert check_event_name(name) == name


@pytest.mark.parametrize("name", ["", "Approval", "a b", "a/b", "x" * 65, "a\n", "ß", "perdure.x"])
def test_other_event_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError, match="invalid event name"):
        check_event_name(name)


@pytest.mark.parametrize("name", ["f", "_f", "Quote", "billing.charge-v2", "2fast", "x" * 100])
def test_portable_function_name_is_returned(name: str) -> None:
    assert check_function_name("activity", name) == name


@pytest.mark.parametrize(
    "name", ["", "<lambda>", "überweisen", "a b", ".a", "-a", "a\n", "x" * 101, "perdure.sleep"]
)
def test_other_function_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError, match="invalid workflow name"):
        check_function_name("workflow", name)


def test_refused_function_name_says_how_to_give_another() -> None:
    with pytest.raises(InvalidNameError, match=r"@app\.activity\(name=…\)"):
        check_function_name("activity", "ü")


@pytest.mark.parametrize("name", ["", "a b", "a\n", "x" * 101])
def test_unfit_patch_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError, match="invalid patch name"):
        check_patch_names([name])


@pytest.mark.parametrize("value", [None, 7, b"a", ["a"], object()])
def test_what_is_no_text_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="an instance id is a str"):
        check_instance_id(value)
    with pytest.raises(TypeError, match="an event name is a str"):
        check_event_name(value)


def test_member_of_a_text_enum_becomes_plain_text() -> None:
    name = check_event_name(Place.OSLO)

    assert type(name) is str
    assert f"{name}" == "oslo"
