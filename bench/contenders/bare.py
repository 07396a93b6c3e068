"""The engine in a loop, without a server: as much as the machine can decode.

One process a core, started together. Each has the engine decode the talks of several
streams in turns, one piece of each at a time and together where the engine can, and asks
for what was heard after each piece, as a server does that sends partial results. The
utterances are cut out beforehand: pauses cost nothing, and count as audio that is served.
"""

import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

import numpy as np

from contenders.choice import Choice
from rechka.audio.samples import Samples, from_pcm16, to_pcm16
from rechka.cli.bench.server import OwnServer
from rechka.cli.bench.speech import Clip, make_talk
from rechka.recognition.port import Engine, EngineStream
from rechka.session.endpoint import EndpointParameters
from rechka.session.segmenter import Segmenter, UtteranceDoubt, UtteranceEnd, UtteranceStart
from rechka.settings import Settings

__all__ = ["Bare", "decode_bare"]

_PIECE_MS = 100
_TALK_S = 30.0
_LONGEST_LOAD_S = 600.0


@dataclass(frozen=True, slots=True)
class Bare:
    """What the processes did together.

    Attributes:
        together: Streams that were decoded together.
        audio_s: Audio whose speech was decoded, with its pauses.
        speech_s: As much of it went through the engine.
        processor_s: Processor time of it.
        wall_s: Time from the common start to the end, summed over the processes.
        memory_bytes: Of all processes at the end.
        texts: What was recognized, by the name of the clip.
    """

    together: int
    audio_s: float
    speech_s: float
    processor_s: float
    wall_s: float
    memory_bytes: int
    texts: Mapping[str, str]

    @property
    def per_core(self) -> float:
        """Seconds of audio for a second of processor time: sessions that a core can serve."""
        return self.audio_s / self.processor_s


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some speech, with the pause before it.

    Attributes:
        samples: What the engine gets.
        audio_s: How long it is with the pause.
        is_end: Whether the utterance ends behind it.
    """

    samples: Samples
    audio_s: float
    is_end: bool


@dataclass(frozen=True, slots=True)
class _Task:
    """What a process does."""

    choice: Choice
    clips: Sequence[Clip]
    rate_hz: int
    gap_s: float
    together: int
    duration_s: float
    number: int
    told: Sequence[Clip]


def decode_bare(
    choice: Choice,
    clips: Sequence[Clip],
    *,
    rate_hz: int,
    gap_s: float,
    together: int,
    duration_s: float,
    told: Sequence[Clip],
) -> Bare:
    """Let a process on each core decode for a while.

    Args:
        choice: Engine and model.
        clips: What the talks are made of.
        rate_hz: Of the clips.
        gap_s: Silence between the clips of a talk.
        together: Streams of each process.
        duration_s: How long it lasts.
        told: Clips whose texts are wanted.

    Raises:
        RuntimeError: A process failed; it has said why on standard error.
    """
    context = multiprocessing.get_context("spawn")
    cores = len(os.sched_getaffinity(0))
    barrier = context.Barrier(cores, timeout=_LONGEST_LOAD_S)
    tasks = [
        _Task(
            choice, clips, rate_hz, gap_s, together, duration_s, number, told if not number else ()
        )
        for number in range(cores)
    ]
    # One-way, so that the end of a process is the end of its pipe.
    pipes = [context.Pipe(duplex=False) for _ in tasks]
    processes = [
        context.Process(target=_decode, args=(task, barrier, pipe[1]), daemon=True)
        for task, pipe in zip(tasks, pipes, strict=True)
    ]
    for process, pipe in zip(processes, pipes, strict=True):
        process.start()
        pipe[1].close()
    try:
        parts: list[Bare] = [pipe[0].recv() for pipe in pipes]
    except EOFError:
        raise RuntimeError("the bare engine failed") from None
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return Bare(
        together,
        audio_s=sum(part.audio_s for part in parts),
        speech_s=sum(part.speech_s for part in parts),
        processor_s=sum(part.processor_s for part in parts),
        wall_s=sum(part.wall_s for part in parts),
        memory_bytes=sum(part.memory_bytes for part in parts),
        texts=parts[0].texts,
    )


def _decode(task: _Task, barrier: Barrier, report: "Connection") -> None:
    """Do a process's part and report it."""
    try:
        report.send(_decoded(task, barrier))
    except BaseException:
        # Else the others would wait for this one.
        barrier.abort()
        raise


def _decoded(task: _Task, barrier: Barrier) -> Bare:
    engine = task.choice.load(streams=task.together, batch=task.together)
    texts = {clip.name: _text_of(engine, task, clip) for clip in task.told}
    talk = make_talk(
        task.clips,
        rate_hz=task.rate_hz,
        lasting_s=_TALK_S,
        gap_s=task.gap_s,
        seed=task.number,
    )
    # Cut before the start, so that only the engine is measured.
    pieces = _pieces_of(talk.pcm, task.rate_hz)
    starts = [0, *(at for at, piece in enumerate(pieces[:-1], 1) if piece.is_end)]
    streams = []
    for number in range(task.together):
        # All say the same in a circle, each from another utterance on.
        start = starts[number * len(starts) // task.together]
        streams.append((_open(engine, task), cycle(pieces[start:] + pieces[:start])))
    audio_s = speech_s = 0.0
    barrier.wait()
    began_s, processor_began_s = time.perf_counter(), time.process_time()
    while time.perf_counter() < began_s + task.duration_s:
        turn = [(stream, next(pieces)) for stream, pieces in streams]
        _advance(engine, turn)
        audio_s += sum(piece.audio_s for _, piece in turn)
        speech_s += sum(len(piece.samples) for _, piece in turn) / task.rate_hz
    processor_s, wall_s = time.process_time() - processor_began_s, time.perf_counter() - began_s
    # What they share is shared out as long as all of them are there.
    barrier.wait()
    memory_bytes = OwnServer("", "", os.getpid()).memory_bytes()
    barrier.wait()
    return Bare(task.together, audio_s, speech_s, processor_s, wall_s, memory_bytes, texts)


def _open(engine: Engine, task: _Task) -> EngineStream:
    return engine.open(task.choice.stream_options(task.rate_hz))


def _advance(engine: Engine, turn: Sequence[tuple[EngineStream, _Piece]]) -> list[str]:
    """Decode a piece of each stream; return the texts of utterances that ended."""
    for begin in range(0, len(turn), engine.max_batch):
        part = turn[begin : begin + engine.max_batch]
        engine.accept([(stream, piece.samples) for stream, piece in part])
        for stream, _ in part:
            stream.observe()
    readings = [stream.finish() for stream, piece in turn if piece.is_end]
    return [reading[0].text for reading in readings if reading]


def _pieces_of(pcm: bytes, rate_hz: int) -> list[_Piece]:
    """Return the speech of a talk in pieces of a message each.

    Raises:
        ValueError: There is none.
    """
    parameters = EndpointParameters.from_settings(Settings().endpointing)
    segmenter = Segmenter(parameters, rate_hz=rate_hz, has_judge=False)
    step = rate_hz * _PIECE_MS // 1000
    samples = from_pcm16(pcm)
    pieces: list[_Piece] = []
    counted = 0
    for begin in range(0, len(samples), step):
        end = min(begin + step, len(samples))
        segments = list(segmenter.accept(samples[begin:end]))
        if end == len(samples):
            segments += segmenter.flush()
        for segment in segments:
            match segment:
                case UtteranceStart() | UtteranceDoubt():
                    pass
                case UtteranceEnd():
                    pieces[-1] = replace(pieces[-1], is_end=True)
                case speech:
                    pieces.append(_Piece(speech, (end - counted) / rate_hz, is_end=False))
                    counted = end
    if not pieces:
        raise ValueError("a talk has no speech in it")
    rest_s = (len(samples) - counted) / rate_hz
    return [*pieces[:-1], replace(pieces[-1], audio_s=pieces[-1].audio_s + rest_s)]


def _text_of(engine: Engine, task: _Task, clip: Clip) -> str:
    gap = np.zeros(int(task.gap_s * task.rate_hz), dtype=np.float32)
    pcm = to_pcm16(np.concatenate((gap, clip.samples, gap)))
    stream = _open(engine, task)
    texts = [_advance(engine, [(stream, piece)]) for piece in _pieces_of(pcm, task.rate_hz)]
    stream.close()
    return " ".join(text for ended in texts for text in ended)
