from rechka.cli.evaluate import _markdown


def test_markdown_has_a_column_a_set_and_leaves_out_what_was_not_measured() -> None:
    row = {
        "set": "street",
        "clips": 3,
        "audio_s": 12.5,
        "wer": 0.5,
        "cer": 0.25,
        "exact_wer": 0.6,
        "exact_cer": 0.3,
        "empty": 0,
        "real_time_factor": 0.1,
        "first_partial_ms_p50": None,
        "first_partial_ms_p95": None,
    }
    lines = _markdown([row, {**row, "set": "all", "clips": 6}]).splitlines()
    assert lines[0].split("|")[2:4] == [" street (3 clips) ", " all (6 clips) "]
    assert "| word error rate | 50.0% | 50.0% |" in lines
    assert "| real-time factor | 0.1 | 0.1 |" in lines
    assert not any("first partial" in line for line in lines)
