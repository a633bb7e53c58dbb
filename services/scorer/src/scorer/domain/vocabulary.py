"""The names a scorecard may use: the attributes of a lead that travel in events, and the kinds of engagement."""

from shared.rules import VariableType

LEAD_ATTRIBUTES: dict[str, VariableType] = {
    "language": "string",
    "company_domain": "string",
    "company_size": "string",
    "annual_revenue": "string",
    "industry": "string",
    "title_level": "string",
    "department": "string",
    "source": "string",
    "door": "string",
    "campaign": "string",
    "campaign_id": "string",
    "ad_group": "string",
    "ad_group_id": "string",
    "ad": "string",
    "ad_id": "string",
    "keyword": "string",
    "content": "string",
    "event": "string",
    "landing_page": "string",
    "landing_page_version": "string",
    "referred": "bool",
    "budget": "string",
    "budget_cycle": "string",
    "timeframe": "string",
    "current_project": "string",
    "product": "string",
    "country": "string",
    "region": "string",
    "city": "string",
    "tags": "list",
}

ENGAGEMENT_KINDS = frozenset(
    {
        "submitted",
        "mail_opened",
        "mail_clicked",
        "home_page_viewed",
        "solution_page_viewed",
        "price_page_viewed",
        "case_study_downloaded",
        "white_paper_downloaded",
        "brochure_downloaded",
        "quote_sheet_downloaded",
        "demo_requested",
        "trial_requested",
        "webinar_attended",
        "event_attended",
        "blog_subscribed",
        "social_message",
    }
)
