"""Any JSON, through any pipeline, comes back as it was; anything spoilt is a clear error."""

from __future__ import annotations

import contextlib
import json
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import perdure
from perdure.payloads.codecs import Gzip, Zstandard
from perdure.payloads.encryption import AesGcm
from perdure.payloads.envelope import MARK, is_marked
from perdure.payloads.keeper import Keeper
from perdure.payloads.pipeline import PayloadPipeline
from perdure.payloads.store import FileStore, folder_name, root_of
from tests.payloads_pipeline.world import KEYS

ROOT = "Root_1"
KEYS_OF_OBJECTS = st.text(max_size=5) | st.sampled_from(
    [MARK, "codecs", "data", "ref", "size", "plain", "$", "$perdur", "\\u0024perdure"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.sampled_from([1, "gzip", "a/" + "0" * 64])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS_OF_OBJECTS, inner, max_size=4),
    max_leaves=12,
)
MARKED = st.dictionaries(KEYS_OF_OBJECTS, VALUES, max_size=3).map(lambda rest: {MARK: 1, **rest})
STYLES = st.sampled_from(
    [
        {"separators": (",", ":")},
        {"separators": (", ", " : ")},
        {"indent": 1},
        {"ensure_ascii": False},
    ]
)


FOLDER = tempfile.TemporaryDirectory(prefix="perdure-fuzz-", ignore_cleanup_errors=True)


def _pipelines() -> list[PayloadPipeline]:
    keeper = Keeper(FileStore(f"file://{FOLDER.name}"), delays=())
    return [
        PayloadPipeline(),
        PayloadPipeline(codecs=[Gzip()]),
        PayloadPipeline(codecs=[Zstandard(), AesGcm(KEYS)]),
        PayloadPipeline(keeper=keeper, threshold=30),
        PayloadPipeline(codecs=[Gzip(), AesGcm(KEYS)], keeper=keeper, threshold=200),
    ]


PIPELINES = _pipelines()


@given(value=VALUES | MARKED, style=STYLES, repeat=st.sampled_from([1, 1, 40]))
def test_any_json_comes_back_as_it_was(value: Any, style: dict[str, Any], repeat: int) -> None:
    text = json.dumps([value] * repeat if repeat > 1 else value, **style)
    for pipeline in PIPELINES:
        stored = pipeline.store(text, root=ROOT, what="it")
        assert pipeline.read(stored, what="it") == text
        # What a backend may do to JSON on its way must not matter.
        again = json.dumps(json.loads(stored), separators=(",", ":"))
        assert is_marked(again) == is_marked(stored)
        assert json.loads(pipeline.read(again, what="it")) == json.loads(text)


@given(text=st.text(max_size=60) | st.text('{"$perdure\\u0024:1, []}ref', max_size=60))
def test_any_foreign_text_is_itself_or_a_clear_error(text: str) -> None:
    for pipeline in PIPELINES:
        if not is_marked(text):
            assert pipeline.read(text, what="it") == text
            continue
        with contextlib.suppress(perdure.PayloadError):
            pipeline.read(text, what="it")


@given(
    value=MARKED | VALUES,
    which=st.integers(0, len(PIPELINES) - 1),
    place=st.floats(0, 1),
    change=st.sampled_from(["cut", "drop", "letter"]),
    letter=st.characters(min_codepoint=32, max_codepoint=126),
)
def test_spoilt_envelopes_never_pass_for_another_value_unnoticed(
    value: Any, which: int, place: float, change: str, letter: str
) -> None:
    pipeline = PIPELINES[which]
    text = json.dumps([value, "padding " * 100])
    stored = pipeline.store(text, root=ROOT, what="it")
    if not is_marked(stored) or '"plain"' in stored:
        return
    at = int(place * (len(stored) - 1))
    tail = {"cut": "", "drop": stored[at + 1 :], "letter": letter + stored[at + 1 :]}[change]
    spoilt = stored[:at] + tail
    try:
        read = pipeline.read(spoilt, what="it")
    except (perdure.PayloadError, perdure.PayloadStoreError):
        return
    # Unmarked it is no payload of ours any more, but then it is not what the pipeline wrote.
    assert read == text or not is_marked(spoilt)


@given(root=st.text("abcXYZ019_-", min_size=1, max_size=64))
def test_folders_stand_for_roots_one_to_one(root: str) -> None:
    assert root_of(folder_name(root)) == root
    assert folder_name(root) == folder_name(root).lower()


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, True])
def test_another_version_is_refused(version: object) -> None:
    text = json.dumps({MARK: version, "plain": 1})
    with pytest.raises(perdure.PayloadError, match=r"upgrade|version"):
        PayloadPipeline().read(text, what="it")
