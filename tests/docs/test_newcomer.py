"""A newcomer shows a new data source as a catalog with one class of fewer than 60 lines: that of the documentation."""

from __future__ import annotations

import ast

from .test_blocks import ROOT, blocks


def test_the_class_of_the_documentation_is_short_and_does_it_all() -> None:
    [block] = [b for b in blocks(ROOT / "docs" / "dynamic-catalogs.md") if b.text.startswith("# logs.py\n")]
    classes = [node for node in ast.parse(block.text).body if isinstance(node, ast.ClassDef)]
    assert [node.name for node in classes] == ["Logs"]
    [provider] = classes
    assert provider.end_lineno is not None
    assert provider.end_lineno - provider.lineno + 1 < 60
    methods = {node.name for node in provider.body if isinstance(node, ast.FunctionDef)}
    assert {"version", "tables", "table", "scan"} <= methods
    used = {node.attr for node in ast.walk(provider) if isinstance(node, ast.Attribute)}
    assert {"columns", "filters"} <= used
