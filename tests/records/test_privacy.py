"""Records tell nothing of persons, places and secrets; nor do those that are published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import CLONE, offer_plugin, tiny_registry, tiny_variant

from bench.records import redaction as privacy
from bench.records.redaction import anonymous
from bench.run.runner import Manner, run_plan, surroundings

USER = "ana.m"


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: USER)
    monkeypatch.setattr(Path, "home", lambda: Path(f"/home/{USER}"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot open /home/ana.m/data/x.npz", "cannot open ~/data/x.npz"),
        ("in '/home/ana.m/My Data/x.npz'", "in '~/My Data/x.npz'"),
        ("/home/ana.m", "~"),
        ("/Users/bob/x and /home/eve: denied", "~/x and ~: denied"),
        (r"C:\Users\bob\x.txt", r"~\x.txt"),
        ("file:///home/bob/x", "~/x"),
        ("../ana.m/x and /data/ana.m", "../user/x and …/user"),
        ("/mnt/disk 1/x.npz, /srv/sets/y.npz", "…/disk 1/x.npz, …/y.npz"),
        ("where:/srv/sets/y.npz", "where:…/y.npz"),
        (
            'File "/usr/lib/python3.11/threading.py", line 3',
            'File "threading.py", line 3',
        ),
        (
            'File "/opt/my env/lib/python3.11/site-packages/torch/nn/ana.m/x.py", line 3',
            'File "torch/nn/ana.m/x.py", line 3',
        ),
        (
            f'File "{privacy.PACKAGE}/bench/run/worker.py", line 3',
            'File "bench/run/worker.py", line 3',
        ),
        ("/srv/runs/vae-digits-s0/checkpoint.pt", "runs/vae-digits-s0/checkpoint.pt"),
        ("https://ana:pw@host/x?token=abc&y=1", "https://…@host/x?token=…&y=1"),
        ("Authorization: Bearer abcdefgh.12345", "Authorization: Bearer …"),
        ("api_key=12345, password: 'a b'; AWS_SECRET_ACCESS_KEY=x/y+z", None),
        ('{"api-key": "xyz", "n": 3}', '{"api-key": …, "n": 3}'),
        ("hf_abcdefghijklmnop and ghp_abcdefghijklmnop", "… and …"),
        ("write to ana@example.org", "write to …"),
    ],
)
def test_what_is_private_goes(text: str, shown: str | None) -> None:
    found = anonymous(text, runs_dir=Path("/srv/runs"))
    assert found == (shown or "api_key=…, password: …; AWS_SECRET_ACCESS_KEY=…")


@pytest.mark.parametrize(
    "text",
    [
        "12/34 images/s and/or 3 // 4",
        "https://example.org/a/b/c",
        "/dev/null is full",
        "n_tokens=16, tokens: 512",
        "a token of 3",
        "loss is not finite after step 12",
        "shape (3, 4) at <frozen importlib._bootstrap>",
        "the user ana.m failed",  # a name alone may be any word
    ],
)
def test_what_is_public_stays(text: str) -> None:
    assert anonymous(text) == text


def test_a_home_at_the_root_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    assert anonymous("images/s of /dev/null") == "images/s of /dev/null"


def test_a_user_without_an_entry_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert anonymous("in ../ana.m/x") == "in ../ana.m/x"


TELLTALES = {
    "a home folder": r"/(?:home|Users)/\w|/root/|[A-Z]:\\\\?Users",
    "an absolute path": r"(?<![\w/:.~…])/(?!dev/|proc/|sys/)[\w.-]+/[\w./-]+",
    "an e-mail address": r"[\w.+-]+@[\w-]+\.[A-Za-z]{2,}",
    "a password in an address": r"://[^\s/@\"…]+@",
    "a credential": (  # nats_per_token is a number that models measure
        r"(?i)(?:passw(?:or)?d|secret|(?<!per_)token|api[_-]?key)[\"']?\s*[=:]\s*[\"']?[\w+/-]"
    ),
    "a bearer": r"(?i)bearer\s+[\w.-]{8,}",
    "a key": r"\b(?:gh[opsu]_|hf_|sk-|AKIA)\w{12,}",
}


def telltales(text: str) -> list[str]:
    return [what for what, pattern in TELLTALES.items() if re.search(pattern, text)]


def published() -> Iterator[Path]:
    yield from sorted((CLONE / "reports").rglob("*.json"))


def test_published_records_tell_nothing_private() -> None:
    files = list(published())
    assert len(files) > 100
    found = {str(f.relative_to(CLONE)): t for f in files if (t := telltales(f.read_text()))}
    assert not found


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('"traceback": "File \\"/home/ana/x.py\\""', "a home folder"),
        ('"message": "cannot open /srv/data/x.npz"', "an absolute path"),
        ('"message": "from ana@example.org"', "an e-mail address"),
        ('"message": "https://ana:pw@host/x"', "a password in an address"),
        ('"message": "token=abc"', "a credential"),
        ('"message": "Bearer abcdefgh12"', "a bearer"),
        ('"message": "hf_abcdefghijklmnop"', "a key"),
    ],
)
def test_a_record_that_tells_would_be_noticed(text: str, what: str) -> None:
    assert what in telltales(text)
    assert telltales(anonymous(text)) == []


def test_a_failing_model_cannot_make_its_record_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from bench.run.plan import make_plan
    from catalog.read.loader import load_registry

    message = (
        "cannot read /home/bob/secret plans/x.npz from https://bob:hunter2@host/x?token=abc123; "
        f"api_key=xyz987 in {tmp_path}/runs/notes, ask bob@example.org"
    )
    monkeypatch.syspath_prepend(offer_plugin(tmp_path / "plugin"))
    faulty = tiny_variant("loud", "faulty_models:Faulty", fault="raise", says=message)
    file = tiny_registry(tmp_path / "registry.yaml", [faulty])
    registry = load_registry(file)
    plan = make_plan(registry, registry.suite("tiny"), tmp_path / "runs")
    around = surroundings(plan, torch.device("cpu"), file, None)
    outcome = run_plan(plan, around, lambda _: None, Manner())
    assert len(outcome.failures) == 1
    record = json.loads((plan.jobs[0].directory / "train.json").read_text())
    del record["spec"]  # holds the message as a setting of the model, put there by this test
    error = record["error"]
    assert error["message"].startswith("cannot read ~/secret plans/x.npz from https://…@host/x?")
    assert "runs/notes" in error["message"]
    assert "faulty_models.py" in error["traceback"]
    text = json.dumps(record, ensure_ascii=False)
    for private in ("bob", "hunter2", "abc123", "xyz987", str(tmp_path), str(CLONE)):
        assert private not in text, private
    assert telltales(text) == []
