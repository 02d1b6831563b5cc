"""Captions: tokens, what cannot be said, and which captions no training sees."""

from __future__ import annotations

import pytest
import torch

from bench.data.captions.base import BadPrompt, Captions, UnknownWord
from bench.data.captions.prompts import Prompts
from bench.data.captions.sets import DIGITS as CAPTIONS
from bench.data.captions.sets import SETS, TEMPLATES, WORDS

COLOURS = Captions(
    of_class=(("red",), ("dark blue", "blue"), ("light green",)),
    held_out=frozenset({(0, 0), (1, 0)}),
)
"""A class that is not trained at all, one of which a caption is not, one without held-out ones."""


@pytest.mark.parametrize("name", SETS)
def test_every_caption_has_tokens_of_its_own(name: str) -> None:
    captions = SETS[name]
    texts = [text for group in captions.of_class for text in group]
    tokens = {captions.encode(text) for text in texts}
    assert len(tokens) == len(set(texts))
    assert all(len(row) == captions.length for row in tokens)
    assert {token for row in tokens for token in row} <= set(range(captions.n_tokens))


def test_a_pad_says_where_it_stands() -> None:
    n_words = len(CAPTIONS.vocabulary)
    assert CAPTIONS.encode("the digit seven")[3:] == (n_words + 3, n_words + 4, n_words + 5)
    assert CAPTIONS.encode("The DIGIT  Seven") == CAPTIONS.encode("the digit seven")
    assert CAPTIONS.n_tokens == n_words + 6
    assert n_words == 21


def test_an_unknown_word_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownWord, match=r"'Sevn'.*did you mean: seven") as refused:
        CAPTIONS.encode("a handwritten Sevn")
    assert refused.value.word == "Sevn"
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize("text", ["", "  ", "the the the the the the the"])
def test_too_few_and_too_many_words(text: str) -> None:
    with pytest.raises(BadPrompt, match=r"empty|has 7 words; at most 6"):
        CAPTIONS.encode(text)


def test_each_digit_has_another_template_held_out_and_all_words_are_trained() -> None:
    unseen = [CAPTIONS.unseen(digit) for digit in range(10)]
    assert unseen == [(TEMPLATES[d % 5].format(word=WORDS[d]),) for d in range(10)]
    trained = [text for digit in range(10) for text in CAPTIONS.trained(digit)]
    assert len(trained) == 40
    assert not set(trained) & {text for group in unseen for text in group}
    assert {word for text in trained for word in text.split()} == set(CAPTIONS.vocabulary)


@pytest.mark.parametrize("held_out", [(1, 0), (0, 1), (-1, 0)])
def test_what_is_held_out_must_exist(held_out: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        Captions(of_class=(("a",),), held_out=frozenset({held_out}))


def test_prompts_are_drawn_evenly_from_their_class() -> None:
    prompts = Prompts(CAPTIONS, CAPTIONS.trained)
    uniforms = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0 - 2**-25])
    drawn = prompts.draw(torch.full((5,), 3), uniforms)
    expected = [CAPTIONS.encode(text) for text in CAPTIONS.trained(3)]
    assert [tuple(row) for row in drawn.tolist()] == [*expected, expected[-1]]


def test_labels_are_spread_over_classes_that_have_captions() -> None:
    labels = torch.arange(6) % 3
    trained, unseen = (Prompts(COLOURS, k) for k in (COLOURS.trained, COLOURS.unseen))
    assert trained.spread(labels).tolist() == [1, 2, 1, 1, 2, 1]
    assert unseen.spread(labels).tolist() == [0, 1, 0, 0, 1, 0]
    drawn = trained.draw(trained.spread(labels), torch.zeros(6))
    assert drawn[0].tolist() == list(COLOURS.encode("blue"))
    assert not trained.state_dict()
