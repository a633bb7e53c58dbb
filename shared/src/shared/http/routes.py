"""The one table of routes: method, template, owning service, and who may. What is not in it is refused.

The embedded app, the gateway and the tests read this table; a path that is claimed twice or by nobody fails a test.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from shared.http.problems import Problem

PUBLIC: Final = frozenset({"public"})
ALL: Final = frozenset({"entry", "marketer", "sdr", "rep", "manager", "viewer", "analyst", "operator", "admin"})
SALES: Final = frozenset({"sdr", "rep", "manager", "admin"})
LEADERS: Final = frozenset({"manager", "admin"})
READERS: Final = frozenset({"marketer", "manager", "viewer", "analyst", "operator", "admin"})
MARKETING: Final = frozenset({"marketer", "admin"})
OPERATORS: Final = frozenset({"operator", "admin"})
ADMINS: Final = frozenset({"admin"})
MAX_BODY_BYTES: Final = 256 * 1024
MAX_BATCH_BYTES: Final = 1024 * 1024
MAX_FILE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """One way in."""

    method: str
    template: str
    service: str
    roles: frozenset[str]
    max_body_bytes: int = MAX_BODY_BYTES


ROUTES: Final[tuple[Route, ...]] = (
    # intake
    # Meta sends up to a thousand notifications in one body; the other kinds of doors take less, and say so
    Route("POST", "/v1/hooks/{door}", "intake", PUBLIC, MAX_BATCH_BYTES),
    Route("POST", "/v1/hooks/{door}/{token}", "intake", PUBLIC, MAX_BATCH_BYTES),
    Route("GET", "/v1/hooks/{door}", "intake", PUBLIC),
    Route("GET", "/v1/hooks/{door}/{token}", "intake", PUBLIC),
    Route("POST", "/v1/forms/{door}", "intake", PUBLIC),
    Route("OPTIONS", "/v1/forms/{door}", "intake", PUBLIC),
    Route("GET", "/v1/forms/{door}/thanks", "intake", PUBLIC),
    Route("POST", "/v1/leads", "intake", frozenset({"entry", "marketer", "sdr", "manager", "admin"})),
    Route("GET", "/v1/leads", "intake", ALL - {"viewer", "operator", "analyst"}),
    Route("GET", "/v1/leads/{lead_id}", "intake", ALL - {"operator"}),
    Route("POST", "/v1/leads/{lead_id}/engagements", "intake", frozenset({"entry", "marketer", "sdr", "admin"})),
    Route("POST", "/v1/engagements", "intake", frozenset({"entry", "marketer", "sdr", "admin"})),
    Route("PATCH", "/v1/leads/{lead_id}", "intake", MARKETING | {"sdr"}),
    Route("POST", "/v1/leads/{lead_id}/consent", "intake", frozenset({"entry", "marketer", "sdr", "admin"})),
    Route("GET", "/v1/leads/{lead_id}/personal-data", "intake", MARKETING),
    Route("DELETE", "/v1/leads/{lead_id}/personal-data", "intake", ADMINS),
    Route("GET", "/v1/erasures", "intake", MARKETING | OPERATORS),
    Route("GET", "/v1/erasures/{erasure_id}", "intake", MARKETING | OPERATORS),
    Route("POST", "/v1/imports", "intake", MARKETING, max_body_bytes=MAX_FILE_BYTES),
    Route("GET", "/v1/imports", "intake", MARKETING | OPERATORS),
    Route("GET", "/v1/imports/{import_id}", "intake", MARKETING | OPERATORS),
    Route("GET", "/v1/imports/{import_id}/rows", "intake", MARKETING | OPERATORS),
    Route("GET", "/v1/imports/{import_id}/report.csv", "intake", MARKETING | OPERATORS),
    Route("GET", "/v1/submissions", "intake", MARKETING | OPERATORS),
    Route("GET", "/v1/submissions/{submission_id}", "intake", MARKETING | OPERATORS),
    Route("POST", "/v1/submissions/{submission_id}/replay", "intake", MARKETING | OPERATORS),
    Route("GET", "/v1/doors", "intake", READERS),
    Route("PUT", "/v1/secrets/{name}", "intake", MARKETING),
    Route("GET", "/v1/secrets", "intake", MARKETING),
    Route("GET", "/v1/policies/doors", "intake", MARKETING | OPERATORS),
    Route("PUT", "/v1/policies/doors", "intake", MARKETING),
    Route("GET", "/v1/policies/fields", "intake", MARKETING | OPERATORS),
    Route("PUT", "/v1/policies/fields", "intake", MARKETING),
    # scorer
    Route("GET", "/v1/scores/{lead_id}", "scorer", ALL - {"entry"}),
    Route("GET", "/v1/policies/scorecard", "scorer", READERS),
    Route("PUT", "/v1/policies/scorecard", "scorer", MARKETING),
    Route("POST", "/v1/policies/scorecard/lint", "scorer", MARKETING),
    Route("POST", "/v1/policies/scorecard/publish", "scorer", MARKETING),
    Route("POST", "/v1/backtests", "scorer", MARKETING | LEADERS | {"analyst"}),
    Route("GET", "/v1/backtests", "scorer", READERS),
    Route("GET", "/v1/backtests/{backtest_id}", "scorer", READERS),
    # router
    Route("GET", "/v1/handoffs", "router", SALES | READERS),
    # also GET /v1/handoffs/stream: the same service, the same roles
    Route("GET", "/v1/handoffs/{handoff_id}", "router", SALES | READERS),
    Route("POST", "/v1/handoffs/{handoff_id}/accept", "router", SALES),
    Route("POST", "/v1/handoffs/{handoff_id}/reject", "router", SALES),
    Route("POST", "/v1/handoffs/{handoff_id}/contacts", "router", SALES),
    Route("POST", "/v1/handoffs/{handoff_id}/return", "router", SALES),
    Route("POST", "/v1/handoffs/{handoff_id}/pass-on", "router", frozenset({"sdr", "manager", "admin"})),
    Route("POST", "/v1/handoffs/{handoff_id}/transfer", "router", LEADERS),
    Route("POST", "/v1/leads/{lead_id}/assign", "router", LEADERS),
    Route("POST", "/v1/leads/{lead_id}/pool", "router", frozenset({"marketer", "sdr", "manager", "admin"})),
    # for those alone who see only their own leads: all others need none
    Route("GET", "/v1/leads/{lead_id}/pass", "router", frozenset({"rep", "manager"})),
    Route("GET", "/v1/leads/{lead_id}/notes", "router", SALES | MARKETING),
    Route("POST", "/v1/leads/{lead_id}/notes", "router", SALES | MARKETING),
    Route("POST", "/v1/leads/{lead_id}/contacts", "router", SALES),
    Route("POST", "/v1/leads/{lead_id}/status", "router", SALES | MARKETING),
    Route("PATCH", "/v1/leads/{lead_id}/checklist", "router", SALES | MARKETING),
    Route("GET", "/v1/leads/{lead_id}/checklist", "router", SALES | READERS),
    Route("GET", "/v1/pools/{pool}", "router", SALES | READERS),
    Route("POST", "/v1/pools/{pool}/claim", "router", SALES),
    Route("GET", "/v1/waiting", "router", (SALES - {"rep"}) | READERS),
    Route("POST", "/v1/opportunities", "router", SALES),
    Route("GET", "/v1/opportunities", "router", SALES | READERS),
    Route("POST", "/v1/opportunities/{opportunity_id}/stage", "router", SALES),
    Route("POST", "/v1/opportunities/{opportunity_id}/transfer", "router", LEADERS),
    Route("GET", "/v1/tasks", "router", SALES | READERS),
    Route("POST", "/v1/tasks", "router", SALES | MARKETING),
    Route("POST", "/v1/tasks/{task_id}/done", "router", SALES | MARKETING),
    Route("GET", "/v1/policies/routing", "router", READERS),
    Route("PUT", "/v1/policies/routing", "router", LEADERS),
    Route("GET", "/v1/reps", "router", SALES | READERS),
    Route("POST", "/v1/reps", "router", LEADERS),
    Route("PATCH", "/v1/reps/{rep}", "router", LEADERS),
    Route("DELETE", "/v1/reps/{rep}", "router", LEADERS),
    Route("PUT", "/v1/reps/{rep}/availability", "router", SALES),
    Route("POST", "/v1/reps/{rep}/transfer", "router", LEADERS),
    Route("POST", "/v1/what-ifs", "router", frozenset({"manager", "analyst", "admin"})),
    Route("GET", "/v1/what-ifs/{what_if_id}", "router", frozenset({"manager", "analyst", "admin"})),
    Route("GET", "/v1/subscriptions", "router", LEADERS | OPERATORS),
    Route("POST", "/v1/subscriptions", "router", LEADERS | OPERATORS),
    Route("DELETE", "/v1/subscriptions/{subscription_id}", "router", LEADERS | OPERATORS),
    Route("GET", "/v1/deliveries", "router", LEADERS | OPERATORS),
    Route("POST", "/v1/deliveries/{delivery_id}/replay", "router", LEADERS | OPERATORS),
    # sla-watcher
    Route("GET", "/v1/clocks", "sla-watcher", SALES | READERS),
    Route("GET", "/v1/policies/sla", "sla-watcher", READERS),
    Route("PUT", "/v1/policies/sla", "sla-watcher", LEADERS),
    Route("POST", "/v1/clocks/{clock_id}/pause", "sla-watcher", LEADERS),
    Route("POST", "/v1/clocks/{clock_id}/resume", "sla-watcher", LEADERS),
    Route("POST", "/v1/clocks/{clock_id}/excuse", "sla-watcher", LEADERS),
    Route("GET", "/v1/nurture", "sla-watcher", SALES | READERS),
    Route("GET", "/v1/policies/nurture", "sla-watcher", READERS | LEADERS),
    Route("PUT", "/v1/policies/nurture", "sla-watcher", MARKETING | LEADERS),
    # analytics
    Route("GET", "/v1/funnel", "analytics", READERS | {"rep", "sdr"}),
    Route("GET", "/v1/leads/{lead_id}/timeline", "analytics", ALL - {"entry"}),
    Route("GET", "/v1/drill", "analytics", READERS),
    Route("GET", "/v1/reconciliation", "analytics", READERS),
    Route("GET", "/v1/events", "analytics", READERS),
    Route("GET", "/v1/kpis", "analytics", READERS),
    Route("GET", "/v1/reports", "analytics", READERS | {"rep", "sdr"}),
    Route("GET", "/v1/reports/{name}", "analytics", READERS | {"rep", "sdr"}),
    Route("GET", "/v1/spend", "analytics", READERS),
    Route("POST", "/v1/spend", "analytics", MARKETING | LEADERS, max_body_bytes=1024 * 1024),
    Route("GET", "/v1/export/{view}.csv", "analytics", READERS),
    Route("POST", "/v1/ops/analytics/rebuild", "analytics", OPERATORS),
    # policies that several services keep: the runner or the gateway publishes to all of them
    Route("GET", "/v1/policies/access", "gateway", ADMINS),
    Route("PUT", "/v1/policies/access", "gateway", ADMINS),
    Route("GET", "/v1/policies/calendars", "gateway", READERS),
    Route("PUT", "/v1/policies/calendars", "gateway", LEADERS),
    # the page: it asks for a session itself, and reads with the reader's own rights
    *(
        Route("GET", path, "gateway", PUBLIC)
        for path in ("/", "/live", "/sign-in", "/follow/{lead_id}", "/page/{name}")
    ),
    Route("POST", "/sign-in", "gateway", PUBLIC),
    Route("POST", "/sign-out", "gateway", PUBLIC),
    Route("GET", "/health/live", "gateway", PUBLIC),
    Route("GET", "/health/ready", "gateway", PUBLIC),
    Route("GET", "/metrics", "gateway", PUBLIC),
    *(
        Route(method, f"/v1/ops/{service}/{path}", service, OPERATORS)
        for service in ("intake", "scorer", "router", "sla-watcher", "analytics")
        for method, path in (
            ("GET", "lag"),
            ("GET", "parked"),
            ("POST", "parked/{parked_id}/release"),
            ("POST", "parked/{parked_id}/discard"),
            ("GET", "consumers"),
            ("DELETE", "consumers/{consumer}"),
            ("GET", "tally"),
            ("GET", "holdings"),
            ("GET", "holdings/{holding}"),
        )
    ),
    *(
        Route(method, f"/v1/ops/{service}/{path}", service, roles)
        for service in ("intake", "scorer", "router", "sla-watcher", "analytics")
        for method, path, roles in (("GET", "me", ALL), ("GET", "clock", ALL), ("PUT", "clock", ADMINS))
    ),
    # which kind takes which role is the kind's own word (PolicyDefinition); this is only who may knock
    *(
        Route(method, f"/v1/ops/{service}/policies/{{kind}}", service, roles)
        for service in ("intake", "scorer", "router", "sla-watcher", "analytics")
        for method, roles in (("GET", READERS), ("PUT", MARKETING | LEADERS | OPERATORS))
    ),
    *(
        Route("GET", f"/v1/ops/{service}/policies/{{kind}}/history", service, READERS)
        for service in ("intake", "scorer", "router", "sla-watcher", "analytics")
    ),
    *(
        Route("GET", f"/v1/policies/{kind}/history", service, roles)
        for kind, service, roles in (
            ("doors", "intake", MARKETING | OPERATORS),
            ("fields", "intake", MARKETING | OPERATORS),
            ("scorecard", "scorer", READERS),
            ("routing", "router", READERS),
            ("sla", "sla-watcher", READERS),
            ("nurture", "sla-watcher", READERS),
        )
    ),
)


@cache
def _matchers() -> tuple[dict[tuple[str, str], Route], list[tuple[str, re.Pattern[str], Route]]]:
    fixed = {(route.method, route.template): route for route in ROUTES if "{" not in route.template}
    patterns = [
        (route.method, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.template)) + r"\Z"), route)
        for route in ROUTES
        if "{" in route.template
    ]
    return fixed, patterns


def find(method: str, path: str) -> Route | None:
    """The route that a request takes, None where there is none."""
    fixed, patterns = _matchers()
    method = "GET" if method == "HEAD" else method
    exact = fixed.get((method, path))
    if exact is not None:
        return exact
    return next((route for verb, pattern, route in patterns if verb == method and pattern.match(path)), None)


def route_of(method: str, path: str) -> Route:
    """The route that a request takes.

    Raises Problem 404, or 405 where the path knows other methods.
    """
    route = find(method, path)
    if route is not None:
        return route
    allowed = methods_of(path)
    if allowed:
        raise Problem(405, f"use {' or '.join(allowed)} here", headers={"Allow": ", ".join(allowed)})
    raise Problem(404, "there is nothing at this path; the pages under docs/roles list what there is", code="no-route")


def methods_of(path: str) -> list[str]:
    """The methods that a path knows, for a 405."""
    return sorted({route.method for route in ROUTES if find(route.method, path) is not None})
