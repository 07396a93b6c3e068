"""What a client of version 2 gets back."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from rechka.errors import RequestError
from wire_client import SCRIPT, Message, Start, audio, config, outcome_of


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


async def test_three_utterances_are_three_finals(start: Start, pcm: bytes) -> None:
    running = await start()
    outcome = await running.recognize([config(), *audio(pcm)])
    assert outcome.error is None
    assert len(outcome.finals) == 3
    for final, line in zip(outcome.finals, SCRIPT, strict=True):
        assert capital(line).startswith(final)
    assert all(chunk.end_of_utterance for chunk in outcome.chunks)


async def test_opus_is_recognized_like_pcm(start: Start, pcm: bytes, opus: bytes) -> None:
    running = await start()
    of_pcm = await running.recognize([config(), *audio(pcm)])
    of_opus = await running.recognize([config(audio_encoding="OGG_OPUS"), *audio(opus)])
    assert of_opus.error is None
    assert of_opus.finals == of_pcm.finals


async def test_partials_come_only_if_asked_for(start: Start, pcm: bytes) -> None:
    running = await start()
    outcome = await running.recognize([config(), *audio(pcm)])
    assert outcome.partials == []


async def test_partials_grow_to_the_final_of_their_utterance(start: Start, pcm: bytes) -> None:
    running = await start(results={"partial_interval_ms": 0})
    outcome = await running.recognize([config(partial_results=True), *audio(pcm, chunk_bytes=800)])
    assert outcome.partials
    shown = ""
    for chunk in outcome.chunks:
        text = chunk.alternatives[0].text
        assert text.startswith(shown)
        assert text != shown or chunk.final
        assert chunk.end_of_utterance == chunk.final
        shown = "" if chunk.final else text


async def test_confidence_is_one_as_documented(start: Start, pcm: bytes) -> None:
    running = await start()
    outcome = await running.recognize([config(), *audio(pcm)])
    best = outcome.chunks[0].alternatives[0]
    assert best.confidence == 1
    assert {word.confidence for word in best.words} == {1}


async def test_the_engines_confidence_is_told_when_set_so(start: Start, pcm: bytes) -> None:
    running = await start(results={"confidence": "engine", "max_alternatives": 3})
    outcome = await running.recognize([config(), *audio(pcm)])
    confidences = [item.confidence for item in outcome.chunks[-1].alternatives]
    assert len(confidences) == 3
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[-1] < 1


async def test_one_alternative_is_the_default(start: Start, pcm: bytes) -> None:
    running = await start()
    outcome = await running.recognize([config(), *audio(pcm)])
    assert {len(chunk.alternatives) for chunk in outcome.chunks} == {1}


async def test_raw_results_are_left_as_the_engine_says_them(start: Start, pcm: bytes) -> None:
    running = await start()
    outcome = await running.recognize([config(raw_results=True), *audio(pcm)])
    assert outcome.finals[0][0].islower()


async def test_words_lie_in_their_utterance_and_in_order(start: Start, pcm: bytes) -> None:
    running = await start()
    outcome = await running.recognize([config(), *audio(pcm)])
    # The three utterances of the sample begin at about 0.5, 2.5 and 5.3 s.
    for chunk, (earliest_s, latest_s) in zip(
        outcome.chunks, [(0, 2.4), (1.5, 5.3), (4.3, 8.7)], strict=True
    ):
        times = [
            time.ToMilliseconds() / 1000
            for word in chunk.alternatives[0].words
            for time in (word.start_time, word.end_time)
        ]
        assert times == sorted(times)
        assert earliest_s <= times[0]
        assert times[-1] <= latest_s


async def test_a_single_utterance_is_answered_once_and_the_rest_is_read(
    start: Start, pcm: bytes
) -> None:
    running = await start()
    outcome = await running.recognize([config(single_utterance=True), *audio(pcm)])
    assert outcome.error is None
    assert len(outcome.finals) == 1


async def test_half_close_in_the_middle_of_speech_flushes_the_final(
    start: Start, pcm: bytes
) -> None:
    running = await start()
    outcome = await running.recognize([config(), *audio(pcm[: 8000 * 2])])
    assert outcome.error is None
    assert len(outcome.finals) == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 160_000, bytes(itertools.islice(itertools.cycle(b"\x01\x00\xff\xff"), 160_000))],
)
async def test_silence_makes_no_result(start: Start, data: bytes) -> None:
    running = await start()
    outcome = await running.recognize([config(partial_results=True), *audio(data)])
    assert (outcome.chunks, outcome.error) == ([], None)


async def test_a_session_without_any_message_ends_well(start: Start) -> None:
    running = await start()
    outcome = await running.recognize([])
    assert (outcome.chunks, outcome.error) == ([], None)


@pytest.mark.parametrize("chunk_bytes", [511, 512, 1023, 8000, 2**20])
async def test_the_size_of_the_chunks_does_not_matter(
    start: Start, pcm: bytes, chunk_bytes: int
) -> None:
    running = await start()
    expected = (await running.recognize([config(), *audio(pcm)])).finals
    outcome = await running.recognize([config(), *audio(pcm, chunk_bytes=chunk_bytes)])
    assert outcome.finals == expected


async def test_half_a_sample_at_the_end_is_no_audio(start: Start, pcm: bytes) -> None:
    running = await start()
    expected = await running.recognize([config(), *audio(pcm)])
    outcome = await running.recognize([config(), *audio(pcm + b"\x01")])
    assert (outcome.error, outcome.chunks) == (None, expected.chunks)


async def test_empty_chunks_are_allowed(start: Start, pcm: bytes) -> None:
    running = await start()
    messages = [config(), Message(audio_content=b""), *audio(pcm), Message(audio_content=b"")]
    outcome = await running.recognize(messages)
    assert len(outcome.finals) == 3


@pytest.mark.parametrize("language", ["en-US", "EN-us", "en-us"])
async def test_language_codes_are_read_in_any_case(start: Start, pcm: bytes, language: str) -> None:
    running = await start()
    outcome = await running.recognize([config(language_code=language), *audio(pcm)])
    assert len(outcome.finals) == 3


async def test_unknown_metadata_is_ignored(start: Start, pcm: bytes) -> None:
    running = await start()
    others = {
        "transfer_encoding": "chunked",
        "x_data_logging_enabled": "true",
        "x_sensitivity_reduction_flag": "true",
        "x_any": "1",
    }
    outcome = await running.recognize([config(), *audio(pcm)], **others)
    assert len(outcome.finals) == 3


async def test_every_session_has_ids(start: Start) -> None:
    running = await start()
    first = await running.recognize([config()], x_client_request_id="mine")
    second = await running.recognize([config()])
    ids = [item.initial_metadata["x-request-id"] for item in (first, second)]
    assert len(set(ids)) == 2
    assert all(item.initial_metadata["x-server-trace-id"] for item in (first, second))


async def test_the_clients_own_id_is_in_the_log_beside_the_servers(start: Start) -> None:
    running = await start()
    with capture_logs() as logged:
        outcome = await running.recognize([config()], x_client_request_id="mine")
    (entry,) = [item for item in logged if item["event"] == "session_ended"]
    assert entry["client_request_id"] == "mine"
    assert entry["request_id"] == outcome.initial_metadata["x-request-id"]


NUMBERS = ["twenty five percent and some more words", "shit good coffee shit good coffee"]


async def test_numbers_are_written_as_digits_unless_the_results_are_raw(
    start: Start, pcm: bytes
) -> None:
    running = await start(lines=NUMBERS)
    written = await running.recognize([config(), *audio(pcm)])
    raw = await running.recognize([config(raw_results=True), *audio(pcm)])
    assert written.finals[0].startswith("25%")
    assert raw.finals[0].startswith("twenty five percent")


@pytest.mark.parametrize(("mode", "text"), [("drop", "Good coffee"), ("mask", "S*** good coffee")])
async def test_profanity_is_left_out_or_masked_if_asked_for(
    start: Start, pcm: bytes, mode: str, text: str
) -> None:
    running = await start(lines=NUMBERS, results={"profanity_mode": mode})
    plain = await running.recognize([config(), *audio(pcm)])
    filtered = await running.recognize([config(profanity_filter=True), *audio(pcm)])
    assert plain.finals[1].startswith("Shit good coffee")
    assert filtered.finals[1].startswith(text)


async def test_the_operator_exempts_words_by_file(start: Start, pcm: bytes, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("!shit\ncoffee\n")
    running = await start(lines=NUMBERS, results={"profanity_file": str(tmp_path / "words.txt")})
    outcome = await running.recognize([config(profanity_filter=True), *audio(pcm)])
    assert outcome.finals[1].startswith("Shit good")
    assert "coffee" not in outcome.finals[1]


async def test_literature_text_has_punctuation(start: Start, pcm: bytes) -> None:
    running = await start(lines=["hello how are you"])
    outcome = await running.recognize([config(literature_text=True), *audio(pcm)])
    assert outcome.finals[1][-1] in ".?"


async def test_punctuation_is_refused_in_a_language_without_a_model(
    start: Start, pcm: bytes
) -> None:
    running = await start(engine_options={"languages": ["de-DE"]})
    asked = config(language_code="de-DE", literature_text=True)
    outcome = await running.recognize([asked, *audio(pcm)])
    assert isinstance(outcome.error, RequestError)
    assert "config.specification.literature_text" in outcome.error.violations
    assert "en, ru, tr" in outcome.error.message


@pytest.mark.parametrize("model", ["", "general", "general:rc", "general:deprecated"])
async def test_every_documented_model_tag_is_served(start: Start, pcm: bytes, model: str) -> None:
    running = await start()
    outcome = await running.recognize([config(model=model), *audio(pcm)])
    assert outcome.error is None


async def test_partials_are_normalized_if_the_metadata_asks(start: Start, pcm: bytes) -> None:
    running = await start(lines=NUMBERS, results={"partial_interval_ms": 0})
    messages = [config(partial_results=True), *audio(pcm, chunk_bytes=800)]
    plain = await running.recognize(messages)
    normalized = await running.recognize(messages, x_normalize_partials="true")
    assert any(text.startswith("Twenty five percent") for text in plain.partials)
    assert any(text.startswith("25%") for text in normalized.partials)


async def test_bytes_in_the_wrong_order_are_warned_of(start: Start, pcm: bytes) -> None:
    running = await start()
    swapped = np.frombuffer(pcm, dtype="<i2").byteswap().tobytes()
    for data, is_warned in ((swapped, True), (pcm, False)):
        call = running.open(iter([config(), *audio(data)]))
        assert (await outcome_of(call)).error is None
        trailing = dict(await call.trailing_metadata() or ())
        assert ("16-bit little-endian" in str(trailing.get("x-rechka-warning"))) is is_warned
