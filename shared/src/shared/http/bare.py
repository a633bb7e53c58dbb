"""Endpoints that the shell calls past the framework, whose layers cost as much as a submission."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[ASGIApp]]


class Bare:
    """An endpoint on a router's list of paths. Who calls it makes answers of what it raises."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.__name__ = endpoint.__name__

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await self.endpoint(Request(scope, receive))
        await answer(scope, receive, send)


def add_bare(router: APIRouter, method: str, path: str, endpoint: Endpoint) -> None:
    """Add a bare endpoint to a router."""
    router.routes.append(Route(path, Bare(endpoint), methods=[method]))


def bare_endpoints(routers: Iterable[APIRouter]) -> Mapping[tuple[str, str], Endpoint]:
    """The bare endpoints of these routers by method and template."""
    return {
        (method, route.path): route.endpoint.endpoint
        for router in routers
        for route in router.routes
        if isinstance(route, Route) and isinstance(route.endpoint, Bare)
        for method in route.methods or ()
    }


def path_params(template: str, path: str) -> dict[str, str]:
    """What stands in the places of a template."""
    if "{" not in template:
        return {}
    parts = zip(template.split("/"), path.split("/"), strict=True)
    return {name[1:-1]: value for name, value in parts if name.startswith("{")}
