"""Words of the site by language; both languages have the same keys."""

from __future__ import annotations

from bench.report.words.report import Language
from bench.report.words.site_en import EN
from bench.report.words.site_zh import ZH

TEXTS: dict[Language, dict[str, str]] = {"en": EN, "zh": ZH}
