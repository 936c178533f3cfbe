"""Which hosts and addresses a link may lead to; what is audio; what a link is worth."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from obzvon.errors import ConfigError, RecordingAbsent, RecordingRefused
from obzvon.recordings.audio import Audio, audio_of, may_be_audio
from obzvon.recordings.fetch import Downloads
from obzvon.recordings.hosts import Hosts, is_public
from obzvon.recordings.links import Verdict, links_of, page_link, signing_key, verify
from obzvon.recordings.store import is_path
from obzvon.reports.archive import Archive
from obzvon.vendors.account import Account

PATH = f"recordings/vendor=dialog/call_date=2030-05-20/intent={'0a' * 8}/{'1b' * 16}.wav"
KEY = signing_key(b"k" * 32)


def account(base: str = "https://bot.example.ru", **options: object) -> Account:
    return Account(base, options=options, conn_id="dialog_default")


@pytest.mark.parametrize(
    "link",
    [
        "https://bot.example.ru/1.mp3", "https://BOT.example.ru.:443/1.mp3", "https://records.bot.example.ru/1?sig=%2F",
    ],
)  # fmt: skip
def test_the_vendors_own_host_and_those_below_it_are_asked(link: str) -> None:
    assert Hosts.of(account()).check(link).scheme == "https"


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("http://bot.example.ru/1.mp3", "by http"),
        ("https://example.ru/1.mp3", "not among"),
        ("https://evilbot.example.ru/1.mp3", "not among"),
        ("https://bot.example.ru.evil.com/1.mp3", "not among"),
        ("https://bot.example.ru:8443/1.mp3", "host bot.example.ru:8443 is not among"),
        ("https://bot.example.ru@evil.com/1.mp3", "a login of its own"),
        ("https://evil.com#@bot.example.ru/1.mp3", "not among"),
        ("ftp://bot.example.ru/1.mp3", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("1.mp3", "no web address"),
        ("https://[::1", "no web address"),
        ("https://bot.example.ru:99999/", "no web address"),
    ],
)
def test_nobody_else_is(link: str, words: str) -> None:
    with pytest.raises(RecordingRefused, match=words):
        Hosts.of(account()).check(link)


def test_a_setting_names_other_hosts_ports_and_plain_ones() -> None:
    hosts = Hosts.of(
        account(recording_hosts=["s3.example.net:9000", "*.cdn.example.net"], recording_http_hosts="s3.example.net")
    )
    assert hosts.check("http://s3.example.net:9000/1.mp3")
    assert hosts.check("https://a.b.cdn.example.net/1.mp3")
    for link in ("http://s3.example.net/1.mp3", "https://cdn.example.net/1.mp3", "https://bot.example.ru/1.mp3"):
        with pytest.raises(RecordingRefused):
            hosts.check(link)
    literal = Hosts.of(account(recording_hosts="10.0.0.1,[fd00::1],169.254.169.254"))
    for link in ("https://10.0.0.1/1", "https://[fd00::1]/1", "https://169.254.169.254/1"):
        with pytest.raises(RecordingRefused, match="not public"):
            literal.check(link)
    for wrong in ("https://a.ru", "a.ru/x", "*", "a b"):
        with pytest.raises(ConfigError, match="`recording_hosts` has an entry that is no host"):
            Hosts.of(account(recording_hosts=[wrong]))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2a00:1450:4010:c05::65", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False),
        ("fd00::1", False), ("fe80::1%eth0", False), ("::ffff:127.0.0.1", False), ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False), ("localhost", False), ("64:ff9b:1::5db8:d822", False), ("fec0::1", False),
        ("feff:ffff::1", False), ("::93.184.216.34", False), ("64:ff9b::5db8:d822", True),
    ],
)  # fmt: skip
def test_public_is_what_belongs_to_the_open_internet(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("https://bot.example.ru/1.mp3", True), ("https://a.bot.example.ru/1.mp3", True),
        ("http://bot.example.ru/1.mp3", False), ("http://a.bot.example.ru/1.mp3", False),
        ("http://in.bot.example.ru/1.mp3", True), ("https://s3.example.net/1.mp3", False),
    ],
)  # fmt: skip
def test_the_token_goes_by_plain_http_within_the_own_network_only(link: str, wanted: bool) -> None:
    """`a` is asked by http and stands outside, the connection's own host is inside and not to be asked by http."""
    hosts = Hosts.of(
        account(
            recording_hosts=["bot.example.ru", "*.bot.example.ru", "s3.example.net"],
            recording_login_hosts=["bot.example.ru", "*.bot.example.ru"],
            recording_http_hosts=["a.bot.example.ru", "in.bot.example.ru"],
            recording_private_hosts=["bot.example.ru", "in.bot.example.ru"],
        )
    )
    assert hosts.wants_login(URL(link)) is wanted


class Rebinding(AbstractResolver):
    """A name server that gives another address each time it is asked."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        same = {"hostname": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        return [ResolveResult(host=one, **same) for one in self._answers.pop(0).split()]  # type: ignore[typeddict-item]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("answers", ["127.0.0.1", "93.184.216.34 10.0.0.1"])
async def test_the_connection_goes_to_the_addresses_that_were_judged(answers: str) -> None:
    """The name is asked for once, by the connection itself: there is no second answer to fall for."""

    async def login(refused: str | None = None) -> None:
        raise AssertionError("nobody is to be told who we are")

    resolver = Rebinding(answers)
    async with Downloads(account(), login, limit=100, concurrency=1, resolver=resolver) as downloads:
        with pytest.raises(RecordingRefused, match=r"host bot\.example\.ru stands at an address that is not public"):
            await downloads.fetch("https://bot.example.ru/1.mp3", opener=login)  # type: ignore[arg-type]


async def test_a_host_that_does_not_answer_is_no_crash() -> None:
    async def login(refused: str | None = None) -> None:
        return None

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{closed.getsockname()[1]}"
        open_ = {"recording_http_hosts": "127.0.0.1", "recording_private_hosts": "127.0.0.1"}
        async with Downloads(account(base, **open_), login, limit=100, concurrency=1) as downloads:
            with pytest.raises(RecordingAbsent, match="could not be reached") as found:
                await downloads.fetch(f"{base}/secret.mp3", opener=login)  # type: ignore[arg-type]
    assert found.value.passing
    assert found.value.__cause__ is found.value.__context__ is None


def test_first_bytes_tell_what_a_file_is() -> None:
    assert audio_of(b"RIFF\x24\x00\x00\x00WAVEfmt ") is Audio.WAV
    assert audio_of(b"OggS\x00\x02") is Audio.OGG
    assert audio_of(b"ID3\x04\x00") is audio_of(b"\xff\xfb\x90\x64") is Audio.MP3
    for other in (b"", b"\xff", b"RIFF\x24\x00\x00\x00AVI ", b"<!doctype html>", b"\xff\xf1\x50\x80", b"%PDF-1.7"):
        assert audio_of(other) is None
    types = ("audio/mpeg; charset=x", "Audio/X-WAV", "binary/octet-stream", "application/octet-stream", "")
    assert all(map(may_be_audio, types))
    assert not any(map(may_be_audio, ("text/html; charset=utf-8", "application/json", "video/mp4")))


def test_a_signed_link_is_worth_something_until_it_ends_and_only_as_it_was_signed() -> None:
    link = page_link("https://a.ru/obzvon/recordings/", KEY, PATH, 2000)
    signature = link.rpartition("=")[2]
    assert (
        link == f"https://a.ru/obzvon/recordings/{PATH.removeprefix('recordings/')}?expires=2000&signature={signature}"
    )
    assert verify(KEY, PATH, "2000", signature, 1999) is Verdict.GOOD
    assert verify(KEY, PATH, "2000", signature, 2000) is Verdict.EXPIRED
    other = PATH.replace("1b.wav", "1c.wav")
    forged = [
        (KEY, other, "2000", signature), (KEY, PATH, "2001", signature), (KEY, PATH, "2000", signature[:-1]),
        (KEY, PATH, "2000", "é"), (KEY, PATH, "٢٠٠٠", signature), (KEY, PATH, "", signature),
        (KEY, PATH, "-1", signature),
        (signing_key(b"x" * 32), PATH, "2000", signature), (KEY, "recordings/../secret.wav", "2000", signature),
    ]  # fmt: skip
    assert {verify(*values, now=1999) for values in forged} == {Verdict.FORGED}
    assert not is_path("vendor=dialog/call_date=2030-05-20/intent=0a0a0a0a/batch=1/report-1.zst")


def test_a_connection_says_how_copies_are_shown() -> None:
    archive = Archive("memory://records")
    page = links_of(account(recordings_url="https://a.ru/r", recordings_link_days=1), archive, KEY, None).address(PATH)
    assert page.startswith("https://a.ru/r/vendor=dialog/")
    assert links_of(account(), archive, KEY, "https://b.ru/r").address(PATH).startswith("https://b.ru/r/vendor=")
    names = {links_of(account(), archive, key, "https://b.ru/r").name for key in (KEY, KEY, b"other")}
    assert len(names) == 2
    bucket = {"recordings_link": "template", "recordings_url": "https://storage.example/bucket/{path}"}
    assert links_of(account(**bucket), archive, KEY, None).address(PATH) == f"https://storage.example/bucket/{PATH}"
    for wrong, words in (
        ({"recordings_link": "magic"}, "none of page, presigned and template"),
        ({"recordings_link": "template", "recordings_url": "https://b/{key}"}, "needs {path} in it, once"),
        ({}, "recordings_url` is missing; set it to the address of Airflow"),
    ):
        with pytest.raises(ConfigError, match=words):
            links_of(account(**wrong), archive, KEY, None)
    with pytest.raises(ConfigError, match="the archive is a folder, which signs nothing"):
        links_of(account(recordings_link="presigned"), Archive("/tmp/x"), KEY, None)


def test_an_object_store_signs_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    archive = Archive("s3://bucket/prefix")
    link = links_of(account(recordings_link="presigned", recordings_link_days=2), archive, KEY, None).address(PATH)
    assert "bucket" in link
    assert "prefix/recordings/vendor" in link
    assert "ignature=" in link
