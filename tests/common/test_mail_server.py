"""Where mails are handed over, from the environment."""

import pytest

from cariflex.env import EnvironmentInvalid, MailServer, mail_server

NAMES = (
    "EMAIL_URL",
    *(f"CARIFLEX_EMAIL_{n}" for n in ("HOST", "PORT", "USER", "PASSWORD", "SECURITY")),
)


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_without_a_word_none_is_configured() -> None:
    assert not mail_server().is_configured


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", MailServer("mail.example.org", 25, "", "", "none")),
        ("smtps://me:p%40ss@mail", MailServer("mail", 465, "me", "p@ss", "tls")),
        ("smtp+starttls://me:x@mail:2525", MailServer("mail", 2525, "me", "x", "starttls")),
    ],
)  # fmt: skip
def test_one_address_says_it_all(
    url: str, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)

    assert mail_server() == server
    assert mail_server().is_configured


def test_single_variables_do_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARIFLEX_EMAIL_HOST", "mail.example.org")
    monkeypatch.setenv("CARIFLEX_EMAIL_SECURITY", "starttls")
    monkeypatch.setenv("CARIFLEX_EMAIL_USER", "me")

    assert mail_server() == MailServer("mail.example.org", 587, "me", "", "starttls")


@pytest.mark.parametrize(
    ("name", "value"),
    [("EMAIL_URL", "http://mail"), ("EMAIL_URL", "smtp://"), ("EMAIL_URL", "smtp://a:99999"),
     ("CARIFLEX_EMAIL_SECURITY", "ssl"), ("CARIFLEX_EMAIL_PORT", "x")],
)  # fmt: skip
def test_what_cannot_be_used_names_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(EnvironmentInvalid, match=name):
        mail_server()
