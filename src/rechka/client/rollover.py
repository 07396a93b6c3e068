"""Carries audio of any length over sessions of limited length. Without any I/O.

Audio is kept from the *commit position* on: what was said before it has been
delivered as finals. A session that ends, in whatever way, is followed by one
that hears the audio from the commit position again, so that no word is lost;
and because that position always lies between two words, none is doubled.

Near a limit, a session is left at the next end of an utterance. If none comes,
it is half-closed at the limit and its last final is judged: one that reaches up
to the cut may end in half a word, so it is dropped and heard again. An utterance
too long for that is divided before its last word, so that there is progress even
in speech without a pause.
"""

from enum import Enum, auto

from rechka.client.buffer import AudioBuffer
from rechka.client.chunks import AudioChunk
from rechka.client.limits import SessionLimits
from rechka.client.seam import divide, later, rests_ms, resume_ms
from rechka.errors import CapacityError, ErrorCode, LimitError, RechkaError, UnavailableError
from rechka.results import Final, Partial, Result

__all__ = ["Rollover", "Step"]

# A word that ends so close before a cut may go on after it.
_NEAR_CUT_MS = 300.0
# In audio without a word, so much before a cut is heard again: a word may have begun.
_TAIL_MS = 3_000.0
# Of a session's audio, the next one hears at most this part again.
_REPLAYED_PART = 0.5
# And at least this part is behind it, whatever times a server gives its words.
_SETTLED_PART = 0.25
# A server that calls less than this too much leaves no room for speech.
_LEAST_SESSION_MS = 1_000.0
# What a server says of a session that carried more than it takes.
_TOO_MUCH = frozenset({ErrorCode.AUDIO_TOO_LARGE, ErrorCode.SESSION_TOO_LONG})


class Step(Enum):
    """What the driver has to do next, and how it tells that it is done."""

    OPEN = auto()
    """Open a session; `opened`."""
    SEND = auto()
    """Send what `take` returns."""
    NEED_AUDIO = auto()
    """Wait for the source or for results; `add`, `finish`, `stall`."""
    HALF_CLOSE = auto()
    """End the sending side; `half_closed`."""
    AWAIT_RESULTS = auto()
    """Wait for the session's end; `receive`, `end`, `fail`."""
    ABANDON = auto()
    """Cancel the session; `abandoned`."""
    DONE = auto()
    """Everything is delivered."""


class _Phase(Enum):
    BETWEEN = auto()
    SENDING = auto()
    CLOSING = auto()
    DRAINING = auto()
    LEAVING = auto()
    DONE = auto()


class _Cut(Enum):
    """Why a session is half-closed."""

    END = auto()
    LIMIT = auto()
    PAUSE = auto()


class Rollover:
    """One stream of results over any number of sessions.

    Args:
        limits: What one session may carry.
        single_utterance: Whether to end with the first utterance that has text.
    """

    def __init__(self, limits: SessionLimits, *, single_utterance: bool = False) -> None:
        self._limits = limits
        self._is_single = single_utterance
        self._buffer = AudioBuffer()
        self._phase = _Phase.BETWEEN
        self._is_finished = False
        self._is_answered = False
        self._waits_for_audio = False
        self._furthest_ms = 0.0
        self.sessions = 0
        """Sessions opened so far."""
        self._begin_session()

    def _begin_session(self) -> None:
        self._first: AudioChunk | None = None
        self._sent_ms = self._buffer.commit_ms
        self._sent_bytes = 0
        self._cut: _Cut | None = None
        self._near_from_ms: float | None = None
        self._held: Final | None = None
        self._has_results = False
        self._has_untimed = False

    @property
    def progress_ms(self) -> float:
        """How far the audio was ever sent or settled."""
        return max(self._furthest_ms, self._buffer.commit_ms)

    @property
    def commit_ms(self) -> float:
        """The commit position."""
        return self._buffer.commit_ms

    def add(self, chunk: AudioChunk) -> None:
        """Take audio from the source; only in NEED_AUDIO, so that little is kept."""
        self._waits_for_audio = False
        self._buffer.add(chunk)

    def finish(self) -> None:
        """The source has ended."""
        self._waits_for_audio = False
        self._is_finished = True

    def stall(self) -> None:
        """The source has given nothing for so long that the server would give up.

        The session ends in good order, and the next one begins with the next audio.
        """
        if self._phase is _Phase.SENDING:
            self._phase, self._cut = _Phase.CLOSING, _Cut.PAUSE

    def step(self) -> Step:
        """Return what to do next. Changes nothing."""
        match self._phase:
            case _Phase.BETWEEN:
                return self._step_between()
            case _Phase.SENDING:
                return self._step_sending()
            case _Phase.CLOSING:
                return Step.HALF_CLOSE
            case _Phase.DRAINING:
                return Step.AWAIT_RESULTS
            case _Phase.LEAVING:
                return Step.ABANDON
            case _Phase.DONE:
                return Step.DONE

    def _step_between(self) -> Step:
        if self._waits_for_audio:
            return Step.NEED_AUDIO
        if self._buffer.next is not None:
            return Step.OPEN
        if not self._is_finished:
            return Step.NEED_AUDIO
        # Without any audio the server still judges the settings and the credentials.
        return Step.DONE if self.sessions else Step.OPEN

    def _step_sending(self) -> Step:
        chunk = self._buffer.next
        if chunk is None:
            return Step.HALF_CLOSE if self._is_finished else Step.NEED_AUDIO
        sent_ms = chunk.end_ms - (self._first or chunk).start_ms
        is_full = self._limits.is_reached(sent_ms, self._sent_bytes + chunk.size_bytes)
        # What does not fit alone either would wait for ever: the server is to judge it.
        fits_alone = not self._limits.is_reached(chunk.end_ms - chunk.start_ms, chunk.size_bytes)
        return Step.HALF_CLOSE if is_full and fits_alone else Step.SEND

    def opened(self) -> None:
        """A session begins, at the commit position."""
        self._begin_session()
        self._phase = _Phase.SENDING
        self.sessions += 1

    def take(self) -> bytes:
        """Return the bytes of the next audio message, and count them as sent."""
        chunk = self._buffer.take()
        self._first = self._first or chunk
        data = chunk.encode(self._first)
        self._sent_bytes += len(data)
        self._sent_ms = chunk.end_ms
        self._furthest_ms = max(self._furthest_ms, chunk.end_ms)
        if self._near_from_ms is None and self._limits.is_near(self._carried_ms, self._sent_bytes):
            self._near_from_ms = chunk.end_ms
        return data

    @property
    def _origin_ms(self) -> float:
        return self._buffer.commit_ms if self._first is None else self._first.start_ms

    @property
    def _carried_ms(self) -> float:
        return self._sent_ms - self._origin_ms

    def half_closed(self) -> None:
        """The sending side of the session is being closed; nothing more is sent."""
        if self._cut is None:
            self._cut = _Cut.END if self._buffer.next is None else _Cut.LIMIT
        self._phase = _Phase.DRAINING

    def receive(self, result: Result) -> list[Result]:
        """Take a result of the session; return what the caller gets now."""
        if self._phase in {_Phase.LEAVING, _Phase.DONE}:
            return []
        self._has_results = True
        delivered: list[Result] = []
        if self._held is not None:
            delivered.append(self._accept(self._held))
            self._held = None
        moved = later(result, self._origin_ms)
        if isinstance(moved, Partial) or not moved.text:
            delivered.append(moved)
        elif self._phase is _Phase.DRAINING and self._cut is _Cut.LIMIT:
            self._held = moved
        else:
            delivered.append(self._accept(moved))
        return delivered

    def _accept(self, final: Final) -> Final:
        """Settle the audio up to the end of a final."""
        position_ms = rests_ms(final)
        is_near = self._near_from_ms is not None and self._phase is _Phase.SENDING
        if position_ms is None:
            self._has_untimed = True
            # Where to go on is known only if the server has answered everything.
            if is_near:
                self._phase, self._cut = _Phase.CLOSING, _Cut.PAUSE
        else:
            self._buffer.commit(min(position_ms, self._sent_ms))
            if is_near and final.end_of_utterance and position_ms >= (self._near_from_ms or 0):
                self._phase = _Phase.LEAVING
        if self._is_single and final.end_of_utterance:
            self._is_answered = True
            self._phase = _Phase.LEAVING
        return final

    def end(self) -> list[Result]:
        """The server ended the session in good order; return what the caller gets now.

        Raises:
            UnavailableError: It ended too early, and what it had heard is not
                known. The caller goes on with `fail`.
        """
        if self._phase is _Phase.LEAVING:
            self._leave()
            return []
        if self._phase is not _Phase.DRAINING:
            early = "the server ended the session before the audio did"
            raise UnavailableError(ErrorCode.UNAVAILABLE, early)
        delivered: list[Result] = []
        if self._cut is _Cut.LIMIT:
            delivered = self._settle_limit()
        else:
            self._buffer.commit(self._sent_ms)
        self._leave()
        return delivered

    def _settle_limit(self) -> list[Result]:
        """Judge the last final of a session that was cut at a limit."""
        final, self._held = self._held, None
        if final is None:
            self._commit_tail()
            return []
        if final.end_ms is None or rests_ms(final) is None:
            self._buffer.commit(self._sent_ms)
            return [final]
        if final.end_ms <= self._sent_ms - _NEAR_CUT_MS:
            delivered = self._accept(final)
            self._commit_tail()
            return [delivered]
        if resume_ms(final) >= self._sent_ms - _REPLAYED_PART * self._carried_ms:
            self._buffer.commit(resume_ms(final))
            return []
        divided = divide(final, self._sent_ms - _NEAR_CUT_MS)
        part, position_ms = (final, self._sent_ms) if divided is None else divided
        self._buffer.commit(max(position_ms, self._origin_ms + _SETTLED_PART * self._carried_ms))
        return [part]

    def _commit_tail(self) -> None:
        if self._has_untimed:
            self._buffer.commit(self._sent_ms)
        else:
            tail_ms = min(_TAIL_MS, _REPLAYED_PART * self._carried_ms)
            self._buffer.commit(self._sent_ms - tail_ms)

    def abandoned(self) -> None:
        """The session is cancelled, as ABANDON asked."""
        self._leave()

    def fail(self, error: RechkaError) -> None:
        """The session broke. Go back to the commit position, if that is safe.

        Raises:
            RechkaError: The error itself, if another session cannot go on.
        """
        is_left = self._phase in {_Phase.LEAVING, _Phase.DONE}
        if not is_left and not self._can_resume(error):
            raise error
        if isinstance(error, LimitError) and not is_left:
            if error.code is ErrorCode.IDLE_TIMEOUT:
                self._waits_for_audio = not self._is_finished
            elif error.code in _TOO_MUCH:
                self._limits = self._limits.lowered(self._carried_ms, self._sent_bytes)
        self._leave()

    def _can_resume(self, error: RechkaError) -> bool:
        if self._has_untimed:
            return False
        match error:
            case UnavailableError():
                return True
            case CapacityError():
                return not self._has_results
            case LimitError():
                return self._carried_ms >= _LEAST_SESSION_MS
            case _:
                return False

    def _leave(self) -> None:
        self._buffer.rewind()
        self._phase = _Phase.DONE if self._is_answered else _Phase.BETWEEN
