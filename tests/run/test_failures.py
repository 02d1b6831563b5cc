"""What an exception becomes: a kind, a sentence and something to do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
import torch

from bench.machine import memory
from bench.run import failures
from bench.run.failures import HINTS, UNEXPECTED, diagnose
from bench.train.divergence import Diverged
from catalog.errors import InvalidInput, MissingPrerequisite

TOO_MUCH = 1 << 60


def raised_by_numpy() -> BaseException:
    with pytest.raises(MemoryError) as caught:
        bytearray(TOO_MUCH)
    return caught.value


def raised_by_torch() -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(TOO_MUCH)
    return caught.value


@pytest.mark.parametrize("raised", [raised_by_numpy, raised_by_torch])
def test_a_refused_allocation_is_out_of_memory(raised: object) -> None:
    assert callable(raised)
    found = diagnose(raised())
    assert (found.kind, found.hint) == (failures.OUT_OF_MEMORY, HINTS[failures.OUT_OF_MEMORY])
    assert "\n" not in found.message


def test_cuda_running_out_is_out_of_memory() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    assert diagnose(error).kind == failures.OUT_OF_MEMORY


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_from_other_refusals(number: int) -> None:
    found = diagnose(OSError(number, os.strerror(number), "weights.safetensors"))
    assert found.kind == failures.DISK_FULL
    assert "weights.safetensors" in found.message
    assert "aigc bench prune" in found.hint
    refused = OSError(errno.EACCES, os.strerror(errno.EACCES), "weights.safetensors")
    assert diagnose(refused).kind == "PermissionError"


def test_errors_with_a_hint_of_their_own_keep_it() -> None:
    error = InvalidInput("the data is another", where="file.npy", hint="get the right one")
    found = diagnose(error)
    assert found.kind == "InvalidInput"
    assert found.message == "the data is another (file.npy)"
    assert found.hint == "get the right one"
    assert diagnose(MissingPrerequisite("nothing there")).hint == UNEXPECTED
    assert diagnose(Diverged(3, "loss is not finite", {})).hint != UNEXPECTED


def test_an_unexpected_error_is_named_and_never_empty() -> None:
    found = diagnose(KeyError("layer"))
    assert (found.kind, found.message, found.hint) == ("KeyError", "'layer'", UNEXPECTED)
    assert diagnose(ValueError()).message == "ValueError"


def test_memory_is_read_from_outside_and_inside() -> None:
    here = memory.resident_bytes(os.getpid())
    assert 50e6 < here < 50e9  # torch is loaded
    assert memory.peak_memory_bytes(torch.device("cpu")) >= 0.5 * here
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert memory.resident_bytes(child.pid) == 0
    assert memory.kills_for_memory() >= 0
