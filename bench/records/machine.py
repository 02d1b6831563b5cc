"""What a record says of the machine: two that say the same round the last digit the same way."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Processor(_Part):
    """What a processor is and what it calculates with: two of one name may round otherwise.

    The first four are what ``/proc/cpuinfo`` says; on ARM they are implementer, variant, part and
    revision. ``vectors`` are the instructions that torch has chosen, ``instruction_sets`` those of
    vectors and matrices that the processor has, and ``limited_by`` the variables that keep the
    libraries from using all of them.
    """

    vendor: str
    family: str
    model: str
    stepping: str
    vectors: str
    instruction_sets: tuple[str, ...]
    limited_by: tuple[str, ...] = ()


class Accelerator(_Part):
    """What a CUDA device calculates with, beside its name."""

    capability: str
    driver: str
    cuda: str
    cudnn: str


class Environment(_Part):
    """The machine and the versions that a number depends on.

    ``processor`` and ``accelerator`` are None where the system does not tell, as on macOS, and in
    records of the first releases; ``accelerator`` also where there is none in use.
    """

    device: str
    device_name: str
    n_threads: int
    os: str
    python: str
    packages: dict[str, str]
    processor: Processor | None = None
    accelerator: Accelerator | None = None

    @property
    def tells_its_arithmetic(self) -> bool:
        """Whether an equal environment rounds equally, which names alone do not promise."""
        on_cpu = self.device == "cpu"
        return self.processor is not None and (on_cpu or self.accelerator is not None)
