"""Reads typed values out of a policy document and collects every problem on the way."""

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import cast

from scorer.domain.problems import Problem


class Reader:
    """Each method returns the value, or a harmless stand-in after noting a problem: one pass finds them all."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def refuse(self, path: str, what: str, fix: str) -> None:
        self.problems.append(Problem(path, what, fix))

    def warn(self, path: str, what: str, fix: str) -> None:
        self.problems.append(Problem(path, what, fix, "warning"))

    def table(self, path: str, value: object, known: Iterable[str]) -> Mapping[str, object]:
        if not isinstance(value, Mapping):
            self.refuse(path, f"{_kind(value)} stands here", "write `key: value` pairs")
            return {}
        table = {str(key): item for key, item in cast("Mapping[object, object]", value).items()}
        names = tuple(known)
        for key in table:
            if key not in names:
                self.refuse(_join(path, key), "no such key", suggest(key, names))
        return table

    def items(self, path: str, value: object) -> list[object]:
        if isinstance(value, list):
            return cast("list[object]", value)
        self.refuse(path, f"{_kind(value)} stands here", "write a list")
        return []

    def text(self, path: str, value: object, *, default: str | None = None) -> str:
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value.strip():
            return value
        self.refuse(path, "missing" if value is None else f"{_kind(value)} stands here", "write a text")
        return default or "?"

    def choice(self, path: str, value: object, choices: tuple[str, ...]) -> str:
        if isinstance(value, str) and value in choices:
            return value
        self.refuse(path, "missing" if value is None else f"{value!r} is no choice", suggest(str(value), choices))
        return choices[0]

    def flag(self, path: str, value: object) -> bool:
        if isinstance(value, bool) or value is None:
            return value is True
        self.refuse(path, f"{_kind(value)} stands here", "write true or false")
        return False

    def number(self, path: str, value: object) -> Decimal:
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
            try:
                number = Decimal(str(value))
            except InvalidOperation:
                number = Decimal("NaN")
            if number.is_finite() and abs(number) <= 1_000_000:
                return number
        self.refuse(path, "missing" if value is None else f"{value!r} is no usable number", "write a number")
        return Decimal(0)

    def milli(self, path: str, value: object) -> int:
        """Points as whole thousandths."""
        thousandths = self.number(path, value) * 1000
        if thousandths != thousandths.to_integral_value():
            self.refuse(path, f"{value} has more than three decimals", "round it: points are kept to a thousandth")
        return int(thousandths)

    def names(self, path: str, value: object) -> tuple[str, ...]:
        """One text or a list of texts."""
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        return tuple(self.text(f"{path}[{index}]", item) for index, item in enumerate(self.items(path, value)))


def suggest(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(names)}" if names else "none is known here"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "a true/false"
        case str():
            return f"the text {value!r}"
        case list():
            return "a list"
        case Mapping():
            return "a table"
        case _:
            return f"{value!r}"
