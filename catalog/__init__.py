"""The registry and the catalogue built on it: schema, loading, rules and browsing.

Never imports torch and never imports ``bench``.
"""
