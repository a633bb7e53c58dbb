"""The marketing source of a submission: what it says, else the page's utm_source, the platform, the door's default."""

from intake.domain import normal
from intake.domain.draft import Draft
from intake.domain.labels import CLICK_IDS

_BY_CLICK_ID = {
    "gclid": "google", "gbraid": "google", "wbraid": "google", "gcl_id": "google", "fbclid": "facebook",
    "msclkid": "bing", "ttclid": "tiktok", "twclid": "twitter", "li_fat_id": "linkedin", "bd_vid": "baidu",
    "qz_gdt": "tencent", "zclid": "zalo", "yclid": "yandex",
}  # fmt: skip
_PLATFORMS = {"fb": "facebook", "ig": "instagram", "an": "facebook", "msg": "facebook"}
_UTM = {"utm_campaign": "campaign", "utm_term": "keyword", "utm_content": "content"}


def read_page_query(draft: Draft) -> None:
    """Takes campaign fields and click ids that stand only in the landing page's query."""
    page = draft.fields.get("landing_page")
    if page is None or not _may_tell(page):
        return
    for name, value in normal.query(page).items():
        if not value.strip() or "\x00" in value:
            continue
        if name in _UTM:
            draft.put(_UTM[name], (value.strip(),), f"landing_page?{name}")
        elif name == "utm_source":
            draft.put("source", (value.strip(),), "landing_page?utm_source")
        elif name in CLICK_IDS:
            draft.put(f"click_ids.{name}", (value.strip(),), "")


def _may_tell(page: str) -> bool:
    """Whether the URL can hold a name that is looked for: each has one of these signs, unless it is escaped."""
    return "?" in page and (not page.isascii() or "_" in page or "%" in page or "id" in page.lower())


def derive_source(draft: Draft, default: str | None) -> None:
    """Sets the source where the body names none. A click id tells the platform."""
    if "source" in draft.fields:
        return
    by_click = next((_BY_CLICK_ID[name] for name in draft.click_ids if name in _BY_CLICK_ID), None)
    asked = next((one.values[0] for one in draft.answers if one.key == "platform" and one.values), None)
    if draft.platform is not None:
        draft.put("source", (draft.platform,), "platform")
    elif asked is not None:
        draft.put("source", (_PLATFORMS.get(asked.lower(), asked),), "platform")
    elif by_click is not None:
        draft.put("source", (by_click,), "click id")
    if default is not None:
        draft.put("source", (default,), "door default")
