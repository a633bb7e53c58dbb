"""The table of routes: nothing is claimed twice, nothing is left out, and every service answers what it claims."""

import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import APIRouter
from starlette.routing import Route as StarletteRoute

from baton.page.pages import Pages
from baton.process import health
from baton.shared_policies import shared_policy_routes
from shared.contracts.topology import SERVICES
from shared.http.access import ACCESS, ROLES
from shared.http.hurrying import clock_routes
from shared.http.operations import operations
from shared.http.policies import policy_routes
from shared.http.routes import PUBLIC, ROUTES, Route, find, methods_of
from shared.runtime.clock import HurriedClock
from shared.runtime.desk import Desk
from shared.runtime.policies import Policies
from shared.runtime.service import Service
from shared.runtime.transactions import Transactions
from shared.store.engine import engine
from shared.telemetry.meters import Meters

PARTITIONS: Final = 4
NOWHERE: Final = "postgresql://nobody@127.0.0.1:1/nothing"  # an engine connects only when it is used


def shape(template: str) -> str:
    """The template without the names of its parameters: they are each author's own."""
    return re.sub(r"{[^}]*}", "{}", template)


def example(template: str) -> str:
    return re.sub(r"{[^}]*}", "an-id", template)


def might_meet(one: Route, other: Route) -> bool:
    """Whether a request exists that both would take."""
    left, right = shape(one.template).split("/"), shape(other.template).split("/")
    return (
        one.method == other.method
        and len(left) == len(right)
        and all(a == b or "{}" in (a, b) for a, b in zip(left, right, strict=True))
    )


def claimed_twice(routes: Iterable[Route]) -> list[tuple[str, str]]:
    return [(one.template, other.template) for one, other in combinations(routes, 2) if might_meet(one, other)]


def test_no_request_is_claimed_twice() -> None:
    assert claimed_twice(ROUTES) == []
    assert [key for key, count in Counter((r.method, shape(r.template)) for r in ROUTES).items() if count > 1] == []


def test_a_path_that_is_claimed_twice_is_found() -> None:
    one = Route("GET", "/v1/leads/{lead_id}", "intake", PUBLIC)
    for other in ("/v1/leads/{id}", "/v1/leads/newest", "/v1/{what}/{id}"):
        assert claimed_twice([one, Route("GET", other, "router", PUBLIC)])
    for method, other in (("POST", "/v1/leads/{id}"), ("GET", "/v1/leads"), ("GET", "/v1/leads/{id}/notes")):
        assert not claimed_twice([one, Route(method, other, "router", PUBLIC)])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.template}")
def test_a_route_is_found_by_its_template_and_owned_by_one_service(route: Route) -> None:
    assert find(route.method, example(route.template)) is route
    assert route.service in {*SERVICES, "gateway"}
    assert route.method in methods_of(example(route.template))
    assert route.roles is PUBLIC or (route.roles and route.roles <= ROLES)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing-here"),
        ("GET", "/v1"),
        ("GET", "/v1/leads/"),
        ("GET", "/v1/leads//timeline"),
        ("GET", "/v1/leads/a/b"),
        ("GET", "//v1/leads"),
        ("GET", "/V1/leads"),
        ("GET", "/v1/leads/../policies/access/"),
        ("TRACE", "/v1/leads"),
        ("GET", "/docs"),
    ],
)
def test_what_is_not_in_the_table_is_not_found(method: str, path: str) -> None:
    assert find(method, path) is None


def test_head_is_answered_as_get() -> None:
    assert find("HEAD", "/health/live") is find("GET", "/health/live") is not None


def test_only_webhooks_forms_health_metrics_and_the_page_are_public() -> None:
    public = {route.template for route in ROUTES if route.roles is PUBLIC}
    page = {"/", *(f"/{word}" for word in ("live", "sign-in", "sign-out", "follow/{lead_id}", "page/{name}"))}
    rest = public - page  # the page asks for a session itself
    assert all(path.startswith(("/v1/hooks/", "/v1/forms/", "/health/", "/metrics")) for path in rest)


def a_desk(service: Service) -> Desk:
    transactions = Transactions(
        engine(NOWHERE, application="test"), HurriedClock(), PARTITIONS, Policies([*service.policies, ACCESS])
    )
    return Desk(service.name, transactions, lambda _name: None)


def of_service(name: str) -> list[APIRouter]:
    service: Service = importlib.import_module(f"{name.replace('-', '_')}.main").service()
    assert service.name == name
    desk = a_desk(service)
    assert isinstance(desk.clock, HurriedClock)
    routers = [policy_routes(desk, service), operations(desk, service, None), clock_routes(desk, service, desk.clock)]
    return [service.api(desk), *routers] if service.api else routers


def of_gateway(_name: str) -> list[APIRouter]:
    page = Pages(lambda _service: httpx.AsyncClient(), b"secret", ZoneInfo("UTC"))
    return [health([], Meters()), shared_policy_routes(lambda _service: httpx.AsyncClient()), page.routes()]


OWNERS: Final = {**dict.fromkeys(SERVICES, of_service), "gateway": of_gateway}


def registered(routers: Iterable[APIRouter]) -> Iterator[tuple[str, str]]:
    for router in routers:
        for path, route in within(router):
            for method in (route.methods or set()) - {"HEAD"}:
                yield method, path


def within(router: APIRouter, prefix: str = "") -> Iterator[tuple[str, StarletteRoute]]:
    """The routes of a router and of the routers included in it, with their paths."""
    for route in router.routes:
        if isinstance(route, StarletteRoute):
            yield prefix + route.path, route
        else:
            inner = getattr(route, "original_router", None)
            assert isinstance(inner, APIRouter), f"a route of an unknown kind: {route}"
            yield from within(inner, prefix + getattr(route, "include_context").prefix)  # noqa: B009 - FastAPI's own


@pytest.mark.parametrize("owner", OWNERS)
def test_what_a_service_answers_is_in_the_table(owner: str) -> None:
    missing: list[str] = []
    for method, path in registered(OWNERS[owner](owner)):
        route = find(method, example(path))
        if route is None or route.service != owner:
            missing.append(f"{method} {path}: {'nobody' if route is None else route.service} has it in the table")
    assert missing == []


@pytest.mark.parametrize("owner", OWNERS)
def test_what_the_table_says_of_a_service_is_answered_by_it(owner: str) -> None:
    answered = {find(method, example(path)) for method, path in registered(OWNERS[owner](owner))}
    missing = [f"{r.method} {r.template}" for r in ROUTES if r.service == owner and r not in answered]
    assert missing == []


@pytest.mark.parametrize("owner", OWNERS)
def test_no_router_answers_a_request_in_two_places(owner: str) -> None:
    for router in OWNERS[owner](owner):
        counted = Counter((method, shape(path)) for method, path in registered([router]))
        assert [key for key, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("owner", OWNERS)
def test_no_two_routers_of_a_service_answer_the_same_request(owner: str) -> None:
    counted = Counter((method, shape(path)) for method, path in registered(OWNERS[owner](owner)))
    assert [key for key, count in counted.items() if count > 1] == []
