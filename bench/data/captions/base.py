"""Captions as word tokens: what a class may be called, and which names are held out of training.

Words are the tokens: a vocabulary of some twenty words needs no byte pairs. A text that is shorter
than the longest caption is filled up with pad tokens, a separate one for every position, as DALL-E
does (Ramesh et al. 2021, 2102.12092, section 2.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from catalog.names import suggestion


class BadPrompt(ValueError):
    """A text that cannot be made into tokens."""


class UnknownWord(BadPrompt):
    """A text with a word that no caption has.

    Args:
        word: as it stands in the text.
        vocabulary: the words there are.
    """

    def __init__(self, word: str, vocabulary: Iterable[str]) -> None:
        self.word = word
        near = suggestion(word, vocabulary)
        super().__init__(f"the word '{word}' is not in the vocabulary of the captions{near}")


@dataclass(frozen=True)
class Captions:
    """All captions of a data set.

    Attributes:
        of_class: the captions of every class, one or several, in lower case.
        held_out: (class, index of the caption in its class) that no training sees. A class all of
            whose captions are held out is not trained at all.
    """

    of_class: tuple[tuple[str, ...], ...]
    held_out: frozenset[tuple[int, int]]

    def __post_init__(self) -> None:
        n_captions = [len(captions) for captions in self.of_class]
        if not all(n_captions):
            raise ValueError("a class has no caption")
        if not all(0 <= k < len(n_captions) and 0 <= i < n_captions[k] for k, i in self.held_out):
            raise ValueError("a caption that does not exist is held out")

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Every word of every caption, in alphabetical order; a word's place is its token."""
        return tuple(sorted({word for text in self._texts() for word in text.split()}))

    @cached_property
    def length(self) -> int:
        """Tokens of every encoded text: the words of the longest caption."""
        return max(len(text.split()) for text in self._texts())

    @property
    def n_tokens(self) -> int:
        """Words, and one pad token for each position."""
        return len(self.vocabulary) + self.length

    def encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a text in any case, ``length`` of them.

        Raises:
            UnknownWord: a word that no caption has; it is named, with the nearest ones.
            BadPrompt: the text is empty, or has more words than the longest caption.
        """
        words = text.split()
        for word in words:
            if word.lower() not in self.vocabulary:
                raise UnknownWord(word, self.vocabulary)
        if not words:
            raise BadPrompt("the prompt is empty")
        if len(words) > self.length:
            raise BadPrompt(
                f"the prompt has {len(words)} words; at most {self.length} are possible"
            )
        tokens = [self.vocabulary.index(word.lower()) for word in words]
        pads = [len(self.vocabulary) + place for place in range(len(words), self.length)]
        return (*tokens, *pads)

    def trained(self, label: int) -> tuple[str, ...]:
        """The captions of a class that are trained on, possibly none."""
        return self._chosen(label, held_out=False)

    def unseen(self, label: int) -> tuple[str, ...]:
        """The captions of a class that are held out of training, possibly none."""
        return self._chosen(label, held_out=True)

    def _texts(self) -> Iterator[str]:
        return chain.from_iterable(self.of_class)

    def _chosen(self, label: int, *, held_out: bool) -> tuple[str, ...]:
        return tuple(
            text
            for index, text in enumerate(self.of_class[label])
            if ((label, index) in self.held_out) == held_out
        )
