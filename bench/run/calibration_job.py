"""What a calibration job does: score the images that give a table its scale."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.data import ImageData, load_dataset
from bench.records.record import CalibrationSubject, to_json
from bench.records.run_directory import CALIBRATION, calibration_file
from bench.run.events import PhaseStarted, Scored, Watch
from bench.run.job import Surroundings, Task
from bench.sample.grid import write_grid
from bench.sample.image_sets import calibration_draws
from bench.score.calibration import calibration_images, calibration_labels
from bench.score.scoring_bench import ScoringBench
from bench.train.loop import Stopped
from catalog.files import write_atomically


@dataclass(frozen=True)
class CalibrationTask(Task):
    """The calibration rows of one protocol; the suite reports it if they fail.

    Attributes:
        names: of the sets to score.
        directory: of all calibration rows.
        around: protocol, data set and extractor.
        watch: who wants to know.
        should_stop: asked before every draw.
    """

    names: tuple[str, ...]
    directory: Path
    around: Surroundings
    watch: Watch
    should_stop: Callable[[], bool]

    def run(self) -> str:
        """Make and score every draw of every set that has no score yet; nothing to remark.

        Raises:
            Stopped: ``should_stop`` said so, or SIGTERM came, which ends the work wherever it is;
                what was scored so far stays.
        """
        with _broken_off_by_sigterm():
            self._run()
        return ""

    def _run(self) -> None:
        self.watch(PhaseStarted(CALIBRATION, "score"))
        data = load_dataset(self.around.dataset)
        bench = self.around.scoring_bench(data)
        for name in self.names:
            for draw in calibration_draws(name):
                file = calibration_file(self.directory, name, self.around.protocol.key, draw)
                if self.should_stop():
                    raise Stopped
                if not file.exists():
                    self._score(bench, data, CalibrationSubject(name=name, draw=draw), file)

    def _score(
        self, bench: ScoringBench, data: ImageData, subject: CalibrationSubject, file: Path
    ) -> None:
        protocol = self.around.protocol
        start = time.perf_counter()
        images = calibration_images(subject.name, data, protocol, subject.draw)
        wall_s = time.perf_counter() - start
        labels = calibration_labels(subject.name, data, protocol)
        record = bench.record(subject, images, wall_s, labels=labels)
        if subject.draw == 0:
            write_grid(images, file.with_suffix(".png"))
        write_atomically(file, to_json(record))
        self.watch(Scored.of(CALIBRATION, record))


@contextmanager
def _broken_off_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise Stopped in the middle of a fit, a draw or a score: nothing is to be saved.

    Files are written whole or not at all.
    """

    def stop(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
