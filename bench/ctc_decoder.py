"""What the beam search of the ctc engine costs and how wide it must be.

    python bench/ctc_decoder.py                       # a made-up language of 100,000 words
    python bench/ctc_decoder.py --model FOLDER --sentences FILE
    python bench/ctc_decoder.py --soak-hours 4        # one utterance without an end
    python bench/ctc_decoder.py --model FOLDER --streams 1 8 16

Sentences are turned into outputs of an acoustic model that mishears: each token has a
frame or two in which its logit is uncertain, blanks between, noise over all. Times are
of the processor, not of the clock, so that other programs disturb less. With
`--streams` the whole engine is measured, from samples on, on noise of speech's level.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.compile import compile_graph
from rechka.recognition.engines.ctc.graph import Graph, read_graph
from rechka.recognition.engines.ctc.lexical import LexicalDecoder
from rechka.recognition.engines.ctc.readings import Calibration
from rechka.recognition.engines.ctc.tokens import Tokens, read_tokens
from rechka.recognition.port import StreamOptions
from rechka.recognition.registry import create_engine

FRAME_S = 0.04
CHUNK_FRAMES = 4
WORDS = 100_000
FOLLOWERS = 20
LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюя"


def write_language(folder: Path, rng: np.random.Generator) -> list[str]:
    """Write tokens, lexicon, bigrams and graph of a made-up language; return sentences of it."""
    weights = rng.dirichlet(np.full(len(LETTERS), 2.0))
    words: dict[str, None] = {}
    while len(words) < WORDS:
        length = int(rng.integers(1, 4 + min(12, len(words) // 2_000 + 1)))
        words["".join(rng.choice(list(LETTERS), length, p=weights))] = None
    names = list(words)
    shares = 1 / np.arange(10, WORDS + 10)
    shares /= shares.sum()
    followers = rng.choice(WORDS, (WORDS // 4, FOLLOWERS), p=shares)
    unigrams = [f"-99\t<s>\t0\n{np.log10(0.1):.3f}\t</s>"]
    unigrams += [
        f"{np.log10(0.9 * share):.4f}\t{name}\t{np.log10(0.4) if number < WORDS // 4 else 0:.3f}"
        for number, (name, share) in enumerate(zip(names, shares, strict=True))
    ]
    bigrams = [
        f"{np.log10(0.6 / FOLLOWERS):.3f}\t{names[number]}\t{names[other]}"
        for number, row in enumerate(followers)
        for other in sorted(set(row.tolist()))
    ]
    (folder / "lm.arpa").write_text(
        f"\\data\\\nngram 1={WORDS + 2}\nngram 2={len(bigrams)}\n\n\\1-grams:\n"
        + "\n".join(unigrams)
        + "\n\n\\2-grams:\n"
        + "\n".join(bigrams)
        + "\n\n\\end\\\n",
        encoding="utf-8",
    )
    lexicon = "".join(f"{name}\t{' '.join(name)}\n" for name in names)
    (folder / "lexicon.txt").write_text(lexicon, encoding="utf-8")
    tokens = "".join(f"{token} {number}\n" for number, token in enumerate([*LETTERS, "<blk>"]))
    (folder / "tokens.txt").write_text(tokens, encoding="utf-8")
    paths = {"arpa": "lm.arpa", "lexicon": "lexicon.txt", "tokens": "tokens.txt"}
    counts = compile_graph(
        **{name: folder / file for name, file in paths.items()}, output=folder / "graph.bin"
    )
    print("graph:", ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    sentences = []
    for _ in range(200):
        row = [int(rng.choice(WORDS, p=shares))]
        while len(row) < 8:
            goes_on = row[-1] < WORDS // 4 and rng.random() < 0.6
            row.append(
                int(rng.choice(followers[row[-1]]) if goes_on else rng.choice(WORDS, p=shares))
            )
        sentences.append(" ".join(names[number] for number in row))
    return sentences


def outputs_of(text: str, tokens: Tokens, rng: np.random.Generator, noise: float) -> np.ndarray:
    """Return log-probabilities, shape (frames, tokens), of a text that is spelled by letters."""
    index = {token: number for number, token in enumerate(tokens.texts)}
    rows: list[np.ndarray] = []

    def emit(token: int, logit: float, count: int = 1) -> None:
        for _ in range(count):
            row = rng.normal(0, 1.2 * noise, len(tokens.texts))
            row[tokens.blank] += 2
            row[token] += logit
            rows.append(row)

    emit(tokens.blank, 6, 8)
    before = -1
    for letter in text:
        token = tokens.space if letter == " " else index.get(letter)
        if token is not None:
            emit(tokens.blank, 5, int(rng.integers(token == before, 3)))
            emit(token, rng.normal(6, 1.2 * noise), 1 + int(rng.random() < 0.3))
            before = token
    emit(tokens.blank, 6, 12)
    logits = np.array(rows)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return np.asarray(log_probs, dtype=np.float32)


def distance(left: list[str], right: list[str]) -> int:
    """Return how many words must be changed, put in or left out."""
    row = list(range(len(right) + 1))
    for number, word in enumerate(left, 1):
        after = [number]
        for place, other in enumerate(right, 1):
            after.append(min(row[place] + 1, after[-1] + 1, row[place - 1] + (word != other)))
        row = after
    return row[-1]


def table(graph: Graph, tokens: Tokens, sentences: list[str], parameters: BeamParameters) -> None:
    """Print cost and accuracy by width of the beam and by noise."""
    print("noise  beam    WER  best of 5  top 1  top 5  ms/frame     RTF  finish ms  KiB/stream")
    for noise in (1.0, 1.3, 1.6):
        rng = np.random.default_rng(1)
        heard = [outputs_of(text, tokens, rng, noise) for text in sentences]
        frames = sum(map(len, heard))
        for beam in (25, 50, 100, 200, 400):
            chosen = BeamParameters(
                lm_weight=parameters.lm_weight, word_bonus=parameters.word_bonus, beam=beam
            )
            errors = best = words = top1 = top5 = held = 0
            finishing_s, begun_s = 0.0, time.process_time()
            for log_probs, text in zip(heard, sentences, strict=True):
                decoder = LexicalDecoder(
                    graph, tokens, parameters=chosen, calibration=Calibration()
                )
                for start in range(0, len(log_probs), CHUNK_FRAMES):
                    decoder.accept(log_probs[start : start + CHUNK_FRAMES])
                    decoder.observe()
                held = max(held, decoder.bytes)
                ended_s = time.process_time()
                readings = [reading.text for reading in decoder.finish(5)] or [""]
                finishing_s += time.process_time() - ended_s
                costs = [distance(reading.split(), text.split()) for reading in readings]
                errors, best, words = (
                    errors + costs[0],
                    best + min(costs),
                    words + len(text.split()),
                )
                top1, top5 = top1 + (readings[0] == text), top5 + (text in readings)
            frame_s = (time.process_time() - begun_s) / frames
            print(
                f"{noise:5.1f} {beam:5d} {errors / words:6.1%} {best / words:9.1%}"
                f" {top1:6d} {top5:6d}"
                f" {frame_s * 1000:9.3f} {frame_s / FRAME_S:7.4f}"
                f" {finishing_s / len(sentences) * 1000:10.1f} {held / 1024:11.0f}",
                flush=True,
            )


def soak(
    graph: Graph, tokens: Tokens, sentences: list[str], parameters: BeamParameters, hours: float
) -> None:
    """Print memory and drift over an utterance that never ends."""
    rng = np.random.default_rng(2)
    heard = [outputs_of(text, tokens, rng, 1.0) for text in sentences[:20]]
    length = sum(map(len, heard))
    decoder = LexicalDecoder(graph, tokens, parameters=parameters, calibration=Calibration())
    rounds = max(1, int(hours * 3600 / FRAME_S / length))
    print(" hours   words  KiB held  words that are late or early by a frame or more")
    before: list[tuple[str, int]] = []
    for number in range(rounds):
        for log_probs in heard:
            decoder.accept(log_probs)
        reading = decoder.observe()
        # The same sound every round: each word must come one round later.
        begin = number * length
        last = [(word.text, word.start - begin) for word in reading.words if word.start >= begin]
        moved = len(set(last) ^ set(before)) if before else 0
        before = last
        if number % max(1, rounds // 10) == 0 or number == rounds - 1:
            done_h = (number + 1) * length * FRAME_S / 3600
            print(
                f"{done_h:6.2f} {len(reading.words):7d} {decoder.bytes / 1024:9.0f} {moved:6d}",
                flush=True,
            )


def whole_engine(folder: Path, counts: list[int]) -> None:
    """Print the cost of a stream from samples on, by how many run together."""
    engine = create_engine("ctc", {"models": [str(folder)], "max_batch": max(counts)})
    engine.warm_up()
    model = engine.models[0]
    rate_hz = model.sample_rates_hz[0]
    options = StreamOptions(language=model.language, model=model.tags[0], sample_rate_hz=rate_hz)
    rng = np.random.default_rng(3)
    print("streams     RTF of one")
    for count in counts:
        streams = [engine.open(options) for _ in range(count)]
        begun_s = time.process_time()
        for _ in range(50):
            noise = rng.normal(0, 0.05, (count, rate_hz // 5)).astype(np.float32)
            engine.accept(list(zip(streams, noise, strict=True)))
            for stream in streams:
                stream.observe()
        print(f"{count:7d} {(time.process_time() - begun_s) / 10 / count:14.4f}", flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="folder with tokens.txt and graph.bin")
    parser.add_argument("--sentences", type=Path, help="text of that language, one a line")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--soak-hours", type=float, default=0.0)
    parser.add_argument("--streams", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    if arguments.streams:
        whole_engine(arguments.model, arguments.streams)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.model or Path(temporary)
        if arguments.model:
            lines = arguments.sentences.read_text(encoding="utf-8").lower().split("\n")
            sentences = [line for line in lines if 4 <= len(line.split()) <= 20]
        else:
            sentences = write_language(folder, np.random.default_rng(0))
        tokens = read_tokens(folder / "tokens.txt")
        graph = read_graph(folder / "graph.bin", tokens.texts)
    parameters = BeamParameters(lm_weight=0.8)
    if arguments.soak_hours:
        soak(graph, tokens, sentences, parameters, arguments.soak_hours)
    else:
        table(graph, tokens, sentences[: arguments.count], parameters)


if __name__ == "__main__":
    main()
