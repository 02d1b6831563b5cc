"""From a path to a registry that keeps the schema and every rule, or to all its problems at once.

``locate.find_registry`` says which file is meant; ``loader`` reads it: ``load_registry`` with a
cache of what was valid before, ``examine`` in full, ``registry_sha256`` for records.
"""
