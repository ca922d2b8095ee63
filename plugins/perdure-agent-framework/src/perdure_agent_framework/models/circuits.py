"""Circuits: which models of a run have been given up, so that its next calls do not begin there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import perdure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

COOLING = timedelta(minutes=5)
"""How long a model that was given up is passed over by the run that gave it up."""


class Circuits:
    """The models that a run has given up; it follows from history, as does the time."""

    def __init__(self) -> None:
        self._given_up_at: dict[str, datetime] = {}

    def in_order(self, models: Sequence[str]) -> list[str]:
        """Return the models in the order in which to call them: those given up lately last."""
        now = perdure.now()
        passed_over = {
            model for model, instant in self._given_up_at.items() if now - instant < COOLING
        }
        return sorted(models, key=lambda model: model in passed_over)

    def is_in_doubt(self, model: str) -> bool:
        """Return whether a model was given up and has not answered since."""
        return model in self._given_up_at

    def give_up(self, model: str) -> None:
        """Pass a model over for a while."""
        self._given_up_at[model] = perdure.now()

    def answered(self, model: str) -> None:
        """Trust a model again."""
        self._given_up_at.pop(model, None)
