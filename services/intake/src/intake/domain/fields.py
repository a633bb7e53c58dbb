"""The fields policy: picklists with aliases, titles to levels, what a submission must and should have."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, Self, cast

from pydantic import Field, ValidationError, field_validator, model_validator

from intake.domain import presets
from intake.domain.names import TEXT_FIELDS
from intake.domain.problems import Model, Problem, problems_of
from intake.domain.text import begins_with, fold, has_cjk, holds_words

_CONTACTS = frozenset({"email", "phone", "channel_ids"})
_MIN_PREFIX_CHARS = 3  # "IT" is an industry, "It depends" is none
_PICKED_FIRST = ("industry", "source", "timeframe", "budget", "current_project")
_NEEDABLE = TEXT_FIELDS | _CONTACTS


class Picklist(Model):
    """Values with their aliases. With `prefix` a text that begins with an alias is that value too."""

    values: dict[str, tuple[str, ...]] = Field(min_length=1)
    prefix: bool = False

    @model_validator(mode="after")
    def _aliases_are_unambiguous(self) -> Self:
        owners: dict[str, str] = {}
        for value, aliases in self.values.items():
            for alias in (value, *aliases):
                folded = fold(alias)
                if not folded:
                    raise ValueError(f"{value!r} has an alias without a letter or digit")
                if owners.setdefault(folded, value) != value:
                    raise ValueError(f"the alias {alias!r} stands under {owners[folded]!r} and under {value!r}")
        return self

    @cached_property
    def _index(self) -> dict[str, str]:
        return {fold(alias): value for value, aliases in self.values.items() for alias in (value, *aliases)}

    @cached_property
    def _longest_first(self) -> list[tuple[str, str]]:
        usable = [item for item in self._index.items() if len(item[0]) >= _MIN_PREFIX_CHARS or has_cjk(item[0])]
        return sorted(usable, key=lambda item: -len(item[0]))

    def pick(self, text: str) -> str | None:
        """The value a text stands for; None where it is not on the list."""
        return self._remembered(text)

    @cached_property
    def _remembered(self) -> Callable[[str], str | None]:
        return lru_cache(maxsize=1024)(self._found)

    def _found(self, text: str) -> str | None:
        folded = fold(text)
        found = self._index.get(folded)
        if found is None and self.prefix:
            found = next((value for alias, value in self._longest_first if begins_with(folded, alias)), None)
        return found


class TitleRule(Model):
    """Titles that hold one of the words have this level, unless they hold one of the others."""

    level: str = Field(min_length=1)
    words: tuple[str, ...] = Field(min_length=1)
    unless: tuple[str, ...] = ()

    @cached_property
    def _folded(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(map(fold, self.words)), tuple(map(fold, self.unless))

    def covers(self, folded_title: str) -> bool:
        words, unless = self._folded
        held = any(holds_words(folded_title, word) for word in words)
        return held and not any(holds_words(folded_title, word) for word in unless)


class Fields(Model):
    """One line of `required` is met by any of its fields; what misses a line is parked. `wanted` is only counted."""

    picklists: dict[str, Picklist] = Field(default_factory=dict, validate_default=True)
    titles: tuple[TitleRule, ...] = Field(default=cast("Any", presets.TITLES), validate_default=True)
    required: tuple[tuple[str, ...], ...] = (("email", "phone", "channel_ids"),)
    wanted: tuple[str, ...] = ("name", "company", "title", "source")
    personal_domains: frozenset[str] = frozenset()  # beside the built-in list of mail providers

    @field_validator("picklists", mode="before")
    @classmethod
    def _presets_stay_unless_replaced(cls, value: object) -> object:
        return {**presets.PICKLISTS, **cast("dict[str, Any]", value)} if isinstance(value, dict) else value

    @field_validator("picklists")
    @classmethod
    def _lists_are_of_known_fields(cls, value: dict[str, Picklist]) -> dict[str, Picklist]:
        for field in value:
            if field not in TEXT_FIELDS:
                raise ValueError(f"{field!r} is no field with a picklist; use one of {', '.join(sorted(TEXT_FIELDS))}")
        return value

    @field_validator("required", "wanted")
    @classmethod
    def _fields_exist(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        for field in (name for line in value for name in (line if isinstance(line, tuple) else (line,))):
            if field not in _NEEDABLE:
                raise ValueError(f"{field!r} is no lead field")
        return value

    @cached_property
    def picklists_in_order(self) -> tuple[tuple[str, Picklist], ...]:
        """The picklists with their fields, the usual fields first."""
        names = (*_PICKED_FIRST, *(name for name in self.picklists if name not in _PICKED_FIRST))
        return tuple((name, self.picklists[name]) for name in names if name in self.picklists)

    def pick(self, field: str, text: str) -> str | None:
        picklist = self.picklists.get(field)
        return picklist.pick(text) if picklist is not None else None

    def title_level(self, title: str) -> str | None:
        """The first rule that covers the title, so the order says which word counts."""
        return self._remembered_level(title)

    @cached_property
    def _remembered_level(self) -> Callable[[str], str | None]:
        return lru_cache(maxsize=4096)(self._level)

    def _level(self, title: str) -> str | None:
        folded = fold(title)
        return next((rule.level for rule in self.titles if rule.covers(folded)), None)


def parse_fields(document: object) -> Fields | list[Problem]:
    """The policy (an empty document is the presets), or everything that is wrong with it."""
    try:
        return Fields.model_validate(document)
    except ValidationError as error:
        return problems_of(error, {"": tuple(Fields.model_fields)}, ())
