"""What a request to each path looks like before it is spoilt, and the values that it is spoilt with."""

from typing import Any, Final

SECRETS: Final = {f"FUZZ_{kind}": f"secret-of-{kind.lower()}" for kind in ("GOOGLE", "META", "TYPEFORM", "PARTNER")}
DOORS: Final[dict[str, Any]] = {
    "site": {"kind": "html", "honeypot": "website_hp"},
    "api": {"kind": "rest"},
    "google-main": {"kind": "google", "key": {"env": "FUZZ_GOOGLE"}},
    "typeform-main": {"kind": "typeform", "secret": {"env": "FUZZ_TYPEFORM"}},
    "meta-main": {
        "kind": "meta", "secret": {"env": "FUZZ_META"}, "verify_token": {"env": "FUZZ_META"},
        "graph": {"base_url": "http://127.0.0.1:9", "token": {"env": "FUZZ_META"}},
    },
    "partner": {
        "kind": "generic", "items": "leads", "id": "ref", "map": {"name": "contact.name", "email": "contact.email"},
        "verify": {"header": "X-Signature", "digest": "sha256", "encoding": "hex", "message": "{body}", "secrets": [{"env": "FUZZ_PARTNER"}]},
    },
    "files": {"kind": "import"},
}  # fmt: skip
TEXTS_OF_QUERIES: Final = (
    "", "0", "-1", "1", "7", "500", "1001", "2147483648", "9223372036854775808", "9" * 400, "9" * 4999, "1e3", "NaN", "²", "٣", "true",
    "en", "vi", "zh", "xx", "UTC", "Asia/Ho_Chi_Minh", "../../etc/passwd", "/etc/localtime", "csv", "json", "a,b", "*", "%", "_", "'; --",
    "0001-01-01", "0001-01-02", "9999-12-30", "9999-12-31", "2026-01-01", "2026-02-30", "10000-01-01", "-0001-01-01", "0000-00-00", "12345",
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999Z", "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+99:99", "2026-01-01 00:00", "1e18", "-1e18", "253402300800", "-62135596801", "not-a-uuid", "0" * 32,
    "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "urn:uuid:00000000-0000-0000-0000-000000000000",
    "0001-01-01.00000000-0000-0000-0000-000000000000", "9999-12-31.x", "2026-01-01.\x00", ".", "99999999999999999999.0",
    "253402300800000000.00000000-0000-0000-0000-000000000000", "-62135596800000001.00000000-0000-0000-0000-000000000000",
    '["earlier","00000000-0000-0000-0000-000000000000"]', '["\x00","00000000-0000-0000-0000-000000000000"]', "[]", "[" * 3000,
    "kA==", "kf8=", "mAAAAAAAAAAA", "3AAI", "xw==", "a", "a\x00b", "\ud800", "\udcff", "\U0001f600" * 30, "é" * 300, "x" * 6000, "\r\nX: y",
    "open", "closed", "running", "met", "breached", "waiting", "source", "day", "week", "month", "tier", "rep", "place", "leads", "won_amount",
    "cohort", "period", "lan", "hanoi", "a@example.com", "+84912345678", "VN", "utf-8", "utf-16", "site", "files", "subscribe",
)  # fmt: skip
"""Numbers, dates, instants, cursors and words at the edges of what the parameters take."""
QUERIES: Final[dict[str, tuple[str, ...]]] = {
    "/v1/backtests/{backtest_id}": ("lang", "kind", "limit", "cursor"),
    "/v1/clocks": ("state", "owner", "lead_id", "due_before", "limit", "cursor"),
    "/v1/deliveries": ("state", "subscription", "cursor", "limit"),
    "/v1/drill": ("by", "value", "measure", "from", "to", "limit", "cursor"),
    "/v1/events": ("after", "cursor", "limit"),
    "/v1/export/{view}.csv": ("by", "from", "to", "lang"),
    "/v1/funnel": ("by", "from", "to"),
    "/v1/handoffs": ("owner", "state", "lead_id", "cursor", "limit"),
    "/v1/hooks/{door}": ("hub.mode", "hub.verify_token", "hub.challenge"),
    "/v1/imports/{import_id}/rows": ("state", "cursor", "limit"),
    "/v1/kpis": ("from", "to", "basis", "lang", "format"),
    "/v1/leads": ("email", "phone", "name", "tag", "country", "cursor", "limit", "door", "charset"),
    "/v1/leads/{lead_id}/timeline": ("lang", "zone"),
    "/v1/nurture": ("lead_id",),
    "/v1/opportunities": ("owner", "stage", "lead_id", "cursor", "limit"),
    "/v1/reports/{name}": ("from", "to", "lang", "limit", "format"),
    "/v1/reps": ("team",),
    "/v1/spend": ("from", "to", "limit", "cursor", "format"),
    "/v1/submissions": ("door", "state", "lead_id", "cursor", "limit"),
    "/v1/tasks": ("owner", "lead_id", "state", "kind", "due_before", "cursor", "limit"),
    "/v1/waiting": ("reason", "cursor", "limit"),
    "/sign-in": ("code", "lang"),
}
PARAMETERS: Final = ("limit", "cursor", "lang", "dry_run", "event", "partition", "purge", "x")
"""What the other paths take, and what they don't."""
_NUL = "\x00"
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, 0.1, "", " ", "a", _NUL, f"a{_NUL}b", "\ud800",
    "\U0001f600" * 50, "é" * 1000, "x" * 70_000, "\u202e\u200b\ufeff", "'; drop table lead; --", "<script>alert(1)</script>",
    "{{7*7}}", "${jndi:ldap://127.0.0.1/a}", "%s%n", "../../etc/passwd", "http://[::1", "http://127.0.0.1:9/?a=b", "javascript:1",
    "file:///etc/passwd", "a@b", "a@b.c", "@", '"a b"@example.com', "a" * 300 + "@example.com", "x@xn--.example", "x@例え.テスト",
    "+84912345678", "+" * 50, "0" * 400, "tel:12", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "2026-02-30", "2026-11-02T09:00:00",
    "now", "1e999", "NaN", [], {}, [[]], [None], [{}], ["a"] * 3000, {"": ""}, {"a": {"b": {"c": []}}}, {"__proto__": 1}, {_NUL: 1},
    "00000000-0000-0000-0000-000000000000", "not-a-uuid", "制造业", "ZZ", "lead.assigned", 'lead.region == "',
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31", "P1D", "9" * 5000 + "s", "10000000000000d",
    "@NEST 200@", "@NEST 900@", "@NEST 60000@", "@DIGITS 400@", "@DIGITS 5000@", "@1e400@", "@-0.0@", "@18446744073709551616@",
)  # fmt: skip
TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    "/v1/leads": {
        "name": "A B", "email": "a@example.com", "phone": "+84912345678", "company": "C", "title": "Founder", "source": "search_ads",
        "industry": "manufacturing", "consent": {"marketing": True}, "answers": {"q": "a"}, "tags": ["t"], "channel_ids": {"zalo": "1"},
        "click_ids": {"gclid": "x"}, "created_at": "2026-01-01T00:00:00Z", "country": "VN", "budget": "1000", "landing_page": "http://x/?a=1",
        "is_test": False, "message": "m", "company_size": 10, "annual_revenue": 5, "language": "vi", "timeframe": "within a month",
    },
    "/v1/leads/{lead_id}": {"name": "A", "email": "a@example.com", "title": "CEO", "phone": "+84912345678", "tags": ["t"], "country": "VN"},
    "/v1/leads/{lead_id}/engagements": {"id": "e1", "kind": "price_page_viewed", "occurred_at": "2026-01-01T00:00:00Z", "content": "c", "url": "http://x/"},
    "/v1/engagements": {"items": [{"id": "e", "kind": "webinar_attended", "email": "a@example.com", "occurred_at": "2026-01-01T00:00:00Z"}]},
    "/v1/leads/{lead_id}/consent": {"purpose": "marketing", "granted": True, "at": "2026-01-01T00:00:00Z"},
    "/v1/handoffs/{handoff_id}/reject": {"reason": "timing", "comment": "c", "rating": 3},
    "/v1/handoffs/{handoff_id}/return": {"reason": "no_time", "comment": "c"},
    "/v1/handoffs/{handoff_id}/pass-on": {"rating": 3, "comment": "c"},
    "/v1/handoffs/{handoff_id}/accept": {},
    "/v1/handoffs/{handoff_id}/transfer": {"to": "lan", "reason": "manager", "comment": "c", "force": True},
    "/v1/handoffs/{handoff_id}/contacts": {"channel": "phone", "result": "reached", "note": "n", "next_step_at": "2027-01-01T00:00:00Z"},
    "/v1/leads/{lead_id}/contacts": {"channel": "phone", "result": "no_answer", "note": "n"},
    "/v1/leads/{lead_id}/assign": {"to": "lan", "reason": "workload"},
    "/v1/leads/{lead_id}/pool": {"pool": "nurture", "reason": "by_hand"},
    "/v1/leads/{lead_id}/notes": {"text": "n"},
    "/v1/leads/{lead_id}/status": {"status": "interested", "reason": "r", "proof": "p"},
    "/v1/leads/{lead_id}/checklist": {"pain_point": "p", "timeframe": "1_month", "budget": "yes", "definite_project": True},
    "/v1/pools/{pool}/claim": {"lead_id": "l", "owner": "lan"},
    "/v1/opportunities": {"lead_id": "l", "amount_minor": 5, "currency": "CNY"},
    "/v1/opportunities/{opportunity_id}/stage": {"stage": "won", "amount_minor": 5, "currency": "CNY", "reason": "r"},
    "/v1/tasks": {"lead_id": "l", "kind": "to_do", "due_at": "2027-01-01T00:00:00Z", "note": "n", "owner": "lan"},
    "/v1/tasks/{task_id}/done": {"outcome": "done", "note": "n"},
    "/v1/reps": {"id": "zoe", "team": "hanoi", "weight": 1, "capacity": {"day": 1}},
    "/v1/reps/{rep}": {"weight": 2, "capacity": {"day": 3}},
    "/v1/reps/{rep}/transfer": {"to": "lan", "reason": "manager"},
    "/v1/what-ifs": {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z", "routing": {}},
    "/v1/subscriptions": {"url": "https://hooks.example.invalid/", "events": ["lead.assigned"], "owner": "lan"},
    "/v1/clocks/{clock_id}/pause": {"reason": "holiday"},
    "/v1/clocks/{clock_id}/resume": {"reason": "back"},
    "/v1/clocks/{clock_id}/excuse": {"reason": "outage"},
    "/v1/spend": {"items": [{"day": "2026-01-01", "source": "search_ads", "campaign": "c", "amount_minor": 5, "currency": "CNY"}]},
    "/v1/policies/scorecard/lint": {"tiers": [{"name": "a", "from": 0, "action": "store"}], "groups": [], "rules": [], "qualify": "score >= 80"},
    "/v1/backtests": {"from": "2026-01-01T00:00:00Z", "scorecard": {"tiers": []}},
    "/v1/policies/scorecard/publish": {"apply": "new"},
    "/v1/reps/{rep}/availability": {"available": True, "reason": "r"},
    "/v1/secrets/{name}": {"value": "v"},
}  # fmt: skip
GOOGLE: Final[dict[str, Any]] = {
    "lead_id": "g", "api_version": "1.0", "form_id": 1, "campaign_id": 2, "is_test": False, "google_key": SECRETS["FUZZ_GOOGLE"],
    "user_column_data": [{"column_id": "EMAIL", "string_value": "g@example.com"}],
}  # fmt: skip
META: Final[dict[str, Any]] = {
    "object": "page",
    "entry": [{"id": "1", "time": 1, "changes": [{"field": "leadgen", "value": {"leadgen_id": "5", "form_id": "6", "page_id": "1", "created_time": 1}}]}],
}  # fmt: skip
TYPEFORM: Final[dict[str, Any]] = {
    "event_id": "e", "event_type": "form_response",
    "form_response": {"token": "t", "submitted_at": "2026-01-01T00:00:00Z", "definition": {"fields": [{"id": "f", "title": "E-mail", "type": "email"}]},
                      "answers": [{"type": "email", "email": "t@example.com", "field": {"id": "f", "type": "email"}}], "hidden": {"utm_source": "x"}},
}  # fmt: skip
PARTNER: Final[dict[str, Any]] = {"leads": [{"ref": "1", "contact": {"name": "P", "email": "p@example.com"}}]}
