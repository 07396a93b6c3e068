"""The microphone, through the `sounddevice` package and PortAudio."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from rechka.client.chunks import PcmChunk, PcmFraming
from rechka.client.sources import AudioFormat
from rechka.errors import ErrorCode, RequestError, UnavailableError
from rechka.spec import AudioEncoding

__all__ = ["MicrophoneSource", "list_microphones"]

# So much may wait while the server cannot be reached; then words would be lost.
_MOST_WAITING_MS = 30_000


def list_microphones() -> str:
    """Return a table of the devices that can record, one a line.

    Raises:
        RequestError: `sounddevice` or PortAudio is missing.
    """
    devices = [item for item in _sounddevice().query_devices() if item["max_input_channels"] > 0]
    return "\n".join(
        f"{item['index']:3}  {item['name']}  ({item['default_samplerate']:.0f} Hz)"
        for item in devices
    )


class MicrophoneSource:
    """What a microphone hears, until `stop`.

    Args:
        device: Number or part of the name of the device; None for the default one.
        sample_rate_hz: 8000, 16000 or 48000.
        chunk_ms: Length of the pieces that are sent.
    """

    def __init__(
        self, *, device: int | str | None = None, sample_rate_hz: int = 16_000, chunk_ms: int = 100
    ) -> None:
        self._device = device
        self._rate_hz = sample_rate_hz
        self._chunk_ms = chunk_ms
        self._blocks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._has_overflowed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._recorder: Any = None
        self.length_ms: float | None = None
        """Not known."""
        self.position_ms = 0.0
        """Where the audio ends that was handed out so far."""

    async def open(self) -> AudioFormat:
        """Open the device and begin to record.

        Raises:
            RequestError: `sounddevice` or PortAudio is missing, or there is no such
                device, or it does not record at this rate.
        """
        sounddevice = _sounddevice()
        self._loop = asyncio.get_running_loop()
        try:
            self._recorder = sounddevice.RawInputStream(
                samplerate=self._rate_hz,
                blocksize=self._rate_hz * self._chunk_ms // 1000,
                device=self._device,
                channels=1,
                dtype="int16",
                callback=self._on_audio,
            )
            self._recorder.start()
        except (ValueError, sounddevice.PortAudioError) as error:
            problem = f"microphone: {error}; `rechka mic --list-devices` lists what there is"
            raise RequestError(ErrorCode.INVALID_CONFIG, problem) from None
        return AudioFormat(AudioEncoding.LINEAR16_PCM, self._rate_hz)

    def stop(self) -> None:
        """End the recording; what was said is still recognized.

        Threading: the event loop's.
        """
        self._blocks.put_nowait(None)

    async def chunks(self) -> AsyncGenerator[PcmChunk, None]:
        """Yield what is recorded until `stop`.

        Raises:
            UnavailableError: The server took the audio too slowly for too long.
        """
        framing = PcmFraming(self._rate_hz, chunk_ms=self._chunk_ms)
        with contextlib.closing(self._recorder):
            while (block := await self._blocks.get()) is not None:
                if self._has_overflowed:
                    late = f"microphone: {_MOST_WAITING_MS // 1000} s of audio wait for the server"
                    raise UnavailableError(ErrorCode.UNAVAILABLE, late)
                for chunk in framing.feed(block):
                    self.position_ms = chunk.end_ms
                    yield chunk

    def _on_audio(self, data: Any, _frames: int, _time: object, _status: object) -> None:
        """Take a block; called by PortAudio's thread, which must not wait."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._put, bytes(data))

    def _put(self, block: bytes) -> None:
        if self._blocks.qsize() >= _MOST_WAITING_MS // self._chunk_ms:
            self._has_overflowed = True
        else:
            self._blocks.put_nowait(block)


def _sounddevice() -> Any:
    try:
        import sounddevice  # noqa: PLC0415
    except ImportError:
        missing = "microphone: not installed; pip install 'rechka[microphone]'"
        raise RequestError(ErrorCode.INVALID_CONFIG, missing) from None
    except OSError:
        missing = "microphone: the PortAudio library is missing; apt install libportaudio2"
        raise RequestError(ErrorCode.INVALID_CONFIG, missing) from None
    return sounddevice
