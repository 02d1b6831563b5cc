"""BibTeX for entries that can be cited.

Characters beyond ASCII stay as they are, since current engines read UTF-8; keys are plain ids.
What TeX would read as a command is escaped, except in addresses, which styles take literally.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from catalog.errors import UsageError
from catalog.escaping import visible
from catalog.schema import Resource

_SPECIAL = str.maketrans({
    **{character: f"\\{character}" for character in "{}&%$#_"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
})  # fmt: skip
_CONFERENCE = re.compile(
    r"\b(?:AAAI|AISTATS|ASPLOS|CVPR|EMNLP|ICCV|ICLR|ICML|NIPS|NeurIPS|OSDI|SIGGRAPH|Multimedia)\b"
)
_ORGANIZATION = re.compile(
    r" and |[,()]|\.$|AI$|Administration|Face$|Foundation|contributors|University"
)
_JOURNAL = re.compile(r"\b(?:TPAMI|Proceedings of the IEEE)\b")


def bibtex(resources: Iterable[Resource]) -> str:
    """One BibTeX entry per resource, separated by blank lines."""
    return "\n\n".join(entry(resource) for resource in resources) + "\n"


def entry(resource: Resource) -> str:
    """The BibTeX entry of one resource.

    Raises:
        UsageError: nothing identifies it outside of this catalogue.
    """
    if not (resource.authors and resource.year) and not resource.url:
        raise UsageError(
            f"'{resource.id}' has nothing to cite: no authors with a year and no address",
            hint=f"see what is known: aigc catalog show {resource.id}",
        )
    kind, venue_field = _entry_type(resource)
    fields = {
        "title": f"{{{escape(resource.title.en)}}}",
        "author": " and ".join(_author(name) for name in resource.authors),
        "year": _year(resource),
        venue_field: escape(resource.venue or ""),
        "isbn": resource.ids.isbn or "",
        "doi": _verbatim(resource.ids.doi or ""),
        "eprint": resource.ids.arxiv or "",
        "archiveprefix": "arXiv" if resource.ids.arxiv else "",
        "url": _verbatim(resource.url or ""),
    }
    body = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{resource.id},", *body, "}"])


def escape(text: str) -> str:
    """Text that BibTeX and TeX read as it is."""
    shown = visible(" ".join(unicodedata.normalize("NFC", text).split()))
    return shown.translate(_SPECIAL)


def _entry_type(resource: Resource) -> tuple[str, str]:
    venue = resource.venue or ""
    if resource.kind == "book":
        return "book", "publisher"
    if _JOURNAL.search(venue):
        return "article", "journal"
    if _CONFERENCE.search(venue) and resource.kind != "tool":
        return "inproceedings", "booktitle"
    return "misc", "howpublished"


def _year(resource: Resource) -> str:
    """The venue's year, which is cited, where it differs from that of first publication."""
    named = re.search(r"\b(?:19|20)\d\d\b", resource.venue or "")
    return named[0] if named else str(resource.sure_year or "")


def _author(name: str) -> str:
    if name == "et al.":
        return "others"
    # Braces keep an organization from being split into given and family names.
    is_person = " " in name and not _ORGANIZATION.search(name)
    return escape(name) if is_person else f"{{{escape(name)}}}"


def _verbatim(address: str) -> str:
    """An address, whose special characters url and doi fields take literally."""
    return visible(address).replace("\\", "%5C").replace("{", "%7B").replace("}", "%7D")
