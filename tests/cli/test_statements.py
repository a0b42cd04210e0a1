from __future__ import annotations

import pytest

from duckwing.cli.statements import is_blank, is_complete


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "SELECT 1; -- done",
        "SELECT 1; /* done */ \n",
        "SELECT 1;;",
        "SELECT ';';",
        "SELECT 'é', 'naïve ;' AS \"ü;\";\n",
        "SELECT $$a;b$$;",
        "SELECT $tag$ ' ; $tag$ ;",
        "SELECT 1; SELECT 2;",
        "SELECT (1;",  # wrong, but more lines would not mend it
        "SELECT 1 -- a;\n;",
        "SELECT E'it\\'s;';",
    ],
)
def test_complete(text: str) -> None:
    assert is_complete(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT 1",
        "SELECT 'a;",
        "SELECT 'é;",
        'SELECT "a;',
        "SELECT 1 -- ;",
        "SELECT 1 /* ;",
        "SELECT 1; /* open",
        "SELECT 1; SELECT 2",
        "SELECT $$a;",
        "SELECT $x$ $$;",
        "SELECT E'it\\';",
        "SELECT 1; SELECT 'é;",
    ],
)
def test_incomplete(text: str) -> None:
    assert not is_complete(text)


@pytest.mark.parametrize("text", ["", " \n", ";", "-- nothing; here", "/* ; */ ;;\n"])
def test_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["x", "/* open", "'", "; x", "é"])
def test_not_blank(text: str) -> None:
    assert not is_blank(text)
