"""The client process of a campaign: ``python -m tests.campaign.client_main CALLS DUTIES ENDINGS``.

It reads from its standard input which round begins, a number a line.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tests.campaign.client import Client
from tests.campaign.schedule import Duty

if TYPE_CHECKING:
    from tests.campaign.client import Calls


def main() -> None:
    """Care for the instances of a plan until all have ended, or somebody ends this process."""
    parser = argparse.ArgumentParser(prog="tests.campaign.client_main")
    parser.add_argument("calls", help="the module with make_calls()")
    parser.add_argument("duties", type=Path, help="the file with the instances")
    parser.add_argument("endings", type=Path, help="the file for how they ended")
    options = parser.parse_args()
    logging.basicConfig(level="INFO", format="%(asctime)s %(message)s")
    calls: Calls = importlib.import_module(options.calls).make_calls(os.environ["CRASH_BACKEND"])
    duties = [Duty(**each) for each in json.loads(options.duties.read_text(encoding="utf-8"))]
    client = Client(calls, options.endings)
    threading.Thread(target=_follow_rounds, args=(client,), daemon=True).start()
    client.care_for(duties)


def _follow_rounds(client: Client) -> None:
    for line in sys.stdin:
        client.begin(int(line))
    os._exit(0)  # whoever began the rounds is gone


if __name__ == "__main__":
    main()
