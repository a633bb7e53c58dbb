"""The page's words in the reader's language."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import yaml

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "zh": "中文", "vi": "Tiếng Việt"}


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every word of the page: name → language → text."""
    return yaml.safe_load(files("baton.page").joinpath("words.yaml").read_text("utf-8"))


class Words:
    """The catalogue in one language. A name that the catalogue lacks is said as it is: a source or promise is anybody's."""

    def __init__(self, language: str) -> None:
        self.code = language

    def __getitem__(self, name: str) -> str:
        """The text."""
        entry = catalogue().get(name)
        return entry[self.code] if entry else name.replace("_", " ")


def language_of(asked: str | None, kept: str | None, accepted: str) -> str:
    """The reader's language: as asked, else as chosen before, else the first of the browser's that we speak."""
    for each in (asked, kept, *(part.split(";")[0].strip()[:2].lower() for part in accepted.split(","))):
        if each in LANGUAGES:
            return each
    return "en"
