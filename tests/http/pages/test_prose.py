from __future__ import annotations

import pytest

from duckwing.http.pages.prose import prose, prose_line
from duckwing.http.pages.tags import is_safe_url, read_tags


def test_markdown_becomes_html() -> None:
    html = prose("A **bold** `word`.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    for part in ("<strong>bold</strong>", "<code>word</code>", "<li>two</li>", "<td>2</td>"):
        assert part in html


def test_headings_stay_out_of_the_outline_of_the_page() -> None:
    assert "<h" not in prose("# Title\n\ntext")
    assert "Title" in prose("# Title\n\ntext")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "[x](  JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](https://tracker.example/pixel.png)",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
        "[x](//tracker.example)",
    ],
)
def test_nothing_gets_out_of_the_text(text: str) -> None:
    for html in (prose(text), prose_line(text)):
        assert "<script" not in html
        assert "<img" not in html
        assert 'href="javascript' not in html.lower()
        assert 'href="data' not in html.lower()
        assert 'href="//' not in html
        assert '" onmouseover' not in html


def test_links_lead_to_the_web_alone() -> None:
    assert is_safe_url("https://example.org/a?b=c#d")
    for url in (
        "javascript:alert(1)",
        "data:,x",
        "//example.org",
        "/path",
        "ftp://example.org",
        "https:",
        "http://[",
        "",
    ):
        assert not is_safe_url(url), url
    about = read_tags(
        {
            "vgi.source_url": "javascript:alert(1)",
            "vgi.doc_links": '["https://a.example", {"title": "B", "url": "http://b.example"}, "file:///etc", 7, {}]',
        }
    )
    assert [(link.title, link.url) for link in about.links] == [
        ("https://a.example", "https://a.example"),
        ("B", "http://b.example"),
    ]


def test_malformed_tags_are_left_out() -> None:
    about = read_tags({"vgi.keywords": "[oops", "vgi.example_queries": '[{"sql": 1}, "x"]', "vgi_x": "y", "team": "a"})
    assert about.keywords == ()
    assert about.examples == ()
    assert about.others == (("team", "a"),)


def test_a_deeply_nested_tag_is_left_out() -> None:
    assert read_tags({"vgi.keywords": "[" * 100_000}).keywords == ()
