"""Beam search over a lexicon and n-grams."""

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.advance import go_on
from rechka.recognition.engines.ctc.arrays import Settings
from rechka.recognition.engines.ctc.beam import BeamParameters, Hypotheses
from rechka.recognition.engines.ctc.candidates import Model
from rechka.recognition.engines.ctc.graph import Graph
from rechka.recognition.engines.ctc.hotwords import HotwordBoost
from rechka.recognition.engines.ctc.phrases import NO_PHRASES
from rechka.recognition.engines.ctc.tokens import Tokens
from rechka.recognition.engines.ctc.traces import Traces

__all__ = ["BeamSearch"]

Floats = npt.NDArray[np.float32]


class BeamSearch:
    """The search through one utterance.

    Args:
        graph: Vocabulary and language model.
        tokens: Inventory of the acoustic model.
        parameters: Weights and widths.
        hotwords: Phrases that are preferred; None for none.
    """

    def __init__(
        self,
        graph: Graph,
        tokens: Tokens,
        parameters: BeamParameters,
        hotwords: HotwordBoost | None = None,
    ) -> None:
        self._graph = graph
        self._lm_weight = np.float32(parameters.lm_weight)
        self._hot = None if hotwords is None or hotwords.is_empty else hotwords
        machine = self._hot.machine if self._hot else NO_PHRASES
        self._model: Model = (graph.tree, graph.ngrams.tables, machine)
        # A model that hears spaces hears one behind each word; without this, a word
        # outside the vocabulary would fall apart into shorter ones.
        ended = 0 if tokens.space is None else graph.end_node
        space = -1 if tokens.space is None else tokens.space
        whole = [tokens.blank, space, ended, graph.end_node, parameters.beam]
        real = [
            parameters.lm_weight,
            parameters.word_bonus,
            parameters.blank_penalty,
            parameters.score_beam,
            parameters.alternatives_beam,
            self._hot.most_ahead if self._hot else 0.0,
        ]
        self._settings: Settings = (np.array(whole, dtype=np.int64), np.array(real, np.float32))
        self.hypotheses = Hypotheses.first(blank=tokens.blank, lm=graph.ngrams.begin)
        self.traces = Traces()

    @property
    def frame(self) -> int:
        """Frames so far."""
        return self.traces.frame

    def accept(self, log_probs: Floats) -> None:
        """Go on by some frames.

        Args:
            log_probs: Natural log-probabilities of the tokens, shape (frames, tokens).
        """
        rows = np.ascontiguousarray(log_probs, dtype=np.float32)
        end = self.frame + len(rows)
        while self.frame < end:
            left = rows[len(rows) - (end - self.frame) :]
            beam = (self.hypotheses.whole, self.hypotheses.real)
            after = go_on(left, beam, self._model, self._settings, self.traces.tables())
            self.hypotheses = Hypotheses(*after)
            self.traces.refresh()

    @property
    def is_between_words(self) -> npt.NDArray[np.bool_]:
        """Whether each hypothesis stands outside of any word."""
        node = self.hypotheses.node
        between: npt.NDArray[np.bool_] = (node == 0) | (node == self._graph.end_node)
        return between

    def final_scores(self) -> Floats:
        """Return the score of each hypothesis if the utterance ends here."""
        beam, ngrams = self.hypotheses, self._graph.ngrams
        end, _ = ngrams.score(beam.lm, np.full(len(beam.lm), ngrams.end))
        scores = beam.score - beam.lookahead + self._lm_weight * end
        if self._hot:
            scores -= self._hot.pending(beam.hot)
        return scores
