"""Looking at work in progress, without a lock and without disturbing anybody.

``job_state`` is the one model of what a job does, read from the small files that jobs leave, and
every view tells it in the same words: ``aigc bench status``, the ``dashboard`` of ``aigc report
live``, the ``lines`` and bars of ``aigc bench run``. ``tensorboard`` writes what a run tells.

Public: ``job_state.work_in_progress`` and ``planned_job_state``, ``dashboard.rendered``,
``lines.make_display``, ``tensorboard.TensorBoard``.
"""
