"""A token in hand: until when it may be shown, and from when on a new one is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

    from perdure.clock import Clock

_SECOND_US: Final = 1_000_000
# A refresh begins 10 minutes before the end, or after 4/5 of a shorter life.
_MARGIN_US: Final = 600 * _SECOND_US
# A token is not shown in its last seconds: it would end on its way.
_LAST_US: Final = 5 * _SECOND_US
_PAUSE_US: Final = 30 * _SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldToken:
    """A token, timed by a clock of its own.

    The clock was started when the token came, and is never put back: a wall clock that is set back
    later does not lengthen the token's life, and one that was wrong before does not matter.

    Attributes:
        token: The token.
        clock: What times it.
        fetched_us: When it came.
    """

    token: AccessToken = field(repr=False)
    clock: Clock = field(repr=False)
    fetched_us: int

    @property
    def expires_us(self) -> int:
        """When it ends."""
        return int(self.token.expires_on) * _SECOND_US

    @property
    def life_us(self) -> int:
        """How long it was good for when it came."""
        return self.expires_us - self.fetched_us

    @property
    def is_good(self) -> bool:
        """Whether it may be shown."""
        return self.clock.now_us() < self.expires_us - min(_LAST_US, self.life_us // 20)

    @property
    def is_due(self) -> bool:
        """Whether a new one is wanted."""
        return self.clock.now_us() >= self.expires_us - min(_MARGIN_US, self.life_us // 5)

    @property
    def pause_us(self) -> int:
        """How long to wait after a refresh that brought nothing new."""
        return max(min(_PAUSE_US, self.life_us // 20), 0)
