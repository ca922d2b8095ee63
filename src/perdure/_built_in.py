"""What every worker runs beside its app: perdure's own workflows and activities.

Their names are reserved, so that no app can take them; no registry shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.approvals.record import APPROVAL_WORKFLOW, CLOSE_ACTIVITY

if TYPE_CHECKING:
    from perdure._runner.activities import ActivityCode
    from perdure.spi.backend import Backend
    from perdure.workflow import Workflow

WORKFLOWS: Final = frozenset({APPROVAL_WORKFLOW})
ACTIVITIES: Final = frozenset({CLOSE_ACTIVITY})


def find_workflow(name: str) -> Workflow[..., Any] | None:
    """Return the built-in workflow of that name, if there is one."""
    if name not in WORKFLOWS:
        return None
    from perdure.approvals.workflow import approval

    return approval


def activity_code(name: str, *, backend: Backend | None) -> ActivityCode | None:
    """Return the built-in activity of that name, if there is one, working on ``backend``."""
    if name not in ACTIVITIES:
        return None
    from perdure._runner.activities import ActivityCode
    from perdure.approvals.workflow import close_approval
    from perdure.payloads import ParameterConverter, ValueConverter

    async def close(approval_id: str, reason: str) -> None:
        if backend is None:
            raise RuntimeError(f"activity {name!r} needs the backend that its worker is of")
        await close_approval(backend, approval_id, reason)

    owner = f"activity {name!r}"
    return ActivityCode(
        function=close,
        is_async=True,
        parameters=ParameterConverter(close, owner=owner),
        result=ValueConverter.of_result(close, owner=owner),
    )
