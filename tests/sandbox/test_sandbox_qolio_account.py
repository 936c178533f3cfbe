"""Qolio's account API in the sandbox: who may come in, what the lists show, what a silent drop looks like."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sandbox_api import QOLIO_CALLS, Api, phone_call

pytestmark = pytest.mark.stack
USERS, INTERACTIONS = "/qolio/api/v1/users", "/qolio/api/v1/client_interactions"
BINDINGS = "/qolio/api/v1/api_integrations/c34f637a-0000-4000-8000-000000000001/user_account_bindings_csv"
WHO = {"email": "robot@obzvon.example", "password": "sandbox-qolio-password"}


class Account:
    """Signed in to the account API."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.signed = api.http.post("/qolio/auth/sign_in", json=WHO)
        self.headers = {"Authorization": self.signed.headers["Authorization"]}

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.api.http.get(path, params=query, headers=self.headers)

    def uids(self, **query: Any) -> list[str]:
        answer = self.get(INTERACTIONS, **query)
        assert answer.status_code == 200, answer.text
        return [one["attributes"]["uid"] for one in answer.json()["data"]]

    def operators(self, **query: Any) -> list[tuple[str | None, bool]]:
        found = [user["attributes"] for user in self.get(USERS, **query).json()["data"]]
        return [(user["integration-uid"], user["active"]) for user in found]


@pytest.fixture
def account(api: Api) -> Account:
    return Account(api)


def test_the_token_comes_in_headers_of_both_kinds_and_either_lets_in(account: Account) -> None:
    headers = account.signed.headers
    three = {name: headers[name] for name in ("uid", "access-token", "client")}
    assert account.get(USERS).status_code == 200
    assert account.api.http.get(USERS, headers=three).status_code == 200
    assert account.api.http.get(USERS, headers=three | {"uid": "else@example.org"}).status_code == 401
    assert "access-token" not in account.signed.text


@pytest.mark.parametrize("path", [USERS, INTERACTIONS, BINDINGS])
def test_nobody_else_comes_in(account: Account, path: str) -> None:
    assert account.api.http.get(path).status_code == 401
    assert account.api.get(path).status_code == 401  # the integration's own token
    account.api.fault("qolio", "token_death")
    assert account.get(path).status_code == 401


def test_a_wrong_password_is_refused_and_never_journaled(api: Api) -> None:
    assert api.http.post("/qolio/auth/sign_in", json=WHO | {"password": "guess"}).status_code == 401
    (request,) = api.look("requests", vendor="qolio")
    assert request["body"] == {"email": WHO["email"], "password": "***"}


def test_active_users_are_listed_and_inactive_ones_when_asked(account: Account) -> None:
    active = [("bot:dialog:10", True), ("bot:twin:44e62ac6", True), (None, True)]
    assert account.operators() == active
    assert account.operators(with_inactive="true") == [active[0], ("bot:inactive", False), *active[1:]]
    assert account.operators(**{"filters[active]": "false"}) == [("bot:inactive", False)]
    assert account.operators(search="OPERATOR@email") == [(None, True)]


def test_the_bindings_name_those_whom_the_list_does_not(account: Account) -> None:
    answer = account.get(BINDINGS)
    assert answer.text.splitlines()[0] == "email,last_name,first_name,integration_uid"
    assert "operator@email.com,Бот,operator@email.com,operator@email.com" in answer.text.splitlines()
    assert account.get(BINDINGS.replace("c34", "c35")).status_code == 404


def calls(api: Api, count: int) -> None:
    for number in range(count):
        body = phone_call(uid=f"c-{number:03d}", started_at=f"2030-01-15T10:{number // 60:02d}:{number % 60:02d}+03:00")
        assert api.post(QOLIO_CALLS, body).status_code == 200


def test_communications_come_page_by_page(account: Account) -> None:
    calls(account.api, 120)
    pages = [account.get(INTERACTIONS, **{"page[number]": number}).json() for number in (1, 2, 3, 4)]
    assert [len(page["data"]) for page in pages] == [50, 50, 20, 0]
    assert pages[2]["meta"] == {"page": 3, "total-pages": 3, "total-count": 120}
    uids = [one["attributes"]["uid"] for page in pages for one in page["data"]]
    assert uids == [f"c-{number:03d}" for number in range(120)]


def test_communications_are_filtered_by_start_type_and_review(account: Account) -> None:
    calls(account.api, 3)
    span = {
        "filters[client_interaction_time_from]": "2030-01-15T07:00:01Z",
        "filters[client_interaction_time_to]": "2030-01-15T10:00:01+03:00",
    }
    assert account.uids(**span) == ["c-001"]
    assert account.uids(communications_types="chat,ticket") == []
    assert len(account.uids(**{"filters[communications_types]": "phone_call"})) == 3
    assert account.uids(**{"filters[review_time_from]": "2030-01-01T00:00:00Z"}) == []
    review = {"id": "r-1", "uid": "c-002", "reviewed_at": "2030-01-16T12:00:00+03:00", "score": 80}
    account.api.admin("qolio/reviews", review)
    account.api.admin("qolio/reviews", review | {"score": 95.5, "appeal": "accepted"})
    assert account.uids(**{"filters[review_time_from]": "2030-01-01T00:00:00Z"}) == ["c-002"]
    assert account.uids(**{"filters[review_time_from]": "2030-01-16T09:00:01Z"}) == []
    (shown,) = account.get(INTERACTIONS, **{"filters[review_time_to]": "2031-01-01T00:00:00Z"}).json()["data"]
    (found,) = shown["attributes"]["reviews"]
    assert (found["score"], found["appeal-state"], found["max-score"]) == (95.5, "accepted", 100.0)


@pytest.mark.parametrize(
    "query",
    [
        {"filter[active]": "true"},
        {"filters[review_time_from]": "2030-01-16"},
        {"filters[review_time_from]": "2030-01-16T10:00:00"},
        {"filters[duration_from]": "long"},
        {"filters[communications_types]": "fax"},
        {"filters[uid]": "c-1"},
        {"page[number]": "0"},
        {"page[size]": "10"},
        {"sort": "uid"},
    ],
)
def test_a_query_that_no_page_shows_is_an_invalid_document(account: Account, query: dict[str, str]) -> None:
    answer = account.get(INTERACTIONS, **query)
    assert (answer.status_code, answer.json()["errors"][0]["title"]) == (400, "Invalid Document")


def test_a_swallowed_call_is_answered_as_ever_and_is_nowhere(account: Account) -> None:
    account.api.fault("qolio", "swallow", method="POST", path="phone_calls$")
    assert account.api.post(QOLIO_CALLS, phone_call(uid="lost")).status_code == 200
    assert account.api.post(QOLIO_CALLS, phone_call(uid="kept")).status_code == 200
    assert account.uids() == ["kept"]
    assert [call["uid"] for call in account.api.look("qolio/calls")] == ["kept"]


def test_a_swallowed_call_that_breaks_the_document_is_still_refused(api: Api) -> None:
    api.fault("qolio", "swallow", path="phone_calls$")
    assert api.post(QOLIO_CALLS, phone_call(direction="outgoing")).status_code == 422


def test_a_review_of_no_call_is_refused(api: Api) -> None:
    answer = api.http.post("/_sandbox/qolio/reviews", json={"id": "r", "uid": "x", "reviewed_at": "2030-01-16T12:00Z"})
    assert answer.status_code == 404
