"""The models that come with Rechka, on the bundled speech, through the public API."""

from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
import pytest_asyncio
import soxr

from rechka.audio.samples import to_pcm16
from rechka.bootstrap import Server
from rechka.catalog.local import find_models
from rechka.cli.scoring import score
from rechka.client import AsyncClient
from rechka.results import Final, Partial
from rechka.settings import load_settings
from rechka.spec import AudioEncoding, RecognitionSpec

AUDIO = Path(__file__).parents[2] / "examples" / "audio"
SAID = {
    "en-US": ("speech.ogg", ["hello world", "good morning everybody", "my name is john"]),
    "ru-RU": ("speech-ru.ogg", ["добрый день", "меня зовут мария", "как пройти в музей"]),
    "tr-TR": ("speech-tr.ogg", ["günaydın", "benim adım ali", "bugün hava çok güzel"]),
}
RATES_HZ = (8_000, 16_000, 48_000)
# Telephone sound costs a word here and there.
_MOST_ERRORS = 0.35


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncClient]:
    """A client of a server with default settings."""
    settings = load_settings(
        overrides={
            "data_dir": tmp_path_factory.mktemp("data"),
            "server": {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"},
            "recognition": {"workers": 1},
            "limits": {"idle_s": 600.0},
        }
    )
    async with Server(settings) as server:
        await server.wait_ready()
        access = await server.create_development_access()
        async with AsyncClient(server.grpc_address, token=access.iam_token) as connected:
            yield connected


def pcm(path: Path, rate_hz: int) -> bytes:
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    samples = np.concatenate(blocks).astype(np.float32)
    return to_pcm16(soxr.resample(samples, 48_000, rate_hz))


async def recognize(
    client: AsyncClient, audio: bytes, spec: RecognitionSpec
) -> tuple[list[Partial], list[Final]]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(audio), 4000):
            yield audio[start : start + 4000]

    results = [result async for result in client.stream(chunks(), spec)]
    return (
        [result for result in results if isinstance(result, Partial)],
        [result for result in results if isinstance(result, Final)],
    )


def test_every_starter_model_has_a_card() -> None:
    models = find_models()
    assert {model.languages[0] for model in models} >= {"ru-RU", "tr-TR"}
    for model in models:
        assert model.card.figures
        assert model.card.purpose
        assert model.size_bytes <= 25e6


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("language", SAID)
async def test_ogg_opus_is_recognized_word_for_word(client: AsyncClient, language: str) -> None:
    file, said = SAID[language]
    spec = RecognitionSpec(
        language=language,
        encoding=AudioEncoding.OGG_OPUS,
        partial_results=True,
        raw_results=True,
    )
    partials, finals = await recognize(client, (AUDIO / file).read_bytes(), spec)
    assert [final.alternatives[0].text for final in finals] == said
    assert partials
    for final in finals:
        words = final.alternatives[0].words
        times = [time for word in words for time in (word.start_ms, word.end_ms)]
        assert times == sorted(times)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("language", SAID)
async def test_pcm_is_recognized_at_every_rate(
    client: AsyncClient, language: str, rate_hz: int
) -> None:
    file, said = SAID[language]
    spec = RecognitionSpec(
        language=language,
        encoding=AudioEncoding.LINEAR16_PCM,
        sample_rate_hz=rate_hz,
        raw_results=True,
    )
    _, finals = await recognize(client, pcm(AUDIO / file, rate_hz), spec)
    heard = " ".join(final.alternatives[0].text for final in finals)
    assert score([" ".join(said)], [heard]).wer <= _MOST_ERRORS
