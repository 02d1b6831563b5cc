"""Link states, against a server on this machine and ports where nothing listens."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.cli import app
from catalog.errors import GateFailed, InvalidInput, MissingPrerequisite
from catalog.rules.links import Answer, Known, advance, ask, is_offline, load_history, save_history


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        if self.path == "/no-head":
            self.send_response(404)
        elif self.path.startswith("/code/"):
            self.send_response(int(self.path.rpartition("/")[2]))
        elif self.path.startswith("/to/"):
            _, _, code, target = self.path.split("/")
            self.send_response(int(code))
            self.send_header("Location", f"/{target}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        if self.path == "/no-head":
            self.path = "/fine"
        self.do_HEAD()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.fixture
def closed() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/x"


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("/fine", "ok"),
        ("/no-head", "ok"),
        ("/code/404", "gone"),
        ("/code/410", "gone"),
        ("/code/403", "unknown"),
        ("/code/429", "unknown"),
        ("/code/503", "unknown"),
        ("/to/301/new", "moved"),
        ("/to/308/new", "moved"),
        ("/to/302/new", "ok"),
    ],
)
def test_answers_have_states(server: str, path: str, state: str) -> None:
    answer = ask(server + path, timeout=5)
    assert answer.state == state
    assert answer.reached
    assert (answer.location == f"{server}/new") == (state == "moved")


def test_a_silent_port_is_unknown_and_means_offline(closed: str) -> None:
    answer = ask(closed, timeout=1)
    assert (answer.state, answer.reached) == ("unknown", False)
    assert is_offline({closed: answer})
    assert not is_offline({closed: answer, "x": Answer("gone", "HTTP 404")})
    assert not is_offline({})


def test_a_server_that_never_answers_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        answer = ask(f"http://127.0.0.1:{mute.getsockname()[1]}/", timeout=0.3)
    assert (answer.state, answer.reached) == ("unknown", False)


def test_states_follow_each_other_as_documented() -> None:
    ok, gone, unknown = Answer("ok", "answered"), Answer("gone", "HTTP 404"), Answer("unknown", "t")
    first = advance(None, ok, "2026-01-01")
    assert (first.state, first.since, first.last_ok) == ("ok", "2026-01-01", "2026-01-01")
    again = advance(first, ok, "2026-01-02")
    assert (again.since, again.last_ok) == ("2026-01-01", "2026-01-02")
    lost = advance(again, gone, "2026-01-03")
    assert (lost.state, lost.since, lost.last_ok) == ("gone", "2026-01-03", "2026-01-02")
    still = advance(lost, unknown, "2026-01-04")
    assert (still.state, still.since, still.checked) == ("gone", "2026-01-03", "2026-01-04")
    back = advance(still, ok, "2026-01-05")
    assert (back.state, back.since) == ("ok", "2026-01-05")
    assert advance(again, unknown, "2026-01-06").last_ok == "2026-01-02"


def test_history_survives_a_round_trip_and_refuses_other_files(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "links.json"
    history = {"https://a.org": Known("ok", "answered", "2026-01-01", "2026-01-01")}
    assert load_history(path) == {}
    save_history(path, history)
    assert load_history(path) == history
    for text in ("[]", "{", '{"links": {"a": {"what": 1}}}', '{"links": 3}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput, match="not a link history"):
            load_history(path)


def test_the_command_reports_gone_links_and_remembers(edited, server: str, tmp_path: Path) -> None:
    page = "https://keras.io/"
    store = tmp_path / "history.json"
    for path, outcome in (("/fine", None), ("/code/404", GateFailed)):
        registry = edited(
            (f'homepage: "{page}"', f'homepage: "{server}{path}"'),
            ('repo: "https://github.com/keras-team/keras"', f'repo: "{server}/fine#repo"'),
            (f'"https://github.com/keras-team/keras", "{page}"', f'"{server}/a", "{server}/b"'),
        )
        arguments = ["links", "keras", "--registry", str(registry), "--history", str(store)]
        done = CliRunner().invoke(app, [*arguments, "--timeout", "5", "--json"])
        assert type(done.exception) is (outcome or type(None)), done.output
    items = json.loads(done.stdout)["items"]
    assert [item["state"] for item in items] == ["gone", "ok"]
    assert items[0]["used_by"] == ["keras"]
    assert len(load_history(store)) == 3


def test_offline_is_said_and_changes_nothing(edited, closed: str, tmp_path: Path) -> None:
    registry = edited(
        ('homepage: "https://keras.io/"', f'homepage: "{closed}"'),
        ('repo: "https://github.com/keras-team/keras"', f'repo: "{closed}/repo"'),
    )
    store = tmp_path / "history.json"
    arguments = ["links", "keras", "--registry", str(registry), "--history", str(store)]
    done = CliRunner().invoke(app, [*arguments, "--timeout", "1"])
    assert isinstance(done.exception, MissingPrerequisite)
    assert "offline" in done.exception.what
    assert not store.exists()
