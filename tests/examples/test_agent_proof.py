"""The proof of the demos of agents can fail: each thing that may go wrong is counted."""

from __future__ import annotations

from examples.shared.crew import Kill
from examples.shared.journal import Line
from examples.shared.proof import Call, Part, Proof, calls_of_models, calls_of_tools, compare
from perdure.testing.scripted_model import RequestRecord

KILL = Kill(pid=1, at_us=100)


def _calls(words: str) -> list[Call]:
    """Return calls by name; those with a question mark have not ended."""
    return [Call(key=word.rstrip("?"), is_finished="?" not in word) for word in words.split()]


def _proof(at_kill: str, after: str, results: list[int]) -> Proof:
    later = _calls(at_kill) + _calls(after)
    part = Part(at_kill=_calls(at_kill), at_end=later, results=results)
    return compare([part], KILL, 1.0)


def test_the_proof_holds_if_only_what_was_in_flight_is_called_again() -> None:
    proof = _proof("a b c?", "c d", [10, 20, 110, 120])
    assert proof.holds
    assert (proof.calls, proof.finished_before_kill, proof.restarted) == (4, 2, 1)


def test_a_call_made_again_though_its_result_was_stored_fails_it() -> None:
    proof = _proof("a b c?", "b c d", [10, 20, 110, 120])
    assert (proof.repeated, proof.restarted) == (1, 1)
    assert proof.problems == ("1 called again after having finished",)


def test_a_call_that_ended_but_was_not_stored_may_be_made_again() -> None:
    proof = _proof("a b", "b c", [10, 110, 120])
    assert proof.holds
    assert (proof.repeated, proof.restarted, proof.uncommitted) == (0, 1, 1)


def test_a_call_made_twice_by_the_same_worker_fails_it() -> None:
    assert _proof("a b?", "b c c", [10, 110, 120]).repeated == 1
    assert _proof("a a b?", "b", [10, 110]).repeated == 1


def test_a_call_whose_result_is_not_in_the_history_fails_it() -> None:
    assert _proof("a b", "c", [10, 20]).problems == ("1 lost",)
    assert _proof("a b", "c", [10, 20, 110, 120]).problems == ("1 lost",)


def test_a_kill_that_hit_nothing_fails_it() -> None:
    assert _proof("a b", "", [10, 20]).problems == ("the kill did not hit in the middle",)
    assert compare([], KILL, None).problems[-1] == "nothing was called after the kill"


def test_calls_are_read_from_what_tools_and_the_scripted_model_wrote() -> None:
    lines = [
        Line(phase=phase, tool="read", key=key, pid=pid, at_us=0)  # type: ignore[arg-type]
        for phase, key, pid in [("begin", "1", 1), ("begin", "2", 1), ("end", "1", 1)]
    ]
    assert calls_of_tools(lines) == _calls("1 2?")
    asked = [("x", "answer", True), ("y", "answer", False), ("z", "429", True)]
    records = [
        RequestRecord(
            request_id=digest,
            api="chat.completions",
            model="scripted-model",
            rule=None,
            digest=digest,
            messages=1,
            tool_results=0,
            stream=False,
            outcome=outcome,
            sent=sent,
        )
        for digest, outcome, sent in asked
    ]
    assert [call.is_finished for call in calls_of_models(records)] == [True, False, False]
