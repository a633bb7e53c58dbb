"""`GET /v1/hooks/{door}`: Meta asks whether this address wants its notifications."""

from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from intake.api.arriving import knock
from intake.domain.policy import MetaDoor
from intake.domain.proof import Arrival, Proof, Unproven, is_one_of, prove_token
from intake.intake import Intake
from intake.rules import Rules
from shared.http.problems import Problem
from shared.runtime.desk import Desk

_MAX_CHALLENGE_CHARS = 256


async def shake(intake: Intake, desk: Desk, http: HttpRequest) -> ASGIApp:
    """The bare challenge for who knows the verify token. Raises Problem 403 and 503."""
    name = http.path_params["door"]
    knocked = await knock(intake, desk, http, name, MetaDoor)
    proof = _proof(knocked.rules, knocked.door, http)
    if isinstance(proof, Unproven):
        # perhaps the secret was changed a moment ago
        rules = await intake.book.doubted(desk)
        door = rules.door(name)
        proof = _proof(rules, door, http) if isinstance(door, MetaDoor) else proof
    if isinstance(proof, Unproven):
        if proof.status != 401:
            intake.refuse(name, "no-secret")
            detail = "a secret of this door is not set; set it, see /v1/doors"
            raise Problem(503, detail, code="no-secret", headers={"Retry-After": "60"})
        intake.refuse(name, "unproven")
        raise Problem(403, "hub.mode or hub.verify_token is not what this door expects", code="unproven")
    challenge = http.query_params.get("hub.challenge", "")
    if not 0 < len(challenge) <= _MAX_CHALLENGE_CHARS:
        raise Problem(400, "hub.challenge is absent or too long", code="no-challenge")
    # never as a page: the challenge is whatever the caller wrote
    return PlainTextResponse(challenge, headers={"X-Content-Type-Options": "nosniff"})


def _proof(rules: Rules, door: MetaDoor, http: HttpRequest) -> Proof:
    arrival = Arrival(b"", token=http.path_params.get("token"))
    proof = prove_token(door, arrival, rules.resolve)
    if isinstance(proof, Unproven):
        return proof
    if http.query_params.get("hub.mode") != "subscribe":
        return Unproven("hub.mode is not subscribe")
    given = http.query_params.get("hub.verify_token")
    return is_one_of(given, "hub.verify_token", door.verify_token, rules.resolve)
