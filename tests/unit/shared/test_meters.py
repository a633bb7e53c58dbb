"""What is counted of requests: by route and class of status, whatever a sender writes."""

from shared.telemetry.meters import Meters


def counted(meters: Meters) -> dict[tuple[str, ...], float]:
    (family,) = [each for each in meters.registry.collect() if each.name == "baton_http_requests"]
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def test_answers_are_counted_by_route_and_class_of_status() -> None:
    meters = Meters()
    for status in (200, 202, 404, 503):
        meters.answered("POST", "/v1/leads", status)
    post = ("POST", "/v1/leads")
    assert counted(meters) == {(*post, "2xx"): 2, (*post, "4xx"): 1, (*post, "5xx"): 1}


def test_strangers_make_one_series_and_no_more() -> None:
    meters = Meters()
    for number in range(100):
        meters.answered(f"X{number}", None, 405)
    assert counted(meters) == {("-", "-", "4xx"): 100}
