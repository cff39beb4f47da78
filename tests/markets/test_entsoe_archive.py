"""Answers that are ZIP archives, and answers that are no document at all."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from apps.markets.feeds.day_ahead import MAX_DOCUMENT_BYTES
from apps.markets.feeds.entsoe import (
    MAX_MEMBERS,
    DocumentError,
    NotYetPublishedError,
    generation_document_read,
    price_document_read,
)
from tests.contracts.entsoe_fake import NO_DATA, zipped

FIXTURES = Path(__file__).parent / "fixtures"
FR = "10YFR-RTE------C"
SPRING = (FIXTURES / "a44_dst_spring_92.xml").read_bytes()
AUTUMN = (FIXTURES / "a44_dst_autumn_100.xml").read_bytes()
MIX = (FIXTURES / "a75_mix.xml").read_bytes()


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return packed.getvalue()


def test_prices_of_every_member_are_read_and_the_newest_names_the_document() -> None:
    newer = AUTUMN.replace(b"<createdDateTime>2026", b"<createdDateTime>2027")
    newer = newer.replace(b"<revisionNumber>1<", b"<revisionNumber>7<")

    read = price_document_read(zipped(newer, SPRING), area=FR)

    assert len(read.prices) == 92 + 100
    assert read.revision == 7
    assert read.created_at.year == 2027
    assert (read.start.month, read.end.month) == (3, 10)


def test_generation_of_every_member_is_read() -> None:
    """The same document a second time, three hours later: 23:00-02:00 and 02:00-05:00."""
    later = MIX.replace(b"2026-03-11T02:00Z", b"2026-03-11T05:00Z")
    later = later.replace(b"2026-03-10T23:00Z", b"2026-03-11T02:00Z")

    read = generation_document_read(zipped(later, MIX), area=FR)

    nuclear = [s.power_mw for s in read.generation if s.psr_type == "B14"]
    assert nuclear == [(200.0, 220.0, 240.0, 200.0, 220.0, 240.0)]


def test_members_without_data_are_passed_over_unless_all_are() -> None:
    assert len(price_document_read(zipped(NO_DATA, SPRING), area=FR).prices) == 92
    with pytest.raises(NotYetPublishedError):
        price_document_read(zipped(NO_DATA, NO_DATA), area=FR)


def test_directories_and_other_files_are_passed_over() -> None:
    content = archive({"a/": b"", "a/readme.txt": b"hello", "a/b.XML": SPRING})

    assert len(price_document_read(content, area=FR).prices) == 92


def test_name_of_a_member_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")

    price_document_read(archive({"../out.xml": SPRING}), area=FR)

    assert [p.name for p in tmp_path.rglob("*")] == ["in"]


def test_error_in_a_member_names_it() -> None:
    content = archive({"ok.xml": SPRING, "b\nad.xml": AUTUMN.replace(b"PT15M", b"PT5M")})

    with pytest.raises(DocumentError) as caught:
        price_document_read(content, area=FR)

    assert caught.value.element == "b?ad.xml: Period/resolution"
    assert caught.value.line is not None
    assert "'PT5M' is not one of" in caught.value.rule


def test_two_members_that_differ_about_a_slot_are_refused() -> None:
    other = MIX.replace(b"<quantity>220<", b"<quantity>221<")

    with pytest.raises(DocumentError, match=r"2026-03-11T00:00Z has two values \(220 and 221 MW\)"):
        generation_document_read(zipped(MIX, other), area=FR)


def _encrypted() -> bytes:
    content = bytearray(zipped(SPRING))
    central = content.index(b"PK\x01\x02")
    struct.pack_into("<H", content, central + 8, 1)
    return bytes(content)


def _damaged() -> bytes:
    content = bytearray(archive({"a.xml": SPRING}, zipfile.ZIP_STORED))
    content[content.index(b"<mRID>") + 1] ^= 1
    return bytes(content)


def _lying_about_its_size() -> bytes:
    content = bytearray(zipped(b" " * (MAX_DOCUMENT_BYTES + 1)))
    central = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, central + 24, 10)
    return bytes(content)


REFUSED = {
    "cut short": (zipped(SPRING)[:200], "document", "ZIP archive that cannot be read"),
    "no member": (archive({}), "document", "without an XML member"),
    "no XML member": (archive({"a.csv": b"1"}), "document", "without an XML member"),
    "too many members": (
        zipped(*[NO_DATA] * (MAX_MEMBERS + 1)), "document", "more than 100 members",
    ),
    "bomb": (zipped(b" " * (MAX_DOCUMENT_BYTES + 1)), "001_document.xml", "larger than allowed"),
    "bomb in parts": (
        zipped(SPRING, b" " * (MAX_DOCUMENT_BYTES - len(SPRING) + 1)), "002_document.xml",
        "larger than allowed",
    ),
    "lying size": (_lying_about_its_size(), "001_document.xml", "cannot be unpacked"),
    "encrypted": (_encrypted(), "001_document.xml", "is encrypted"),
    "damaged": (_damaged(), "a.xml", "cannot be unpacked"),
    "other method": (archive({"a.xml": SPRING}, zipfile.ZIP_BZIP2), "a.xml", "other than deflate"),
    "archive in an archive": (
        archive({"a.xml": zipped(SPRING)}), "a.xml: document", "not well-formed XML",
    ),
    "page in an archive": (archive({"a.xml": b"<html></html>"}), "a.xml: document", "HTML page"),
    "page": (b"<!DOCTYPE HTML><html><body>Maintenance<br></body></html>", "document", "HTML page"),
    "page after a mark": (b"\xef\xbb\xbf\r\n<HTML lang='en'>", "document", "HTML page"),
    "too large": (b"PK\x03\x04" + b" " * MAX_DOCUMENT_BYTES, "document", "is larger than"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_answer_that_is_no_readable_document_says_why(case: str) -> None:
    content, element, rule = REFUSED[case]

    with pytest.raises(DocumentError) as caught:
        price_document_read(content, area=FR)

    assert caught.value.element == element
    assert rule in caught.value.rule
