"""A licence audit of the environment it runs in, as a durable workflow.

Run it on any backend; it goes on where it was if it is interrupted and started again::

    python examples/licence_audit/audit.py
    PERDURE_BACKEND=dapr python examples/licence_audit/audit.py

``demo.py`` runs the same workflow and kills its worker half-way.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

import environment
import evidence
import licences
import page
import perdure
from display import Show
from environment import Environment, Installed
from licences import Finding
from model import Audit, Decision, Phase, Progress, Request, from_status, to_status
from report import show_audit

INSTANCE_ID: Final = "licence-audit"
POLL_SECONDS: Final = 0.05

app = perdure.App("licence-audit")
approval = perdure.event_type("approval", Decision)


@app.activity
def look_around() -> Environment:
    """List what is installed."""
    with evidence.recorded():
        return environment.look()


@app.activity(
    retry=perdure.RetryPolicy(
        max_attempts=4, initial_interval=timedelta(milliseconds=400), backoff=1.5
    ),
    timeout=timedelta(seconds=30),
)
def read_licence(name: str, *, pace: timedelta, failures: int) -> Finding:
    """Read and classify one distribution.

    Raises:
        OSError: It cannot be read; or this attempt is one of those told to fail.
    """
    with evidence.recorded():
        time.sleep(pace.total_seconds())
        if failures and (attempt := perdure.current_activity().attempt) <= failures:
            raise OSError(f"told to fail: attempt {attempt} of {failures}")
        return licences.classify(environment.read(name))


@app.activity
def write_report(audit: Audit, path: str) -> str:
    """Write the HTML report; written again, it is the same file."""
    with evidence.recorded():
        page.write(path, audit)
        return path


@app.workflow
async def audit_licences(request: Request) -> Audit:
    """Read every distribution, watch that none changes meanwhile, ask a human, report."""
    started_at = perdure.now()
    perdure.set_custom_status(to_status(Progress(phase=Phase.LISTING)))
    watch = asyncio.create_task(
        asyncio.sleep(request.watch.total_seconds())
    )  # durable: it outlives the process
    before = await look_around()
    findings = await _read_all(before.distributions, request)
    flagged = tuple(finding for finding in findings if finding.flags)

    def show(phase: Phase) -> None:
        progress = Progress(phase=phase, done=len(findings), total=len(findings), flagged=flagged)
        perdure.set_custom_status(to_status(progress))

    show(Phase.WATCHING)
    await watch
    after = await look_around()
    show(Phase.APPROVAL)
    decision = await _decision(request.deadline)
    show(Phase.REPORT)
    audit = Audit(
        environment=before,
        findings=findings,
        changed=tuple(
            sorted({item.name for item in set(before.distributions) ^ set(after.distributions)})
        ),
        decision=decision,
        started_at=started_at,
        decided_at=perdure.now(),
    )
    await write_report(audit, request.report)
    return audit


async def _read_all(distributions: tuple[Installed, ...], request: Request) -> tuple[Finding, ...]:
    """Fan out: one activity for each distribution, a few at once, progress after each."""
    slots = asyncio.Semaphore(request.readers)
    found: list[Finding] = []

    async def read(item: Installed) -> Finding:
        failures = request.failures if item.name == request.failing else 0
        pace = request.pace * perdure.random().uniform(0.5, 1.5)  # the same again in a replay
        async with slots:
            try:
                finding = await read_licence(item.name, pace=pace, failures=failures)
            except perdure.ActivityError as err:
                finding = licences.unreadable(item.name, item.version, err.failure.message)
        found.append(finding)
        flagged = tuple(each for each in found if each.flags)
        progress = Progress(
            phase=Phase.READING, done=len(found), total=len(distributions), flagged=flagged
        )
        perdure.set_custom_status(to_status(progress))
        return finding

    return tuple(await asyncio.gather(*(read(item) for item in distributions)))


async def _decision(deadline: timedelta) -> Decision:
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await approval.wait()
    except TimeoutError:
        return Decision(is_approved=False, by="deadline", note=f"nobody answered within {deadline}")


async def main(options: argparse.Namespace, console: Console) -> int:
    """Run the audit with a worker in this process; go on with one that was interrupted."""
    request = Request(
        report=str(options.report.resolve()),
        failing=options.fail,
        pace=timedelta(seconds=options.pace),
    )
    with Show(console) as show:
        async with app.run() as client:
            handle = await _start_or_go_on(client, request, show)
            has_decided = False
            while not (info := await handle.info()).status.is_terminal:
                progress = from_status(info.custom_status_json)
                show.update(progress)
                if progress.phase is Phase.APPROVAL and not has_decided:
                    has_decided = True
                    decision = show.decide(progress, is_asked=options.ask, by="audit.py")
                    await answer(handle, decision, show)
                await asyncio.sleep(POLL_SECONDS)
            result = await handle.result()
    show_audit(console, result)
    console.print(f"\n  report  {options.report}")
    return 0 if result.decision.is_approved else 1


async def answer(handle: perdure.WorkflowHandle[Audit], decision: Decision, show: Show) -> None:
    """Give the approval, or say that its deadline was faster."""
    try:
        await handle.raise_event(approval, decision)
    except perdure.InstanceFinishedError:
        show.say("too late: the deadline for the approval has passed", style="red")


async def work() -> None:
    """Run a worker until standard input closes, as it does when whoever started it ends."""
    async with app.worker() as worker:
        loop = asyncio.get_running_loop()

        def wait_for_the_end() -> None:
            while os.read(sys.stdin.fileno(), 1_024):
                pass
            loop.call_soon_threadsafe(worker.stop)

        threading.Thread(target=wait_for_the_end, daemon=True).start()
        await worker.wait()


async def _start_or_go_on(
    client: perdure.Client, request: Request, show: Show
) -> perdure.WorkflowHandle[Audit]:
    try:
        return await client.start(
            audit_licences, request, instance_id=INSTANCE_ID, if_exists="replace_finished"
        )
    except perdure.InstanceAlreadyExistsError:
        show.say("an audit was interrupted; going on with it")
        return client.get(audit_licences, INSTANCE_ID)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Audit the licences of what is installed here.")
    parser.add_argument("--ask", action="store_true", help="ask for the approval, not just give it")
    parser.add_argument("--fail", metavar="NAME", help="whose reader is told to fail twice")
    parser.add_argument("--pace", metavar="SECONDS", type=float, default=0, help="slow the readers")
    parser.add_argument("--report", metavar="FILE", type=Path, default=Path("licences.html"))
    parser.add_argument("--worker", action="store_true", help="only work, until stdin closes")
    return parser.parse_args()


if __name__ == "__main__":
    given = _options()
    try:
        sys.exit(asyncio.run(work() if given.worker else main(given, Console(highlight=False))))
    except KeyboardInterrupt:
        sys.exit(130)
    except perdure.PerdureError as err:
        sys.exit(f"audit.py: {err}")
