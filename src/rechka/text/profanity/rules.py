"""The format of word lists: shipped ones and the operator's own.

One entry a line; `#` begins a comment. An entry is a word, or a phrase of words
divided by spaces, in small letters. In a word

    *       is any letters, or none
    ~       is any verb prefix of the language, or none (Russian)
    +       is any noun ending of the language, or none
    ?       makes the sign before it optional
    [abc]   is one of these letters
    (a|b)   is one of these pieces

and in every entry there is a letter that must be said: "*" would name every word.
A `!` before an entry exempts what it matches, whatever else the lists say; a phrase
exempts each of its words where it is said ("!moby dick").
"""

import re
from dataclasses import dataclass
from pathlib import Path

from rechka.errors import ErrorCode, RequestError

__all__ = ["ProfanityRules", "parse_entries", "read_profanity_file"]

_ENTRY = re.compile(r"[\w'’`\-*~+?()|\[\]& ]+")


@dataclass(frozen=True, slots=True)
class ProfanityRules:
    """Entries of word lists.

    Attributes:
        added: Words and phrases that are profanity.
        exempted: Words that are not, though an entry matches them.
    """

    added: tuple[str, ...] = ()
    exempted: tuple[str, ...] = ()


def parse_entries(text: str, *, name: str) -> ProfanityRules:
    """Return the entries of a list.

    Args:
        text: The list.
        name: Of the list, for the error.

    Raises:
        RequestError: A line is no entry; the message has its number.
    """
    added: list[str] = []
    exempted: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.partition("#")[0].strip().lower()
        if not entry:
            continue
        target = exempted if entry.startswith("!") else added
        entry = entry.removeprefix("!").strip()
        if not _ENTRY.fullmatch(entry) or not _names_words(entry):
            problem = f"{name}, line {number}: this is no entry of the format"
            raise RequestError(ErrorCode.INVALID_CONFIG, problem)
        target.append(entry)
    return ProfanityRules(tuple(added), tuple(exempted))


def read_profanity_file(path: Path) -> ProfanityRules:
    """Return the entries of an operator's file in UTF-8.

    Raises:
        RequestError: The file cannot be read, or a line of it is no entry.
    """
    name = f"settings: results.profanity_file: {path}"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(ErrorCode.INVALID_CONFIG, f"{name}: {_reason(error)}") from None
    return parse_entries(text, name=name)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    # Whole, an OSError would repeat the path.
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _names_words(entry: str) -> bool:
    """Whether an entry can be compiled, and some letter of it must be said."""
    if not any(sign.isalpha() for sign in entry):
        return False
    words = entry.replace("*", "").replace("+", "").replace("~", "").split()
    try:
        return not all(re.fullmatch(word, "") for word in words)
    except re.error:
        return False
