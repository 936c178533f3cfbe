"""The Test button: what it proves, what it says when something is wrong, and that nothing changes at a vendor."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from obzvon.local.environment import QOLIO_OPTIONS
from obzvon.local.ports import free_port
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon_provider.hooks.vendor import VendorHook

pytestmark = pytest.mark.stack
V1, BETA = {"company_timezone": "Europe/Moscow"}, {"candidates_path": "/tasks/{task_id}/candidates"}
EXTRA: dict[str, dict[str, Any]] = {
    "dialog": {"platform_timezone": "Asia/Yekaterinburg"},
    "twin": {**V1, **BETA},
    "qolio": QOLIO_OPTIONS,
}
PASSWORDS = {
    "dialog": "sandbox-dialog-password",
    "twin": "sandbox-twin-password",
    "qolio": "sandbox-qolio-integration-token",
}
#: Nothing else may be sent by a trial: logins, and requests that read.
LOGINS = {"/dialog/api/login/", "/twin/iam/api/v1/auth/login", "/qolio/auth/sign_in"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("trials"), speed=0) as running:
        yield running


class Desk:
    """Somebody who fills in a form and presses the button."""

    def __init__(self, sandbox: Sandbox, patch: pytest.MonkeyPatch) -> None:
        self._sandbox, self._patch = sandbox, patch
        self._admin("reset")

    def tried(self, kind: str, **fields: Any) -> tuple[bool, str]:
        """The button's answer for a form that is filled in well but for `fields`; `without` leaves extra keys out."""
        drop = fields.pop("without", ())
        extra = {k: v for k, v in (EXTRA[kind] | fields.pop("extra", {})).items() if k not in drop}
        usual = {"host": f"{self._sandbox.base_url}/{kind}", "login": "robot@obzvon.example"}
        form = {"conn_type": kind, **usual, "password": PASSWORDS[kind], **fields, "extra": extra}
        self._patch.setenv("AIRFLOW_CONN_ON_THE_DESK", json.dumps(form))
        hook: VendorHook = getattr(importlib.import_module("obzvon_provider.hooks.vendor"), f"{kind.title()}Hook")(
            "on_the_desk"
        )
        works, said = hook.test_connection()
        for value in (form["password"], extra.get("token"), extra.get("account_password"), "on_the_desk"):
            assert not value or value not in said
        assert said.count("\n") == 0
        return works, said

    def answers(self, path: str, status: int, body: Any) -> None:
        self.fault({"do": "answer", "path": path, "status": status, "body": body, "times": 9})

    def fault(self, script: dict[str, Any]) -> None:
        self._admin("faults", {"vendor": str(script["path"]).split("/")[1]} | script)

    def requests(self) -> list[tuple[str, str]]:
        url = f"{self._sandbox.base_url}/_sandbox/requests"
        return [(r["method"], r["path"]) for r in httpx.get(url, trust_env=False).raise_for_status().json()]

    def _admin(self, what: str, body: Any = None) -> None:
        url = f"{self._sandbox.base_url}/_sandbox/{what}"
        httpx.post(url, json=body, trust_env=False, timeout=60).raise_for_status()


@pytest.fixture
def desk(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(sandbox, monkeypatch)


def test_dialog_proves_the_login_and_says_that_nothing_more_can_be_proven(desk: Desk) -> None:
    works, said = desk.tried("dialog")
    assert works, said
    assert said.startswith("Proven: address and login. Not proven: the right to create campaigns")
    assert "`platform_timezone` Asia/Yekaterinburg, where it is " in said
    assert desk.requests() == [("POST", "/dialog/api/login/")]


def test_a_ready_token_of_dialog_proves_nothing_but_the_address(desk: Desk) -> None:
    works, said = desk.tried("dialog", login="", password="", extra={"token": "some-ready-token"})
    assert works, said
    assert "Proven: the address answers" in said
    assert "Not proven: the ready token" in said
    assert [method for method, _ in desk.requests()] == ["GET"]


@pytest.mark.parametrize(
    ("without", "family", "reads"),
    [
        ((), "v1 and beta", ["/twin/iam/api/v1/users/me", "/twin/cis/api/v1/telephony/autoCall"]),
        (tuple(V1), "beta", ["/twin/iam/api/v1/users/me"]),
    ],
)
def test_twin_proves_the_login_and_reads_what_a_run_reads(
    desk: Desk, without: tuple[str, ...], family: str, reads: list[str]
) -> None:
    works, said = desk.tried("twin", without=without)
    assert works, said
    assert f"Proven, for api {family}: login, " in said
    assert "Not proven: the right to create tasks" in said
    asked = [path for method, path in desk.requests() if method == "GET"]
    assert asked == [*reads, "/twin/analyse/api/v1/search/cis/calls"]


def test_qolio_proves_the_account_login_and_says_that_the_token_is_untried(desk: Desk) -> None:
    works, said = desk.tried("qolio")
    assert works, said
    assert "the account login may read users and communications" in said
    assert "Not proven: the integration token" in said
    works, said = desk.tried("qolio", without=("account_email", "account_password"))
    assert works, said
    assert "Without an account login nobody looks at operators" in said


@pytest.mark.parametrize("kind", EXTRA)
def test_nothing_is_sent_but_logins_and_reads(desk: Desk, kind: str) -> None:
    assert desk.tried(kind)[0]
    assert [path for method, path in desk.requests() if method != "GET" and path not in LOGINS] == []


WRONG_FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("dialog", {"host": ""}, "the address is empty"),
    ("dialog", {"without": ("platform_timezone",)}, "extra key `platform_timezone` is missing; Platform time zone: "),
    ("dialog", {"extra": {"platform_timezone": "UTC+5"}}, "`platform_timezone` is not an IANA time zone such as"),
    ("dialog", {"extra": {"login_encoding": "xml"}}, "`login_encoding` is none of form, json"),
    ("dialog", {"extra": {"platform_timezon": "x"}}, "nothing reads extra key `platform_timezon`; write `platform_ti"),
    ("dialog", {"login": ""}, "login and password are empty; fill them in"),
    ("twin", {"without": (*V1, *BETA)}, "neither `company_timezone` (campaigns with api: v1) nor `candidates_path`"),
    ("twin", {"extra": {"company_timezone": "Moscow"}}, "`company_timezone` is not an IANA time zone"),
    ("twin", {"extra": {"candidates_path": "/tasks"}}, "`candidates_path` lacks {task_id}"),
    ("twin", {"extra": {"read_timeout": "soon"}}, "`read_timeout` is not a number; Read timeout, s: "),
    ("twin", {"extra": {"poll_seconds": 0.1}}, "`poll_seconds` is not a number of 0.5 or more"),
    ("qolio", {"without": ("integration_path",)}, "`integration_path` is missing"),
    ("qolio", {"extra": {"integration_path": "/api/v1/integrations"}}, "copy «URL интегрируемого приложения»"),
    ("qolio", {"password": ""}, "the password is empty; put the «Токен интеграции» there"),
    ("qolio", {"without": ("account_password",)}, "`account_password` is missing"),
    ("qolio", {"extra": {"check_operators": "perhaps"}}, "`check_operators` is neither true nor false"),
    ("qolio", {"extra": {"review_fields": {"id": "id"}}}, "`review_fields` is no JSON object of paths with the keys"),
]


@pytest.mark.parametrize(("kind", "fields", "sentence"), WRONG_FIELDS)
def test_a_wrong_field_is_named_with_its_cure_and_nobody_is_asked(
    desk: Desk, kind: str, fields: dict[str, Any], sentence: str
) -> None:
    works, said = desk.tried(kind, **fields)
    assert not works
    assert said.startswith("connection under test: ")
    assert sentence in said
    assert desk.requests() == []


LOGIN_PATHS = {"dialog": "/dialog/api/login/", "twin": "/twin/iam/api/v1/auth/login", "qolio": "/qolio/auth/sign_in"}
LOGGING_IN = {"dialog": "log in: ", "twin": "log in: ", "qolio": "sign in to the account API: "}
MISTYPED = "sandbox-mistyped-password"
BAD = {
    "dialog": {"password": MISTYPED},
    "twin": {"password": MISTYPED},
    "qolio": {"extra": {"account_password": MISTYPED}},
}


@pytest.mark.parametrize("kind", EXTRA)
def test_a_wrong_password_is_said_to_be_one(desk: Desk, kind: str) -> None:
    works, said = desk.tried(kind, **BAD[kind])
    assert not works
    assert said.startswith(f"{LOGGING_IN[kind]}login, password or token is wrong (HTTP 4")


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (400, {"detail": "secret words of the vendor"}, "login, password or token is wrong (HTTP 400)"),
        (403, {"detail": "secret words of the vendor"}, "the account may not (HTTP 403); it has to be let in"),
        (404, {"detail": "secret words of the vendor"}, "nothing answers there (HTTP 404); correct address"),
        (404, "<html>secret words</html>", "nothing answers there (HTTP 404); correct address"),
        (502, "<html>secret words</html>", "the vendor's own server fails (HTTP 502)"),
        (200, "<html>secret words</html>", "a web page or broken JSON answers and not the API (HTTP 200); correct"),
        (302, "", "the vendor redirects (HTTP 302); correct address"),
    ],
)
def test_what_a_login_is_answered_is_told_in_one_sentence_with_its_cure(
    desk: Desk, status: int, body: Any, sentence: str
) -> None:
    desk.answers(LOGIN_PATHS["twin"], status, body)
    works, said = desk.tried("twin")
    assert not works
    assert said.startswith(LOGGING_IN["twin"])
    assert sentence in said
    assert "secret words" not in said


READS = [
    ("twin", "/twin/iam/api/v1/users/me", "ask who is signed in", "`iam_url`", "a user of the cabinet"),
    ("twin", "/twin/cis/api/v1/telephony/autoCall", "list tasks", "`cis_url`", "given the right to see tasks"),
    (
        "twin",
        "/twin/analyse/api/v1/search/cis/calls",
        "list calls",
        "`analytics_url`",
        "given the right to see reports",
    ),
    ("qolio", "/qolio/api/v1/users", "list users", "`users_path`", "a user who may read users"),
    ("qolio", "/qolio/api/v1/client_interactions", "list communications", "`interactions_path`", "read communications"),
]


@pytest.mark.parametrize(("kind", "path", "action", "field", "right"), READS)
def test_a_right_that_is_missing_and_a_path_that_is_wrong_are_told_apart(
    desk: Desk, kind: str, path: str, action: str, field: str, right: str
) -> None:
    desk.answers(path, 403, {"error": "no"})
    works, said = desk.tried(kind)
    assert not works
    assert said.startswith(f"{action}: the account may not (HTTP 403); it has to be ")
    assert right in said


@pytest.mark.parametrize(("kind", "path", "action", "field", "right"), READS)
def test_a_read_under_a_wrong_path_names_the_field(
    desk: Desk, kind: str, path: str, action: str, field: str, right: str
) -> None:
    desk.answers(path, 404, {"error": "no"})
    works, said = desk.tried(kind)
    assert not works
    assert field in said


def test_a_list_of_another_shape_is_no_proof(desk: Desk) -> None:
    desk.answers("/twin/cis/api/v1/telephony/autoCall", 200, {"rows": []})
    works, said = desk.tried("twin")
    assert (works, said) == (
        False,
        "list tasks: the answer is not what the vendor documents (items); correct address or `cis_url`",
    )


@pytest.mark.parametrize("kind", EXTRA)
def test_too_many_requests_are_not_repeated(desk: Desk, kind: str) -> None:
    desk.fault({"do": "too_many", "path": LOGIN_PATHS[kind], "retry_after": 40, "times": 9})
    works, said = desk.tried(kind)
    assert not works
    assert said.endswith("(HTTP 429); test again in 40 s")
    assert desk.requests().count(("POST", LOGIN_PATHS[kind])) == 1


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("http://127.0.0.1:{closed}", "no connection; check the connection's address and that the vendor is up"),
        ("https://{sandbox}", "TLS could not be agreed on; check https and port of the connection's address"),
        ("http://no-such-host.invalid", "the host name is not known; check the connection's address"),
        ("http://127.0.0.1:99999", "the connection's address is not a valid"),
    ],
)
def test_an_address_that_cannot_be_reached_is_told_apart(
    desk: Desk, sandbox: Sandbox, host: str, sentence: str
) -> None:
    place = sandbox.base_url.removeprefix("http://")
    works, said = desk.tried("qolio", host=host.format(closed=free_port(), sandbox=place))
    assert not works
    assert sentence in said


def test_a_vendor_that_never_answers_ends_the_trial(desk: Desk) -> None:
    desk.fault({"do": "delay", "path": LOGIN_PATHS["dialog"], "delay": 3})
    works, said = desk.tried("dialog", extra={"read_timeout": 0.5})
    assert not works
    assert said == "dialog: log in: no answer in time; check address and network"
