"""Findings: the table fills in what they say; a sentence that it does not bear out is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import CLONE, Aigc
from report_runs import SEEDS, Runs, make_spec, make_suite, planned

from bench.identity.local_registry import pinned_registry
from bench.report.board.table import Leaderboard
from bench.report.leaderboard.findings import FindingsRefused, blanks, filled
from bench.report.leaderboard.write import board_of, committed_boards, find_records
from bench.report.words import LANGUAGES, localized
from bench.score.copies import QUANTILE
from bench.score.suspicions import LOW_RECALL
from catalog.schema import Registry

Make = Callable[..., Leaderboard]
MADE: dict[float, Leaderboard] = {}
"""Tables by the ratio of their rows, made once."""
COMMITTED = sorted(file.parent.name for file in (CLONE / "reports").glob("*/findings.md"))


@pytest.fixture
def board(runs: Runs, small_registry: Registry) -> Make:
    """A table of ``dcgan`` and ``vae`` whose second row is so many times as far as the first."""

    def make(ratio: float = 0.5) -> Leaderboard:
        if ratio in MADE:
            return MADE[ratio]
        for seed in SEEDS:
            for variant, distance in (("dcgan", 20.0 + seed), ("vae", (20.0 + seed) * ratio)):
                runs.train(make_spec(variant, seed))
                runs.score(make_spec(variant, seed), distance)
            runs.score(make_spec("vae", seed), distance / 2, "gmm-10")
        runs.calibrate("pca-gaussian", 15.0)
        runs.calibrate("held-out", 1.0, n_images=360)
        suite = make_suite(SEEDS)
        found = find_records(runs.path)
        return MADE.setdefault(ratio, board_of(suite, planned(SEEDS), found, small_registry))

    return make


def test_blanks_are_filled_from_the_table(board: Make) -> None:
    table = board()
    rows = {row.key.name: row for row in table.rows}
    made = filled(
        "{let @all vae,dcgan}Of {count @all} rows with {seeds @all} seeds and {steps} steps"
        " {best fid @all} is at {fid vae/prior} and {names @all worse vae} at {least fid dcgan};"
        " {names vae worse dcgan}; {ratio vae dcgan}; {given 10.66}; {fid @all}.",
        table,
        "en",
    )
    vae, dcgan = (f"{rows[name].mean('fid'):.3g}" for name in ("vae", "dcgan"))
    numbers = re.findall(r"[\d.,]+\d", made)
    assert made.startswith(f"Of 2 rows with {len(SEEDS)} seeds")
    assert "`vae` is at" in made
    assert "and `dcgan` at" in made
    assert "none; 0.5; 10.66;" in made
    assert [n for n in numbers if n.startswith(vae[:3])]
    assert [n for n in numbers if n.startswith(dcgan[:3])]
    assert made.endswith(" to " + numbers[-1] + ".\n")


@pytest.mark.parametrize(
    ("ratio", "said"), [(0.5, "beats"), (1.005, "is not told apart from"), (2.0, "is behind")]
)
def test_a_verdict_follows_the_table(board: Make, ratio: float, said: str) -> None:
    text = "VAE {verdict vae dcgan|beats|is not told apart from|is behind} DCGAN."
    assert filled(text, board(ratio), "en") == f"VAE {said} DCGAN.\n"


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("VAE is better than DCGAN.", "'better' without a blank"),
        ("{fid vae} says nothing. VAE leads.", "'leads' without a blank"),
        ("VAE is at 10.5.", "'10.5' is no blank"),
        ("Five rows are there, {fid vae} at the front.", "'Five' is no blank"),
        ("VAE优于DCGAN。", "'优于' without a blank"),
        ("有三行，{fid vae}。", "'三' is no blank"),
        ("{check dcgan better vae} DCGAN is better than VAE.", "is not so of dcgan"),
        ("{check vae,dcgan fid < 15} All are near.", "is not so of dcgan"),
        ("{none vae better dcgan} VAE is no better.", "is so of vae"),
        ("{fid stylegan9} it is.", "the table has no row 'stylegan9'"),
        ("{distance vae} it is.", "there is no 'distance'"),
        ("{fid @them} it is.", "no {let @them"),
        ("{verdict vae dcgan|a|b} it is.", "cannot be read"),
        ("{verdict vae dcgan|2 times better|b|c} it is.", "'2' is a number of its own"),
        ("{verdict vae dcgan,vae|a|b|c} {verdict dcgan,vae vae|a|b|c} it is.", "2 rows and not"),
        ("{ratio vae held-out} it is.", "do not compare"),
        ("{names vae nearer dcgan} it is.", "'nearer' is no filter"),
        ("{fid dcgan better parent} it is.", "has no parent's row"),
        ("{fid held-out} it is.", "has 360 images only"),
        ("{label_accuracy vae} it is.", "has no label_accuracy"),
        ("{fid vae worse dcgan} it is.", "no row is left"),
    ],
)
def test_a_sentence_that_the_table_does_not_bear_out_is_refused(
    board: Make, sentence: str, why: str
) -> None:
    table = board()
    with pytest.raises(FindingsRefused) as refused:
        filled(f"\n\n{sentence}\n", table, "en", "there.md")
    told = refused.value.lines()
    assert any(line.startswith("there.md:3: ") and why in line for line in told), told


def test_precision_is_not_told_where_the_judge_prefers_noise(
    board: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = board()
    assert filled("{precision vae}\n", table, "en")
    monkeypatch.setattr(Leaderboard, "precision_is_blind", True)
    with pytest.raises(FindingsRefused) as refused:
        filled("{precision vae}\n", table, "en")
    assert "finds noise more precise" in refused.value.problems[0]


def test_a_row_is_named_with_its_sampler_where_others_of_its_variant_are_not_meant(
    board: Make,
) -> None:
    text = "{names vae/*,dcgan fid < 8}; {names vae/*,dcgan fid < 80}; {best fid vae/*}"
    assert filled(text, board(), "en") == "`vae` (gmm-10); `vae`, `dcgan`; `vae` (gmm-10)\n"


def test_words_that_are_names_or_code_are_no_numbers(board: Make) -> None:
    text = (
        "VQ-VAE-2, R3GAN and `gmm-10` of [a page](x-2.md) draw from `N(0, 1)`; 最小二乘，更新。\n"
    )
    assert filled(text, board(), "en") == text


# The command, and the committed findings.

TEXT = {
    "en": "The autoencoder is at {fid ae/gmm-10}, {names ae/gmm-10 lower vae/gmm-10} ahead.\n",
    "zh": "自编码器为{fid ae/gmm-10}，{names ae/gmm-10 lower vae/gmm-10}领先。\n",
}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A copy of the quick report with findings in both languages, not signed yet."""
    folder = tmp_path / "reports" / "digits-quick"
    shutil.copytree(CLONE / "reports" / "digits-quick", folder)
    for language in LANGUAGES:
        (folder / localized("findings.md", language)).write_text(TEXT[language], encoding="utf-8")
    return folder.parent


def test_signed_findings_stand_on_the_page_filled(aigc: Aigc, reports: Path) -> None:
    options = ("-o", reports, "--runs", reports / "digits-quick" / "records", "--replace")
    assert aigc("report", "sign", "digits-quick", "--reports", reports).code == 0
    assert aigc("report", "leaderboard", "digits-quick", *options).code == 0
    for name, said in (("leaderboard.md", "The autoencoder is at 1.78, `ae` ahead."),):
        assert said in (reports / "digits-quick" / name).read_text(encoding="utf-8")
    chinese = (reports / "digits-quick" / "leaderboard.zh-CN.md").read_text(encoding="utf-8")
    assert "自编码器为1.78，`ae`领先。" in chinese
    assert aigc("report", "leaderboard", "digits-quick", "-o", reports, "--check").code == 0

    file = reports / "digits-quick" / "findings.md"
    wrong = "{check ae/gmm-10 lower sigma-vae/gmm-10}The plain one is ahead.\n"
    file.write_text(file.read_text(encoding="utf-8") + wrong, encoding="utf-8")
    for verb in ("leaderboard", "all"):
        where = ("-o", reports) if verb == "leaderboard" else ("--reports", reports)
        suite = ("digits-quick",) if verb == "leaderboard" else ()
        shown = aigc("report", verb, *suite, *where, "--check")
        assert shown.code == 5
        assert "findings.md:3: {check ae/gmm-10 lower sigma-vae/gmm-10}" in shown.stderr
        assert "is not so of ae" in shown.stderr


@pytest.mark.parametrize(
    ("language", "text", "why"),
    [
        ("en", "The autoencoder is better.\n", "without a blank"),
        ("zh", "自编码器为{fid ae/gmm-10}。\n", "{names ae/gmm-10 lower vae/gmm-10} is not in"),
        ("zh", TEXT["zh"] + "{fid vae}。\n", "{fid vae} is not in"),
    ],
)
def test_wrong_findings_are_not_signed(
    aigc: Aigc, reports: Path, language: str, text: str, why: str
) -> None:
    file = "findings.md" if language == "en" else "findings.zh-CN.md"
    (reports / "digits-quick" / file).write_text(text, encoding="utf-8")
    shown = aigc("report", "sign", "digits-quick", "--reports", reports)
    assert (shown.code, shown.stdout) == (5, "")
    assert why in shown.stderr
    for one in LANGUAGES:
        there = reports / "digits-quick" / localized("findings.md", one)
        assert "sha256" not in there.read_text(encoding="utf-8")


def test_numbers_that_are_given_stand_in_the_registry_or_the_code() -> None:
    """Published numbers and settings of recipes are entries of variants; others are constants."""
    text = (CLONE / "registry.yaml").read_text(encoding="utf-8")
    variants = text[text.index("\nvariants:") :]
    constants = {f"{LOW_RECALL}", f"{100 * QUANTILE:.0f} %"}
    found = 0
    for suite in COMMITTED:
        file = CLONE / "reports" / suite / "findings.md"
        for blank in blanks(file.read_text(encoding="utf-8")):
            if blank.startswith("given "):
                number = blank.removeprefix("given ")
                there = re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.]\d|\d|e)", variants)
                assert there or number in constants, f"{file}: {number}"
                found += 1
    assert found > 5


def test_every_committed_finding_is_borne_out_and_both_languages_say_the_same() -> None:
    """Signed or not: nothing stands in them that the committed records do not say."""
    boards = committed_boards(pinned_registry(CLONE / "registry.yaml"), CLONE / "reports")
    digits, mnist = ["digits", "digits-32", "digits-ten-seeds"], ["mnist-fine-tuning", "mnist-tiny"]
    assert ["cifar10-tiny", *digits, *mnist] == COMMITTED
    for suite in COMMITTED:
        said = []
        for language in LANGUAGES:
            file = CLONE / "reports" / suite / localized("findings.md", language)
            text = file.read_text(encoding="utf-8")
            assert filled(text, boards[suite], language, file.as_posix())
            said.append(blanks(text))
        assert said[0] == said[1], suite
        assert sum(said[0].values()) > 10
