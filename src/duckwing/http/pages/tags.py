"""What the tags of catalog objects say to people (spec 06, section 15)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_ALIASES = {"vgi.description_md": "vgi.doc_md", "vgi.category_tags": "vgi.classification_tags"}
_FACTS = {
    "vgi.author": "Author",
    "vgi.copyright": "Copyright",
    "vgi.license": "Licence",
    "vgi.support_contact": "Support",
}
_LINKS = {"vgi.source_url": "Source", "vgi.support_policy_url": "Support policy"}


@dataclass(frozen=True)
class Link:
    """A link that may be followed: its address begins with ``http://`` or ``https://``."""

    title: str
    url: str


@dataclass(frozen=True)
class Example:
    """A statement to try, what it shows, and what comes out ("" if nobody said)."""

    sql: str
    text: str = ""
    expected: str = ""


@dataclass(frozen=True)
class About:
    """What the tags of an object say.

    Attributes:
        title: what to call it; "" for its name.
        text: Markdown.
        links: where to read more.
        keywords: to find it by.
        examples: statements to try.
        facts: labels and texts, such as the author.
        others: tags without a meaning of their own.
    """

    title: str = ""
    text: str = ""
    links: tuple[Link, ...] = ()
    keywords: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    others: tuple[tuple[str, str], ...] = ()


def read_tags(tags: Mapping[str, str | None]) -> About:
    """The tags of an object for people. What is malformed is left out: a page is no place to complain to its reader."""
    values = {_ALIASES.get(key, key): value for key, value in tags.items() if value}
    links = [safe_link(title, values.get(key)) for key, title in _LINKS.items()]
    links += [_doc_link(item) for item in _json_list(values.get("vgi.doc_links"))]
    examples = [_example(item) for key in ("vgi.example_queries",) for item in _json_list(values.get(key))]
    words = [*_json_list(values.get("vgi.keywords")), *_json_list(values.get("vgi.classification_tags"))]
    return About(
        title=values.get("vgi.title", ""),
        text=values.get("vgi.doc_md", ""),
        links=tuple(link for link in links if link is not None),
        keywords=tuple(word for word in words if isinstance(word, str)),
        examples=tuple(example for example in examples if example is not None),
        facts=tuple((label, values[key]) for key, label in _FACTS.items() if key in values),
        others=tuple((key, value) for key, value in values.items() if not key.startswith(("vgi.", "vgi_"))),
    )


def is_safe_url(url: str) -> bool:
    """Whether an address may become a link: it is absolute, and ``http`` or ``https``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and url.isprintable() and " " not in url


def safe_link(title: str, url: str | None) -> Link | None:
    """A link, or None if there is no address or none that may be one."""
    return Link(title, url) if url and is_safe_url(url) else None


def _doc_link(item: Any) -> Link | None:
    if isinstance(item, str):
        return safe_link(item, item)
    if isinstance(item, dict) and isinstance(item.get("url"), str):
        title = item.get("title")
        return safe_link(title if isinstance(title, str) and title else item["url"], item["url"])
    return None


def _example(item: Any) -> Example | None:
    if not isinstance(item, dict) or not isinstance(item.get("sql"), str):
        return None
    text = item.get("description")
    return Example(item["sql"], text if isinstance(text, str) else "")


def _json_list(text: str | None) -> list[Any]:
    try:
        value = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else []
