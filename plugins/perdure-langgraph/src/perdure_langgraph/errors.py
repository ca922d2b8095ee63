"""What goes wrong with durable graphs, beside what perdure's and LangGraph's own errors say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure import PerdureError
from perdure.types import type_name

if TYPE_CHECKING:
    import builtins


class GraphNotRegisteredError(PerdureError, LookupError):
    """A worker was asked for a graph, or a node of one, that its app does not have."""

    def __init__(self, *, kind: str, name: str, known: list[str]) -> None:
        have = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"this app has no {kind} {name!r}; it has: {have}. Register the graph before the "
            "worker starts: durable_graph(graph, app=app, name=…) or DurableGraphRunner(graph, …)"
        )


class DuplicateGraphError(PerdureError, ValueError):
    """Two different graphs of one name are registered with one app."""

    def __init__(self, *, name: str) -> None:
        super().__init__(
            f"two graphs of this app are named {name!r}; give one of them another name=…, or "
            "register them with apps of their own"
        )
        self.name = name


class UnserializableStateError(PerdureError, TypeError):
    """A value that a node takes or gives cannot be stored."""

    def __init__(self, *, what: str, problem: str) -> None:
        super().__init__(
            f"{what} cannot be stored: {problem}; use types that LangGraph's serializer knows, or "
            "keep the value out of the graph's state"
        )


class ThreadEndedError(PerdureError):
    """A thread was closed or terminated, so it takes no request."""

    def __init__(self, *, instance_id: str) -> None:
        super().__init__(
            f"the thread (workflow instance {instance_id!r}) has ended, as it was closed or "
            "terminated; use another thread_id, or purge the instance to begin anew under this one"
        )
        self.instance_id = instance_id


class NodeGoneError(PerdureError, LookupError):
    """A thread is to go on with nodes that its graph does not have any more.

    Attributes:
        nodes: Those nodes.
    """

    def __init__(self, *, nodes: list[str], known: list[str]) -> None:
        super().__init__(
            f"the thread waits for {', '.join(map(repr, nodes))}, which its graph does not have any"
            f" more; it has: {', '.join(sorted(known))}. Nothing is lost: register a graph that has"
            " it, or go on elsewhere: aupdate_state(…, as_node=…), or a new input"
        )
        self.nodes = nodes


class UnsupportedGraphError(PerdureError, NotImplementedError):
    """A graph asks for something that there is not in workflows."""

    def __init__(self, *, graph: str, what: str, remedy: str) -> None:
        super().__init__(f"graph {graph!r}: {what} cannot be had in workflows; {remedy}")


class BodyDiffersError(PerdureError, RuntimeError):
    """The body of an entrypoint, a plain ``def``, did something else when it was run again."""

    def __init__(self, *, entrypoint: str, before: str, now: str) -> None:
        super().__init__(
            f"entrypoint {entrypoint!r} is a plain def, so it is run again from its start once what"
            f" it waits for is done; it {before} before, and now it {now}. Let it depend on its "
            "input and on what its tasks give alone (perdure.now(), random() and uuid4() are the "
            "same each time), or make it an async def"
        )


class DuplicateTaskError(PerdureError, ValueError):
    """Two tasks of an entrypoint cannot be told apart in another process."""

    def __init__(self, *, task: str, entrypoint: str) -> None:
        super().__init__(
            f"entrypoint {entrypoint!r} has two tasks named {task!r} that are defined in one "
            "place; give one of them another name: @task(name=…)"
        )


class TaskNotFoundError(PerdureError, LookupError):
    """An entrypoint calls a task that other processes could not find."""

    def __init__(self, *, task: str, entrypoint: str) -> None:
        super().__init__(
            f"task {task!r} of entrypoint {entrypoint!r} could not be found by another worker; "
            "define it in a module, or beside the entrypoint and name it in its code, but not "
            "while the entrypoint runs"
        )


class StoreInWorkflowError(PerdureError, RuntimeError):
    """The body of an entrypoint, which runs in a workflow, uses a store."""

    def __init__(self, *, entrypoint: str) -> None:
        super().__init__(
            f"entrypoint {entrypoint!r} uses the store in its body, which runs again on each "
            "replay; use it in a task"
        )


class StreamModesError(PerdureError, ValueError):
    """A request that was asked before is asked again in other stream modes."""

    def __init__(self, *, request_id: str, modes: list[str], asked: list[str]) -> None:
        had = f"in stream modes {modes}" if modes else "without a stream"
        super().__init__(
            f"request {request_id!r} was asked {had} before, so its answer has nothing in stream "
            f"modes {asked}; ask for the same ones, or give another request_id"
        )


class NoCheckpointerError(PerdureError, LookupError):
    """A thread has its state in a checkpointer that the graph does not have in this process."""

    def __init__(self, *, graph: str) -> None:
        super().__init__(
            f"graph {graph!r} has no checkpointer in this process, but where the run began it had "
            "one; compile it with the same checkpointer in every process"
        )


class CallbacksInWorkflowError(PerdureError, TypeError):
    """Callbacks were given to a durable run, which another process may go on with."""

    def __init__(self, *, handlers: list[str]) -> None:
        super().__init__(
            f"callbacks ({', '.join(handlers)}) cannot be given to a durable run, since they would "
            "be called on each replay and are not there in other processes; give them to the graph "
            "before it is registered, graph.with_config(callbacks=[…]): they then hear what nodes "
            "call, in the workers"
        )


class NodeError(PerdureError):
    """A node raised something whose class cannot be made here, or that cannot be stored.

    Attributes:
        node: The node.
        type: The class of what it raised, as ``module.QualName``.
        bases: The classes that this is derived from, in the same form, nearest first.
    """

    def __init__(self, *, node: str, type: str, message: str, bases: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.node = node
        self.type = type
        self.bases = bases

    def matches(self, kind: builtins.type[BaseException] | str) -> bool:
        """Return whether the node raised a ``kind``, or what is derived from it, by name."""
        name = kind if isinstance(kind, str) else type_name(kind)
        return name == self.type or name in self.bases
