"""When two addresses lead to the same page.

Owns the one spelling by which addresses are compared; it is never shown and never opened.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf|html)/(.+?)(?:v\d+)?(?:\.pdf)?")
_SAME_HOSTS = {"dx.doi.org": "doi.org"}


def normal_address(url: str) -> str:
    """An address without scheme, ``www.``, closing slash, and the forms of one arXiv paper or DOI.

    What is not an address comes back as it is.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    host = parts.netloc.lower().removeprefix("www.")
    host = _SAME_HOSTS.get(host, host)
    page = host + parts.path.rstrip("/")
    if arxiv := _ARXIV.fullmatch(page):
        return f"arxiv.org/abs/{arxiv[1]}"
    if host == "doi.org":
        page = page.lower()
    query, fragment = parts.query and f"?{parts.query}", parts.fragment and f"#{parts.fragment}"
    return f"{page}{query}{fragment}"
