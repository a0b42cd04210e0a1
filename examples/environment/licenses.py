"""What packages say about their license, as SPDX expressions."""

from __future__ import annotations

import re

import duckwing as dw

# fmt: off
SPDX = (
    "0BSD", "AFL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-1.1", "Apache-2.0", "Artistic-2.0",
    "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "BSL-1.0", "CC0-1.0", "CC-BY-4.0", "CNRI-Python", "EPL-1.0",
    "EPL-2.0", "EUPL-1.2", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "HPND", "ISC",
    "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MIT-CMU", "MPL-1.1",
    "MPL-2.0", "NCSA", "OFL-1.1", "PostgreSQL", "PSF-2.0", "Python-2.0", "Unlicense", "X11", "Zlib", "ZPL-2.1",
)
# fmt: on
"""The identifiers that Python packages use, of several hundred that exist."""

NAMES = {
    "AGPL-3.0-only": ["GNU Affero General Public License v3"],
    "AGPL-3.0-or-later": ["GNU Affero General Public License v3 or later (AGPLv3+)", "AGPLv3+"],
    "BSD-2-Clause": ["Simplified BSD", "FreeBSD"],
    "BSD-3-Clause": ["New BSD", "Modified BSD", "Revised BSD"],
    "CC0-1.0": ["CC0", "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication"],
    "GPL-2.0-only": ["GNU General Public License v2 (GPLv2)"],
    "GPL-2.0-or-later": ["GNU General Public License v2 or later (GPLv2+)", "GPLv2+"],
    "GPL-3.0-only": ["GNU General Public License v3 (GPLv3)"],
    "GPL-3.0-or-later": ["GNU General Public License v3 or later (GPLv3+)", "GPLv3+"],
    "HPND": ["Historical Permission Notice and Disclaimer (HPND)"],
    "ISC": ["ISC License (ISCL)"],
    "LGPL-2.1-or-later": ["LGPLv2.1+"],
    "LGPL-3.0-only": ["GNU Lesser General Public License v3 (LGPLv3)"],
    "LGPL-3.0-or-later": ["GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPLv3+"],
    "MIT": ["Expat", "MIT/Expat"],
    "MIT-0": ["MIT No Attribution License (MIT-0)"],
    "MPL-2.0": ["Mozilla Public License 2.0", "Mozilla Public License 2.0 (MPL 2.0)"],
    "PSF-2.0": ["PSF", "Python Software Foundation License"],
    "Zlib": ["zlib/libpng"],
}
"""Other names, in one spelling each. "BSD", "GPL" and "Apache Software License" leave open which one is meant."""

TEXTS = {
    "Apache-2.0": ["apache license version 2.0", "terms and conditions for use reproduction and distribution"],
    "BSD-3-Clause": ["redistribution and use in source and binary forms", "neither the name of"],
    "ISC": ["permission to use copy modify and/or distribute this software", "appear in all copies"],
    "MIT": ["permission is hereby granted free of charge to any person", "above copyright notice and this permission"],
    "MPL-2.0": ["mozilla public license version 2.0", "each contributor hereby grants you"],
}
"""Phrases, without punctuation, that together give the full text of a license away."""


@dw.scalar(examples=["SELECT license_spdx('License :: OSI Approved :: MIT License')"])
def license_spdx(statement: str) -> str | None:
    """The SPDX expression that a license field, classifiers or the text of a license mean.

    NULL where they leave open which license it is: there are several of 'BSD', and one of 'GPL' for
    each version.
    """
    if len(statement) > 200:
        text = " ".join(re.sub(r"[(),:;]", " ", statement.lower()).split())
        found = {spdx for spdx, phrases in TEXTS.items() if all(phrase in text for phrase in phrases)}
    elif (expression := _expression(statement)) is not None:
        found = {expression}
    else:
        names = [name.rpartition("::")[2].strip() for name in statement.split(";")]
        found = {KNOWN.get(_words(name), "") for name in names if name.lower() not in ("osi approved", "dfsg approved")}
    return found.pop() or None if len(found) == 1 else None


def _expression(text: str) -> str | None:
    """``text`` with identifiers spelled as SPDX does; None if it is no expression of known ones."""
    if text.count("(") != text.count(")"):
        return None
    words = [SPELLING.get(word.lower(), "") for word in re.findall(r"[()]|[^\s()]+", text)]
    plain = [word for word in words if word not in ("(", ")")]
    if len(plain) % 2 == 0 or not set(plain[1::2]) <= OPERATORS or set(plain[::2]) & {"", *OPERATORS}:
        return None
    return " ".join(words).replace("( ", "(").replace(" )", ")")


def _words(name: str) -> frozenset[str]:
    """The words that tell names of licenses apart, in any order: 'BSD 3-Clause' is '3-Clause BSD License'."""
    name = re.sub(r"v(?=\d)", " ", name.lower())
    name = re.sub(r"(?<=\d)\.0\b", "", name).replace("+", " or later ")
    return frozenset(re.findall(r"[a-z]+|\d+(?:\.\d+)*|[^\s\w.,()/'\"-]", name)) - NOISE


OPERATORS = {"AND", "OR"}
NOISE = {"the", "license", "licence", "version", "software"}
OLD = {
    old: spdx
    for spdx in SPDX
    for ending, mark in (("-only", ""), ("-or-later", "+"))
    if (old := spdx.removesuffix(ending) + mark) != spdx + mark
}
"""Identifiers that SPDX has replaced: GPL-2.0 and GPL-2.0+."""
SPELLING = {spdx.lower(): spdx for spdx in (*SPDX, *OPERATORS, "(", ")")} | {k.lower(): v for k, v in OLD.items()}
KNOWN = {_words(name): spdx for spdx in SPDX for name in (spdx, *NAMES.get(spdx, ()))}
KNOWN |= {_words(name): spdx for name, spdx in OLD.items()}
