"""A language model over words in a file that the package `kenlm` reads.

The package is an extra of its own, since its licence is the LGPL. It cannot list the
words of a binary file, so no vocabulary can be made of it.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from rechka.recognition.model_folders import refuse_file

if TYPE_CHECKING:
    import kenlm

__all__ = ["KenlmWords"]

_LN_10 = math.log(10.0)
# Base-10 logarithm that a word which the model does not know costs beside its share of
# the unknown word's probability: letters alone make more such words than right ones.
_UNKNOWN = -10.0


class KenlmWords:
    """A loaded file. Constant; shared by streams.

    Args:
        path: Binary or ARPA file of KenLM, of any order that the package was built for.

    Raises:
        RequestError: The package is not installed, or the file is no good.
    """

    def __init__(self, path: Path) -> None:
        try:
            import kenlm  # noqa: PLC0415 - an extra, needed for this file alone
        except ModuleNotFoundError:
            problem = (
                "it is read by the package kenlm, which is not installed; "
                "pip install 'rechka[kenlm]', or take the file away to decode without it"
            )
            raise refuse_file(path, problem) from None
        config = kenlm.Config()
        # Pages come in as they are needed, and workers share them: such files can be
        # larger than the memory.
        config.load_method = kenlm.LoadMethod.LAZY
        config.show_progress = False
        try:
            self._model = kenlm.Model(str(path), config)
        except (OSError, RuntimeError) as error:
            first_line = str(error).partition("\n")[0]
            raise refuse_file(path, f"kenlm cannot load it: {first_line}") from None
        self._new_state = kenlm.State
        self.begin: kenlm.State = self._new_state()
        self._model.BeginSentenceWrite(self.begin)

    def score(self, state: "kenlm.State", word: str) -> tuple[float, "kenlm.State"]:
        """Return a word's natural log-probability behind a state, and the state behind it."""
        after = self._new_state()
        told = self._model.BaseFullScore(state, word, after)
        return (told.log_prob + (_UNKNOWN if told.oov else 0.0)) * _LN_10, after

    def end(self, state: "kenlm.State") -> float:
        """Return the natural log-probability that a sentence ends behind a state."""
        return float(self._model.BaseScore(state, "</s>", self._new_state())) * _LN_10
