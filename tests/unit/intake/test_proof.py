"""Proof of sender: published vectors, absent headers, rotation, replay windows, path tokens, Google's key."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.domain.policy import Door, SecretRef
from intake.domain.proof import Arrival, Proof, Proven, Unproven, prove_arrival, prove_body
from tests.unit.intake.builders import RECEIVED_AT, a_door, resolve

GITHUB = {"header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": [{"secret": "hub"}]}
STANDARD = {
    "header": "webhook-signature",
    "prefix": "v1,",
    "separator": " ",
    "encoding": "base64",
    "message": "{id}.{timestamp}.{body}",
    "secrets": [{"secret": "standard"}],
    "secret_encoding": "whsec",
    "timestamp": {"header": "webhook-timestamp"},
    "id_header": "webhook-id",
}
HELD = {"hub": "It's a Secret to Everybody", "standard": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "new": "newer"}
HUB_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
SIGNED_AT = datetime.fromtimestamp(1614265330, UTC)
SIGNED = Arrival(
    raw=b'{"test": 2432232314}',
    headers={
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
)


def held(ref: SecretRef) -> str | None:
    return HELD.get(ref.secret or "")


def generic(**verify: Any) -> Door:
    return a_door(kind="generic", verify=verify)


def signed(signature: str, raw: bytes = b"Hello, World!") -> Arrival:
    return Arrival(raw, {"x-hub-signature-256": signature})


def google_status(body: Any, *secrets: str) -> int:
    return status(prove_body(a_door(kind="google", key=[{"secret": name} for name in secrets]), body, resolve))


def status(proof: Proof) -> int:
    return proof.status if isinstance(proof, Unproven) else 200


def test_githubs_published_vector_proves_and_any_other_signature_does_not() -> None:
    door = generic(**GITHUB)
    assert prove_arrival(door, signed(HUB_SIGNATURE), held, RECEIVED_AT) == Proven()
    for wrong in (HUB_SIGNATURE[:-1] + "8", HUB_SIGNATURE[7:], "sha256=", "sha256=zz", "sha256= " + "00" * 32, ""):
        assert status(prove_arrival(door, signed(wrong), held, RECEIVED_AT)) == 401
    assert status(prove_arrival(door, signed(HUB_SIGNATURE, b"Hello, World"), held, RECEIVED_AT)) == 401


def test_an_absent_header_is_refused() -> None:
    proof = prove_arrival(generic(**GITHUB), Arrival(b"Hello, World!"), held, RECEIVED_AT)
    assert proof == Unproven("the header X-Hub-Signature-256 is absent")


def test_overlapping_secrets_prove_and_an_unset_one_is_passed_over() -> None:
    door = generic(**{**GITHUB, "secrets": [{"secret": "gone"}, {"secret": "new"}, {"secret": "hub"}]})
    assert prove_arrival(door, signed(HUB_SIGNATURE), held, RECEIVED_AT) == Proven()


def test_missing_secrets_of_our_own_ask_the_sender_to_retry() -> None:
    door = generic(**{**GITHUB, "secrets": [{"secret": "gone"}]})
    empty = hmac.new(b"", b"Hello, World!", hashlib.sha256).hexdigest()
    assert status(prove_arrival(door, signed(f"sha256={empty}"), held, RECEIVED_AT)) == 503
    assert status(prove_arrival(door, signed(f"sha256={empty}"), lambda _: "", RECEIVED_AT)) == 503


def test_the_standard_webhooks_vector_proves_within_five_minutes() -> None:
    door = generic(**STANDARD)
    for seconds, expected in ((0, 200), (300, 200), (-300, 200), (301, 401), (-301, 401)):
        now = SIGNED_AT + timedelta(seconds=seconds)
        assert status(prove_arrival(door, SIGNED, held, now)) == expected


def test_any_one_of_several_signatures_is_enough_but_not_under_another_version() -> None:
    door, right = generic(**STANDARD), SIGNED.headers["webhook-signature"]
    several = {**SIGNED.headers, "webhook-signature": f"v1a,AAAA v1,AAAA {right}"}
    other = {**SIGNED.headers, "webhook-signature": right.replace("v1,", "v2,")}
    assert prove_arrival(door, replace(SIGNED, headers=several), held, SIGNED_AT) == Proven()
    assert status(prove_arrival(door, replace(SIGNED, headers=other), held, SIGNED_AT)) == 401


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_of_the_message_is_required(header: str) -> None:
    headers = {name: value for name, value in SIGNED.headers.items() if name != header}
    assert status(prove_arrival(generic(**STANDARD), replace(SIGNED, headers=headers), held, SIGNED_AT)) == 401


def test_method_and_url_may_be_part_of_the_message() -> None:
    door = generic(
        header="x-sig",
        encoding="base64",
        message="{method}{url}{body}{timestamp}",
        secrets=[{"secret": "new"}],
        timestamp={"header": "x-time", "unit": "ms"},
    )
    stamp = str(int(SIGNED_AT.timestamp() * 1000))
    message = b"POSThttps://example.com/hook?a=1{}" + stamp.encode()
    signature = base64.b64encode(hmac.new(b"newer", message, hashlib.sha256).digest()).decode()
    arrival = Arrival(b"{}", {"x-sig": signature, "x-time": stamp}, "post", "https://example.com/hook?a=1")
    assert prove_arrival(door, arrival, held, SIGNED_AT) == Proven()
    assert status(prove_arrival(door, replace(arrival, url="https://example.com/hook"), held, SIGNED_AT)) == 401


def test_time_and_signature_may_share_one_header() -> None:
    door = generic(
        header="x-sig",
        prefix="v1=",
        separator=",",
        message="{timestamp}.{body}",
        secrets=[{"secret": "new"}],
        timestamp={"header": "x-sig", "prefix": "t="},
    )
    signature = hmac.new(b"newer", b"1614265330.{}", hashlib.sha256).hexdigest()
    assert prove_arrival(door, Arrival(b"{}", {"x-sig": f"t=1614265330,v1={signature}"}), held, SIGNED_AT) == Proven()


def test_a_path_token_is_compared_whole() -> None:
    door = a_door(kind="html", token=[{"secret": "new"}, {"secret": "hub"}])
    for token, expected in (("newer", 200), (HELD["hub"], 200), ("newe", 401), ("", 401), (None, 401)):
        assert status(prove_arrival(door, Arrival(b"", token=token), held, RECEIVED_AT)) == expected


def test_a_form_without_proof_is_proven() -> None:
    assert prove_arrival(a_door(kind="html"), Arrival(b""), held, RECEIVED_AT) == Proven()


def test_googles_key_is_found_in_any_case_and_must_be_one_text() -> None:
    for right in ({"google_key": "made-up-google-key"}, {"Google_Key": "xfdgdgsgfchgvhgfchg"}):
        assert google_status(right, "key", "old-key") == 200
    for wrong in ({"google_key": "no"}, {}, {"google_key": None}, {"google_key": ["made-up-google-key"]}, []):
        assert google_status(wrong, "key", "old-key") == 401
    assert google_status({"google_key": "made-up-google-key", "GOOGLE_KEY": "x"}, "key") == 401


def test_an_empty_configured_key_never_equals_an_empty_one_sent() -> None:
    assert google_status({"google_key": ""}, "unset") == 503


@given(st.binary(max_size=200), st.text(max_size=80), st.text(max_size=20), st.text(max_size=20))
def test_arbitrary_headers_never_prove_and_never_raise(raw: bytes, sig: str, stamp: str, message_id: str) -> None:
    headers = {"webhook-signature": sig, "webhook-timestamp": stamp, "webhook-id": message_id}
    for signature in (sig, f"v1,{sig}"):
        arrival = Arrival(raw, {**headers, "webhook-signature": signature})
        assert isinstance(prove_arrival(generic(**STANDARD), arrival, held, SIGNED_AT), Unproven)


@given(st.binary(max_size=200), st.text(min_size=1, max_size=30).filter(lambda key: bool(key.strip())))
def test_every_rightly_signed_body_proves(raw: bytes, secret: str) -> None:
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest().upper()
    door = generic(**GITHUB)
    assert prove_arrival(door, signed(f"sha256={signature}", raw), lambda _: secret, RECEIVED_AT) == Proven()
