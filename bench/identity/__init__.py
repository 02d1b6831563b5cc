"""What makes two runs the same thing: their spec, their protocol and the code that decides them.

Pure, and never torch. Public: ``TrainSpec``, ``ScoringProtocol``, ``code_of_training``,
``code_of_scoring``, ``sha256_of_data``.
"""
