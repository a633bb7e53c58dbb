"""A submission while it is being read from a body."""

import msgspec

from intake.domain.names import ID_FIELDS, SOURCE_FIELDS, TEXT_FIELDS
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

    def put(self, name: str, texts: tuple[str, ...], origin: str) -> None:
        """Sets a field from its texts, unless it is set; `origin` is where in the body they stood."""
        if not texts:
            return
        if name in PLAIN_FIELDS:
            if name not in self.fields:
                self.fields[name] = texts[0] if len(texts) == 1 else ", ".join(texts)
                self.origins[name] = origin
        else:
            self._put_aside(name, texts)

    def _put_aside(self, name: str, texts: tuple[str, ...]) -> None:
        head, _, tail = name.partition(".")
        if head == "channel_ids" and tail:
            self.channel_ids.setdefault(tail, texts[0])
        elif head == "click_ids" and tail:
            self.click_ids.setdefault(tail, texts[0])
        elif name == "tags":
            self.tags += [text for text in texts if text not in self.tags]
        elif name == "is_test":
            self.is_test = self.is_test or said_yes(texts)
        elif name in ID_FIELDS and texts[0] != "0":  # 0 is how vendors write "no id"
            self.ids.setdefault(name, texts[0])


def said_yes(texts: tuple[str, ...]) -> bool:
    """Whether a box is ticked. A browser sends any text for a ticked box, and nothing for an empty one."""
    return any(text.strip().lower() not in _NO for text in texts)
