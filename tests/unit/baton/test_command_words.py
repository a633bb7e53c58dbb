"""What a command says of a refusal: the reason once, who gave it, and no brackets of a program."""

import httpx

from baton.cli.client import words

ROLE = "keys.x.role: 'boss' is no role"


def answered(status: int, body: object) -> str:
    request = httpx.Request("PUT", "http://baton.test/v1/policies/access")
    return words(httpx.Response(status, json=body, request=request))


def test_a_refusal_of_all_services_is_told_once() -> None:
    refused = {"title": "Unprocessable", "status": 422, "detail": "it can't be published", "problems": [ROLE]}
    said = answered(422, {"kind": "access", "services": {"intake": refused, "scorer": refused}})
    assert said == f"intake, scorer: Unprocessable: it can't be published\n  - {ROLE}"


def test_a_service_that_is_away_is_named_and_the_others_are_not() -> None:
    there = {"kind": "access", "version": 2}
    said = answered(503, {"kind": "access", "services": {"intake": there, "scorer": {"error": "does not answer"}}})
    assert said == "scorer: does not answer"


def test_a_problem_with_a_place_reads_as_a_sentence() -> None:
    problems = [{"where": "path.lead_id", "what": "Input should be a valid UUID"}]
    said = answered(422, {"title": "Unprocessable", "detail": "the request does not fit", "problems": problems})
    assert said == "Unprocessable: the request does not fit\n  - path.lead_id: Input should be a valid UUID"


def test_what_is_no_document_is_its_status() -> None:
    assert words(httpx.Response(502, text="bad", request=httpx.Request("GET", "http://b/x"))) == "502 from /x"
