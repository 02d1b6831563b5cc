"""One task of the proof, as a process can be handed it."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable

import numpy as np
import torch
from golden_digest import Parts
from golden_scores import score_parts
from golden_variants import variant_parts
from threadpoolctl import threadpool_limits

Task = tuple[str, str]
"""A section of a file and a name in it."""
COMPUTED: dict[str, Callable[[str], Parts]] = {"variants": variant_parts, "scores": score_parts}
ERROR = "error"
"""The part that stands for everything which could not be computed."""


def one_thread() -> None:
    """Calculate on one thread from now on, in this process."""
    torch.set_num_threads(1)
    threadpool_limits(1)


def computed(task: Task) -> tuple[Task, Parts]:
    """The parts of one task; an exception becomes a part, so that the others go on."""
    section, name = task
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (what a careless model would use)
    torch.manual_seed(0)
    try:
        return task, COMPUTED[section](name)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a difference)
        traceback.print_exc()
        return task, {ERROR: f"{type(error).__name__}: {error}"}
