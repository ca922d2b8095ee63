"""Delivering new rows of the inbox to the instances that are loaded here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.embedded import inbox
from perdure.errors import PayloadError

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.embedded.actions import Actions
    from perdure.embedded.live import LiveInstance
    from perdure.embedded.residents import Residents
    from perdure.embedded.steps import Steps
    from perdure.embedded.store import Store


class Mailroom:
    """Knows which rows of the inbox were seen. They are numbered in the order of their commits."""

    def __init__(self, store: Store, *, residents: Residents, clock: Clock) -> None:
        self._store = store
        self._residents = residents
        self._clock = clock
        self._seen = 0
        self.is_expecting = False

    def deliver(self, steps: Steps, *, actions: Actions, owner: int) -> None:
        """Post what is new to the instances of ``owner``, and let them be stepped.

        Raises:
            StorageError: The file cannot be read; what is new will be delivered later.
        """
        seen = self._seen
        mails = self._store.read(lambda file: inbox.new_mail(file, after=seen, owner=owner))
        self.is_expecting = False
        now_us = self._clock.now_us()
        for mail in mails:
            self._seen = mail.id
            live = self._residents.lives.get(mail.instance_pk)
            if live is None:
                continue
            try:
                if post(live, mail, now_us=now_us):
                    steps.queue(live)
            except PayloadError as error:
                actions.lay_aside(live, str(error))

    def deliver_all(self, live: LiveInstance) -> None:
        """Post all there is for an instance that is being loaded."""
        now_us = self._clock.now_us()
        for mail in self._store.read(lambda file: inbox.mail_of(file, live.run.pk)):
            post(live, mail, now_us=now_us)


def post(live: LiveInstance, mail: inbox.Mail, *, now_us: int) -> bool:
    """Post a row of the inbox, unless the runner has it already or it is for another run."""
    if mail.id <= live.mail_id or mail.id in live.kept_ids:
        return False
    live.mail_id = mail.id
    if mail.run_id is not None and mail.run_id != live.run.run_id:
        return False
    live.runner.post(mail.event(now_us), token=mail.id)
    return True
