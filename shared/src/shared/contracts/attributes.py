"""The closed list of lead attributes that may travel in an event: none of them says who the person is."""

import msgspec


class Attributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What rules need to know of a lead. No name, e-mail, phone, channel id, message, answer, click id or URL query.

    `company_domain` is set only where the domain is a company's and not a mail provider's. `landing_page` has no
    query. Values are canonical (picklist values, ISO country codes).
    """

    language: str | None = None
    company_domain: str | None = None
    company_size: str | None = None
    annual_revenue: str | None = None
    industry: str | None = None
    title_level: str | None = None
    department: str | None = None
    source: str | None = None
    door: str | None = None
    campaign: str | None = None
    campaign_id: str | None = None
    ad_group: str | None = None
    ad_group_id: str | None = None
    ad: str | None = None
    ad_id: str | None = None
    keyword: str | None = None
    content: str | None = None
    event: str | None = None
    landing_page: str | None = None
    landing_page_version: str | None = None
    referred: bool | None = None
    budget: str | None = None
    budget_cycle: str | None = None
    timeframe: str | None = None
    current_project: str | None = None
    product: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    tags: tuple[str, ...] = ()


ATTRIBUTE_NAMES: tuple[str, ...] = Attributes.__struct_fields__


def values(attributes: Attributes) -> dict[str, str | bool | tuple[str, ...]]:
    """The attributes that are set, by name."""
    return msgspec.to_builtins(attributes)  # unset ones are the defaults, which it leaves out
