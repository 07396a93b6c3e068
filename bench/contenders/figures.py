"""What was measured of a contender, and the table of all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from rich.table import Column, Table

from contenders.bare import Bare
from rechka.cli.bench.runs import Run

__all__ = ["Measured", "table_of"]

TITLES = {
    "bare": "bare engine",
    "threads": "thread a stream",
    "processes": "process a stream",
    "rechka": "Rechka",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A contender at its capacity. What nobody measured is None.

    Attributes:
        name: Of the contender.
        sessions: Its capacity; for the bare engine what all cores can decode.
        is_least: Whether the search ended before answers were late.
        per_core_used: Seconds of audio served for a second of its processor time.
        final_p95_ms: 95th percentile of the delays of finals.
        memory_bytes: What its processes held.
        load_cores: Cores that making the load took.
        texts: What it recognized, by the name of the recording.
        runs: All that was tried, as JSON.
    """

    name: str
    sessions: float
    is_least: bool = False
    per_core_used: float | None = None
    final_p95_ms: float | None = None
    memory_bytes: int | None = None
    load_cores: float | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    runs: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of_bare(cls, tried: Sequence[Bare], *, cores: int) -> Self:
        """Return the figures of the bare engine: those of the best of some ways to run it."""
        best = max(tried, key=lambda bare: bare.per_core)
        return cls(
            "bare",
            # The processes ran side by side, so that a core's time is what each of them took.
            sessions=best.audio_s / best.wall_s * cores,
            per_core_used=best.per_core,
            memory_bytes=best.memory_bytes,
            texts=best.texts,
            runs=[
                {
                    "together": bare.together,
                    "audio_s": round(bare.audio_s, 1),
                    "speech_s": round(bare.speech_s, 1),
                    "processor_s": round(bare.processor_s, 2),
                    "wall_s": round(bare.wall_s, 2),
                }
                for bare in tried
            ],
        )

    @classmethod
    def of_runs(
        cls, name: str, runs: Sequence[Run], texts: Mapping[str, str], *, prepared: int | None
    ) -> Self:
        """Return the figures of a server: those of the highest load that was not late.

        Args:
            name: Of the contender.
            runs: Of the search.
            texts: What it recognized, by the name of the recording.
            prepared: Sessions that its memory was prepared for, if that grows with them.
        """
        told = [run.as_dict() for run in runs]
        good = [run for run in runs if not run.is_late]
        if not good:
            return cls(name, sessions=0, texts=texts, runs=told)
        best = max(good, key=lambda run: run.load)
        memory_bytes = best.memory_bytes
        if memory_bytes is not None and prepared is not None:
            memory_bytes = memory_bytes * best.load // prepared
        spent_s = (best.server_s or 0.0) + (best.worker_s or 0.0)
        return cls(
            name,
            sessions=best.load,
            is_least=len(good) == len(runs),
            per_core_used=best.figures.audio_s / spent_s if spent_s else None,
            final_p95_ms=best.figures.final.p95_ms,
            memory_bytes=memory_bytes,
            load_cores=best.load_s / best.figures.audio_s * best.load,
            texts=texts,
            runs=told,
        )

    @property
    def cores_used(self) -> float | None:
        """Cores that its sessions take while all of them run."""
        return self.sessions / self.per_core_used if self.per_core_used else None

    def beside(self, other: "Measured | None") -> float | None:
        """Return how many times the sessions of another it has."""
        return self.sessions / other.sessions if other is not None and other.sessions else None

    def alike(self, reference: "Measured") -> int:
        """Return how many recordings have the text that another one recognized."""
        return sum(reference.texts.get(name) == text for name, text in self.texts.items())

    def as_dict(self, all_measured: Sequence["Measured"], *, cores: int) -> dict[str, Any]:
        """Return plain values for JSON."""
        by_name = {item.name: item for item in all_measured}
        return {
            "sessions": round(self.sessions, 1),
            "is_least": self.is_least,
            "sessions_per_core": round(self.sessions / cores, 2),
            "sessions_per_core_used": _rounded(self.per_core_used, 2),
            "cores_used": _rounded(self.cores_used, 2),
            "load_cores": _rounded(self.load_cores, 2),
            "memory_bytes": self.memory_bytes,
            "final_p95_ms": self.final_p95_ms,
            "times_bare": _rounded(self.beside(by_name.get("bare")), 3),
            "times_threads": _rounded(self.beside(by_name.get("threads")), 3),
            "texts": dict(self.texts),
            "runs": list(self.runs),
        }


def table_of(measured: Sequence[Measured], *, cores: int) -> Table:
    """Return a column for each contender."""
    by_name = {item.name: item for item in measured}
    bare, threads = by_name.get("bare"), by_name.get("threads")
    rows: dict[str, Callable[[Measured], str]] = {
        "sessions": lambda item: f"{item.sessions:.0f}{' or more' * item.is_least}",
        "a core of the machine": lambda item: f"{item.sessions / cores:.1f}",
        "a core of time used": lambda item: _told(item.per_core_used, ".1f"),
        "cores used": lambda item: _told(item.cores_used, ".2f"),
        "cores used by the load": lambda item: _told(item.load_cores, ".2f"),
        "memory": lambda item: _told(item.memory_bytes, ".0f", 2**20, " MB"),
        "finals, 95 %": lambda item: _told(item.final_p95_ms, ".0f", 1, " ms"),
        "share of bare engine": lambda item: _told(item.beside(bare), ".0f", 0.01, " %"),
        "times thread a stream": lambda item: _told(item.beside(threads), ".2f"),
        "texts as the first's": lambda item: f"{item.alike(measured[0])} of {len(item.texts)}",
    }
    table = Table(Column("", no_wrap=True), *(TITLES[item.name] for item in measured))
    for label, tell in rows.items():
        table.add_row(label, *(tell(item) for item in measured))
    return table


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _told(value: float | None, form: str, unit: float = 1, name: str = "") -> str:
    return "–" if value is None else f"{value / unit:{form}}{name}"
