"""The catalogue in formats of others: every function takes a registry and returns text.

``formats.FORMATS`` (JSON, JSON lines, CSV, a Markdown table, JSON Schema), ``markdown.pages`` (the
committed pages), ``bibtex.bibtex``, and the article's concept graph: ``graph`` says what it holds,
in Mermaid or as boxes and arrows, and ``diagram.diagram_svg`` draws these.
"""
