"""Words of the site by language; both languages have the same keys."""

from __future__ import annotations

from bench.report.site.texts_en import EN
from bench.report.site.texts_zh import ZH
from bench.report.texts import Language

TEXTS: dict[Language, dict[str, str]] = {"en": EN, "zh": ZH}
