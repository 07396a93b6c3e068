"""A session with an engine that is behind by more or less."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from fakes.opus_audio import encode, join, silent_pages, tones
from rechka.audio.samples import Samples
from rechka.recognition.port import Finished, Heard, ModelInfo, Observation
from rechka.results import Final, Hypothesis, Result
from rechka.session import conversation as conversation_module
from rechka.session.clock import AsyncioClock
from rechka.session.conversation import Conversation
from rechka.session.inbox import Inbox
from rechka.session.machine import SessionMachine
from rechka.session.observer import Unobserved
from rechka.session.segmenter import Segment, Segmenter
from rechka.settings import Settings
from rechka.spec import AudioEncoding, RecognitionSpec
from wire_client import AUDIO

RATE_HZ = 8_000
CHUNK_MS = 100
# Turns of the event loop that a chunk's sender leaves to the others, and that the engine
# waits for more audio before it makes up for what it is behind.
TURNS = 40
BEHIND_MS = (0, 90, 250, 550, 900, 1_500, 2_500, 4_000)
SPEC = RecognitionSpec(
    language="en-US",
    encoding=AudioEncoding.LINEAR16_PCM,
    sample_rate_hz=RATE_HZ,
    raw_results=True,
)


def model(*, has_judge: bool) -> ModelInfo:
    return ModelInfo(
        name="late",
        engine="late",
        language="en-US",
        tags=("general",),
        sample_rates_hz=(RATE_HZ,),
        has_trailing_silence=has_judge,
    )


class LateStream:
    """Hears a word at given times of the utterance, when it gets there.

    Args:
        words_ms: When words end.
        behind_ms: How much audio it leaves undecoded while more keeps coming.
    """

    def __init__(self, words_ms: tuple[int, ...], *, behind_ms: int) -> None:
        self._words_ms = words_ms
        self._behind_ms = behind_ms
        self._handed_ms = self._decoded_ms = 0
        self._is_over = False
        self.lengths_ms: list[int] = []

    async def send(self, samples: Samples) -> None:
        self._handed_ms += len(samples) * 1000 // RATE_HZ

    async def hurry(self, *, finish_at_silence_ms: int | None = None) -> None:
        pass

    async def finish(self) -> None:
        self._is_over = True

    async def close(self) -> None:
        raise AssertionError("whoever opened it closes it")

    async def events(self) -> AsyncIterator[Heard | Finished]:
        while True:
            await self._wait()
            number = len(self.lengths_ms)
            if self._is_over:
                self.lengths_ms.append(self._handed_ms)
                self._handed_ms = self._decoded_ms = 0
                self._is_over = False
                yield Finished(number, (Hypothesis("word"),))
                continue
            said_ms = [ms for ms in self._words_ms if ms <= self._decoded_ms]
            silence_ms = self._decoded_ms - (said_ms[-1] if said_ms else 0)
            text = " ".join("word" for _ in said_ms)
            if self._ends_itself(text, silence_ms):
                self._is_over = True
                continue
            yield Heard(number, Observation(Hypothesis(text), silence_ms), self._decoded_ms)

    def _ends_itself(self, text: str, silence_ms: int) -> bool:
        return False

    async def _wait(self) -> None:
        idle, handed_ms = 0, self._handed_ms
        while not self._is_over:
            if self._handed_ms - self._decoded_ms > self._behind_ms:
                self._decoded_ms = self._handed_ms - self._behind_ms
                return
            if idle > 2 * TURNS and self._decoded_ms < self._handed_ms:
                self._decoded_ms = self._handed_ms
                return
            await asyncio.sleep(0)
            idle = idle + 1 if handed_ms == self._handed_ms else 0
            handed_ms = self._handed_ms


class PromptStream(LateStream):
    """Finishes an utterance by itself where it is asked to."""

    def __init__(self, words_ms: tuple[int, ...], *, behind_ms: int) -> None:
        super().__init__(words_ms, behind_ms=behind_ms)
        self._at_silence_ms: int | None = None
        self._ended = 0
        self.ended_itself: list[int] = []

    async def hurry(self, *, finish_at_silence_ms: int | None = None) -> None:
        self._at_silence_ms = finish_at_silence_ms

    async def finish(self) -> None:
        if self._ended not in self.ended_itself:
            self._is_over = True
        self._at_silence_ms = None
        self._ended += 1

    def _ends_itself(self, text: str, silence_ms: int) -> bool:
        asked_ms = self._at_silence_ms
        if asked_ms is None or self._decoded_ms < self._handed_ms:
            return False
        self._at_silence_ms = None
        if text and silence_ms < asked_ms:
            return False
        self.ended_itself.append(len(self.lengths_ms))
        return True


class StuckStream(LateStream):
    """Never gets to what it has left undecoded."""

    async def _wait(self) -> None:
        while not self._is_over:
            if self._handed_ms - self._decoded_ms > self._behind_ms:
                self._decoded_ms = self._handed_ms - self._behind_ms
                return
            await asyncio.sleep(0)


class FickleStream(LateStream):
    """Takes back what it heard in its first utterance."""

    async def events(self) -> AsyncIterator[Heard | Finished]:
        async for event in super().events():
            is_first = isinstance(event, Finished) and event.utterance == 0
            yield Finished(0, ()) if is_first else event


async def talk(pcm: bytes, stream: LateStream, *, has_judge: bool = True) -> list[int]:
    """Return the length of each utterance in ms."""
    await results_of(pcm, stream, has_judge=has_judge)
    return stream.lengths_ms


async def results_of(
    pcm: bytes, stream: LateStream, *, spec: RecognitionSpec = SPEC, has_judge: bool = True
) -> list[Result]:
    """Return what a session with this audio is answered."""
    clock = AsyncioClock()
    settings = Settings()
    machine = SessionMachine(settings.limits, now_s=clock.time())

    async def messages() -> AsyncIterator[RecognitionSpec | bytes]:
        yield spec
        step = RATE_HZ * CHUNK_MS // 1000 * 2
        for start in range(0, len(pcm), step):
            for _ in range(TURNS):
                await asyncio.sleep(0)
            yield pcm[start : start + step]

    results: list[Result] = []

    async def deliver(result: Result) -> None:
        results.append(result)

    inbox = Inbox(messages(), machine=machine, clock=clock)
    with clock.deadline() as deadline:
        await inbox.receive(deadline)
    conversation = Conversation(
        spec=spec,
        model=model(has_judge=has_judge),
        rate_hz=RATE_HZ,
        settings=settings,
        machine=machine,
        clock=clock,
        deliver=deliver,
        observer=Unobserved(),
    )
    await conversation.run(inbox, stream)
    return results


@pytest.fixture
def pcm() -> bytes:
    """Speech, and silence after it."""
    speech = np.frombuffer((AUDIO / "speech-8k.pcm").read_bytes(), dtype="<i2")[4_000:13_000]
    return np.concatenate((np.zeros(4_000, "<i2"), speech, np.zeros(24_000, "<i2"))).tobytes()


@pytest.mark.parametrize("kind", [LateStream, PromptStream])
async def test_an_utterance_ends_at_the_same_sample_however_far_the_engine_is_behind(
    pcm: bytes, kind: type[LateStream]
) -> None:
    (by_voice_ms,) = await talk(pcm, LateStream((), behind_ms=0), has_judge=False)
    # The voice is over, and the engine hears a last word shortly before the end of the pause.
    words_ms = (400, 1_000, by_voice_ms - 100)
    lengths = [await talk(pcm, kind(words_ms, behind_ms=ms)) for ms in BEHIND_MS]
    assert lengths == [lengths[0]] * len(lengths)
    (length_ms,) = lengths[0]
    assert by_voice_ms + 200 <= length_ms <= by_voice_ms + 220


@pytest.mark.parametrize("kind", [LateStream, PromptStream])
@pytest.mark.parametrize("words_ms", [(400, 1_000), (1_000,), (400, 700, 1_000, 1_300)])
async def test_sound_without_a_pause_is_divided_alike_however_far_the_engine_is_behind(
    words_ms: tuple[int, ...], kind: type[LateStream]
) -> None:
    speech = np.frombuffer((AUDIO / "speech-8k.pcm").read_bytes(), dtype="<i2")[4_000:13_000]
    pcm = np.concatenate((np.zeros(4_000, "<i2"), *[speech] * 8, np.zeros(24_000, "<i2")))
    lengths = [await talk(pcm.tobytes(), kind(words_ms, behind_ms=ms)) for ms in BEHIND_MS]
    assert len(lengths[0]) > 1
    assert lengths == [lengths[0]] * len(lengths)


async def test_an_engine_that_agrees_does_not_lengthen_the_utterance(pcm: bytes) -> None:
    by_voice_ms = await talk(pcm, LateStream((), behind_ms=0), has_judge=False)
    for behind_ms in (0, 900, 4_000):
        assert await talk(pcm, LateStream((400, 1_000), behind_ms=behind_ms)) == by_voice_ms


@pytest.mark.parametrize("behind_ms", [10, 500])
async def test_an_engine_that_tells_nothing_has_no_say(
    pcm: bytes, monkeypatch: pytest.MonkeyPatch, behind_ms: int
) -> None:
    monkeypatch.setattr(conversation_module, "_MOST_SILENT_S", 0.02)
    (by_voice_ms,) = await talk(pcm, LateStream((), behind_ms=0), has_judge=False)
    # What it has told last would make the utterance go on.
    stream = StuckStream((400, 1_000, by_voice_ms - 100), behind_ms=behind_ms)
    assert await talk(pcm, stream) == [by_voice_ms]


@pytest.mark.parametrize("words_ms", [(), (400, 1_000)])
async def test_an_engine_that_is_behind_is_asked_once_at_the_end(
    pcm: bytes, words_ms: tuple[int, ...]
) -> None:
    by_voice_ms = await talk(pcm, LateStream((), behind_ms=0), has_judge=False)
    stream = PromptStream(words_ms, behind_ms=900)
    results = await results_of(pcm + pcm, stream)
    assert stream.lengths_ms[0] == by_voice_ms[0]
    assert stream.ended_itself == list(range(len(stream.lengths_ms)))
    assert len(results) == len(stream.lengths_ms) == 2


@pytest.mark.parametrize(
    ("kind", "expected"), [(LateStream, ["word"]), (FickleStream, ["", "word"])]
)
async def test_a_single_utterance_ends_with_the_first_final_that_has_text(
    kind: type[LateStream], expected: list[str]
) -> None:
    speech = (AUDIO / "speech-8k.pcm").read_bytes()
    spec = dataclasses.replace(SPEC, single_utterance=True, partial_results=True)
    results = await results_of(speech, kind((400,), behind_ms=0), spec=spec)
    finals = [result for result in results if isinstance(result, Final)]
    assert [final.alternatives[0].text for final in finals] == expected


async def test_a_minute_of_audio_in_a_few_bytes_leaves_turns_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opus = join([*encode(tones(0.1))[:2], *silent_pages(2, packets=255)])
    turn = 0
    taken: Counter[int] = Counter()

    class NotedSegmenter(Segmenter):
        def accept(self, samples: Samples) -> Iterator[Segment]:
            taken[turn] += len(samples)
            return super().accept(samples)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(conversation_module, "Segmenter", NotedSegmenter)
    spec = dataclasses.replace(SPEC, encoding=AudioEncoding.OGG_OPUS)
    counting = asyncio.create_task(count_turns())
    try:
        assert await results_of(opus, LateStream((), behind_ms=0), spec=spec) == []
    finally:
        counting.cancel()
    assert taken.total() > 60 * RATE_HZ
    # And what the resampler held back.
    assert max(taken.values()) <= 1.1 * RATE_HZ
