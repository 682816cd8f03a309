"""Learns the vocabulary: byte-level BPE, with merges chosen so that copying is easy for a very small model.

Three choices do it. Digits never merge, so numbers are copied digit by digit. Merges are learnt on lower-case letters
and mirrored to Title and UPPER case, so a word falls into the same pieces in each case. A space merges only with whole
frequent words of the templates, last of all, so a name has the same pieces after a space, a quote or a bracket.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from models.tiny.recipe.chat import CONTROL_TOKENS, END

Merge = tuple[str, str]

LETTER_MERGES = 440
SPACED_WORDS = 230
# A space as byte-level BPE writes it.
SPACE = "Ġ"

_WORD = re.compile(r"[a-z]+")
# A single letter would too often be the beginning of a name.
_SHORTEST_SPACED_WORD = 2
# Coined names are rarer than this; merges are for the words of the templates.
_RARE = 12


def learn(texts: Iterable[str]) -> tuple[Tokenizer, list[Merge]]:
    """The tokenizer for these texts, with its merges in order, as the model file needs them."""
    words, spaced = _count(texts)
    letter_merges = _letter_merges(words, how_many=LETTER_MERGES)
    merges = [*_mirrored(letter_merges), *_spaced_merges(spaced, letter_merges)]
    tokens = [*CONTROL_TOKENS, *sorted(ByteLevel.alphabet()), *dict.fromkeys(left + right for left, right in merges)]
    return assembled(tokens, merges), merges


def assembled(tokens: list[str], merges: list[Merge]) -> Tokenizer:
    """A tokenizer of these parts; a token's place in the list is its number."""
    tokenizer = Tokenizer(BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in CONTROL_TOKENS])
    return tokenizer


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The number of a token that must exist."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise LookupError(f"the vocabulary has no token {token!r}")
    return int(number)


def end_id(tokenizer: Tokenizer) -> int:
    """The token at which generation stops."""
    return token_id(tokenizer, END)


def _count(texts: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """How often each word occurs, in any case, and how often it follows a space as it stands."""
    words: Counter[str] = Counter()
    spaced: Counter[str] = Counter()
    for text in texts:
        words.update(_WORD.findall(text.lower()))
        spaced.update(re.findall(r"(?<= )[A-Za-z]?[a-z]+\b", text))
    return Counter({word: times for word, times in words.items() if times >= _RARE}), spaced


def _letter_merges(words: Counter[str], *, how_many: int) -> list[Merge]:
    """Plain byte-pair encoding over lower-case words; ties are broken by spelling, so that the result never varies."""
    spellings = {word: tuple(word) for word in words}
    merges: list[Merge] = []
    for _ in range(how_many):
        pairs: Counter[Merge] = Counter()
        for word, pieces in spellings.items():
            for pair in pairwise(pieces):
                pairs[pair] += words[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spellings = {word: _merged(pieces, best) for word, pieces in spellings.items()}
    return merges


def _merged(pieces: tuple[str, ...], pair: Merge) -> tuple[str, ...]:
    if pair[0] not in pieces:
        return pieces
    merged: list[str] = []
    for piece in pieces:
        if merged and (merged[-1], piece) == pair:
            merged[-1] += piece
        else:
            merged.append(piece)
    return tuple(merged)


def _mirrored(merges: list[Merge]) -> list[Merge]:
    """Each merge in lower, Title and UPPER case, in the same order."""
    return list(
        dict.fromkeys(
            form
            for left, right in merges
            for form in ((left, right), (left[:1].upper() + left[1:], right), (left.upper(), right.upper()))
        )
    )


def _spaced_merges(spaced: Counter[str], letter_merges: list[Merge]) -> list[Merge]:
    whole = {form for left, right in letter_merges for form in (left + right, (left + right).capitalize())}
    frequent = [word for word, _ in spaced.most_common() if word in whole and len(word) >= _SHORTEST_SPACED_WORD]
    return [(SPACE, word) for word in frequent[:SPACED_WORDS]]
