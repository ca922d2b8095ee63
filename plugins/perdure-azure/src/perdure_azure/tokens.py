"""Tokens: one per audience at a time, fetched by one thread, shown by all.

azure-identity's credentials keep tokens too, but each call to them takes their locks, some run a
program each time, and none can be told that a token was refused. So a token is kept here, renewed
ahead of its end while callers go on with the old one, and never fetched by two at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from perdure.clock import SystemClock, from_us
from perdure.errors import AuthenticationFailedError, PerdureError
from perdure_azure.credentials import AuthenticationKind, make_credential
from perdure_azure.held_token import HeldToken
from perdure_azure.token_faults import BACKEND, cause_of, explain_refusal, has_secret, no_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials import AccessToken, TokenCredential

    from perdure.clock import Clock
    from perdure_azure.credentials import Authentication

_SECOND_US: Final = 1_000_000
# Nobody asks again sooner than this after a failure, or after a token was declared refused.
_FAILURE_PAUSE_US: Final = 1 * _SECOND_US
_REFUSAL_PAUSE_US: Final = 10 * _SECOND_US

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Slot:
    """What is known of one scope."""

    held: HeldToken | None = None
    refused: HeldToken | None = None
    flight: Future[AccessToken | Exception] | None = None
    next_refresh_us: int = 0
    next_fetch_us: int = 0


class Tokens:
    """The tokens of one backend: a ``TokenCredential``, safe to use from any thread and loop."""

    def __init__(
        self,
        authentication: Authentication,
        *,
        audience: str,
        make_clock: Callable[[], Clock] = SystemClock,
    ) -> None:
        """Make the credential; asks for no token yet.

        Raises:
            ConfigurationError: Something that the way to tokens needs is not set.
        """
        self._authentication = authentication
        self._audience = audience
        self._make_clock = make_clock
        self._clock = make_clock()
        self._lock = threading.Lock()
        self._slots: dict[str, _Slot] = {}
        self._next_refusal_us = 0
        # Held while the credential is made, used or closed.
        self._fetching = threading.Lock()
        self._credential = make_credential(authentication)
        self._is_worn = False
        self._is_closed = False

    def __repr__(self) -> str:
        return f"Tokens({self._authentication.kind}, audience={self._audience!r})"

    @property
    def is_anonymous(self) -> bool:
        """Whether there are no tokens at all."""
        return self._authentication.kind is AuthenticationKind.NONE

    @property
    def scope(self) -> str:
        """The scope of the tokens that :meth:`token` and :meth:`header` are about."""
        return f"{self._audience}/.default"

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        """Return a token for ``scopes``, one scope as a rule; waits for it if there is none.

        The keyword arguments of azure-core's protocol are for services that challenge their
        callers, and are passed over.

        Raises:
            AuthenticationFailedError: There is none to be had.
        """
        outcome = self._wanted(" ".join(scopes) or self.scope)
        if isinstance(outcome, Future):
            return self._taken(outcome.result())
        return outcome

    async def token(self) -> AccessToken | None:
        """Return a token for the audience, or None if access is anonymous. Never blocks the loop.

        Raises:
            AuthenticationFailedError: There is none to be had.
        """
        if self.is_anonymous:
            return None
        outcome = self._wanted(self.scope)
        if isinstance(outcome, Future):
            # The fetch goes on for the others when this caller is cancelled.
            return self._taken(await asyncio.wrap_future(outcome))
        return outcome

    async def header(self) -> str | None:
        """Return the value of the ``authorization`` header, or None if access is anonymous.

        Raises:
            AuthenticationFailedError: There is no token to be had.
        """
        token = await self.token()
        return None if token is None else f"Bearer {token.token}"

    def header_at_hand(self) -> str | None:
        """Return the value of the ``authorization`` header, or None if it must be waited for.

        Raises:
            AuthenticationFailedError: There is no token to be had.
        """
        outcome = self._wanted(self.scope)
        return None if isinstance(outcome, Future) else f"Bearer {outcome.token}"

    def for_sdk(self) -> TokenCredential | None:
        """Return what to give Microsoft's SDK, or None if access is anonymous.

        Its ``AccessTokenManager`` keeps a token of its own until 10 minutes before its end, and so
        would go on showing one that was refused. From this one it asks each time, and gets
        one for our audience, whichever it would ask for by itself.
        """
        return None if self.is_anonymous else _Unkept(self)

    def for_other_services(self) -> TokenCredential | None:
        """Return what to give clients of other services, or None if access is anonymous.

        They get tokens for the scopes that they ask for.
        """
        return None if self.is_anonymous else self

    def invalidate(self) -> None:
        """Forget the tokens, since the server refused one; the next call fetches anew.

        Does nothing within 10 seconds of the last time: what was refused then was new.
        """
        with self._lock:
            now_us = self._clock.now_us()
            if now_us < self._next_refusal_us:
                return
            self._next_refusal_us = now_us + _REFUSAL_PAUSE_US
            self._is_worn = True
            for slot in self._slots.values():
                slot.refused = slot.held or slot.refused
                slot.held = None
                slot.next_fetch_us = 0

    def explain_refusal(self, detail: str) -> str:
        """Return what to do about a refusal that says ``detail``, or ``""`` if unknown."""
        with self._lock:
            slot = self._slots.get(self.scope, _Slot())
            held = slot.held or slot.refused
        return explain_refusal(
            detail,
            audience=self._audience,
            now=from_us(self._make_clock().now_us()),
            expires_at=None if held is None else from_us(held.expires_us),
        )

    def close(self) -> None:
        """Forget all and close the credential, after a fetch that is under way. May be repeated."""
        with self._lock:
            self._is_closed = True
            self._slots.clear()
        # A fetch may take long, and closes the credential itself.
        if self._fetching.acquire(blocking=False):
            try:
                self._drop_credential()
            finally:
                self._fetching.release()

    def _wanted(self, scope: str) -> AccessToken | Future[AccessToken | Exception]:
        with self._lock:
            if self._is_closed:
                raise AuthenticationFailedError(backend=BACKEND, problem="the backend is closed")
            slot = self._slots.setdefault(scope, _Slot())
            held = slot.held
            if held is None or not held.is_good:
                return self._flight(slot, scope, not_before_us=slot.next_fetch_us)
            if held.is_due:
                self._flight(slot, scope, not_before_us=slot.next_refresh_us)
            return held.token

    def _flight(
        self, slot: _Slot, scope: str, *, not_before_us: int
    ) -> Future[AccessToken | Exception]:
        is_soon = self._clock.now_us() < not_before_us
        if slot.flight is not None and (is_soon or not slot.flight.done()):
            return slot.flight
        flight: Future[AccessToken | Exception] = Future()
        flight.set_running_or_notify_cancel()  # so that no caller can cancel it for the others
        slot.flight = flight
        # Not the loop's executor: the interpreter would wait for it at its end, and a browser may
        # take minutes.
        thread = threading.Thread(target=self._fly, args=(slot, scope, flight), daemon=True)
        thread.name = "perdure-azure-token"
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter is ending
            flight.set_result(error)
        return flight

    def _fly(self, slot: _Slot, scope: str, flight: Future[AccessToken | Exception]) -> None:
        outcome = self._fetched(scope)
        with self._lock:
            self._settle(slot, outcome)
        flight.set_result(outcome.token if isinstance(outcome, HeldToken) else outcome)

    def _settle(self, slot: _Slot, outcome: HeldToken | Exception) -> None:
        old = slot.held
        now_us = self._clock.now_us()
        if isinstance(outcome, HeldToken):
            # azure-identity renews later than we ask for it, and until then gives the same.
            is_same = old is not None and old.token.token == outcome.token.token
            slot.held = held = old if old is not None and is_same else outcome
            slot.next_refresh_us = now_us + (held.pause_us if is_same else 0)
            return
        if old is None or not old.is_good:
            slot.next_fetch_us = now_us + _FAILURE_PAUSE_US
            return
        slot.next_refresh_us = now_us + old.pause_us
        seconds = (old.expires_us - old.clock.now_us()) // _SECOND_US
        cause = cause_of(outcome)
        _log.warning("no new token yet; the old one is good for %d s more: %s", seconds, cause)

    def _fetched(self, scope: str) -> HeldToken | Exception:
        with self._fetching:
            try:
                return self._asked(scope)
            except Exception as error:  # noqa: BLE001 - whatever azure-identity's transports raise
                # A new credential reads files and variables again, and opens new connections.
                self._is_worn = True
                return error
            finally:
                if self._is_closed:
                    self._drop_credential()

    def _asked(self, scope: str) -> HeldToken:
        # The user must not be asked to sign in again by a browser.
        is_kept = self._authentication.kind is AuthenticationKind.INTERACTIVE_BROWSER
        if self._is_worn and not is_kept:
            self._drop_credential()
        self._is_worn = False
        if self._credential is None:
            self._credential = make_credential(self._authentication)
        if self._credential is None:
            raise ValueError("access is anonymous")
        token = self._credential.get_token(*scope.split())
        clock = self._make_clock()
        held = HeldToken(token=token, clock=clock, fetched_us=clock.now_us())
        if not held.is_good:
            now, end = from_us(held.fetched_us), from_us(held.expires_us)
            raise ValueError(
                f"the token had ended when it came, at {end:%Y-%m-%d %H:%M:%S} UTC; this machine's "
                f"clock says {now:%Y-%m-%d %H:%M:%S} UTC: compare it with the true time"
            )
        return held

    def _drop_credential(self) -> None:
        credential, self._credential = self._credential, None
        close = getattr(credential, "close", None)
        if close is not None:
            with contextlib.suppress(Exception):  # it is of no more use anyway
                close()

    def _taken(self, outcome: AccessToken | Exception) -> AccessToken:
        if not isinstance(outcome, Exception):
            return outcome
        if isinstance(outcome, PerdureError):
            raise outcome
        # A traceback shows causes in full.
        cause = None if has_secret(outcome) else outcome
        raise no_token(self._authentication, outcome) from cause


class _Unkept:
    """Tokens that look used up, so that who would keep them asks again each time."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        return self._tokens.get_token(self._tokens.scope)._replace(expires_on=0)
