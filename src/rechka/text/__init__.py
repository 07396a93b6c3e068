"""Text as people write it: numbers, profanity, capitals and punctuation."""

from rechka.text.pipeline import TextOptions, TextPipeline
from rechka.text.plain import filter_profanity, normalize, punctuate

__all__ = ["TextOptions", "TextPipeline", "filter_profanity", "normalize", "punctuate"]
