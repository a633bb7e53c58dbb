"""What the benches send: a lead form of about 600 bytes and a lead event of about 500, made unique by a number."""

import uuid

LEAD_FORM = (
    b'{"submission_id":"form-%016d","submitted_at":"2026-03-02T09:30:00+08:00","first_name":"Minh Anh",'
    b'"last_name":"Nguyen","email":"lead%016d@example.com","phone":"+84 9%08d","company":"Hoa Binh Precision JSC",'
    b'"job_title":"Director of Operations","industry":"manufacturing","company_size":"200-500","budget":"yes",'
    b'"timeline":"within 1 month","message":"We replace our planning system this quarter, please call in the morning.",'
    b'"utm_source":"google","utm_medium":"cpc","utm_campaign":"q1-planning","utm_term":"production planning",'
    b'"gclid":"Cj0KCQiA8aOeBhCWARIsANRFrQ","landing_page":"/pricing?v=3"}'
)
LEAD_EVENT = (
    b'{"lead_id":"%s","captured_at":"2026-03-02T01:30:00.123456Z","door":"website","source":"search_ads",'
    b'"person":{"name":"Minh Anh Nguyen","email":"lead%016d@example.com","phone":"+849%08d",'
    b'"title":"Director of Operations","title_level":"director"},"company":{"name":"Hoa Binh Precision JSC",'
    b'"domain":"example.com","industry":"manufacturing","size":"200-500"},"campaign":"q1-planning","score":82.5,'
    b'"tier":"A","segment":"south","policy_version":7,"episode":1,"step":0}'
)


def lead_id(number: int) -> uuid.UUID:
    return uuid.UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)


def lead_form(number: int) -> bytes:
    return LEAD_FORM % (number, number, number % 10**8)


def lead_event(number: int) -> bytes:
    return LEAD_EVENT % (str(lead_id(number)).encode(), number, number % 10**8)
