"""The words of an e-mail to a rep: a link and never who the lead is."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Language = Literal["en", "zh", "vi"]


class Mail(NamedTuple):
    """Subject and text."""

    subject: str
    text: str


_WORDS: Final[Mapping[str, Mapping[Language, Mail]]] = {
    "lead.assigned": {
        "en": Mail("A new lead for you", "A lead was handed to you. Please get in touch in time:\n{link}\n"),
        "zh": Mail("您有一条新线索", "一条线索已分配给您,请按时联系:\n{link}\n"),
        "vi": Mail(
            "Bạn có khách hàng tiềm năng mới", "Một khách hàng vừa được giao cho bạn, hãy liên hệ đúng hạn:\n{link}\n"
        ),
    },
    "sla.warned": {
        "en": Mail("A lead waits for you", "Time is running out for a lead of yours (due {due} UTC):\n{link}\n"),
        "zh": Mail("有线索等待您联系", "您的一条线索即将超时(截止 {due} UTC):\n{link}\n"),
        "vi": Mail(
            "Một khách hàng đang chờ bạn", "Sắp hết hạn liên hệ một khách hàng của bạn (hạn {due} UTC):\n{link}\n"
        ),
    },
}
MAILED: Final = frozenset(_WORDS)
"""Events of which the owner gets an e-mail."""


def mail_of(event: str, language: Language, *, link: str, due: str | None) -> Mail:
    """The e-mail about an event."""
    found = _WORDS[event][language]
    return Mail(found.subject, found.text.format(link=link, due=due or "?"))
