"""The address that Qolio's player opens: a signature instead of a login, and parts of a file for those who wind."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from obzvon.recordings.links import page_link
from obzvon.reports.archive import Archive
from obzvon.sandbox.records import wav
from obzvon_provider.pages.app import create_pages
from obzvon_provider.runtime import link_key

PATH = f"recordings/vendor=dialog/call_date=2030-05-20/intent={'0a' * 8}/{'1b' * 16}.wav"
BODY = wav("call")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The pages' application, with one copy in the archive; nobody is logged in."""
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ARCHIVE", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_PHONE_SECRET", "p" * 32)
    target = Archive(tmp_path).target(PATH)
    target.file.write(BODY)
    target.commit()
    outer = FastAPI()
    outer.mount("/obzvon", create_pages())
    return TestClient(outer)


def signed(seconds: int = 60, path: str = PATH) -> str:
    link = urlsplit(page_link("https://a.ru/obzvon/recordings", link_key(), path, int(time.time()) + seconds))
    return f"{link.path}?{link.query}"


def test_a_signed_link_plays_without_a_login(site: TestClient) -> None:
    answer = site.get(signed())
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, BODY, "audio/wav")
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = site.head(signed())
    assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", len(BODY))
    assert site.post(signed()).status_code == 405


@pytest.mark.parametrize(
    ("asked", "status", "said", "body"),
    [
        ("bytes=0-", 206, f"bytes 0-{len(BODY) - 1}/{len(BODY)}", BODY),
        ("bytes=4-9", 206, f"bytes 4-9/{len(BODY)}", BODY[4:10]),
        ("bytes=-10", 206, f"bytes {len(BODY) - 10}-{len(BODY) - 1}/{len(BODY)}", BODY[-10:]),
        ("bytes=100-99999999", 206, f"bytes 100-{len(BODY) - 1}/{len(BODY)}", BODY[100:]),
        ("bytes=0-1,4-5", 200, None, BODY),
        ("bytes=-", 200, None, BODY),
        ("lines=1-2", 200, None, BODY),
        ("bytes=99999-", 416, f"bytes */{len(BODY)}", None),
        ("bytes=9-4", 416, f"bytes */{len(BODY)}", None),
        ("bytes=-0", 416, f"bytes */{len(BODY)}", None),
    ],
)
def test_a_player_gets_the_part_that_it_asks_for(
    site: TestClient, asked: str, status: int, said: str | None, body: bytes | None
) -> None:
    answer = site.get(signed(), headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("content-range")) == (status, said)
    assert body is None or answer.content == body


def test_a_link_that_is_not_ours_or_is_over_shows_nothing(site: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def status(link: str) -> int:
        answer: httpx.Response = site.get(link)
        assert BODY[50:60] not in answer.content
        return answer.status_code

    good, other = signed(), PATH.replace("1b.wav", "1c.wav")
    assert status(signed(-1)) == 410
    assert status(signed(path=other)) == 404
    assert status(good.replace("1b.wav", "1c.wav")) == 403
    assert status(good.partition("&")[0]) == 403
    assert status(good.partition("?")[0]) == 403
    assert status(good.replace("intent=", "%2e%2e/intent=")) == 403
    assert status(good[:-4] + "0000") == 403
    monkeypatch.delenv("AIRFLOW_VAR_OBZVON_ARCHIVE")
    assert status(good) == 503
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ARCHIVE", "memory://elsewhere")
    assert status(good) == 404
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_LINK_SECRET", "l" * 32)  # another secret ends every link at once
    assert status(good) == 403
    assert status(signed()) == 404
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_LINK_SECRET", "short")
    assert status(good) == 503
