"""The page of appeals: made from their records alone, in both languages, with a chart of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from helpers import CLONE, Aigc
from hostile import PIECES
from markdown_it import MarkdownIt

from bench.records.appeal_record import AXES, AppealRecord, Change, Tried, write_appeal
from bench.report.appeals import FOLDER, PAGE, appeals_files
from bench.report.words import LANGUAGES, Words
from catalog.errors import InvalidInput
from catalog.schema import Registry
from catalog.schema.base import Text


def tried(value: float, *changes: tuple[str, str, str], comes_out: bool = False) -> Tried:
    return Tried(
        changes=tuple(Change(axis=a, stated=s, tried=t) for a, s, t in changes),  # type: ignore[arg-type]
        value=value,
        half_width=0.0,
        comes_out=comes_out,
        contradicts=comes_out,
        passes=1,
    )


def record_of(registry: Registry, **changes: object) -> AppealRecord:
    found = AppealRecord(
        id="mine",
        title=Text(en="My number", zh="我的数值"),
        remark=Text(en="It teaches something.", zh="由此可知。"),
        source="<script>somebody</script>",
        claim_sha256="0" * 64,
        about="samples",
        reference="digits:train",
        metric="fid",
        printed="12.5",
        low=12.45,
        high=12.55,
        protocol={"extractor": "digits-cnn", "jpeg": "95"},
        extractor="digits-cnn",
        extractor_sha256=registry.extractor("digits-cnn").sha256,
        images_sha256="1" * 64,
        tolerance=1e-3,
        value=10.0,
        half_width=0.0,
        verdict="explained",
        tried=(
            tried(11.0, ("jpeg", "95", "75")),
            tried(900.0, ("n_images", "1,000", "100")),
            tried(12.5, ("resize", "bicubic", "bilinear -antialias"), comes_out=True),
        ),
        explanations=(2,),
        by_chance=0.0123,
        left_out=("labels balanced: some class has fewer than 2 images",),
        passes=5,
        libraries={"torch": "2"},
    )
    return found.model_copy(update=changes)


def test_a_page_tells_claim_verdict_and_the_size_of_each_deviation(
    registry: Registry, tmp_path: Path
) -> None:
    write_appeal(record_of(registry), tmp_path / FOLDER)
    files = appeals_files(registry, tmp_path)
    assert len(files) == 4
    page = files[tmp_path / PAGE]
    assert "resize bilinear without antialiasing, not bicubic" in page
    assert "<script>" not in page
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    assert ["resize bilinear without antialiasing, not bicubic", "12.5", "+2.5"] in [
        row[:3] for row in cells
    ]
    assert ["images 100, not 1,000", "900", "+890", "no"] in cells
    assert "yes, against what is stated" in page
    assert "1 claims: 0 reproduced, 1 explained, 0 not explained" in page
    assert "with a chance of 1.2%" in page
    chinese = files[tmp_path / "appeals.zh-CN.md"]
    assert "缩放方式 bilinear（无抗锯齿）（而非bicubic）" in chinese
    for text in (page, chinese):
        for target in re.findall(r"\]\((appeals/[^)]+)\)", text):
            assert tmp_path / target in files


def test_a_chart_has_a_bar_for_each_and_marks_what_comes_out(
    registry: Registry, tmp_path: Path
) -> None:
    write_appeal(record_of(registry), tmp_path / FOLDER)
    files = appeals_files(registry, tmp_path)
    svg = files[tmp_path / FOLDER / "charts" / "mine.svg"]
    root = ET.fromstring(svg)  # noqa: S314 (made two lines above)
    ids = {element.get("id") for element in root.iter()}
    assert {"row-0", "row-1", "row-2"} <= ids
    assert "row-3" not in ids
    texts = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]
    for wanted in ("as stated: 10", "printed: 12.5", "comes out", "12.5", "900"):
        assert wanted in texts
    described = next(one.text for one in root.iter() if one.tag.endswith("desc"))
    assert "It comes out with: resize bilinear without antialiasing, not bicubic." in str(described)


def test_texts_of_strangers_stay_text(registry: Registry, tmp_path: Path) -> None:
    def elements(texts: Sequence[str], folder: Path) -> set[str]:
        for place, text in enumerate(texts):
            write_appeal(poisoned(text, f"mine-{place}"), folder / FOLDER)
        files = appeals_files(registry, folder)
        for path, content in files.items():
            if path.suffix == ".svg":
                tags = {one.tag.rpartition("}")[2] for one in ET.fromstring(content).iter()}  # noqa: S314
                assert not tags & {"script", "image", "a", "foreignObject"}
        page = MarkdownIt("commonmark", {"html": True}).enable("table").render(files[folder / PAGE])
        for address in re.findall(r'(?:href|src)="([^"]*)"', page):
            assert address.startswith(("#", "appeals/"))
        return set(re.findall(r"<(\w+)", page))

    def poisoned(text: str, name: str) -> AppealRecord:
        change = Change(axis="setting", stated=text, tried=text)
        other = Tried(
            changes=(change,),
            value=11.0,
            half_width=0.0,
            comes_out=False,
            contradicts=False,
            passes=0,
        )
        everywhere = {"source": text, "about": text, "reference": text, "printed": text}
        return record_of(
            registry,
            id=name,
            title=Text(en=text, zh=text),
            remark=Text(en=text, zh=text),
            **everywhere,
            protocol={text: text},
            tried=(other,),
            explanations=(),
            verdict="not-explained",
            left_out=(text,),
        )

    plain = elements(["plain words"], tmp_path / "plain")
    assert elements(PIECES[::2], tmp_path / "hostile") <= plain


def test_every_axis_has_words() -> None:
    for language in LANGUAGES:
        words = Words(language, "appeals")
        assert len({words(f"axis_{axis}") for axis in AXES}) == len(AXES)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"extractor_sha256": "f" * 64}, "of other weights than the registry's"),
        ({"id": "digits-fd-made-up"}, "of another claim than the registered one"),
        ({"explanations": ()}, "do not agree"),
    ],
)
def test_records_that_no_longer_hold_are_refused(
    registry: Registry, tmp_path: Path, changes: dict[str, object], what: str
) -> None:
    write_appeal(record_of(registry, **changes), tmp_path / FOLDER)
    with pytest.raises(InvalidInput, match=what) as refused:
        appeals_files(registry, tmp_path)
    assert "aigc bench appeal" in str(refused.value.hint)


def test_without_appeals_there_is_no_page_and_a_command_says_how(
    registry: Registry, tmp_path: Path, aigc: Aigc
) -> None:
    assert appeals_files(registry, tmp_path) == {}
    shown = aigc("report", "appeals", "--reports", tmp_path)
    assert shown.code == 4
    assert "aigc bench appeal --all -o" in shown.stderr


def test_the_committed_page_is_what_its_records_make(registry: Registry) -> None:
    files = appeals_files(registry, CLONE / "reports")
    assert files
    for path, content in files.items():
        assert path.read_text(encoding="utf-8") == content, path
