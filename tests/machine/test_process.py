"""Processes are known by number and start: dead ones, zombies and successors are told apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from helpers import wait_until

from bench.machine.process import ProcessId, is_alive, this_host, this_process


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[bytes], ProcessId]]:
    """Another process that waits for its stdin to close, and its identity."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as process:
        created_at = psutil.Process(process.pid).create_time()
        yield process, ProcessId(pid=process.pid, created_at=created_at, host=this_host())
        process.kill()


def test_this_process_lives() -> None:
    me = this_process()
    assert me.pid == os.getpid()
    assert is_alive(me) is True


def test_a_killed_process_is_dead_even_before_its_parent_takes_notice(
    other: tuple[subprocess.Popen[bytes], ProcessId],
) -> None:
    process, identity = other
    assert is_alive(identity) is True
    process.kill()
    zombie = psutil.Process(process.pid)
    wait_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE, "the process to end")
    assert is_alive(identity) is False
    process.wait()
    assert is_alive(identity) is False


def test_a_number_that_was_given_out_again_is_another_process() -> None:
    me = this_process()
    assert is_alive(me.model_copy(update={"created_at": me.created_at - 3600.0})) is False
    assert is_alive(me.model_copy(update={"created_at": me.created_at + 0.5})) is True


def test_of_another_machine_nothing_is_known() -> None:
    assert is_alive(this_process().model_copy(update={"host": "0" * 12})) is None


def test_the_name_of_this_machine_is_not_told() -> None:
    assert len(this_host()) == 12
    assert set(this_host()) <= set("0123456789abcdef")
