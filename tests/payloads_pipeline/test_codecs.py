"""Codecs: gzip, zstd, AES-GCM under changing keys, plugins."""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.payloads.codecs import Gzip, Zstandard, load_codec
from perdure.payloads.encryption import AesGcm, Key, parse_keys
from perdure.payloads.envelope import is_marked
from perdure.payloads.pipeline import PayloadPipeline, open_pipeline
from perdure.payloads.settings import Payloads, parse_payloads
from tests.payloads_pipeline.world import KEYS, SECONDS, same, twice

if TYPE_CHECKING:
    from perdure.payloads.codecs import Codec
    from tests.payloads_pipeline.world import World

CODECS: list[Any] = [Gzip, Zstandard, lambda: AesGcm(KEYS)]
DATA = b"all work and no play " * 500


@pytest.mark.parametrize("make", CODECS)
def test_what_was_encoded_comes_back(make: Any) -> None:
    codec: Codec = make()
    encoded = codec.encode(DATA)
    assert encoded is not None
    assert encoded != DATA
    assert codec.decode(encoded, limit=len(DATA)) == DATA


@pytest.mark.parametrize("make", CODECS)
def test_every_cut_and_every_altered_byte_is_an_error_or_changes_nothing(make: Any) -> None:
    codec: Codec = make()
    encoded = codec.encode(DATA)
    assert encoded is not None
    spoilt = [encoded[:size] for size in range(len(encoded))] + [encoded + b"x"]
    for place in range(len(encoded)):
        changed = bytearray(encoded)
        changed[place] ^= 0x55
        spoilt.append(bytes(changed))
    for data in spoilt:
        with suppress(ValueError):
            assert codec.decode(data, limit=len(DATA)) == DATA  # a header's time or system


@pytest.mark.parametrize("make", CODECS)
def test_no_more_comes_out_than_is_allowed(make: Any) -> None:
    codec: Codec = make()
    encoded = codec.encode(bytes(10_000_000))
    assert encoded is not None
    with pytest.raises(ValueError, match="more than"):
        codec.decode(encoded, limit=1_000_000)


def test_keys_rotate() -> None:
    old, new = KEYS[1], KEYS[0]
    written = AesGcm([old]).encode(DATA)
    assert AesGcm([new, old]).decode(written, limit=99_999) == DATA
    renewed = AesGcm([new, old]).encode(DATA)
    assert AesGcm([new]).decode(renewed, limit=99_999) == DATA
    with pytest.raises(ValueError, match="under key 'old', which is not among those given"):
        AesGcm([new]).decode(written, limit=99_999)
    with pytest.raises(ValueError, match="is not the one it was encrypted with"):
        AesGcm([Key(id="old", secret=bytes(32))]).decode(written, limit=99_999)


def test_keys_are_read_and_never_shown() -> None:
    secret = base64.b64encode(os.urandom(32)).decode()
    (key,) = parse_keys(f"k1:{secret}")
    assert secret not in repr(key)
    assert secret not in repr(Payloads(keys=(key,)))
    for wrong in (
        "k1",
        "k1:",
        "k1:####",
        f"k!:{secret}",
        f"k1:{secret},k1:{secret}",
        "k1:c2hvcnQ=",
    ):
        with pytest.raises(perdure.ConfigurationError) as caught:
            parse_keys(wrong)
        assert secret not in str(caught.value)


def test_an_unknown_codec_names_those_there_are() -> None:
    with pytest.raises(perdure.PluginError, match="there are: aes-gcm, gzip, zstd"):
        load_codec("brotli")


def test_settings_are_read_from_one_value() -> None:
    made = parse_payloads("file:///tmp/p?codecs=gzip&threshold=64KiB", keys=None)
    assert (made.store, made.codecs, made.threshold) == ("file:///tmp/p", ("gzip",), 65536)
    assert parse_payloads("inline://?codecs=zstd", keys=None).store is None
    assert parse_payloads("s3://b/p?region=x&codecs=gzip", keys=None).store == "s3://b/p?region=x"
    for wrong in ("file:///p?codec=gzip", "file:///p?threshold=big"):
        with pytest.raises(perdure.ConfigurationError, match="PERDURE_PAYLOADS"):
            parse_payloads(wrong, keys=None)
    for wrong in ("/var/p", "file://host/p"):
        with pytest.raises(perdure.ConfigurationError):
            open_pipeline(parse_payloads(wrong, keys=None))


def test_the_setting_reaches_the_app(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_PAYLOADS", f"file://{world.store}?threshold=1KiB")
    app = perdure.App("set", backend=f"sqlite:///{world.folder}/set.db")
    app.include(twice_registry())
    with app.run() as client:
        assert client.start(twice, "x" * 2000, instance_id="a").result(timeout=SECONDS)
    assert world.owners() == {"a"}


def twice_registry() -> perdure.Registry:
    from tests.payloads_pipeline.world import registry

    return registry


def test_over_the_backends_limit_is_refused_before_any_call() -> None:
    pipeline = PayloadPipeline(limit=1000)
    assert pipeline.store('"x"', root="a", what="it") == '"x"'
    with pytest.raises(perdure.PayloadTooLargeError, match=r"limit is 1,000; set PERDURE_PAYLOADS"):
        pipeline.store('"' + "é" * 600 + '"', root="a", what="it")
    small = PayloadPipeline(limit=1000, codecs=[Gzip()]).store(f'"{"x" * 5000}"', root="a", what="")
    assert is_marked(small)


async def test_encrypted_payloads_show_nothing_and_everything_works(world: World) -> None:
    value: dict[str, Any] = {"card": "4711-secret", "n": [1, 2.5, None, False, "", {}]}
    options: dict[str, Any] = {"keys": KEYS, "codecs": ("zstd",)}
    async with world.app(**options).run() as client:
        handle = await client.start(same, value, instance_id="a")
        assert await handle.result(timeout=SECONDS) == value
        large = await client.start(twice, "4711-secret" * 50_000, instance_id="b")
        assert await large.result(timeout=SECONDS) == "4711-secret" * 100_000
        assert "4711-secret" in ((await handle.info()).input_json or "")
    assert "4711" not in world.raw()
    assert all(b"4711" not in path.read_bytes() for path in world.objects())
