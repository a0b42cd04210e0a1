"""Environment markers of requirements (PEP 508): does one apply to this Python?"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping

from versions import version_matches

VERSIONS = ("python_version", "python_full_version", "implementation_version")
COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def marker_applies(marker: str, extra: str) -> bool | None:
    """Whether ``marker`` is true here for those who asked for ``extra``; None if it cannot be read.

    Markers are written like Python expressions, so Python's own parser reads them.
    """
    try:
        tree = ast.parse(marker.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return None
    return _evaluate(tree.body, {**_environment(), "extra": extra})


@functools.cache
def _environment() -> Mapping[str, str]:
    import os
    import platform
    import sys

    implementation = sys.implementation.version
    version = ".".join(map(str, implementation[:3]))
    if implementation.releaselevel != "final":
        version += f"{implementation.releaselevel[0]}{implementation.serial}"
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def _evaluate(node: ast.expr, environment: Mapping[str, str]) -> bool | None:
    match node:
        case ast.BoolOp(operator, values):
            results = [_evaluate(value, environment) for value in values]
            if None in results:
                return None
            return all(results) if isinstance(operator, ast.And) else any(results)
        case ast.Compare(left, [operator], [right]):
            return _compare(left, operator, right, environment)
    return None


def _compare(left: ast.expr, operator: ast.cmpop, right: ast.expr, environment: Mapping[str, str]) -> bool | None:
    a, b = _text(left, environment), _text(right, environment)
    if a is None or b is None:
        return None
    if isinstance(operator, ast.In):
        return a in b
    if isinstance(operator, ast.NotIn):
        return a not in b
    sign = COMPARISONS.get(type(operator))
    if sign is None:
        return None
    if any(isinstance(side, ast.Name) and side.id in VERSIONS for side in (left, right)):
        return version_matches(a, sign + b)
    return {"==": a == b, "!=": a != b}.get(sign)


def _text(node: ast.expr, environment: Mapping[str, str]) -> str | None:
    match node:
        case ast.Name(name):
            return environment.get(name)
        case ast.Constant(str(text)):
            return text
    return None
