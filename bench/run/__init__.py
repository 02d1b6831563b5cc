"""From a request to finished records.

``suite_choice`` says which suite is meant, ``plan`` what of it is missing and why, ``runner`` hands
those jobs to an engine, which does each in a process of its own (``worker``): ``train_job`` trains
and scores, ``calibration_job`` scores what no training made. Whatever happens becomes a record with
a status and a reason (``journal``, ``failures``) and events for whoever watches. The same command
goes on where the last one stopped. ``prune`` removes what is of no more use.

Public: ``plan.make_plan``, ``runner.run_plan``, ``suite_choice.SuiteChoice``, ``events.Event``,
``engines.local.LocalEngine``.
"""
