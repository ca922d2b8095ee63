"""Both vendors' SDKs work in one process, in whatever order they are imported."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from perdure_dapr.stack import DaprStack

# A workflow of Microsoft's SDK on its in-memory server, beside a call to a real sidecar.
_BOTH_WORK = """
import socket
import sys

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]

def use_microsofts():
    import durabletask.azuremanaged.client
    from durabletask import client, worker
    from durabletask.testing import create_test_backend

    def greet(context, name):
        answer = yield context.call_activity(hello, input=name)
        return answer

    def hello(context, name):
        return f"hello {name}"

    port = free_port()
    address = f"127.0.0.1:{port}"
    backend = create_test_backend(port=port)
    try:
        with worker.TaskHubGrpcWorker(host_address=address) as works:
            works.add_orchestrator(greet)
            works.add_activity(hello)
            works.start()
            asks = client.TaskHubGrpcClient(host_address=address)
            id = asks.schedule_new_orchestration(greet, input="Ada")
            state = asks.wait_for_orchestration_completion(id, timeout=20)
            assert state.serialized_output == '"hello Ada"', state
            asks.close()
    finally:
        backend.stop()

def use_daprs(address):
    import grpc
    from perdure_dapr import sdk
    with grpc.insecure_channel(address) as channel:
        request = sdk.pb.GetInstanceRequest(instanceId="nobody")
        found = sdk.workflow_stub(channel).GetInstance(request, timeout=10)
        assert not found.exists
"""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    "order",
    [
        "use_daprs(sys.argv[1]); use_microsofts(); use_daprs(sys.argv[1])",
        "use_microsofts(); use_daprs(sys.argv[1]); use_microsofts()",
        # Somebody else has imported Dapr's SDK before us, in its own way.
        "import dapr.ext.workflow; use_daprs(sys.argv[1]); use_microsofts()",
    ],
    ids=["dapr first", "microsoft first", "dapr by itself first"],
)
def test_both_sdks_work_side_by_side(dapr_stack: DaprStack, order: str) -> None:
    address = dapr_stack.url.removeprefix("dapr://")
    done = run(f"{_BOTH_WORK}\n{order}\nprint('both')", address)
    assert done.stdout == "both\n", done.stderr


def test_without_isolation_they_collide() -> None:
    """Should this fail, the SDKs have learnt to live together, and the module can go."""
    imports = "import durabletask.internal.orchestrator_service_pb2, dapr.ext.workflow"
    assert "duplicate symbol" in run(imports).stderr


def test_the_backend_is_made_without_importing_an_sdk() -> None:
    program = (
        "import sys, perdure_dapr; perdure_dapr.create_backend('dapr');"
        "print(sorted({'grpc', 'google.protobuf', 'dapr'} & set(sys.modules)))"
    )
    done = run(program)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_threads_that_import_other_messages_meanwhile_are_left_alone() -> None:
    program = (
        "import threading\n"
        "from perdure_dapr.isolation import isolate\n"
        "isolate()\n"
        "def load(name): __import__(name)\n"
        "names = ['dapr.ext.workflow', 'google.protobuf.struct_pb2', 'google.protobuf.api_pb2']\n"
        "threads = [threading.Thread(target=load, args=(name,)) for name in names]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "from google.protobuf import api_pb2, struct_pb2\n"
        "import dapr.ext.workflow._durabletask.internal.protos as pb\n"
        "print(struct_pb2.Struct.DESCRIPTOR.full_name, api_pb2.Api.DESCRIPTOR.full_name,"
        " pb.WorkflowRequest.DESCRIPTOR.full_name)\n"
    )
    done = run(program)
    names = "google.protobuf.Struct google.protobuf.Api perdure_isolated_dapr.WorkflowRequest\n"
    assert done.stdout == names, done.stderr
