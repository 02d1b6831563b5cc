"""An ONNX model in memory, ready to be called: always the same numbers on one machine."""

from __future__ import annotations

from typing import Any

from bench.outside.extras import require


def session_of(content: bytes) -> Any:
    """A session of ONNX Runtime on one thread of the CPU.

    Raises:
        MissingPrerequisite: the runtime is not installed.
    """
    runtime = require("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # sums in one order
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    # Falling back to the same CPU would only print that it does.
    return runtime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"], enable_fallback=0
    )
