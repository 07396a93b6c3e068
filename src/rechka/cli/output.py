"""Results as they are printed: as text, as JSON, and live on a terminal."""

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from rechka.results import Final, Hypothesis, Result

__all__ = ["ChunkPrinter", "JsonPrinter", "LivePrinter", "Printer"]


class Printer(Protocol):
    """Shows results while its context is open."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the output in order."""
        ...

    def show(self, result: Result) -> None:
        """Show the next result at once."""
        ...


class _Plain:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing: every line was flushed."""


class ChunkPrinter(_Plain):
    """Prints what the vendor's documented sample client prints."""

    def show(self, result: Result) -> None:
        """Print a block of lines."""
        lines = ["Start chunk: "]
        lines += [f"alternative: {item.text}" for item in _alternatives(result)]
        lines += [f"Is final: {isinstance(result, Final)}", ""]
        click.echo("\n".join(lines))


class JsonPrinter(_Plain):
    """Prints one object a line."""

    def show(self, result: Result) -> None:
        """Print a line."""
        alternatives = _alternatives(result)
        click.echo(
            json.dumps(
                {
                    "text": alternatives[0].text,
                    "final": isinstance(result, Final),
                    "end_of_utterance": isinstance(result, Final) and result.end_of_utterance,
                    "alternatives": [
                        {"text": item.text, "confidence": round(item.confidence, 4)}
                        for item in alternatives
                    ],
                    "words": _words(alternatives[0]),
                    "start_ms": result.start_ms,
                    "end_ms": result.end_ms,
                },
                ensure_ascii=False,
            )
        )


class LivePrinter:
    """Shows finals as lines, and below them the running utterance and the progress.

    Args:
        position_ms: Returns how much audio was sent.
        length_ms: Returns the length of the audio, None where it is not known.
        console: The terminal.
    """

    def __init__(
        self,
        *,
        position_ms: Callable[[], float],
        length_ms: Callable[[], float | None],
        console: Console,
    ) -> None:
        self._position_ms = position_ms
        self._length_ms = length_ms
        self._partial = Text(style="dim")
        self._progress = Progress(
            BarColumn(bar_width=None), TextColumn("{task.description}"), expand=True
        )
        self._task = self._progress.add_task("", total=None)
        self._live = Live(
            console=console, get_renderable=self._render, transient=True, refresh_per_second=10
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live lines away."""
        self._live.stop()

    def show(self, result: Result) -> None:
        """Replace the live line, or settle it."""
        text = _alternatives(result)[0].text
        if isinstance(result, Final):
            self._partial = Text(style="dim")
            if text:
                self._live.console.print(Text(text))
        else:
            self._partial = Text(text, style="dim")
        self._live.refresh()

    def _render(self) -> RenderableType:
        position_ms, length_ms = self._position_ms(), self._length_ms()
        times = [_clock(item) for item in (position_ms, length_ms) if item is not None]
        if length_ms is None:
            # A bar without an end would tell nothing.
            return Group(self._partial, Text(times[0], style="cyan"))
        self._progress.update(
            self._task,
            total=length_ms,
            completed=min(position_ms, length_ms),
            description=" / ".join(times),
        )
        return Group(self._partial, self._progress)


def _alternatives(result: Result) -> tuple[Hypothesis, ...]:
    return result.alternatives if isinstance(result, Final) else (result.hypothesis,)


def _words(hypothesis: Hypothesis) -> list[dict[str, Any]]:
    return [
        {
            "text": word.text,
            "start_ms": word.start_ms,
            "end_ms": word.end_ms,
            "confidence": round(word.confidence, 4),
        }
        for word in hypothesis.words
    ]


def _clock(time_ms: float) -> str:
    minutes, seconds = divmod(int(time_ms / 1000), 60)
    return f"{minutes}:{seconds:02}"
