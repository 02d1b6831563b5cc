"""Signs that the images of a trained model look like those of a collapsed one.

The result stands; a reader is told to look at the samples before believing it.
"""

from __future__ import annotations

from bench.records.record import CalibrationSubject, RunSubject, ScoreRecord, Suspicion

LOW_RECALL = 0.05
FEW_DISTINCT = 0.05
"""Share of distinct images below which a sampler repeats itself."""
LOOK = "look at the grid of samples: collapsed, or not trained enough to show anything"


def suspicions(record: ScoreRecord) -> tuple[Suspicion, ...]:
    """Reasons to think that the images of a trained model are those of a collapsed one, if any.

    Recall is the share of real images that lie near generated ones (arXiv 1904.06991); a generator
    that makes a few images only has little of it, however good they are.
    """
    subject = record.subject
    if isinstance(subject, CalibrationSubject):
        return ()
    signs = []
    recall = record.metric("recall")
    if recall is not None and recall.value is not None and recall.value < LOW_RECALL:
        signs.append(f"recall is {recall.value:.3f}")
    if record.n_distinct is not None and record.n_distinct < FEW_DISTINCT * record.n_images:
        signs.append(f"{record.n_distinct} of {record.n_images} images are distinct")
    if not signs:
        return ()
    suspicion = Suspicion(
        kind="mode-collapse",
        sampler=subject.sampler if isinstance(subject, RunSubject) else "loaded",
        ema=isinstance(subject, RunSubject) and subject.ema,
        message="; ".join(signs),
        hint=LOOK,
    )
    return (suspicion,)
