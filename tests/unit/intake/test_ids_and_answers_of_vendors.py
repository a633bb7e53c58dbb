"""Meta's notifications and what Graph gives for them, and Typeform's responses: every stored sample, every signature."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from intake.domain.body import read_body
from intake.domain.mapping import outcome_of, submissions
from intake.domain.policy import Door, Doors, SecretRef, parse_doors
from intake.domain.proof import Arrival, Proven, Unproven, prove_arrival
from intake.domain.submission import Answer, Awaiting, Ignored, Submission, Unmappable, document
from intake.domain.times import instant
from tests.unit.intake.builders import RECEIVED_AT, SAMPLES, a_door, the_fields

META = {
    "kind": "meta",
    "secret": [{"secret": "old"}, {"secret": "meta"}],
    "verify_token": {"secret": "verify"},
    "graph": {"token": {"secret": "token"}},
}
TYPEFORM = {"kind": "typeform", "secret": {"secret": "typeform"}, "defaults": {"country": "VN"}}
SECRETS = {"meta": "test_app_secret", "old": "before", "typeform": "test_typeform_secret"}
SAME = {"adgroup": "ad_group"}
FORM = json.loads((SAMPLES / "meta" / "form_questions.json").read_bytes())
VECTORS = [
    ("meta/leadgen_docs_sample.json", "27ca22166465478cae4632b6792cab62186f953c80d1f509f118d0bd0edc56de"),
    ("meta/leadgen_escaped_unicode.json", "b68075eb14c47df776175ccb9e286e70c1882ee7954b02f0f8e5868512ac7f2e"),
    ("meta/leadgen_strings_single.json", "1b3fb1f3af9bc323fbee10435bf9b6081586e6b60e7dba91162bc137b87365d7"),
    ("typeform/form_response_full.json", "61HYe1XpPZ4ijEYhrPbjbXtWjqjZPaC2qVkyH/It/Xg="),
    ("typeform/lead_vi_hidden_utm.json", "Iv7vKX5HAA7Pf9YXV7I5C6JzvwZOcBxtnpj/a4PSBxw="),
    ("typeform/minimal_vector.json", "gnbDmg7UpkGNmmrXer6WVosRLYTVJ3bd0lgJU0yrcus="),
]
HEADERS = {"meta": "x-hub-signature-256", "typeform": "typeform-signature"}


def known(ref: SecretRef) -> str | None:
    return SECRETS.get(ref.secret or "")


def door_of(vendor: str) -> Door:
    return a_door(**(META if vendor == "meta" else TYPEFORM))


def sample(name: str) -> Any:
    return read_body("application/json", (SAMPLES / name).read_bytes())


def expected(name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / name).with_suffix(".expected.json").read_bytes())


def check(found: Submission, wanted: dict[str, Any]) -> None:
    shown: dict[str, Any] = document(found)
    answers = [answer["answer"] for answer in shown["answers"]]
    for key, value in wanted.items():
        match key:
            case "vendor_id":
                assert found.vendor_id == found.vendor_key == value
            case "gclid" | "fbclid":
                assert shown.get("click_ids", {}).get(key) == value
            case "created_at":
                assert found.created_at == instant(value, "UTC")
            case "answers_multi":
                assert value in answers
            case "text_contains":
                assert all(any(part in str(one) for one in answers) for part in value)
            case _:
                assert shown.get(SAME.get(key, key)) == value, key


@pytest.mark.parametrize(("name", "signature"), VECTORS, ids=[name for name, _ in VECTORS])
def test_a_published_signature_proves_the_sender_and_no_other_does(name: str, signature: str) -> None:
    raw = (SAMPLES / name).read_bytes()
    door, header = door_of(Path(name).parent.name), HEADERS[Path(name).parent.name]

    def proof(given: str | None, body: bytes = raw) -> Proven | Unproven:
        headers = {} if given is None else {header: given}
        return prove_arrival(door, Arrival(body, headers), known, RECEIVED_AT)

    assert isinstance(proof(f"sha256={signature}"), Proven)
    for forged in (None, "", "sha256=", signature, f"sha1={signature}", f"sha256={signature[:-3]}AAA", "sha256=é"):
        assert isinstance(proof(forged), Unproven), forged
    assert isinstance(proof(f"sha256={signature}", raw + b" "), Unproven)


def test_a_body_that_was_written_anew_has_another_signature() -> None:
    raw = (SAMPLES / "meta" / "leadgen_escaped_unicode.json").read_bytes()
    of_the_new = "bbd3a198f6f93823f841238563510c7485c7cd82cbc3bebbf015bc687c86d379"
    headers = {HEADERS["meta"]: f"sha256={of_the_new}"}
    assert isinstance(prove_arrival(door_of("meta"), Arrival(raw, headers), known, RECEIVED_AT), Unproven)


@pytest.mark.parametrize(
    "name", ["leadgen_docs_sample", "leadgen_strings_single", "leadgen_escaped_unicode", "other_object"]
)
def test_a_notification_awaits_its_answers(name: str) -> None:
    outcomes = submissions(door_of("meta"), the_fields(), sample(f"meta/{name}.json"), RECEIVED_AT)
    wanted = [one["vendor_id"] for one in expected(f"meta/{name}.json")["leads"]]
    assert [one.vendor_id for one in outcomes if isinstance(one, Awaiting)] == wanted
    assert len(outcomes) == len(wanted)


def test_a_notification_without_the_leads_id_is_parked() -> None:
    body: Any = {"object": "page", "entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": 0}}]}]}
    [outcome] = submissions(door_of("meta"), the_fields(), body, RECEIVED_AT)
    assert isinstance(outcome, Unmappable)
    assert "leadgen_id" in outcome.reason


def test_an_id_that_would_lead_elsewhere_is_no_id() -> None:
    for leading in ("../me/accounts", "1?fields=x", "1/2", "a" * 65):
        value = {"leadgen_id": leading}
        body: Any = {"object": "page", "entry": [{"changes": [{"field": "leadgen", "value": value}]}]}
        [outcome] = submissions(door_of("meta"), the_fields(), body, RECEIVED_AT)
        assert isinstance(outcome, Unmappable), leading


def fetched(name: str, form: dict[str, Any] | None = None, **door: Any) -> Submission:
    lead = sample(f"meta/{name}.json")
    given: Any = {"notification": {"leadgen_id": lead["id"], "created_time": "1440120384"}, "lead": lead, "form": form}

    outcome = outcome_of(a_door(**{**META, **door}), the_fields(), given, "$", RECEIVED_AT)
    assert isinstance(outcome, Submission), outcome
    return outcome


def test_graphs_answers_become_the_submission() -> None:
    check(fetched("graph_lead_fb"), expected("meta/graph_lead_fb.json")["leads"][0])
    vietnam = {"country": "VN"}
    of_vietnam = fetched("graph_lead_multiselect_vi", FORM, defaults=vietnam)
    check(of_vietnam, expected("meta/graph_lead_multiselect_vi.json")["leads"][0])
    check(fetched("graph_lead_test"), expected("meta/graph_lead_test.json")["leads"][0])


def test_slugs_become_words_and_typed_text_stays() -> None:
    found = fetched("graph_lead_multiselect_vi", FORM)
    rooms = next(one for one in found.answers if one.multiple)
    assert rooms == Answer(
        "bạn_quan_tâm_loại_căn_hộ_nào?", "Bạn quan tâm loại căn hộ nào?", ("1 phòng ngủ", "2 phòng ngủ", "Studio"), True
    )
    assert found.text("ad_group") == "HCM 25-45"
    assert found.ids["ad_group_id"] == "120230000000000002"


def test_where_graph_gives_no_time_the_notifications_counts() -> None:
    lead = sample("meta/graph_lead_fb.json")
    del lead["created_time"]

    given: Any = {"notification": {"leadgen_id": "5", "created_time": "1440120384"}, "lead": lead}
    outcome = outcome_of(door_of("meta"), the_fields(), given, "$", RECEIVED_AT)
    assert isinstance(outcome, Submission)
    assert outcome.created_at == outcome.occurred_at == instant("2015-08-21T01:26:24Z", "UTC")


def test_a_doors_map_consent_and_tags_hold_for_meta() -> None:
    found = fetched(
        "graph_lead_multiselect_vi",
        FORM,
        map={"message": "ghi_chú", "product": "Bạn quan tâm loại căn hộ nào?"},
        consent={"marketing": "optional_1", "calls": ["optional_2"]},
        defaults={"country": "VN", "tags": ["demo"]},
        owner="huong",
    )
    assert found.text("product") == "1 phòng ngủ, 2 phòng ngủ, Studio"
    assert found.consent == {"marketing": True, "calls": False}
    assert found.fields["tags"] == ("demo",)
    assert found.owner == "huong"


@pytest.mark.parametrize("name", ["form_response_full", "lead_vi_hidden_utm"])
def test_a_typeform_response_becomes_the_submission(name: str) -> None:
    [outcome] = submissions(door_of("typeform"), the_fields(), sample(f"typeform/{name}.json"), RECEIVED_AT)
    assert isinstance(outcome, Submission), outcome
    [wanted] = expected(f"typeform/{name}.json")["leads"]
    check(outcome, wanted)


def test_typeforms_legal_question_is_consent_and_a_partial_response_no_lead() -> None:
    body = sample("typeform/form_response_full.json")
    [outcome] = submissions(door_of("typeform"), the_fields(), body, RECEIVED_AT)
    assert isinstance(outcome, Submission)
    assert outcome.consent is True
    assert ("London", "Sydney") in [one.values for one in outcome.answers]
    [partial] = submissions(
        door_of("typeform"), the_fields(), {**body, "event_type": "form_response_partial"}, RECEIVED_AT
    )
    assert isinstance(partial, Ignored)
    [nothing] = submissions(door_of("typeform"), the_fields(), sample("typeform/minimal_vector.json"), RECEIVED_AT)
    assert isinstance(nothing, Unmappable)


def test_a_typeform_question_is_mapped_by_its_reference_id_or_title() -> None:
    body = orjson.loads((SAMPLES / "typeform" / "lead_vi_hidden_utm.json").read_bytes())
    mapped = {**TYPEFORM, "map": {"company": "site", "product": "f4", "message": "Ngân sách"}}
    [outcome] = submissions(a_door(**mapped), the_fields(), body, RECEIVED_AT)
    assert isinstance(outcome, Submission)
    assert (outcome.text("company"), outcome.text("product")) == ("https://example.vn", "Chưa rõ")
    assert outcome.text("message") == "Chưa rõ"


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        (
            {"graph": {"token": {"secret": "t"}, "base_url": "http://graph.example"}},
            "doors.web.graph.base_url",
            "https",
        ),
        ({"graph": {"token": {"secret": "t"}, "base_url": "https://a:b@x"}}, "doors.web.graph.base_url", "https"),
        ({"graph": {"token": "EAAB"}}, "doors.web.graph.token[0]", "a secret is named"),
        ({"graph": {"token": {"secret": "t"}, "version": "latest"}}, "doors.web.graph.version", "match"),
        ({"defaults": {"tags": ["a"]}, "tags": ["b"]}, "doors.web", "stands twice"),
    ],
)
def test_what_is_wrong_in_a_meta_door_is_said(change: dict[str, Any], path: str, says: str) -> None:
    found = parse_doors({"doors": {"web": {**META, **change}}})
    assert not isinstance(found, Doors)
    assert found[0].path == path
    assert says in found[0].detail + found[0].fix
