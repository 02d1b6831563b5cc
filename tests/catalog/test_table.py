from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from catalog.browse.table import cut, pad, table, wrap
from catalog.markdown_table import markdown_table

MIXED = st.text(alphabet="ab 图像生成，。é", min_size=0, max_size=30)


def test_columns_line_up_below_chinese() -> None:
    lines = table(["名", "x"], [["生成对抗网络", "1"], ["GAN", "22"]], None)
    assert lines == [
        "名            x",
        "------------  --",
        "生成对抗网络  1",
        "GAN           22",
    ]


def test_the_last_column_is_cut_to_the_width() -> None:
    lines = table(["id", "title"], [["vae", "变分自编码器的标题很长很长"]], 20)
    assert lines[2] == "vae  变分自编码器的…"
    assert all(cell_len(line) <= 20 for line in lines)


def test_markdown_tables_escape_and_line_up() -> None:
    lines = markdown_table(["键", "v"], [["a|b", "值\n二"]])
    assert lines[2] == "| a\\|b | 值 二 |"
    assert len({cell_len(line) for line in lines}) == 1


def test_cells_are_padded_by_what_a_terminal_shows() -> None:
    assert markdown_table(["变体", "n"], [["a|b", "1"], ["三个字", "20"]], n_left=1) == [
        "| 变体   |   n |",
        "| ------ | --: |",
        "| a\\|b   |   1 |",
        "| 三个字 |  20 |",
    ]


@given(MIXED, st.integers(1, 40))
@settings(deadline=None)
def test_cut_and_pad_measure_cells(text: str, width: int) -> None:
    assert cell_len(cut(text, width)) <= width
    assert cell_len(pad(cut(text, width), width)) == width


@given(MIXED, st.integers(12, 40))
@settings(deadline=None)
def test_wrapping_loses_only_spaces(text: str, width: int) -> None:
    lines = wrap(text, width, "  ")
    joined = "".join(lines).replace(" ", "")
    assert joined == text.replace(" ", "")
    # A run without a space, or punctuation that may not start a line, is left whole.
    assert all(line.startswith("  ") or not line for line in lines)


@pytest.mark.parametrize("width", [None, 200])
def test_short_text_stays_on_one_line(width: int | None) -> None:
    assert wrap("深度学习 and more", width) == ["深度学习 and more"]
