"""Loading what was claimed, a little at a time, so that the loop stays free for what runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from perdure.embedded.live import LiveInstance
from perdure.errors import (
    ForbiddenInWorkflowError,
    NonDeterminismError,
    PerdureError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from perdure.embedded.actions import Actions
    from perdure.embedded.intake import Intake
    from perdure.embedded.mailroom import Mailroom
    from perdure.embedded.residents import Residents
    from perdure.embedded.transaction import Claim

_logger = logging.getLogger(__name__)

_SLICE_SECONDS = 0.01
_ITS_OWN = (ForbiddenInWorkflowError, NonDeterminismError)
_RETRY_SECONDS = 1.0


class Loader:
    """Loads claimed instances in the order in which they were claimed."""

    def __init__(
        self, residents: Residents, *, mailroom: Mailroom, actions: Actions, intake: Intake
    ) -> None:
        self._residents = residents
        self._mailroom = mailroom
        self._actions = actions
        self._intake = intake
        self._loop = asyncio.get_running_loop()
        self._is_scheduled = False

    def load(self, claims: Iterable[Claim]) -> None:
        """Load instances soon; those that begin now at once, since there is nothing to read.

        So their mail, which may have been committed with them, finds them loaded.
        """
        for claim in claims:
            if claim.fresh is None:
                self._residents.loading.append(claim)
            else:
                self._load(claim)
        if self._residents.loading and not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._load_some)

    def _load_some(self) -> None:
        loading = self._residents.loading
        until = self._loop.time() + _SLICE_SECONDS
        try:
            while loading:
                self._load(loading[0])
                loading.popleft()
                if self._loop.time() > until:
                    break
        except StorageError as error:
            _logger.error("cannot read, and try again: %s", error)
            self._loop.call_later(_RETRY_SECONDS, self._load_some)
            return
        self._is_scheduled = bool(loading)
        if loading:
            self._loop.call_soon(self._load_some)
        else:
            self._intake.look()

    def _load(self, claim: Claim) -> None:
        try:
            live = self._residents.load(claim)
            if isinstance(live, LiveInstance):
                self._take_in(claim, live)
            else:
                fetching = self._loop.create_task(self._fetch(claim, live))
                self._residents.fetching[claim.pk] = fetching
        except StorageError:
            raise
        except (Exception, *_ITS_OWN) as error:  # noqa: BLE001 - it stalls that instance
            self._stall(claim, error)

    async def _fetch(self, claim: Claim, loading: Coroutine[Any, Any, LiveInstance]) -> None:
        try:
            live = await loading
            while True:
                try:
                    self._take_in(claim, live)
                    break
                except StorageError as error:
                    _logger.error("cannot read, and try again: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
        except (Exception, *_ITS_OWN) as error:  # noqa: BLE001 - it stalls that instance
            self._stall(claim, error)
        finally:
            self._residents.fetching.pop(claim.pk, None)
            self._intake.look()

    def _take_in(self, claim: Claim, live: LiveInstance) -> None:
        if claim.fresh is None:
            self._mailroom.deliver_all(live)
            self._residents.post_unknown_outcomes(live)
        self._residents.add(live)
        self._actions.ready(live)

    def _stall(self, claim: Claim, error: BaseException) -> None:
        reason = str(error)
        if not isinstance(error, (*_ITS_OWN, PerdureError)):
            _logger.error("cannot load", exc_info=error, extra={"instance_id": claim.instance_id})
            reason = f"perdure itself failed: {type(error).__name__}: {error}"
        self._actions.stall(claim.pk, instance_id=claim.instance_id, reason=reason)
