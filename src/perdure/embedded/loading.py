"""Loading what was claimed, a little at a time, so that the loop stays free for what runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from perdure.errors import (
    ForbiddenInWorkflowError,
    NonDeterminismError,
    PerdureError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.embedded.actions import Actions
    from perdure.embedded.intake import Intake
    from perdure.embedded.mailroom import Mailroom
    from perdure.embedded.residents import Residents
    from perdure.embedded.transaction import Claim

_logger = logging.getLogger(__name__)

_SLICE_SECONDS = 0.01
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
            if claim.fresh is None:
                self._mailroom.deliver_all(live)
                self._residents.post_unknown_outcomes(live)
        except StorageError:
            raise
        except (ForbiddenInWorkflowError, NonDeterminismError, PerdureError) as error:
            self._actions.stall(claim.pk, instance_id=claim.instance_id, reason=str(error))
            return
        except Exception as error:
            _logger.exception("cannot load", extra={"instance_id": claim.instance_id})
            reason = f"perdure itself failed: {type(error).__name__}: {error}"
            self._actions.stall(claim.pk, instance_id=claim.instance_id, reason=reason)
            return
        self._residents.add(live)
        self._actions.ready(live)
