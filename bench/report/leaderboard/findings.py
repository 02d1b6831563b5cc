"""Findings: sentences about a table, in which the table itself fills in what it says.

Somebody writes the sentences, ``findings.md`` beside the page. Their numbers, their lists of rows
and their verdicts are blanks in braces, such as ``{fid vae/gmm-10}`` or ``{names @gans better
dcgan}``, filled whenever the page is made; CONTRIBUTING.md lists them. What cannot be a blank is
checked by one: a sentence with a number of its own, or with a word of ranking and no blank, is
refused, and so is one whose check no longer holds. Thus no sentence says what the table does not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Literal, cast, get_args

from bench.records.metric_names import MetricName
from bench.report.board.results import results_csv
from bench.report.board.table import BASELINE, Leaderboard, Row
from bench.report.words import LANGUAGES, Language, Words, localized
from bench.report.words.rows import row_name
from bench.report.words.spelling import estimate_text, percent_text
from bench.stats.comparisons import compare
from bench.stats.effects import ratio
from catalog.errors import GateFailed, MissingPrerequisite
from catalog.escaping import visible
from catalog.files import write_atomically

FINDINGS = "findings.md"
Verdict = Literal["better", "undecided", "worse"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_MARK = re.compile(r"\A<!-- table: sha256 ([0-9a-f]{64}) -->\n")
_BLANK = re.compile(r"\{([^{}]*)\}")
_ASIDE = re.compile(r"`[^`]*`|\]\([^)]*\)|<!--.*?-->")
"""Code, targets of links and comments, which say nothing."""
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n\s*\n|\n- ")
_NUMBER = re.compile(
    r"(?<![\w-])\d(?:[\d.,]*\d)?|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty"
    r"|hundred|thousand|half|halves|twice|double|doubles)\b|[两三四五六七八九十百千万]|一半|半数",
    re.IGNORECASE,
)
_RANKING = re.compile(
    r"\b(?:better|best|worse|worst|beats?|helps?|leads?|ahead|behind|near(?:er|est)|low(?:er|est)"
    r"|high(?:er|est)|large[rst]+|small(?:er|est)|more|most|fewer|less|least(?! squares)|than)\b"
    r"|优于|更(?![新改正])|最(?!小二乘)|胜|不及|不如|领先|落后|有益|有效|高于|低于|大于|小于|较[好差低高远近]",
    re.IGNORECASE,
)


class FindingsRefused(GateFailed):
    """Sentences that their table does not bear out.

    Attributes:
        problems: one line each: file, line, sentence, and what the table says.
    """

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        n = len(problems)
        super().__init__(
            f"{n} sentence{'s' if n > 1 else ''} of the findings say{'' if n > 1 else 's'} what the"
            " table does not",
            where=file,
            hint="let blanks say it, as CONTRIBUTING.md tells, or reword",
        )

    def lines(self) -> list[str]:
        """The problems first, and then what can be done."""
        return [*map(visible, self.problems), *super().lines()]


class _Wrong(Exception):
    """A blank cannot be filled, or a check does not hold."""


def table_digest(board: Leaderboard) -> str:
    """Hex sha256 of ``results.csv``: of the whole table, to the last digit."""
    return sha256(results_csv(board).encode()).hexdigest()


def findings_text(folder: Path, language: Language, board: Leaderboard) -> str:
    """What a report folder has to say at the top of a page; empty where there is nothing.

    Findings say in their first line of which table they speak. Beside any other they are left out,
    and a sentence says so.

    Raises:
        FindingsRefused: a sentence says what the table does not.
    """
    file = folder / localized(FINDINGS, language)
    if not file.is_file():
        return ""
    digest, text = _signed(file)
    if digest == table_digest(board):
        return filled(text, board, language, file.as_posix())
    return Words(language)("findings_elsewhere", file=file.name)


def sign_findings(board: Leaderboard, folder: Path) -> tuple[Path, ...]:
    """Writes into the first line of a folder's findings that they speak of this table.

    Returns:
        The files that changed.

    Raises:
        MissingPrerequisite: there are no findings.
        FindingsRefused: a sentence says what the table does not, or one language what another
            does not; nothing was signed.
    """
    files = {language: folder / localized(FINDINGS, language) for language in LANGUAGES}
    texts = {language: _signed(file) for language, file in files.items() if file.is_file()}
    if not texts:
        raise MissingPrerequisite(
            f"there are no findings on suite '{board.suite.id}' to sign",
            where=next(iter(files.values())).as_posix(),
            hint="write them by hand beside the table that they speak of",
        )
    for language, (_, text) in texts.items():
        filled(text, board, language, files[language].as_posix())
    _require_same({files[language].as_posix(): text for language, (_, text) in texts.items()})
    wanted, signed = table_digest(board), []
    for language, (digest, text) in texts.items():
        if digest != wanted:
            unsigned = _MARK.sub("", text)
            write_atomically(files[language], f"<!-- table: sha256 {wanted} -->\n{unsigned}")
            signed.append(files[language])
    return tuple(signed)


def filled(text: str, board: Leaderboard, language: Language, file: str = FINDINGS) -> str:
    """The text with its blanks filled in from the table.

    Args:
        text: Markdown with blanks.
        board: the table.
        language: of the text.
        file: named in messages.

    Raises:
        FindingsRefused: a blank or a sentence is not what the table says.
    """
    table, problems = _Table(board, Words(language, "findings")), []

    def fill(match: re.Match[str]) -> str:
        try:
            return table.blank(match[1])
        except _Wrong as wrong:
            line = text.count("\n", 0, match.start()) + 1
            problems.append(f"{file}:{line}: {' '.join(match[0].split())}: {wrong}")
            return ""

    made = _BLANK.sub(fill, text)
    problems += (f"{file}:{line}: {said}" for line, said in _unfounded(text))
    if problems:
        raise FindingsRefused(file, problems)
    return _MARK.sub("", made).strip("\n") + "\n"


def blanks(text: str) -> Counter[str]:
    """The blanks of a text without the wordings that they choose from, and how often each is."""
    return Counter(" ".join(one.split("|")[0].split()) for one in _BLANK.findall(text))


def _require_same(texts: dict[str, str]) -> None:
    """The same blanks in every language, in whatever order."""
    (first, text), *others = texts.items()
    for file, other in others:
        left, right = blanks(text), blanks(other)
        problems = [f"{first}: {{{one}}} is not in {file}" for one in left - right]
        problems += [f"{file}: {{{one}}} is not in {first}" for one in right - left]
        if problems:
            raise FindingsRefused(file, problems)


def _unfounded(text: str) -> Iterator[tuple[int, str]]:
    """Sentences with numbers of their own, or with a ranking that no blank bears out."""

    def hidden(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", "\x01" if match[0].startswith("{") else " ", match[0])

    plain = _ASIDE.sub(hidden, _BLANK.sub(hidden, text))
    start = 0
    for end in [*(match.end() for match in _SENTENCE.finditer(plain)), len(plain)]:
        sentence, line = plain[start:end], plain.count("\n", 0, start) + 1
        number, ranking = _NUMBER.search(sentence), _RANKING.search(sentence)
        said = " ".join(text[start:end].split())
        if number:
            yield line, f"“{said}”: '{number[0]}' is no blank, such as {{given {number[0]}}}"
        elif ranking and "\x01" not in sentence:
            yield line, f"“{said}”: '{ranking[0]}' without a blank that bears it out"
        start = end


class _Table:
    """A leaderboard that answers blanks."""

    def __init__(self, board: Leaderboard, words: Words) -> None:
        self._board, self._words = board, words
        self._rows = (
            *(row for row in board.rows if row.scores),
            *board.reconstructions,
            *board.calibration,
        )
        self._groups: dict[str, str] = {}
        self._parents = {id(one.child): one for one in board.descents}

    def blank(self, body: str) -> str:
        """What a blank stands for."""
        expression, *wordings = body.split("|")
        name, *arguments = expression.split() or [""]
        if name in get_args(MetricName):
            return self._span(self._estimates(name, arguments))
        found = self._functions.get(name)
        if found is None:
            raise _Wrong(f"there is no '{name}'; there are {', '.join(sorted(self._functions))}")
        try:
            return found(arguments, wordings)
        except (IndexError, ValueError):
            raise _Wrong("cannot be read") from None

    @cached_property
    def _functions(self) -> dict[str, Callable[[list[str], list[str]], str]]:
        return {
            "best": lambda given, _: self._extreme(given, least=True),
            "check": lambda given, _: self._check(given),
            "count": lambda given, _: str(len(self._chosen(given))),
            "given": lambda given, _: " ".join(given),
            "let": self._let,
            "most": lambda given, _: self._end(given, max),
            "least": lambda given, _: self._end(given, min),
            "names": lambda given, _: self._names(self._chosen(given), self._select(given[0])),
            "none": lambda given, _: self._none(given),
            "percent": lambda given, _: self._percent(given),
            "ratio": lambda given, _: self._ratio(given),
            "seeds": lambda given, _: self._seeds(given),
            "steps": lambda *_: f"{self._board.suite.steps:,}",
            "top": lambda given, _: self._extreme(given, least=False),
            "verdict": self._verdict,
        }

    # Rows.

    def _select(self, pattern: str) -> list[Row]:
        """Rows by ``variant``, ``variant/sampler`` or ``variant/sampler/weights``, with commas.

        Parts may have wildcards. Where the sampler or the weights are not named, a row is the one
        that stands for its variant, or for that sampler of it.
        """
        found: dict[int, Row] = {}
        for one in self._spelled_out(pattern).split(","):
            parts = one.split("/")
            hits = [row for row in self._rows if self._fits(row, parts)]
            if not hits:
                raise _Wrong(f"the table has no row '{one}'")
            found |= {id(row): row for row in hits}
        return [row for row in self._rows if id(row) in found]

    def _spelled_out(self, pattern: str) -> str:
        """The pattern with its groups replaced by what they stand for."""
        unknown = [one for one in pattern.split(",") if one[:1] == "@" and one not in self._groups]
        if unknown:
            raise _Wrong(f"no {{let {unknown[0]} …}} stands above")
        return ",".join(self._groups.get(one, one) for one in pattern.split(","))

    def _fits(self, row: Row, parts: Sequence[str]) -> bool:
        own = (row.key.name, row.key.sampler, row.key.weights)
        wild = "*" in parts[0]
        if not all(fnmatchcase(a, b) for a, b in zip(own, parts, strict=False)):
            return False
        if (wild or len(parts) > 1) and row.kind == "calibration":
            return False
        same = [other for other in self._rows if other.key.name == row.key.name]
        if len(parts) == 1:
            return row is min(same, key=lambda other: other.key.precedence)
        if row.kind == "reconstruction" and "*" in parts[1]:
            return False
        if len(parts) == 2:
            same = [other for other in same if other.key.sampler == row.key.sampler]
            return row is min(same, key=lambda other: other.key.precedence)
        return True

    def _one(self, pattern: str) -> Row:
        rows = self._select(pattern)
        if len(rows) != 1:
            raise _Wrong(f"'{pattern}' is {len(rows)} rows and not one")
        return rows[0]

    def _beside(self, row: Row, pattern: str) -> list[Row]:
        """What a row stands beside: rows of a pattern, or its parent's."""
        if pattern != "parent":
            return [other for other in self._select(pattern) if other is not row]
        if id(row) not in self._parents:
            raise _Wrong(f"'{row.key.name}' has no parent's row in the table")
        return [self._parents[id(row)].parent]

    def _chosen(self, given: Sequence[str]) -> list[Row]:
        """Rows that pass all filters: a verdict, a lower or higher mean, a bound on a metric."""
        rows, rest = self._select(given[0]), list(given[1:])
        while rest:
            kind = rest.pop(0)
            other = "" if kind == "first" else rest.pop(0)
            bound = float(rest.pop(0)) if other in ("<", ">") else 0.0
            rows = [row for row in rows if self._passes(row, kind, other, bound)]
        return rows

    def _passes(self, row: Row, kind: str, other: str, bound: float) -> bool:
        if kind == "first":
            return row.rank is not None and row.rank.low == 1
        if other in ("<", ">"):
            value = self._mean(kind, row)
            return value < bound if other == "<" else value > bound
        beside = self._beside(row, other)
        if not beside:  # the row itself
            return False
        if kind in VERDICTS:
            return all(self.stands(row, one) == kind for one in beside)
        if kind not in ("lower", "higher"):
            raise _Wrong(f"'{kind}' is no filter")
        return all((self._factor(row, one) < 1) == (kind == "lower") for one in beside)

    # What rows say.

    def stands(self, row: Row, other: Row) -> Verdict:
        """How one row stands to another, as the table's own tests have it.

        The test against the PCA-Gaussian or against the parent where the table has it, else that
        of every pair at once. Rows that no test compares are undecided.
        """
        contrast = row.baseline if other.key.name == BASELINE else None
        descent = self._parents.get(id(row))
        if descent is not None and descent.parent is other:
            contrast = descent.contrast
        if contrast is not None:
            verdict = contrast.verdict
            return verdict if verdict in ("better", "worse") else "undecided"
        if (id(row), id(other)) in self._decided:
            return "better"
        return "worse" if (id(other), id(row)) in self._decided else "undecided"

    @cached_property
    def _decided(self) -> set[tuple[int, int]]:
        """Pairs of ranked rows, the first of which is shown to be better."""
        rows = self._board.ranked
        pairs = compare([row.sample("fid") for row in rows])
        return {(id(rows[p.better]), id(rows[p.worse])) for p in pairs if p.decided}

    def _mean(self, metric: str, row: Row) -> float:
        if metric not in get_args(MetricName):
            raise _Wrong(f"'{metric}' is no metric")
        value = row.mean(cast("MetricName", metric))
        if value is None:
            raise _Wrong(f"'{row.key.name}' has no {metric}")
        if metric == "precision" and self._board.precision_is_blind:
            raise _Wrong("this judge finds noise more precise than real images")
        if metric == "fid" and row.n_images != self._board.protocol.n_fake:
            raise _Wrong(f"'{row.key.name}' has {row.n_images} images only: use fid_equal_n")
        return value

    def _factor(self, row: Row, other: Row) -> float:
        """The row's distance over the other's, geometric means over seeds."""
        if row.n_images != other.n_images:
            raise _Wrong(
                f"'{row.key.name}' has {row.n_images} images and '{other.key.name}' has"
                f" {other.n_images}, so that their distances do not compare"
            )
        return ratio(row.values("fid"), other.values("fid"), 0.95).value

    def _estimates(self, metric: str, given: Sequence[str]) -> list[tuple[float, str]]:
        """Means of rows and how they are spelled."""
        name = cast("MetricName", metric)
        return [
            (self._mean(metric, row), estimate_text(row.estimate(name)))
            for row in self._some(given)
        ]

    def _some(self, given: Sequence[str]) -> list[Row]:
        rows = self._chosen(given)
        if not rows:
            raise _Wrong("no row is left")
        return rows

    # Blanks.

    def _span(self, found: Iterable[tuple[float, str]]) -> str:
        """The only text there is, or the first and the last by number."""
        texts = list(dict.fromkeys(text for _, text in sorted(found)))
        low, high = texts[0], texts[-1]
        return low if len(texts) == 1 else self._words("range", low=low, high=high)

    def _end(
        self, given: list[str], which: Callable[[list[tuple[float, str]]], tuple[float, str]]
    ) -> str:
        return which(self._estimates(given[0], given[1:]))[1]

    def _extreme(self, given: list[str], *, least: bool) -> str:
        rows = self._some(given[1:])
        pick = min if least else max
        found = pick(rows, key=lambda row: self._mean(given[0], row))
        return self._names([found], self._select(given[1]))

    def _names(self, rows: Sequence[Row], among: Sequence[Row]) -> str:
        """Names of variants; of rows where other rows of the variant are not meant."""
        chosen = {id(row) for row in rows}
        split = {row.key.name for row in among if id(row) not in chosen}
        whole = Words(self._words.language)
        spelled = (
            row_name(row, whole) if row.key.name in split else f"`{row.key.name}`" for row in rows
        )
        names = list(dict.fromkeys(spelled))
        return self._words.join(names) if names else self._words("nobody")

    def _percent(self, given: list[str]) -> str:
        name = cast("MetricName", given[0])
        rows = self._some(given[1:])
        return self._span((self._mean(name, row), percent_text(row.estimate(name))) for row in rows)

    def _ratio(self, given: list[str]) -> str:
        """Of one row over another; of several, the smallest and the largest."""
        *rows, other = given
        found = [self._factor(row, self._beside(row, other)[0]) for row in self._some(rows)]
        return self._span((value, f"{value:.3g}") for value in found)

    def _seeds(self, given: list[str]) -> str:
        return self._span((len(row.runs), str(len(row.runs))) for row in self._some(given))

    def _verdict(self, given: list[str], wordings: list[str]) -> str:
        better, undecided, worse = wordings
        if number := _NUMBER.search(" ".join(wordings)):
            raise _Wrong(f"'{number[0]}' is a number of its own")
        found = self.stands(self._one(given[0]), self._beside(self._one(given[0]), given[1])[0])
        return {"better": better, "undecided": undecided, "worse": worse}[found]

    def _let(self, given: list[str], _: list[str]) -> str:
        name, pattern = given
        self._select(pattern)
        self._groups[name] = self._spelled_out(pattern)
        return ""

    def _check(self, given: list[str]) -> str:
        passed = {id(row) for row in self._chosen(given)}
        left = [row for row in self._select(given[0]) if id(row) not in passed]
        if left:
            raise _Wrong(f"is not so of {', '.join(row.key.name for row in left)}")
        return ""

    def _none(self, given: list[str]) -> str:
        if rows := self._chosen(given):
            raise _Wrong(f"is so of {', '.join(row.key.name for row in rows)}")
        return ""


def _signed(file: Path) -> tuple[str, str]:
    """The digest of the table that findings speak of, empty where they do not say; the text."""
    text = file.read_text(encoding="utf-8")
    mark = _MARK.match(text)
    return mark[1] if mark else "", text
