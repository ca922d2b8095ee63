"""What an activity can ask perdure for while it runs.

Not called ``current_activity``: importing a module of that name would put it in the place of the
function ``perdure.current_activity``.
"""

from __future__ import annotations

from perdure._runner.current import ActivityInfo, current_attempt
from perdure.errors import NotInActivityError

__all__ = ["ActivityInfo", "current_activity"]


def current_activity() -> ActivityInfo:
    """Return what is known of the activity attempt that runs here, in its thread or its tasks.

    Raises:
        NotInActivityError: No worker runs an activity here.
    """
    attempt = current_attempt()
    if attempt is None:
        raise NotInActivityError(
            what="perdure.current_activity()",
            remedy="call it in the activity's own code while a worker runs it: not in a workflow, "
            "not in a thread that the activity started, not where the function is called directly",
        )
    return attempt.info()
