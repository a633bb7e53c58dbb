"""A path that is not there, or knows other methods, is refused alike by every process and the gateway."""

import pytest

from shared.http.problems import Problem
from shared.http.routes import find, route_of


def test_a_known_path_is_its_route() -> None:
    assert route_of("POST", "/v1/leads") is find("POST", "/v1/leads")


def test_a_path_that_is_not_there_is_a_404_that_says_where_to_look() -> None:
    with pytest.raises(Problem) as refused:
        route_of("GET", "/v1/nothing")
    assert (refused.value.status, refused.value.code) == (404, "no-route")
    assert "docs/roles" in refused.value.detail


def test_another_method_is_a_405_with_the_methods_that_go() -> None:
    with pytest.raises(Problem) as refused:
        route_of("PATCH", "/v1/reps")
    assert refused.value.status == 405
    assert refused.value.headers["Allow"] == "GET, POST"
