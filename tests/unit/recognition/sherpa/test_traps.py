"""What ends a process that uses sherpa-onnx does not end one that uses the engine.

Each misuse runs in a process of its own, since a failure of these tests is the end of it.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from fakes.tone_transducers import write_model
from rechka.errors import RequestError
from rechka.recognition.registry import create_engine

_PREAMBLE = """
import sys
from pathlib import Path
import numpy as np
from fakes.tone_transducers import tones
from rechka.errors import RequestError
from rechka.recognition.port import Hotword, StreamOptions
from rechka.recognition.registry import create_engine

def engine_of(**options):
    return create_engine("sherpa", {"models": [sys.argv[1]], **options})

def stream_of(engine, rate_hz=16_000, hotwords=()):
    return engine.open(StreamOptions(
        language="ru-RU", model="general", sample_rate_hz=rate_hz, hotwords=tuple(hotwords)))

def refused(what):
    try:
        what()
    except (RuntimeError, RequestError) as error:
        print(f"refused: {error}")

def still_hears(engine):
    stream = stream_of(engine)
    engine.accept([(stream, tones("cab bad"))])
    print(stream.finish()[0].text)
"""

MISUSES = {
    "an empty batch": "engine = engine_of(); engine.accept([])",
    "the same stream twice": """
engine = engine_of()
stream = stream_of(engine)
refused(lambda: engine.accept([(stream, tones("cab")), (stream, tones("cab"))]))
assert stream.finish() == ()
""",
    "a stream that is not ready": """
engine = engine_of()
first, second = stream_of(engine), stream_of(engine)
nothing = np.zeros(0, dtype=np.float32)
engine.accept([(first, np.zeros(1, dtype=np.float32)), (second, tones("cab"))])
engine.accept([(first, nothing), (second, nothing)])
assert first.observe().hypothesis.text == ""
assert first.finish() == ()
assert second.finish()[0].text == "cab"
""",
    "a closed stream": """
engine = engine_of()
closed, open_one = stream_of(engine), stream_of(engine)
engine.accept([(closed, tones("cab"))])
closed.close()
refused(lambda: engine.accept([(open_one, tones("cab")), (closed, tones("cab"))]))
assert open_one.finish() == ()
""",
    "another rate": """
engine = engine_of()
refused(lambda: stream_of(engine, rate_hz=8_000))
refused(lambda: stream_of(engine, rate_hz=48_000))
""",
    "hotwords for a greedy search": """
engine = engine_of(decoding="greedy")
stream = stream_of(engine, hotwords=[Hotword("ad", 5.0)])
engine.accept([(stream, tones("a?"))])
assert stream.finish()[0].text == "ab"
""",
    "hotwords that cannot be spelled": """
engine = engine_of(decoding="beam")
texts = ["", " ", "zebra", "\U0001f600", "ab/ad", "/", ":5", ":", "#1", "@x", "ab :x", "ab :9",
         "ab\\nad", "ab\\0", "<blk>", "<unk>", "\u2581", "a" * 5_000, "ab " * 2_000]
for boost in (5.0, 0.0, -5.0, 1e-9):
    stream = stream_of(engine, hotwords=[Hotword(text, boost) for text in texts])
    engine.accept([(stream, tones("ab cad"))])
    assert stream.finish()[0].text == "ab cad"
""",
    "samples that are no numbers": """
engine = engine_of()
stream = stream_of(engine)
engine.accept([(stream, np.full(16_000, np.nan, dtype=np.float32))])
stream.observe(), stream.finish()
""",
}


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PREAMBLE + code, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("layout", ["zipformer2", "nemo"])
@pytest.mark.parametrize("misuse", MISUSES)
def test_a_misuse_does_not_end_the_process(tmp_path: Path, misuse: str, layout: str) -> None:
    folder = write_model(tmp_path / "model", layout=layout)
    ended = run(MISUSES[misuse] + "\nstill_hears(engine)\n", folder)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "cab bad"
    refusals = ended.stdout.count("refused: ")
    assert refusals == MISUSES[misuse].count("refused(")


def test_a_run_that_fails_ends_its_streams_and_no_other(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    save_one_that_fears_noise(folder / "encoder.onnx")
    ended = run(
        """
engine = engine_of(max_batch=1)
loud, calm = stream_of(engine), stream_of(engine)
engine.accept([(loud, 1e4 * tones("cab")), (calm, tones("cab"))])
refused(loud.observe)
engine.accept([(loud, tones("cab")), (calm, tones("bad"))])
refused(loud.observe)
refused(loud.finish)
assert calm.finish()[0].text == "cab bad"
# Its next utterance has a state of its own.
engine.accept([(loud, tones("dab"))])
assert loud.finish()[0].text == "dab"
still_hears(engine)
""",
        folder,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("refused: ") == 3
    assert "indices element out of data bounds" in ended.stdout


def save_one_that_fears_noise(path: Path) -> None:
    """Change an encoder so that loud features are an index beyond a table."""
    model = onnx.load(path)
    (first,) = [node for node in model.graph.node if node.output == ["features"]]
    first.output[0] = "calm_features"
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["loudest"], keepdims=0),
        helper.make_node("Greater", ["loudest", "loud"], ["is_loud"]),
        helper.make_node("Cast", ["is_loud"], ["index"], to=onnx.TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["nothing"]),
        helper.make_node("Add", ["calm_features", "nothing"], ["features"]),
    ]
    place = list(model.graph.node).index(first) + 1
    for number, node in enumerate(nodes):
        model.graph.node.insert(place + number, node)
    for name, value in (("loud", 20.0), ("table", [0.0])):
        tensor = numpy_helper.from_array(np.array(value, dtype=np.float32), name)
        model.graph.initializer.append(tensor)
    onnx.save(model, path)


def test_a_model_made_for_one_stream_is_run_stream_by_stream(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    model = onnx.load(folder / "encoder.onnx")
    for value in (*model.graph.input, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param == "N":
                dimension.dim_value = 1
    onnx.save(model, folder / "encoder.onnx")
    ended = run(
        """
engine = engine_of(max_batch=4)
engine.warm_up()
streams = [stream_of(engine) for _ in range(3)]
engine.accept([(stream, tones("cab bad")) for stream in streams])
assert [stream.finish()[0].text for stream in streams] == ["cab bad"] * 3
""",
        folder,
    )
    assert ended.returncode == 0, ended.stderr


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    for provider in ("cuda", "cuda:1"):
        with pytest.raises(RequestError, match=rf"provider: got '{provider}', but sherpa-onnx"):
            create_engine("sherpa", {"models": [str(folder)], "provider": provider})


def set_metadata(path: Path, **changes: str | None) -> None:
    model = onnx.load(path)
    metadata = {item.key: item.value for item in model.metadata_props}
    for name, value in changes.items():
        metadata.pop(name, None)
        if value is not None:
            metadata[name] = value
    del model.metadata_props[:]
    helper.set_model_props(model, metadata)
    onnx.save(model, path)


METADATA = [
    ("lstm", "encoder", "model_type", None, "model_type: got ''; accepted: lstm, zipformer"),
    ("lstm", "encoder", "model_type", "conformer", "model_type: got 'conformer'; accepted"),
    ("lstm", "encoder", "T", None, "metadata T: got None; accepted: a number from 1"),
    ("lstm", "encoder", "T", "twenty", "metadata T: got 'twenty'; accepted: a number from 1"),
    ("lstm", "encoder", "T", "٢٠", "metadata T: got '٢٠'; accepted: a number from 1"),
    ("lstm", "encoder", "decode_chunk_len", "0", "decode_chunk_len: got '0'; accepted"),
    ("lstm", "encoder", "decode_chunk_len", "99", "a step of 99 feature frames; accepted: at most"),
    ("lstm", "encoder", "d_model", "7", "sherpa-onnx cannot run it: Got invalid dimensions"),
    ("lstm", "decoder", "vocab_size", None, "metadata vocab_size: got None"),
    ("lstm", "decoder", "vocab_size", "90000", "got 12 outputs; accepted: the 90000 tokens"),
    ("lstm", "decoder", "context_size", "5", "decoder.onnx: it does not run"),
    ("zipformer2", "encoder", "num_heads", None, "metadata num_heads: got None"),
    (
        "zipformer2",
        "encoder",
        "num_heads",
        "1,1",
        "lists of lengths .*num_heads 2.*; accepted: one",
    ),
    (
        "zipformer2",
        "encoder",
        "num_encoder_layers",
        "2",
        "got 9 inputs and 9 outputs; accepted: 15",
    ),
    ("zipformer2", "encoder", "left_context_len", "3", "sherpa-onnx cannot run it"),
    ("nemo", "encoder", "window_size", None, "metadata window_size: got None"),
    ("nemo", "encoder", "vocab_size", "12", "joiner.onnx: got 12 outputs; accepted: the 13"),
    ("nemo", "encoder", "pred_hidden", "5", "decoder.onnx: it does not run"),
    ("nemo", "encoder", "cache_last_time_dim2", "9", "sherpa-onnx cannot run it"),
    ("nemo", "encoder", "prompt_dictionary", None, "prompt_dictionary: got ''; accepted"),
    ("nemo", "encoder", "prompt_dictionary", "{'tr': 1}", "languages: got ru-RU; accepted: tr"),
]


@pytest.mark.parametrize(("layout", "part", "name", "value", "problem"), METADATA)
def test_metadata_that_do_not_fit_are_refused(
    tmp_path: Path, layout: str, part: str, name: str, value: str | None, problem: str
) -> None:
    folder = write_model(tmp_path / "model", layout=layout)
    set_metadata(folder / f"{part}.onnx", **{name: value})
    options = {"models": [str(folder)]}
    with pytest.raises(RequestError, match=problem):
        create_engine("sherpa", options)


@pytest.mark.parametrize("layout", ["lstm", "nemo"])
@pytest.mark.parametrize("part", ["encoder", "decoder", "joiner"])
def test_files_that_are_missing_cut_or_something_else_are_refused(
    tmp_path: Path, layout: str, part: str
) -> None:
    folder = write_model(tmp_path / "model", layout=layout)
    path = folder / f"{part}.onnx"
    whole = path.read_bytes()
    for data in (b"", b"nonsense" * 100, whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(RequestError, match=rf"{part}\.onnx: onnxruntime cannot load it"):
            create_engine("sherpa", {"models": [str(folder)]})
    path.unlink()
    with pytest.raises(RequestError, match=rf"files\.{part}: got none; accepted: one file {part}"):
        create_engine("sherpa", {"models": [str(folder)]})
    # A part of another layout in its place.
    other = write_model(tmp_path / "other", layout="nemo" if layout == "lstm" else "lstm")
    path.write_bytes((other / f"{part}.onnx").read_bytes())
    with pytest.raises(RequestError, match=r"accepted|does not run"):
        create_engine("sherpa", {"models": [str(folder)]})


TOKENS = [
    ("lstm", "hello there you\n", "line 1: accepted: a token, a space and a new number"),
    ("lstm", "<blk> 0\n<unk> one\n", "line 2: accepted"),
    ("lstm", "<blk> 0\n<unk> ١\n", "line 2: accepted: a token, a space and a new number"),
    ("lstm", "<blk> 0\n<unk> 0\n", "line 2: accepted: a token, a space and a new number"),
    ("lstm", "<blk> 0\n<unk> 2\n", "got 2 tokens; accepted: numbers from 0 without a gap"),
    ("lstm", f"<blk> 0\na {'1' * 5_000}\n", "line 2: accepted"),
    ("lstm", "<blk> 0\na 1\na 2\n", "the token 'a' is there twice"),
    ("lstm", "", "got 0 tokens; accepted"),
    ("lstm", "<blk> 0\n<unk> 1\n", "got 2 tokens, the first is '<blk>'; accepted: at least the 12"),
    ("nemo", "<blk> 0\n<unk> 1\n", "got 2 tokens, the last is '<unk>'; accepted: the 12 of"),
]


@pytest.mark.parametrize(("layout", "text", "problem"), TOKENS)
def test_tokens_that_do_not_fit_are_refused(
    tmp_path: Path, layout: str, text: str, problem: str
) -> None:
    folder = write_model(tmp_path / "model", layout=layout)
    (folder / "tokens.txt").write_text(text)
    with pytest.raises(RequestError, match=problem):
        create_engine("sherpa", {"models": [str(folder)]})


def test_tokens_of_the_other_layout_are_refused(tmp_path: Path) -> None:
    lstm, nemo = (write_model(tmp_path / layout, layout=layout) for layout in ("lstm", "nemo"))
    texts = {folder: (folder / "tokens.txt").read_text() for folder in (lstm, nemo)}
    for folder, other, problem in ((lstm, nemo, "the first is"), (nemo, lstm, "the last is")):
        (folder / "tokens.txt").write_text(texts[other])
        with pytest.raises(RequestError, match=problem):
            create_engine("sherpa", {"models": [str(folder)]})


def test_symbols_beyond_the_models_own_are_accepted(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    with (folder / "tokens.txt").open("a") as file:
        file.write("#0 12\n#1 13\n")
    assert create_engine("sherpa", {"models": [str(folder)]}).models


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("bpe.model", b"\xff\xff\xff", "it is no model of sentencepiece"),
        ("bpe.model", b"\x0a\x50abc", "it is no model of sentencepiece: it is cut off"),
        ("bpe.vocab", b"ab\n", "line 1: accepted: a piece and its score"),
        ("bpe.vocab", b"xyz\t-1\n", "none of its pieces is a token of the model"),
    ],
)
def test_pieces_that_are_no_good_are_refused(
    tmp_path: Path, name: str, data: bytes, problem: str
) -> None:
    folder = write_model(tmp_path / "model", bpe="")
    (folder / name).write_bytes(data)
    with pytest.raises(RequestError, match=problem):
        create_engine("sherpa", {"models": [str(folder)], "decoding": "beam"})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('kind = "transducer"', 'kind = "ctc"'), "kind: got 'ctc'"),
        (('summary = "', 'sumary = "'), "sumary: got"),
        (("= 16000", "= 16"), "sample_rate_hz: got 16"),
        (
            ("[files]", '[files]\nencoder = "../encoder.onnx"'),
            "files.encoder: got '../encoder.onnx'",
        ),
        (("[files]", '[files]\nencoder = "e.onnx"'), r"e\.onnx: there is no such file"),
        (("[files]", '[decoder]\nmethod = "best"'), "decoder.method: got 'best'"),
        (('name = "', "name = "), r"model\.toml: "),
    ],
)
def test_a_bad_manifest_is_refused(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    folder = write_model(tmp_path / "model", extra='kind = "transducer"\n[files]\n')
    path = folder / "model.toml"
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(RequestError, match=problem):
        create_engine("sherpa", {"models": [str(folder)]})


def test_a_file_is_named_where_several_could_be_meant(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "encoder.int8.onnx").write_bytes((folder / "encoder.onnx").read_bytes())
    with pytest.raises(
        RequestError, match=r"got encoder\.int8\.onnx, encoder\.onnx; accepted: one"
    ):
        create_engine("sherpa", {"models": [str(folder)]})
    with (folder / "model.toml").open("a") as file:
        file.write('[files]\nencoder = "encoder.int8.onnx"\n')
    assert create_engine("sherpa", {"models": [str(folder)]}).models


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, r"engine_options\.models: got \[\]; accepted: at least one folder"),
        ({"models": ["/nowhere"]}, "/nowhere: no model of the engine 'sherpa' is there"),
        ({"models": ["x"], "threads": 0}, r"threads: got 0; accepted: a number from 1 to 256"),
        ({"models": ["x"], "beam": 101}, r"beam: got 101; accepted: a number from 0 to 100"),
        ({"models": ["x"], "decoding": "best"}, "decoding: got 'best'; accepted: '', 'greedy'"),
        ({"models": ["x"], "provider": "tpu"}, "provider: got 'tpu'; accepted: cpu, cuda, cuda:N"),
        ({"models": ["x"], "beams": 5}, "unknown option; accepted: models"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        create_engine("sherpa", options)
