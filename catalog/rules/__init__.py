"""What must hold in a registry beyond the shape of each entry.

``entries`` holds every rule that a file is refused for (``RULES``, ``broken_rules``,
``statements``), and which algorithms it may name (``is_allowed``). ``links`` asks over the network
whether addresses still answer, which no file is refused for (``check``, ``advance``).
"""
