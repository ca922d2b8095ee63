"""All contracts as one suite, for ``--conformance-backend VALUE``.

It is what ``perdure conformance`` runs. A backend's own suite is written out, so that it can add to
each contract.
"""

from __future__ import annotations

from perdure.testing import contract

for each in (*contract.ALL, contract.Complete):
    globals()[f"Test{each.__name__}"] = type(
        f"Test{each.__name__}", (each,), {"__module__": __name__, "__doc__": each.__doc__}
    )
del each
