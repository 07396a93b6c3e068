"""A model of Kaldi that hears tones: small, and real in every file.

Each letter is a frequency. The one layer of the network undoes the cosine transform of
the MFCCs and looks how loud the letter's mel is; the graph lets words follow each other
in any order, with silence or nothing between. Phones know their place in the word, so
that the library can find where words begin and end.
"""

import math
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fakes.tone_models import TONES_HZ, WORDS
from fakes.tone_models import tones as letters_sound
from rechka.audio.samples import Samples

RATE_HZ = 16_000
WORD_GAP_MS = 300
LETTER_MS = 120
_MELS = 40
_LOWEST_HZ, _HIGHEST_HZ = 20.0, 7_600.0
# A log-mel of silence is about 6, of a tone about 26.
_THRESHOLD = 17.0
_PLACES = ("begin", "end", "internal", "singleton")
_SILENCE = 1
_PHONES = 1 + len(_PLACES) * len(TONES_HZ)
_NEVER = math.inf

Arc = tuple[int, int, float, int]


def said(text: str, *, ms_between: int = WORD_GAP_MS) -> Samples:
    """Return the sound of words: their letters without a gap, silence around them."""
    gap = np.zeros(RATE_HZ * ms_between // 1000, dtype=np.float32)
    parts = [gap]
    for word in text.split():
        letters = [
            letters_sound(letter, rate_hz=RATE_HZ, token_ms=LETTER_MS, gap_ms=0) for letter in word
        ]
        parts += [*letters, gap]
    return np.concatenate(parts)


def write_kaldi(
    folder: Path,
    *,
    words: Sequence[str] = WORDS,
    costs: Sequence[float] | None = None,
    is_old: bool = False,
) -> Path:
    """Write what the archive of a model holds; return the folder.

    Args:
        folder: To be made.
        words: Vocabulary.
        costs: Less the natural logarithm of each word's probability; None: all equal.
        is_old: Whether all files lie in one folder, as in models of vosk before 0.3.
    """
    acoustic, conf, graph = (folder / ("" if is_old else name) for name in ("am", "conf", "graph"))
    boundaries = graph / ("" if is_old else "phones")
    for path in (acoustic, conf, graph, boundaries):
        path.mkdir(parents=True, exist_ok=True)
    (acoustic / "final.mdl").write_text(_acoustic_model())
    (conf / "mfcc.conf").write_text(
        f"# Of tones.\n--sample-frequency={RATE_HZ}\n--use-energy=false\n"
        f"--num-mel-bins={_MELS}\n--num-ceps={_MELS}\n--cepstral-lifter=0\n"
        f"--low-freq={_LOWEST_HZ:g}\n--high-freq={_HIGHEST_HZ:g}\n"
    )
    if not is_old:
        (conf / "model.conf").write_text(
            "--min-active=200\n--max-active=3000\n--beam=13.0\n--lattice-beam=6.0\n"
            "--acoustic-scale=1.0\n--frame-subsampling-factor=3\n"
            f"--endpoint.silence-phones={_SILENCE}\n--endpoint.rule2.min-trailing-silence=0.5\n"
        )
    (boundaries / "word_boundary.int").write_text(
        f"{_SILENCE} nonword\n"
        + "".join(f"{_phone(letter, place)} {place}\n" for letter in TONES_HZ for place in _PLACES)
    )
    (graph / "words.txt").write_text(
        "<eps> 0\n" + "".join(f"{word} {number}\n" for number, word in enumerate(words, 1))
    )
    equal = [math.log(len(words) + 1)] * len(words)
    (graph / "HCLG.fst").write_bytes(_graph(words, costs or equal))
    return folder


def write_vosk_model(
    folder: Path,
    *,
    language: str = "tr-TR",
    name: str = "tones-kaldi",
    costs: Sequence[float] | None = None,
    extra: str = "",
) -> Path:
    """Write a model's folder: `model.toml`, and the unpacked archive in a folder beside it."""
    write_kaldi(folder / "vosk-model-tones", costs=costs)
    (folder / "model.toml").write_text(
        f'name = "{name}"\nversion = "1"\nengine = "vosk"\nlanguages = ["{language}"]\n'
        f'tags = ["general", "general:rc"]\nsample_rate_hz = {RATE_HZ}\n'
        f'licence = "Apache-2.0"\nsummary = "Hears tones."\n{extra}'
    )
    return folder


def _phone(letter: str, place: str) -> int:
    return 2 + len(_PLACES) * list(TONES_HZ).index(letter) + _PLACES.index(place)


def _acoustic_model() -> str:
    """Return a transition model and a network, in Kaldi's text form."""
    outputs = 1 + len(TONES_HZ)
    mels = np.arange(_MELS)
    transform = np.cos(np.pi / _MELS * (mels[None, :] + 0.5) * mels[:, None])
    transform *= np.where(mels == 0, 1.0, math.sqrt(2.0))[:, None] / math.sqrt(_MELS)
    lowest, highest = _mel(_LOWEST_HZ), _mel(_HIGHEST_HZ)
    centers = lowest + (highest - lowest) * (mels + 1) / (_MELS + 1)
    picked = np.zeros((outputs, _MELS))
    for number, tone_hz in enumerate(TONES_HZ.values(), 1):
        picked[number, np.abs(centers - _mel(tone_hz)).argmin()] = 1.0
    rows = "\n".join(" ".join(f"{value:.7f}" for value in row) for row in picked @ transform.T)
    biases = " ".join(str(value) for value in [0.0] + [-_THRESHOLD] * (outputs - 1))
    phones = range(1, _PHONES + 1)
    # One state a phone, and an output for the silence and for each letter.
    states = [f"{phone} 0 {(phone + len(_PLACES) - 2) // len(_PLACES)}" for phone in phones]
    half = f"{math.log(0.5):.7f}"
    return (
        "<TransitionModel> \n<Topology> \n<TopologyEntry> \n<ForPhones> \n"
        f"{' '.join(map(str, phones))} \n</ForPhones> \n"
        "<State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.5 </State> \n"
        "<State> 1 </State> \n</TopologyEntry> \n</Topology> \n"
        f"<Triples> {_PHONES} \n" + "\n".join(states) + " \n</Triples> \n"
        f"<LogProbs> \n [ 0 {' '.join([half] * (2 * _PHONES))} ]\n</LogProbs> \n"
        "</TransitionModel> \n<Nnet3> \n"
        f"input-node name=input dim={_MELS}\n"
        "component-node name=tones component=tones input=input\n"
        "output-node name=output input=tones objective=linear\n\n"
        "<NumComponents> 1 \n<ComponentName> tones <FixedAffineComponent> "
        f"<LinearParams>  [\n{rows} ]\n<BiasParams>  [ {biases} ]\n"
        "</FixedAffineComponent> \n</Nnet3> \n"
        "<LeftContext> 0 <RightContext> 0 <Priors>  [ ]\n"
    )


def _mel(frequency_hz: float) -> float:
    return 1127.0 * math.log(1 + frequency_hz / 700.0)


def _graph(words: Sequence[str], costs: Sequence[float]) -> bytes:
    """Return the decoding graph: transitions in, words out, as OpenFst writes it."""
    arcs: list[list[Arc]] = [[]]
    finals = [0.0]

    def follow(state: int, phone: int, word: int, cost: float, final: float) -> int:
        arcs.append([])
        finals.append(final)
        after = len(arcs) - 1
        # The way into a phone comes first, its loop behind.
        arcs[state].append((2 * phone, word, cost, after))
        arcs[after].append((2 * phone - 1, 0, math.log(2), after))
        return after

    silence = follow(0, _SILENCE, 0, math.log(2), 0.0)
    arcs[silence].append((0, 0, 0.0, 0))
    for number, (word, cost) in enumerate(zip(words, costs, strict=True), 1):
        state = 0
        for position, letter in enumerate(word):
            is_first, is_last = position == 0, position == len(word) - 1
            place = {(True, True): "singleton", (True, False): "begin", (False, True): "end"}.get(
                (is_first, is_last), "internal"
            )
            state = follow(
                state,
                _phone(letter, place),
                number if is_first else 0,
                cost if is_first else 0.0,
                0.0 if is_last else _NEVER,
            )
        arcs[state].append((0, 0, 0.0, 0))
    head = struct.pack("<i", 2125659606)
    head += b"".join(struct.pack("<i", len(name)) + name for name in (b"vector", b"standard"))
    # Version 2, no flags, properties "expanded" and "mutable", start, states, arcs.
    head += struct.pack("<iiQqqq", 2, 0, 3, 0, len(arcs), sum(map(len, arcs)))
    return head + b"".join(
        struct.pack("<fq", final, len(own)) + b"".join(struct.pack("<iifi", *arc) for arc in own)
        for final, own in zip(finals, arcs, strict=True)
    )
