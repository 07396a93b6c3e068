"""How far the times of recognized words are from those of the voice that said them.

    python bench/word_times.py --language ru-RU --sentences LM/ru/heldout_sentences.txt
    python bench/word_times.py --language en-US --sentences LM/en/heldout_sentences.txt \
        --synthesizer festival --voice kal_diphone

A synthesizer knows when it begins and ends each word. espeak-ng tells it through its
library, which must be installed; festival through its `Word` relation. Words that were
recognized right are compared, and the table tells how many there were.
"""

import argparse
import ctypes
import difflib
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from rechka.audio.samples import Samples
from rechka.recognition.port import Engine, StreamOptions
from rechka.recognition.registry import create_engine
from rechka.serving.plan import read_plan
from rechka.settings import Settings

RATE_HZ = 16_000
QUIET_S = 0.25
CHUNK = RATE_HZ * 160 // 1000

SYNCHRONOUS = 2
PHONEME_EVENTS = 1
UTF8 = 1
WORD, PHONEME = 1, 7


@dataclass(frozen=True, slots=True)
class Said:
    """A word with its times in the sentence's samples, in milliseconds."""

    text: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a voice said: samples at 16 kHz and its words."""

    samples: Samples
    words: tuple[Said, ...]


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """A voice of espeak-ng, such as "ru+Mario"."""

    def __init__(self, voice: str) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self._rate_hz = self._library.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS)
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise SystemExit(f"--voice: got {voice!r}, which espeak-ng does not have")
        self._parts: list[bytes] = []
        self._events: list[tuple[int, int, int, bytes]] = []
        self._callback = _Callback(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, wave: object, count: int, events: object) -> int:
        if wave and count:
            self._parts.append(ctypes.string_at(wave, count * 2))  # type: ignore[arg-type]
        number = 0
        while (event := events[number]).type:  # type: ignore[index]
            if event.type in (WORD, PHONEME):
                row = (event.type, event.text_position, event.sample, event.id.string)
                self._events.append(row)
            number += 1
        return 0

    def say(self, words: Sequence[str]) -> Sentence:
        """Return a sentence; its words are fewer where the voice joins some."""
        self._parts, self._events = [], []
        text = " ".join(words).encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, 0, 0, UTF8, None, None)
        samples = np.frombuffer(b"".join(self._parts), dtype="<i2").astype(np.float32) / 32768
        positions = np.cumsum([1, *(len(word) + 1 for word in words)])[:-1].tolist()
        spoken: list[Said] = []
        begins = [
            (at, positions.index(position))
            for at, (kind, position, _, _) in enumerate(self._events)
            if kind == WORD and position in positions
        ]
        for order, (at, number) in enumerate(begins):
            until = begins[order + 1][0] if order + 1 < len(begins) else len(self._events)
            phones = [row for row in self._events[at:] if row[0] == PHONEME]
            own = sum(row[0] == PHONEME for row in self._events[at:until])
            sounds = [n for n, row in enumerate(phones[:own]) if row[3].strip(b"_:;")]
            # A word ends where whatever follows its last sound begins.
            if sounds and sounds[-1] + 1 < len(phones):
                edges = (phones[sounds[0]][2], phones[sounds[-1] + 1][2])
                start_ms, end_ms = (edge * 1000 / self._rate_hz for edge in edges)
                spoken.append(Said(words[number], start_ms, end_ms))
        return Sentence(soxr.resample(samples, self._rate_hz, RATE_HZ), tuple(spoken))


class Festival:
    """A voice of festival, such as "kal_diphone"."""

    def __init__(self, voice: str) -> None:
        self._voice = voice

    def say(self, words: Sequence[str]) -> Sentence:
        """Return a sentence."""
        with tempfile.TemporaryDirectory() as folder:
            wave, times = Path(folder, "said.wav"), Path(folder, "words.txt")
            program = f"""
                (voice_{self._voice})
                (set! said (utt.synth (Utterance Text "{" ".join(words)}")))
                (utt.save.wave said "{wave}" 'riff)
                (set! file (fopen "{times}" "w"))
                (mapcar (lambda (word) (format file "%s %f %f\\n" (item.name word)
                  (item.feat word "R:SylStructure.daughter1.daughter1.segment_start")
                  (item.feat word "R:SylStructure.daughtern.daughtern.segment_end")))
                  (utt.relation.items said 'Word))
                (fclose file)"""
            script = Path(folder, "script.scm")
            script.write_text(program, encoding="utf-8")
            subprocess.run(["festival", "-b", str(script)], check=True)
            samples, rate_hz = soundfile.read(wave, dtype="float32")
            rows = [line.split() for line in times.read_text(encoding="utf-8").splitlines()]
        spoken = tuple(Said(row[0], float(row[1]) * 1e3, float(row[2]) * 1e3) for row in rows)
        return Sentence(soxr.resample(samples, rate_hz, RATE_HZ), spoken)


def differences(engine: Engine, language: str, sentence: Sentence) -> Iterator[tuple[float, float]]:
    """Yield how much later than said each right word starts and ends, in milliseconds."""
    quiet = np.zeros(int(QUIET_S * RATE_HZ), dtype=np.float32)
    samples = np.concatenate((quiet, sentence.samples, quiet)).astype(np.float32)
    stream = engine.open(StreamOptions(language=language, model="general", sample_rate_hz=RATE_HZ))
    for at in range(0, len(samples), CHUNK):
        engine.accept([(stream, samples[at : at + CHUNK])])
    found = stream.finish()
    stream.close()
    heard = found[0].words if found else ()
    matcher = difflib.SequenceMatcher(
        None, [word.text for word in sentence.words], [word.text for word in heard], autojunk=False
    )
    for match in matcher.get_matching_blocks():
        for n in range(match.size):
            said, word = sentence.words[match.a + n], heard[match.b + n]
            before_ms = QUIET_S * 1000
            yield (
                word.start_ms - before_ms - said.start_ms,
                word.end_ms - before_ms - said.end_ms,
            )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", required=True, help="ru-RU, en-US or tr-TR")
    parser.add_argument("--sentences", type=Path, required=True, help="one of words a line")
    parser.add_argument("--synthesizer", choices=("espeak", "festival"), default="espeak")
    parser.add_argument("--voice", help="ru+Mario, and the like for other languages")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--models", type=Path, help="folder of ctc models instead of those served")
    arguments = parser.parse_args()
    synthesizers: dict[str, Callable[[str], Espeak | Festival]] = {
        "espeak": Espeak,
        "festival": Festival,
    }
    prefix = arguments.language[:2]
    voice = arguments.voice or f"{prefix}+Mario"
    speaker = synthesizers[arguments.synthesizer](voice)
    if arguments.models:
        engine = create_engine("ctc", {"models": [str(arguments.models)]})
    else:
        served = read_plan(Settings()).recognition
        engine = create_engine(served.engine, served.engine_options)
    engine.warm_up()
    lines = arguments.sentences.read_text(encoding="utf-8").splitlines()[: arguments.count]
    said = 0
    rows: list[tuple[float, float]] = []
    for line in lines:
        sentence = speaker.say(line.split())
        said += len(sentence.words)
        rows += differences(engine, arguments.language, sentence)
    table = np.array(rows)
    print(f"{arguments.language}, {arguments.synthesizer} {voice}: {said} words, {len(rows)} right")
    print("| | median difference | median distance | 95th percentile |\n|---|---|---|---|")
    for name, column in (("start", table[:, 0]), ("end", table[:, 1])):
        away = np.abs(column)
        print(
            f"| {name} | {np.median(column):+.0f} ms | {np.median(away):.0f} ms "
            f"| {np.percentile(away, 95):.0f} ms |"
        )


if __name__ == "__main__":
    main()
