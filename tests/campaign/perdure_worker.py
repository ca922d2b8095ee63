"""One worker process of perdure, until it is killed or told to end.

With ``CAMPAIGN_RECORDS=off`` it keeps no record of results on its host, as if that were forgotten.
"""

from __future__ import annotations

import os

from perdure.spi.bridge import ResultRecord
from tests.campaign import shapes


def main() -> None:
    """Run the worker."""
    if os.environ.get("CAMPAIGN_RECORDS") == "off":
        forget_records()
    shapes.app.run_worker()


def forget_records() -> None:
    """Have workers in this process keep no record of results."""

    def open_none(*_: object, **__: object) -> None:
        return None

    setattr(ResultRecord, "open", open_none)  # noqa: B010 - an assignment is nothing mypy allows


if __name__ == "__main__":
    main()
