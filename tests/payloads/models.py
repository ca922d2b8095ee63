"""The types that these tests convert. At module level, where their annotations can be resolved."""

from __future__ import annotations

import enum
from dataclasses import InitVar, dataclass, field
from datetime import datetime  # noqa: TC003 - pydantic needs it when the program runs
from typing import Annotated, Any, Generic, NamedTuple, NotRequired, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, computed_field
from typing_extensions import TypedDict

T = TypeVar("T")


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1


class Mode(enum.StrEnum):
    FAST = "fast"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Stay:
    city: str
    nights: int = 1
    photo: bytes = b""


@dataclass
class LongStay(Stay):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    stays: list[Stay]
    budget: float | None = None
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Node:
    below: list[Node]


@dataclass
class Box(Generic[T]):
    value: T


@dataclass(eq=False)
class Unequal:
    """Says nothing about equality."""

    number: int


@dataclass
class WithInitVar:
    total: int
    extra: InitVar[int]

    def __post_init__(self, extra: int) -> None:
        self.total += extra


class Point(NamedTuple):
    x: int
    label: str


class Options(TypedDict):
    limit: int
    key: NotRequired[bytes]


class Invoice(BaseModel):
    number: int = 0
    lines: list[str] = []
    raw: Any = None


class PaidInvoice(Invoice):
    paid_at: datetime | None = None


class Aliased(BaseModel):
    count: int = Field(alias="itemCount")
    secret: int = Field(default=0, exclude=True)

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def double(self) -> int:
        return self.count * 2


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str = ""


class Wrapper(BaseModel, Generic[T]):
    value: T


class Tidy(BaseModel):
    text: Annotated[str, StringConstraints(strip_whitespace=True)]


class Login(BaseModel):
    password: SecretStr


class Blob(BaseModel):
    data: bytes


class Foreign:
    """A class that pydantic knows nothing of."""
