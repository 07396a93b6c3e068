"""The two halves of a running session: listening and answering, side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from pathlib import Path

from rechka.audio.decoder import create_decoder
from rechka.audio.mismatch import MismatchDetector
from rechka.audio.resample import Resampler
from rechka.audio.samples import Samples
from rechka.errors import ErrorCode, LimitError, RequestError
from rechka.recognition.port import Finished, Heard, ModelInfo, RecognizerStream
from rechka.results import Final, Result
from rechka.session.clock import Clock, Deadline
from rechka.session.endpoint import EndpointParameters
from rechka.session.inbox import HalfClose, Inbox
from rechka.session.machine import SessionMachine, SessionState
from rechka.session.observer import SessionObserver
from rechka.session.replies import Replies
from rechka.session.segmenter import (
    Segment,
    Segmenter,
    UtteranceDoubt,
    UtteranceEnd,
    UtteranceStart,
)
from rechka.settings import Settings
from rechka.spec import AudioEncoding, RecognitionSpec
from rechka.text.pipeline import TextOptions, TextPipeline
from rechka.text.profanity.rules import ProfanityRules, read_profanity_file

__all__ = ["Conversation", "profanity_rules"]

# An engine that tells nothing for so long has no say in where an utterance ends. A client
# that reads only when it has sent all keeps it from telling.
_MOST_SILENT_S = 2.0


@lru_cache
def profanity_rules(path: Path | None) -> ProfanityRules:
    """Return the operator's own rules; a file is read once in the server's life.

    Raises:
        RequestError: The file cannot be read, or a line of it is no entry.
    """
    return ProfanityRules() if path is None else read_profanity_file(path)


class Conversation:
    """Audio in, results out, from the settings to the end of the session.

    Args:
        spec: The settings.
        model: What the audio is decoded by.
        rate_hz: Rate of the engine's stream.
        settings: The server's.
        machine: The session's; it holds the settings already.
        clock: Time of the partials.
        deliver: Sends a result; may wait while the client is slow.
        observer: Told what is heard and answered, and how late.

    Raises:
        RequestError: The text cannot be written as the settings ask.
    """

    def __init__(
        self,
        *,
        spec: RecognitionSpec,
        model: ModelInfo,
        rate_hz: int,
        settings: Settings,
        machine: SessionMachine,
        clock: Clock,
        deliver: Callable[[Result], Awaitable[None]],
        observer: SessionObserver,
    ) -> None:
        self.warning: str | None = None
        """What looks wrong about the audio though it can be decoded; None if nothing does."""
        self._observer = observer
        is_pcm = spec.encoding is AudioEncoding.LINEAR16_PCM
        self._mismatch = MismatchDetector(spec.sample_rate_hz) if is_pcm else None
        self._machine = machine
        self._clock = clock
        self._send_result = deliver
        self._unread_s = settings.limits.unread_s
        self._rate_hz = rate_hz
        self._is_single = spec.single_utterance
        self._decoder = create_decoder(spec)
        self._resampler = Resampler(self._decoder.rate_hz, rate_hz)
        self._segmenter = Segmenter(
            EndpointParameters.from_settings(settings.endpointing),
            rate_hz=rate_hz,
            has_judge=model.has_trailing_silence,
        )
        pipeline = TextPipeline(
            TextOptions(
                language=model.language,
                raw_results=spec.raw_results,
                literature_text=spec.literature_text,
                profanity_filter=spec.profanity_filter,
                profanity_mode=settings.results.profanity_mode,
                profanity_rules=profanity_rules(settings.results.profanity_file),
                normalize_partials=spec.normalize_partials,
            )
        )
        self._replies = Replies(settings.results, pipeline, partial_results=spec.partial_results)
        # Where the utterances that are not finished begin, by their number.
        self._starts: dict[int, int] = {}
        # When the running utterance was noticed, until it is answered; when others ended.
        self._noticed_s: float | None = None
        self._ended_s: dict[int, float] = {}
        self._utterances = 0
        # How many utterances the engine has finished, one of them maybe before its end is known.
        self._finished = 0
        # Audio of the running utterance: handed over, and heard by the engine.
        self._handed_samples = 0
        self._heard_ms = 0
        self._has_news = asyncio.Event()
        self._has_listened = False
        self._is_answered = False
        self._verdict: RequestError | LimitError | None = None

    async def run(self, inbox: Inbox, stream: RecognizerStream) -> None:
        """Listen and answer until all that was said is answered.

        Raises:
            RequestError: The client sent what it may not; what came before is answered.
            LimitError: A limit was reached; what came before is answered, unless the client
            does not read.
            UnavailableError: The worker went away.
            InternalError: The engine failed.
        """
        listening = asyncio.create_task(self._listen(inbox, stream))
        answering = asyncio.create_task(self._answer(stream))
        try:
            await asyncio.wait((listening, answering), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
            await listening
            if self._starts and not self._is_answered:
                await answering
        finally:
            listening.cancel()
            answering.cancel()
            await asyncio.gather(listening, answering, return_exceptions=True)
        if self._verdict is not None:
            raise self._verdict

    async def _listen(self, inbox: Inbox, stream: RecognizerStream) -> None:
        try:
            with self._clock.deadline() as deadline:
                while not isinstance(message := await inbox.receive(deadline), HalfClose):
                    if isinstance(message, bytes):
                        await self._hear(message, stream)
            await self._take(self._decoder.flush(), stream)
        except (RequestError, LimitError) as error:
            self._verdict = error
        await self._send(self._segmenter.accept(self._resampler.flush()), stream)
        await self._send(self._segmenter.flush(), stream)
        self._has_listened = True

    async def _hear(self, chunk: bytes, stream: RecognizerStream) -> None:
        # A large chunk is worked off in pieces, so that it does not hold up the others.
        piece_bytes = self._decoder.piece_bytes
        for start in range(0, len(chunk), piece_bytes):
            if self._machine.state is not SessionState.OPEN:
                return
            if start:
                # Sending does not yield while the engine has room.
                await asyncio.sleep(0)
            samples = self._decoder.decode(chunk[start : start + piece_bytes])
            # A piece is most often short, but some hundred bytes can hold a minute of silence.
            second = self._decoder.rate_hz
            await self._take(samples[:second], stream)
            for at in range(second, len(samples), second):
                await asyncio.sleep(0)
                await self._take(samples[at : at + second], stream)

    async def _take(self, samples: Samples, stream: RecognizerStream) -> None:
        if self._mismatch is not None:
            self.warning = self._mismatch.accept(samples) or self.warning
        admitted = self._machine.admit_samples(len(samples), rate_hz=self._decoder.rate_hz)
        self._observer.heard(audio_s=admitted / self._decoder.rate_hz)
        resampled = self._resampler.accept(samples[:admitted])
        await self._send(self._segmenter.accept(resampled), stream)
        if admitted < len(samples):
            raise self._machine.duration_error()

    async def _send(self, segments: Iterable[Segment], stream: RecognizerStream) -> None:
        for segment in segments:
            if self._is_answered:
                return
            match segment:
                case UtteranceStart(position):
                    self._starts[self._utterances] = position
                    self._handed_samples = self._heard_ms = 0
                    self._noticed_s = self._clock.time()
                case UtteranceEnd():
                    if self._finished <= self._utterances:
                        self._ended_s[self._utterances] = self._clock.time()
                    self._utterances += 1
                    await stream.finish()
                case UtteranceDoubt(at_silence_ms):
                    await self._catch_up(stream, at_silence_ms)
                case samples:
                    self._handed_samples += len(samples)
                    await stream.send(samples)

    async def _catch_up(self, stream: RecognizerStream, at_silence_ms: int | None) -> None:
        """Wait until the engine has heard all that was handed over, while it goes on.

        An engine that would be asked to finish next does so without being asked again.
        """
        handed_ms = self._handed_samples * 1000 // self._rate_hz
        if self._heard_ms < handed_ms:
            if at_silence_ms is not None:
                self._ended_s[self._utterances] = self._clock.time()
            await stream.hurry(finish_at_silence_ms=at_silence_ms)
        try:
            while self._heard_ms < handed_ms and not self._is_answered:
                self._has_news.clear()
                async with self._clock.timeout_at(self._clock.time() + _MOST_SILENT_S):
                    await self._has_news.wait()
        except TimeoutError:
            if at_silence_ms is not None:
                # It may finish the utterance here yet, so what follows must not belong to it.
                self._segmenter.settle()

    async def _answer(self, stream: RecognizerStream) -> None:
        with self._clock.deadline() as deadline:
            async for event in stream.events():
                offset_ms = self._starts[event.utterance] * 1000 / self._rate_hz
                if isinstance(event, Heard):
                    await self._answer_heard(event, offset_ms, deadline)
                else:
                    await self._answer_finished(event, offset_ms, deadline)
                    if self._has_listened and not self._starts:
                        return

    async def _deliver(self, result: Result, deadline: Deadline) -> None:
        try:
            until_s = self._clock.time() + self._unread_s
            await deadline.wait(self._send_result(result), until_s=until_s)
        except TimeoutError:
            problem = f"no result was read for {self._unread_s:g} s; read while you send"
            raise LimitError(ErrorCode.SLOW_READER, problem) from None

    async def _answer_heard(self, heard: Heard, offset_ms: float, deadline: Deadline) -> None:
        if heard.utterance == self._utterances:
            self._segmenter.observe(heard)
            self._heard_ms = heard.decoded_ms
            self._has_news.set()
        now_s = self._clock.time()
        partial = self._replies.partial(heard, offset_ms=offset_ms, now_s=now_s)
        if partial is not None and not self._is_answered:
            await self._deliver(partial, deadline)
            self._observer.answered(is_final=False)
            if self._noticed_s is not None and heard.utterance == self._utterances:
                self._observer.first_partial(delay_s=self._clock.time() - self._noticed_s)
                self._noticed_s = None

    async def _answer_finished(
        self, finished: Finished, offset_ms: float, deadline: Deadline
    ) -> None:
        self._finished = finished.utterance + 1
        if finished.utterance == self._utterances:
            self._segmenter.settle()
            self._heard_ms = self._handed_samples * 1000 // self._rate_hz
            self._has_news.set()
        final: Final | None = self._replies.final(finished, offset_ms=offset_ms)
        ended_s = self._ended_s.pop(finished.utterance)
        if final is not None and not self._is_answered:
            await self._deliver(final, deadline)
            self._observer.answered(is_final=True)
            self._observer.final(delay_s=self._clock.time() - ended_s)
            if self._is_single and final.alternatives[0].text:
                self._is_answered = True
                self._has_news.set()
                self._machine.end_single_utterance()
        del self._starts[finished.utterance]
