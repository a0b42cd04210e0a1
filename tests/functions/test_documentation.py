"""Descriptions from docstrings in the three usual styles."""

from __future__ import annotations

import pytest

from duckwing.functions.documentation import read_docstring

GOOGLE = """Pad a text.

    It is padded on the right,
    never cut.

    Another paragraph: with a colon.

    Args:
        text: what is padded,
            over two lines.
        width (int): how wide.
        *more: any number
        **options: by name: with a colon
        fill: with what. See: nothing.

    Returns:
        text: not an argument.

    Raises:
        ValueError: never.
    """

NUMPY = """
    Pad a text.

    It is padded on the right,
    never cut.

    Another paragraph: with a colon.

    Parameters
    ----------
    text : str
        what is padded,
        over two lines.
    width
        how wide.
    *more : int
        any number
    **options
        by name: with a colon
    fill : str, optional
        with what. See: nothing.

    Returns
    -------
    text : str
        not an argument.
    """

SPHINX = """Pad a text.

    It is padded on the right,
    never cut.

    Another paragraph: with a colon.

    :param text: what is padded,
        over two lines.
    :param int width: how wide.
    :param more: any number
    :param options: by name: with a colon
    :param str fill: with what. See: nothing.
    :type text: str
    :returns: text: not an argument.
    :raises ValueError: never.
    """


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_styles(docstring: str) -> None:
    description, arguments = read_docstring(docstring)
    assert description == ("Pad a text.\n\nIt is padded on the right, never cut.\n\nAnother paragraph: with a colon.")
    assert arguments == {
        "text": "what is padded, over two lines.",
        "width": "how wide.",
        "more": "any number",
        "options": "by name: with a colon",
        "fill": "with what. See: nothing.",
    }


@pytest.mark.parametrize(
    ("docstring", "description", "arguments"),
    [
        (None, "", {}),
        ("", "", {}),
        ("  \n ", "", {}),
        ("One line.", "One line.", {}),
        ("One line.\n", "One line.", {}),
        ("Args: not a section, as it has text.", "Args: not a section, as it has text.", {}),
        ("One.\n\nArgs:\n", "One.", {}),
        ("One.\n\nArgs:\n    x: a\n\n    y: b", "One.", {"x": "a", "y": "b"}),
        ("One.\n\nArgs:\n  x: a\n  y (str | None): b", "One.", {"x": "a", "y": "b"}),
        ("Args:\n    x: a", "", {"x": "a"}),
        ("One.\n\nExample:\n    x: a", "One.", {}),
        ("One.\n\nExample:\n    x\n\nArgs:\n    x: a", "One.", {"x": "a"}),
        ("One.\n\nArgs:\n    x: a http://b:80/c", "One.", {"x": "a http://b:80/c"}),
        ("Parameters\n\nare what they are.", "Parameters\n\nare what they are.", {}),
        ("One.\n\nParameters\n----------\nx, y : int\n    both", "One.", {}),
    ],
)
def test_corners(docstring: str | None, description: str, arguments: dict[str, str]) -> None:
    assert read_docstring(docstring) == (description, arguments)
