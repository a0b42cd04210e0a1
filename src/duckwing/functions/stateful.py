"""Classes as functions with state: ``__init__`` takes the constants, the annotated fields are the state.

Any process can rebuild an instance from the constants and the fields; nothing else of it lives on.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DeclarationError, OutputError
from ..state.values import Codec, codec, dump_fields, load_fields

_MISSING = object()


@dataclass(frozen=True, eq=False)
class Fields:
    """The state of a class's instances.

    Attributes:
        names: of the annotated fields.
        codecs: how each becomes bytes.
        custom: the class has ``save() -> bytes`` and ``load(bytes)`` of its own.
        what: names the class in error messages.
    """

    names: Sequence[str]
    codecs: Sequence[Codec]
    custom: bool
    what: str

    def save(self, instance: Any) -> bytes:
        """The state of ``instance``.

        Raises:
            OutputError: a field has no value, or one of another type.
        """
        if self.custom:
            data = instance.save()
            if not isinstance(data, bytes):
                raise OutputError(f"{self.what}: save() must return bytes, got {type(data).__name__}")
            return data
        values = [getattr(instance, name, _MISSING) for name in self.names]
        for name, value in zip(self.names, values, strict=True):
            if value is _MISSING:
                raise OutputError(f"{self.what}: field '{name}' has no value; give it a default or set it in __init__")
        try:
            return dump_fields(self.codecs, values)
        except TypeError as error:
            raise OutputError(f"{self.what}: a field cannot be kept ({error})") from None

    def load(self, instance: Any, data: bytes) -> None:
        """Give ``instance`` the state that was saved."""
        if self.custom:
            instance.load(data)
            return
        for name, value in zip(self.names, load_fields(self.codecs, data), strict=True):
            setattr(instance, name, value)


def read_fields(cls: Any, what: str, skip: Callable[[Any], bool] = lambda annotation: False) -> Fields:
    """The annotated fields of a class.

    Args:
        cls: the author's class.
        what: names it in error messages.
        skip: whether an annotation is none of a plain field.

    Raises:
        DeclarationError: a field cannot be kept as bytes, or its default is shared by all instances.
    """
    custom = callable(getattr(cls, "save", None)) and callable(getattr(cls, "load", None))
    names: list[str] = []
    codecs: list[Codec] = []
    for name, annotation in field_annotations(cls, what).items():
        if skip(annotation):
            continue
        default = getattr(cls, name, None)
        if _is_mutable(default):
            raise DeclarationError(
                f"{what}: the default of field '{name}' would be shared by all instances; set it in __init__"
            )
        names.append(name)
        if custom:
            continue
        try:
            codecs.append(codec(annotation))
        except TypeError as error:
            raise DeclarationError(
                f"{what}: field '{name}' cannot be kept between calls ({error}); use plain types, or give the class "
                "save() -> bytes and load(bytes)"
            ) from None
    return Fields(names, codecs, custom, what)


def field_annotations(cls: type, what: str) -> Mapping[str, Any]:
    """The annotated fields of a class and their types; class variables are none.

    Raises:
        DeclarationError: an annotation cannot be evaluated.
    """
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except (NameError, AttributeError, SyntaxError) as error:
        raise DeclarationError(f"{what}: an annotation cannot be evaluated ({error})") from None
    return {name: hint for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar}


def _is_mutable(value: Any) -> bool:
    """Whether a value can be changed in place. Python's own have no hash then; Arrow data have none, but cannot."""
    return type(value).__hash__ is None and not type(value).__module__.startswith("pyarrow.")


def require_methods(cls: type, names: Sequence[str], what: str) -> None:
    """Refuse a class without the methods that its kind needs.

    Raises:
        DeclarationError: one is missing.
    """
    for name in names:
        if not callable(getattr(cls, name, None)):
            raise DeclarationError(f"{what} needs a method {name}()")
