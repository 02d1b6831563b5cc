from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import CLONE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import AigcError, InvalidInput, InvalidRegistry, MissingPrerequisite
from catalog.read import loader
from catalog.read.loader import examine, load_registry, registry_sha256
from catalog.read.locate import find_registry


@pytest.fixture
def remembered() -> None:
    """The cache itself is looked at here."""


def problems_of(path: Path) -> list[str]:
    with pytest.raises(InvalidRegistry) as caught:
        load_registry(path)
    return list(caught.value.problems)


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_the_project_registry_is_valid() -> None:
    assert load_registry().variant("dcgan").algorithm == "bench.models.gan:GAN"


def test_a_path_wins_over_the_variable_and_the_variable_over_the_project(
    edited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = edited(), tmp_path / "other.yaml"
    other.write_bytes(mine.read_bytes())
    assert find_registry().parent == Path(loader.__file__).resolve().parents[2]
    monkeypatch.setenv("AIGC_REGISTRY", str(other))
    assert find_registry() == other
    assert find_registry(mine) == mine


def test_a_file_that_is_not_there_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingPrerequisite, match=r"no registry file .*absent\.yaml"):
        load_registry(tmp_path / "absent.yaml")
    with pytest.raises(InvalidInput, match="is a folder"):
        load_registry(tmp_path)
    monkeypatch.setenv("AIGC_REGISTRY", str(tmp_path / "gone.yaml"))
    with pytest.raises(MissingPrerequisite) as caught:
        load_registry()
    assert "AIGC_REGISTRY" in str(caught.value.hint)


def test_unknown_keys_get_a_suggestion(edited) -> None:
    path = edited(("    kind: document\n", "    kind: document\n    titel: x\n"))
    line = line_of(path, "titel")
    (problem,) = problems_of(path)
    assert problem.startswith(
        f"registry.yaml:{line}: resources.0.titel: unknown key (did you mean: title"
    )


def test_a_nested_unknown_key_is_compared_with_its_own_model(edited) -> None:
    path = edited(('en: "Digits, quick look"', 'zhh: x, en: "Digits, quick look"'))
    assert "suites.0.title.zhh: unknown key (did you mean: zh?)" in problems_of(path)[0]


def test_an_unquoted_arxiv_id_is_told_to_be_quoted(edited, place) -> None:
    path = edited(('arxiv: "1406.2661"', "arxiv: 1710.10190"))
    (problem,) = problems_of(path)
    where = place("resources.{gan-paper}.ids.arxiv")
    assert problem.startswith(f"registry.yaml:{line_of(path, '1710.10190')}: {where}: ")
    assert "quote it: 1710.10190 is read as a number" in problem


def test_a_bad_item_of_a_list_is_reported_once(edited) -> None:
    (problem,) = problems_of(edited(("variants: [vq-vae,", "variants: [VQ!,")))
    assert "suites.0.variants.0: String should match pattern" in problem


def test_all_problems_come_at_once_in_file_order(edited, place) -> None:
    path = edited(
        ("year: 1991", "year: twenty"),
        ("    resolution: 16\n", "    resolution: 16\n    resolution: 16\n"),
        ("    loader: digits\n", ""),
        ("calibration: [held-out", "calibration: [heldout"),
        ("steps: 1000", "steps: 0"),
    )
    problems = problems_of(path)
    assert [problem.split(": ")[1] for problem in problems] == [
        place("resources.{python}.year"),
        "datasets.0.loader",
        "datasets.0.resolution",
        "suites.0.steps",
        "suites.0.calibration.0",
    ]
    lines = [int(problem.split(":")[1]) for problem in problems]
    assert lines == sorted(lines)


def test_duplicate_keys_and_broken_rules_come_together(edited) -> None:
    path = edited(("cpu: true", "cpu: true\n    cpu: true"), ("parent: dcgan", "parent: dcgn"))
    first, second = problems_of(path)
    assert "given twice" in first
    assert "did you mean: dcgan" in second


def test_a_syntax_error_is_reported_alone(edited) -> None:
    path = edited(("year: 2014", "year: [2014"), ("steps: 1000", "steps: 0"))
    (problem,) = problems_of(path)
    assert problem.startswith(f"registry.yaml:{line_of(path, 'year: [2014') + 1}: ")


@pytest.mark.parametrize("content", [b"- 1\n", b"text\n", b"", b"\xff\xfe", b"---\n", b"a: \x00"])
def test_files_that_are_no_registry(edited, content: bytes) -> None:
    path = edited()
    path.write_bytes(content)
    assert len(problems_of(path)) == 1


def test_the_cache_changes_nothing_but_the_time(edited, monkeypatch: pytest.MonkeyPatch) -> None:
    path = edited()
    fresh = load_registry(path)

    def refuse(*_: object) -> None:
        pytest.fail("parsed again")

    with monkeypatch.context() as patch:
        patch.setattr(loader, "_examine", refuse)
        assert load_registry(path) == fresh
    path.write_bytes(path.read_bytes() + b"# changed\n")
    assert load_registry(path) == fresh


def test_a_damaged_cache_is_ignored(edited, tmp_path: Path) -> None:
    path = edited()
    fresh = load_registry(path)
    (slot,) = (tmp_path / "cache" / "registry").iterdir()
    whole = slot.read_bytes()
    for damaged in (b"", b"\xff", b"{}", b"\n{}", whole[:-1], whole.replace(b"2014", b"2015")):
        slot.write_bytes(damaged)
        assert load_registry(path) == fresh, damaged[:5]


def test_a_cache_that_was_signed_but_never_checked_is_ignored(edited) -> None:
    file = edited()
    expected = load_registry(file)
    slot, content = loader._slot(file), file.read_bytes()
    for data in (b"", b"{}", b"[]", b'{"schema_version": 2}', b"\xff", b"[" * 9999):
        slot.write_bytes(loader._stamp(content, data) + b"\n" + data)
        assert load_registry(file) == expected, data[:5]


def test_a_registry_far_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    with file.open("wb") as opened:
        opened.truncate(10**12)  # takes no room on the disk, and would take it all in memory
    with pytest.raises(InvalidInput, match="larger than"):
        load_registry(file)


def test_a_cache_that_cannot_be_written_is_ignored(
    edited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "file"))
    assert load_registry(edited()) == load_registry()


def test_an_invalid_registry_is_never_remembered(edited, tmp_path: Path) -> None:
    path = edited(("parent: dcgan", "parent: dcgn"))
    assert problems_of(path) == problems_of(path)
    assert not (tmp_path / "cache").exists()


def test_registry_sha256_is_that_of_the_bytes(edited) -> None:
    path = edited()
    assert registry_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_remembered_registry_loads_fast_and_light() -> None:
    load_registry()

    def cpu_s(load: Callable[[], object]) -> float:
        started = time.process_time()
        load()
        return time.process_time() - started

    remembered = min(cpu_s(load_registry) for _ in range(3))
    assert remembered < cpu_s(lambda: examine(CLONE / "registry.yaml")) / 4
    heavy = "[name for name in ('torch', 'bench', 'yaml', 'numpy') if name in sys.modules]"
    load = "from catalog.read.loader import load_registry; load_registry()"
    code = f"import sys; {load}; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@given(st.data())
@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_random_bytes_never_raise_anything_else(
    tmp_path: Path, registry_text: str, data: st.DataObject
) -> None:
    content = bytearray(registry_text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from(
                [b"&a ", b"*a", b"!!x ", b"<<: ", b"[", b"}", b"? ", b"\t", b": ", b"-"]
            )
            | st.binary(max_size=4)
        )
    path = tmp_path / "mutated.yaml"
    path.write_bytes(content)
    with suppress(AigcError):
        load_registry(path)
