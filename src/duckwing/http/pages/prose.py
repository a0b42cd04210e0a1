"""Authors' texts as HTML: Markdown without raw HTML, without images, with links to the web alone."""

from __future__ import annotations

import functools

from markdown_it import MarkdownIt
from markupsafe import Markup

from .tags import is_safe_url

MAX_LENGTH = 65_536
"""Characters of a text that are shown."""


def prose(text: str) -> Markup:
    """Markdown as HTML. Tags in it come out as text."""
    return Markup(_markdown().render(text[:MAX_LENGTH]))


def prose_line(text: str) -> Markup:
    """The first paragraph of Markdown, without an element around it."""
    lines = text.strip().split("\n\n", 1)[0][:MAX_LENGTH]
    return Markup(_markdown().renderInline(lines))


@functools.cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")
    parser.validateLink = is_safe_url  # type: ignore[method-assign]
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("heading_close", _heading)
    return parser


def _heading(renderer: object, tokens: list[object], place: int, *_: object) -> str:
    """Headings of texts are below those of the page, and do not join its outline."""
    return '<p class="heading"><strong>' if getattr(tokens[place], "nesting", 0) > 0 else "</strong></p>\n"
