"""What lies on disk, and how it is read and written.

A run directory holds ``train.json``, its scores, weights, checkpoints, curves and grids; ``files``
says what each is called, ``record`` what the two records hold, ``lease`` who is writing there now,
and ``redaction`` what must not leave the machine. Everything is written atomically, and whatever is
read may be broken: that is said with the file's name. Old versions load for ever.

Public: ``run_directory.RunDirectory`` and ``exclusive``, ``record.TrainRecord`` and
``ScoreRecord``, ``lease.announced``, ``curve.read_curve``, ``weight_files``.
"""
