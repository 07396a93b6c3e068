"""Drives one session from its first message to its last result."""

from collections.abc import AsyncIterator, Awaitable, Callable

from rechka.recognition.port import ModelInfo, Recognizer, StreamOptions
from rechka.recognition.selection import select_model
from rechka.results import Result
from rechka.session.clock import Clock
from rechka.session.conversation import Conversation
from rechka.session.hotwords import folder_hotwords, join_hotwords
from rechka.session.inbox import Inbox, Message
from rechka.session.machine import SessionMachine
from rechka.session.observer import SessionObserver, Unobserved
from rechka.settings import Settings
from rechka.spec import AudioEncoding, RecognitionSpec

__all__ = ["Session"]


class Session:
    """One conversation with one client.

    Args:
        recognizer: Where the engine stream comes from.
        settings: Limits, end of utterance, results.
        clock: Time of the limits.
        admit: Called with the settings and the session's state before anything is spent
            on the session; returns the id of the folder that they are admitted to, and
            raises if the caller may not.
        deliver: Sends a result; may wait while the client is slow.
        observer: Counts; None: nobody does.
    """

    def __init__(
        self,
        *,
        recognizer: Recognizer,
        settings: Settings,
        clock: Clock,
        admit: Callable[[RecognitionSpec, SessionMachine], Awaitable[str]],
        deliver: Callable[[Result], Awaitable[None]],
        observer: SessionObserver | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._settings = settings
        self._clock = clock
        self._admit = admit
        self._deliver = deliver
        self._observer = observer or Unobserved()
        self.machine = SessionMachine(settings.limits, now_s=clock.time())
        self._conversation: Conversation | None = None

    async def run(self, messages: AsyncIterator[Message]) -> None:
        """Run to the end of the session.

        What was said before the client's own error, or before a limit, is still
        recognized and delivered; then the error is raised.

        Args:
            messages: What the client sends; ends with its half-close.

        Raises:
            RechkaError: The session ended otherwise than by the client's half-close.

        Cancellation: gives the engine stream back at once; nothing more is delivered.
        """
        inbox = Inbox(messages, machine=self.machine, clock=self._clock)
        with self._clock.deadline() as deadline:
            spec = await inbox.receive(deadline)
        if not isinstance(spec, RecognitionSpec):
            return
        folder_id = await self._admit(spec, self.machine)
        model = select_model(self._recognizer.models, language=spec.language, model=spec.model)
        self._observer.started(language=model.language, model=model.name)
        self._conversation = Conversation(
            spec=spec,
            model=model,
            rate_hz=_engine_rate(spec, model),
            settings=self._settings,
            machine=self.machine,
            clock=self._clock,
            deliver=self._deliver,
            observer=self._observer,
        )
        options = StreamOptions(
            language=model.language,
            model=spec.model,
            sample_rate_hz=_engine_rate(spec, model),
            max_alternatives=min(self._settings.results.max_alternatives, model.max_alternatives),
            hotwords=join_hotwords(
                spec.hotwords, folder_hotwords(self._settings.recognition.hotwords, folder_id)
            ),
        )
        stream = await self._recognizer.open(options)
        try:
            await self._conversation.run(inbox, stream)
        finally:
            await stream.close()

    @property
    def warning(self) -> str | None:
        """What looks wrong about the audio though it can be decoded; None if nothing does."""
        return None if self._conversation is None else self._conversation.warning


def _engine_rate(spec: RecognitionSpec, model: ModelInfo) -> int:
    """Return the audio's own rate if the model takes it, else the model's native one."""
    is_pcm = spec.encoding is AudioEncoding.LINEAR16_PCM
    if is_pcm and spec.sample_rate_hz in model.sample_rates_hz:
        return spec.sample_rate_hz
    return model.sample_rates_hz[0]
