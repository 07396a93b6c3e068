"""Tables, plots and files of runs."""

import html
import json
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rechka.cli.bench.figures import Delays
from rechka.cli.bench.runs import Run
from rechka.cli.bench.sessions import Progress

__all__ = ["live_table", "print_figures", "write_report"]

# Of the tables of figures, with lines and spaces: "13 OVERLOADED" is as long as they get.
_LABEL_WIDTH = 31
_RUN_WIDTH = 16


def live_table(progress: Progress) -> Table:
    """Return how a run stands."""
    delays = Delays.of(progress.final_delays_s)
    table = Table("speaking", "done", "errors", "finals", "delay of finals: median", "95 %")
    table.add_row(
        *(str(value) for value in (progress.running, progress.ended, progress.refused)),
        str(delays.count),
        *map(_millis, (delays.p50_ms, delays.p95_ms)),
    )
    return table


def _millis(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"


def rows_of(runs: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    """Return a head and a row for each run."""
    head = [
        "sessions",
        "final, median",
        "95 %",
        "99 %",
        "first partial, median",
        "95 %",
        "between partials, median",
        "clips",
        "unanswered",
        "other text than alone",
        "errors",
        "server, cores",
        "workers, cores",
        "server and workers, memory",
        "load itself, cores",
    ]
    rows = []
    for run in runs:
        figures = run.figures
        delays = (
            figures.final.p50_ms,
            figures.final.p95_ms,
            figures.final.p99_ms,
            figures.first_partial.p50_ms,
            figures.first_partial.p95_ms,
            figures.partial_gap.p50_ms,
        )
        errors = ", ".join(f"{count} {code}" for code, count in figures.errors.items())
        cores = [
            "–" if spent is None else f"{spent / run.elapsed_s:.3f}"
            for spent in (run.server_s, run.worker_s)
        ]
        memory = "–" if run.memory_bytes is None else f"{run.memory_bytes / 2**20:.0f} MB"
        changed = "–" if figures.changed is None else str(figures.changed)
        counts = [str(figures.answers), str(figures.unanswered), changed, errors or "0"]
        late = " (late)" if run.is_late else ""
        rows.append(
            [
                f"{run.load}{late}",
                *map(_millis, delays),
                *counts,
                *cores,
                memory,
                f"{run.load_s / run.elapsed_s:.2f}",
            ]
        )
    return head, rows


def verdict(runs: Sequence[Run]) -> str:
    """Return the capacity in words; "" where it was not asked for."""
    if any(run.is_late is None for run in runs):
        return ""
    good = [run.load for run in runs if not run.is_late]
    if not good:
        return f"capacity: less than {min(run.load for run in runs)} sessions"
    found = f"{max(good)} sessions" if len(good) < len(runs) else f"{max(good)} sessions or more"
    # Nothing is known of the cores of another machine's server.
    if any(run.server_s is None for run in runs):
        return f"capacity: {found}"
    cores = len(os.sched_getaffinity(0))
    return f"capacity: {found}, {max(good) / cores:.1f} a core of {cores}"


def print_figures(runs: Sequence[Run]) -> None:
    """Print a column for each run, in as many tables as they need to be read on a terminal."""
    head, rows = rows_of(runs)
    console = Console()
    most = len(rows)
    if console.is_terminal:
        most = max(1, (console.width - _LABEL_WIDTH) // _RUN_WIDTH)
    else:
        console.width = max(console.width, _LABEL_WIDTH + most * _RUN_WIDTH)
    for at in range(0, len(rows), most):
        shown = rows[at : at + most]
        table = Table(head[0], *(row[0] for row in shown))
        for number, label in enumerate(head[1:], 1):
            table.add_row(label, *(row[number] for row in shown))
        console.print(table)
    if told := verdict(runs):
        console.print(told)


def write_report(folder: Path, runs: Sequence[Run]) -> None:
    """Write report.json, report.png and report.html into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps([run.as_dict() for run in runs], indent=1)
    (folder / "report.json").write_text(data + "\n", encoding="utf-8")
    _plot(folder / "report.png", runs)
    head, rows = rows_of(runs)
    lines = ["".join(f"<th>{html.escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    table = "\n".join(f"<tr>{line}</tr>" for line in lines)
    (folder / "report.html").write_text(
        '<!doctype html><meta charset="utf-8"><title>rechka bench</title>\n'
        "<style>body{font-family:sans-serif;margin:2em}td,th{padding:.3em .8em;"
        "border-bottom:1px solid #ccc;text-align:right}</style>\n"
        f"<h1>rechka bench</h1><p>{html.escape(verdict(runs))}</p>\n"
        f'<table>{table}</table><p><img src="report.png" alt="delays of finals"></p>\n',
        encoding="utf-8",
    )


def _plot(path: Path, runs: Sequence[Run]) -> None:
    """Draw which share of the finals came within which delay, a line a run."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - large, and only for the report

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for run in sorted(runs, key=lambda run: run.load):
        delays = sorted(run.final_delays_s)
        shares = [(number + 1) / len(delays) for number in range(len(delays))]
        axes.plot([delay * 1000 for delay in delays], shares, label=f"{run.load} sessions")
    axes.set(xlabel="delay of the final, ms", ylabel="share of the finals", ylim=(0, 1))
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
