"""A submission while it is being read from a body."""

from collections.abc import Mapping, Sequence

import msgspec

from intake.domain.names import ID_FIELDS, SOURCE_FIELDS, TEXT_FIELDS
from intake.domain.paths import texts
from intake.domain.strict_json import Json
from intake.domain.submission import Answer, Note

PLAIN_FIELDS = (TEXT_FIELDS | SOURCE_FIELDS) - {"tags", "is_test"}
_NO = frozenset({"", "0", "false", "no", "off", "n", "không", "否", "unchecked"})


class Draft(msgspec.Struct):
    """Filled by the mapping of a door's kind; the first value of a field stays."""

    vendor_id: str | None = None
    vendor_key: str | None = None
    platform: str | None = None
    fields: dict[str, str] = {}
    origins: dict[str, str] = {}
    ids: dict[str, str] = {}
    click_ids: dict[str, str] = {}
    channel_ids: dict[str, str] = {}
    tags: list[str] = []
    answers: list[Answer] = []
    consent: dict[str, bool] = {}
    single_consent: bool = False
    is_test: bool = False
    notes: list[Note] = []

    def put(self, name: str, said: tuple[str, ...], origin: str) -> None:
        """Sets a field from its texts, unless it is set; `origin` is where in the body they stood."""
        if not said:
            return
        if name in PLAIN_FIELDS:
            if name not in self.fields:
                self.fields[name] = said[0] if len(said) == 1 else ", ".join(said)
                self.origins[name] = origin
        else:
            self._put_aside(name, said)

    def put_by_policy(self, mapping: Mapping[str, Sequence[str]], body: dict[str, Json]) -> None:
        """Set fields as the door's policy says: from the answers by their key or question, else from the body."""
        columns: dict[str, Json] = {}
        for answer in self.answers:
            for name in (answer.key, answer.question):
                columns.setdefault(name, list(answer.values))
        for field, paths in mapping.items():
            for path in paths:
                self.put(field, texts(columns, path) or texts(body, path), path)

    def _put_aside(self, name: str, said: tuple[str, ...]) -> None:
        head, _, tail = name.partition(".")
        if head == "channel_ids" and tail:
            self.channel_ids.setdefault(tail, said[0])
        elif head == "click_ids" and tail:
            self.click_ids.setdefault(tail, said[0])
        elif name == "tags":
            self.tags += [text for text in said if text not in self.tags]
        elif name == "is_test":
            self.is_test = self.is_test or said_yes(said)
        elif name in ID_FIELDS and said[0] != "0":  # 0 is how vendors write "no id"
            self.ids.setdefault(name, said[0])


def said_yes(said: tuple[str, ...]) -> bool:
    """Whether a box is ticked. A browser sends any text for a ticked box, and nothing for an empty one."""
    return any(text.strip().lower() not in _NO for text in said)
