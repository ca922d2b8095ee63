"""What has been paid: a file for each claim, on the disk before a payment returns.

A claim is paid once: whoever pays it again learns what was paid the first time.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FOLDER: Final = "CLAIM_PROCESSING_FOLDER"
"""Where the files are; by default in .perdure/claim_processing/files, from where one stands."""


def pay(claim: str, *, euros: int) -> int:
    """Pay a claim, unless it was paid before; return how much was paid then."""
    folder = Path(os.environ.get(FOLDER) or ".perdure/claim_processing/files")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"paid-{claim}.txt"
    draft = folder / f"paid-{claim}.{os.getpid()}.draft"
    with draft.open("w", encoding="utf-8") as file:
        file.write(f"{euros}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return int(path.read_text(encoding="utf-8"))
