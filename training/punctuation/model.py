"""The network: three embeddings of a word and four convolutions over words."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from rechka.text.features import TABLE_SIZES

__all__ = ["EMBEDDING_WIDTHS", "LAYERS", "OUTPUTS", "PunctuationModel"]

EMBEDDING_WIDTHS = (32, 32, 16)
CHANNELS = 128
LAYERS = ((5, 1, 2, 2), (5, 1, 2, 2), (3, 4, 8, 0), (3, 4, 8, 0))
"""Kernel, dilation, padding left and right. To the right they reach 4 words in all."""
OUTPUTS = 7
"""Four logits of the mark after the word, three of its capitals."""


class PunctuationModel(nn.Module):
    """Rows of words (3, batch, time) to logits (batch, 7, time)."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(
            nn.Embedding(size, width)
            for size, width in zip(TABLE_SIZES, EMBEDDING_WIDTHS, strict=True)
        )
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.1)
        widths = [sum(EMBEDDING_WIDTHS)] + [CHANNELS] * len(LAYERS)
        self.layers = nn.ModuleList(
            nn.Conv1d(widths[index], CHANNELS, kernel, dilation=dilation)
            for index, (kernel, dilation, _, _) in enumerate(LAYERS)
        )
        self.head = nn.Conv1d(CHANNELS, OUTPUTS, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Return logits; `mask` (batch, 1, time) is 1 on words, 0 on padding."""
        embedded = [table(rows[index]) for index, table in enumerate(self.tables)]
        x = self.dropout(torch.cat(embedded, dim=2)).transpose(1, 2) * mask
        for index, (layer, (_, _, left, right)) in enumerate(zip(self.layers, LAYERS, strict=True)):
            y = functional.relu(layer(functional.pad(x, (left, right))))
            x = (y if index == 0 else x + y) * mask
        logits: Tensor = self.head(self.dropout(x))
        return logits
