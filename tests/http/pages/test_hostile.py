"""Whatever a catalog says comes out as text."""

from __future__ import annotations

import ast
import dataclasses
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from duckwing.http.pages.attaching import attach_statement, literal, snippets
from duckwing.http.pages.inventory import (
    Argument,
    Catalog,
    Column,
    Contents,
    Format,
    Function,
    Inventory,
    Macro,
    Option,
    Overload,
    ReleaseNote,
    Schema,
    SecretType,
    Table,
    View,
)
from duckwing.http.pages.render import anchor, console_page, index_page
from duckwing.http.pages.site import Site
from duckwing.http.pages.tags import Example, read_tags, safe_link

PIECES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    "</code></pre><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&amp;",
    "<!--",
    "]]>",
    "\u202e\u2028\x00\x0b",
    "ß🦆 ",
    "'; DROP TABLE t; --",
    "`",
)

hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=3).map("".join)

ATTRIBUTES = {
    "aria-current", "aria-describedby", "aria-hidden", "aria-label", "aria-labelledby", "aria-live",
    "autocapitalize", "autocomplete", "charset", "checked", "class", "content", "cx", "cy", "d", "data-attach",
    "data-base", "data-copy", "data-login", "data-sql", "data-tab", "data-use", "data-worker", "defer", "disabled",
    "focusable", "for", "hidden", "href", "id", "lang", "name", "open", "placeholder", "r", "rel", "role", "rows",
    "scope", "spellcheck", "src", "start", "tabindex", "title", "type", "viewbox",
}  # fmt: skip


class Page(HTMLParser):
    """Collects what a browser would act upon, and what it would show."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.values: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            if name in ("href", "src"):
                self.addresses.append(value or "")
            self.values.append(value or "")
        if tag == "script":
            assert dict(attrs).get("src", "").startswith("/static/")  # type: ignore[union-attr]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


@st.composite
def inventories(draw: st.DrawFn) -> tuple[Inventory, list[str]]:
    """An inventory whose every text is hostile, and the texts that are shown as they are."""
    verbatim: list[str] = []

    def text() -> str:
        return draw(hostile)

    def shown() -> str:
        verbatim.append(draw(hostile))
        return verbatim[-1]

    about = read_tags(
        {
            "vgi.title": text(),
            "vgi.doc_md": text(),
            "vgi.source_url": draw(hostile | st.just("https://ok.example/")),
            "vgi.doc_links": draw(
                st.sampled_from(['[{"title": "<b>", "url": "javascript:1"}]', "[", '["https://ok.example"]'])
            ),
            "vgi.keywords": '["<i>"]',
            "vgi.author": text(),
            text(): text(),
        }
    )
    argument = Argument(shown(), shown(), True, True, shown(), (shown(),), text())
    column = Column(shown(), shown(), text(), (shown(),))
    statement = Example(shown(), text(), shown())
    forms = (Overload((argument,), None, (column,)), Overload((argument,), shown(), ()))
    schema = Schema(
        name=shown(),
        comment=text(),
        about=about,
        tables=(Table(shown(), text(), (column,), (shown(),), about),),
        views=(View(shown(), text(), shown(), ((shown(), text()),), about),),
        functions=(Function(shown(), "scalar", text(), forms, (statement,), (shown(),), about),),
        macros=(Macro(shown(), "table macro", text(), (argument,), shown(), about),),
    )
    option = Option(shown(), shown(), text(), shown(), True)
    catalog = Catalog(
        name=shown(),
        version=text(),
        data_version=text(),
        source=safe_link("Source", text()),
        options=(option,),
        releases=(ReleaseNote(shown(), shown(), text(), safe_link("Notes", text())),),
        contents=Contents(
            text(), about, text(), (schema,), (option,), (SecretType(shown(), text(), (column,)),),
            (Format(text(), text(), text(), (argument,)),), text(), text(),
        ),
    )  # fmt: skip
    failed = Catalog(shown(), "", "", None, (), (), None, text())
    return Inventory((catalog, failed), catalog, text(), text()), verbatim


def site(**texts: Any) -> Site:
    def refuse() -> Any:
        raise AssertionError("rendering reads nothing")

    return Site(**{"worker": "w", "server_id": "s", "version": "1", "connect": refuse, **texts})


def seen(text: str) -> str:
    """A text as a parser of HTML gives it back."""
    return " ".join(text.replace("\x00", "\ufffd").split())


def check(page: Page) -> None:
    assert not page.tags & {"iframe", "img", "object", "embed", "form", "style", "base"}
    for address in page.addresses:
        assert address.startswith(("/", "#", "https://", "http://")), address
        assert not address.startswith("//"), address


@settings(deadline=None)
@given(inventories(), hostile, hostile)
def test_a_page_of_hostile_texts(given: tuple[Inventory, list[str]], worker: str, person: str) -> None:
    inventory, verbatim = given
    page = Page(index_page(site(worker=worker, signed_in=person, doc=person), inventory, "http://h"))
    check(page)
    text = seen(page.text)
    for one in [worker, person, *verbatim]:
        assert seen(one) in text, one


@settings(deadline=None)
@given(inventories())
def test_a_page_that_tells_a_reason(given: tuple[Inventory, list[str]]) -> None:
    inventory, _ = given
    failed = inventory.catalogs[1]
    page = Page(index_page(site(), dataclasses.replace(inventory, chosen=failed), "http://h"))
    check(page)
    assert seen(failed.problem) in seen(page.text)


@settings(deadline=None)
@given(inventories())
def test_a_console_of_hostile_texts(given: tuple[Inventory, list[str]]) -> None:
    inventory, _ = given
    page = Page(console_page(site(engine=Path("/")), inventory, "http://h", True))
    check(page)
    catalog = inventory.chosen
    assert catalog is not None
    assert seen(attach_statement("http://h", catalog, inventory.data_version)) in [seen(value) for value in page.values]


@given(hostile, hostile, hostile)
@example("a'b", 'x"y', "\\")
def test_attach_texts_are_what_they_seem(location: str, name: str, option: str) -> None:
    catalog = Catalog(name, "", "", None, (Option(option, "VARCHAR", "", None, True),), ())
    sql, python, _ = snippets(location, catalog)
    assert sql.text == attach_statement(location, catalog) + ";"
    assert literal(location)[1:-1].replace("''", "'") == location
    calls = [one for one in ast.walk(ast.parse(python.text)) if isinstance(one, ast.Call) and one.args]
    texts = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    assert sql.text[:-1] in texts


@given(hostile, hostile)
def test_anchors_are_addresses_as_they_stand(schema: str, name: str) -> None:
    made = anchor(schema, "tables", name)
    assert all(character.isascii() and (character.isalnum() or character in "._-~") for character in made)
    assert made.count(".") == 2
