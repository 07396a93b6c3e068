"""The profanity filter: words and phrases that are left out or masked."""

from rechka.text.profanity.filter import ProfanityFilter, profanity_filter_for
from rechka.text.profanity.rules import ProfanityRules, read_profanity_file

__all__ = ["ProfanityFilter", "ProfanityRules", "profanity_filter_for", "read_profanity_file"]
