"""`price_session`: files in, one JSON document or a table out; bad input by words."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.billing.rating import json_write
from tests.billing.rating.examples import (
    EXAMPLES,
    NIGHT,
    charging,
    component,
    example,
    parking,
    session,
    tariff,
)

ROOT = Path(__file__).resolve().parents[3]
COMPLEX = str(EXAMPLES / "2.2.1/tariff_4_complex.json")
SATURDAY = session(charging(114, MIN_CURRENT=43), parking(71), start="2019-02-09T13:30")


def written(folder: Path, name: str, content: object) -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json_write(content))
    return str(path)


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, output, error output."""
    out, err = StringIO(), StringIO()
    try:
        call_command("price_session", *words, stdout=out, stderr=err)
    except SystemExit as stop:
        return int(stop.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def run_json(*words: str) -> Any:
    return json.loads(run(*words, "--json")[1])


def test_the_document_has_the_promised_form(tmp_path: Path) -> None:
    code, out, err = run(
        "--tariff", COMPLEX, "--session", written(tmp_path, "s.json", SATURDAY), "--json"
    )

    assert (code, err) == (0, "")
    rating = json.loads(out)
    assert rating["total_cost"] == {"excl_vat": "12.375", "incl_vat": "13.975"}
    assert rating["dimensions"]["TIME"] == {
        "volume": "1.9",
        "billed_volume": "1.9",
        "excl_vat": "2.375",
        "incl_vat": "2.85",
    }
    assert rating["lines"][-1] == {
        "element": 5,
        "component": 0,
        "dimension": "PARKING_TIME",
        "volume": "1.1833",
        "billed_volume": "1.25",
        "unit": "h",
        "price": "6",
        "vat": "10",
        "excl_vat": "7.50",
        "tax": "0.75",
        "incl_vat": "8.25",
        "reason": "1.1833 h, with the last step of 300 s 1.25 h, at 6 EUR/h; from 10:00 to 17:00,"
        " on Saturday",
    }
    assert rating["notes"] == []


def test_without_json_it_is_a_table(tmp_path: Path) -> None:
    content = example("2.2.1/tariff_4_complex.json") | {"id": "half", "colour": "half"}
    code, out, _ = run(
        "--tariff",
        # Half a character, which no terminal can show.
        written(tmp_path, "t.json", json_write(content).replace('"half"', '"\\ud800"')),
        "--session",
        written(tmp_path, "s.json", SATURDAY),
    )

    assert code == 0
    assert "12.375" in out
    assert "VAT 15 %: 0.375 on 2.50" in out
    assert 'tariff.colour: "colour" is not a field of OCPI' in out


def test_a_cdr_brings_its_tariff_along() -> None:
    rating = run_json("--session", str(EXAMPLES / "2.2.1/cdr_example.json"))

    assert rating["total_cost"] == {"excl_vat": "4.00", "incl_vat": "4.40"}


def test_the_time_zone_of_the_command_wins(tmp_path: Path) -> None:
    files = ["--tariff", written(tmp_path, "t.json", NIGHT), "--session"]
    # 09:30 in Brussels is 04:30 in Guadeloupe: still night.
    files.append(written(tmp_path, "s.json", session(charging(60, "1"))))

    by_day = run_json(*files)
    by_night = run_json(*files, "--time-zone", "America/Guadeloupe")

    assert by_day["total_cost"]["excl_vat"] == "0.30"
    assert by_night["total_cost"]["excl_vat"] == "0.10"
    assert [note["code"] for note in by_night["notes"]] == ["time_zone.differs"]


def test_bad_input_is_told_with_its_field_and_exit_code_2(tmp_path: Path) -> None:
    spoiled = tariff([component("ENERGY", "1")])
    del spoiled["elements"][0]["price_components"][0]["price"]
    files = ["--tariff", written(tmp_path, "t.json", spoiled)]
    files += ["--session", written(tmp_path, "s.json", SATURDAY)]

    code, out, err = run(*files, "--json")
    plain_code, plain_out, plain_err = run(*files)

    assert (code, err) == (2, "")
    error = json.loads(out)["error"]
    assert error["code"] == "field.missing"
    assert error["field"] == "tariff.elements[0].price_components[0].price"
    assert "has a price" in error["message"]
    assert (plain_code, plain_out) == (2, "")
    assert "tariff.elements[0].price_components[0].price" in plain_err


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (["--tariff", COMPLEX], "usage", "--session"),
        (["--tariff", "nowhere.json", "--session", COMPLEX], "file.unreadable", "tariff"),
        (["--tariff", COMPLEX, "--session", str(ROOT)], "file.unreadable", "session"),
        (["--tariff", COMPLEX, "--session", COMPLEX], "field.missing", "session.start_date_time"),
        (["--batch", COMPLEX, "--tariff", COMPLEX], "usage", "--batch"),
        (["--session", str(EXAMPLES / "README.md")], "json.invalid", "session"),
        (["--session", COMPLEX], "tariff.missing", "tariff"),
        (["--batch", "a\0b"], "file.unreadable", "batch"),
    ],
)
def test_wrong_use_and_unreadable_files(words: list[str], code: str, field: str) -> None:
    status, out, _ = run(*words, "--json")

    assert status == 2
    error = json.loads(out)["error"]
    assert (error["code"], error["field"]) == (code, field)


def test_a_relative_file_is_found_from_where_run_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "s.json", SATURDAY)
    monkeypatch.setenv("PWD", str(tmp_path))

    rating = run_json("--tariff", COMPLEX, "--session", "s.json")

    assert rating["total_cost"]["excl_vat"] == "12.375"


def test_a_batch_answers_every_line_with_one_line(tmp_path: Path) -> None:
    good = json_write({"tariff": example("2.2.1/tariff_4_complex.json"), "session": SATURDAY})
    zoned = {"tariff": NIGHT, "session": session(charging(60, "1"))}
    del zoned["session"]["time_zone"]
    lines = [
        good,
        "{",
        "",
        "[]",
        '{"tariff": {}}',
        json_write(zoned),
        json_write(zoned | {"time_zone": "America/Guadeloupe", "Timezone": "?"}),
        good,
    ]

    code, out, err = run("--batch", written(tmp_path, "b.jsonl", "\n".join(lines)))

    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [answer.get("error", {}).get("line") for answer in answers] == [
        None,
        2,
        4,
        5,
        6,
        None,
        None,
    ]
    assert answers[0] == answers[6]
    assert answers[0]["total_cost"]["incl_vat"] == "13.975"
    assert answers[4]["error"]["code"] == "time_zone.missing"
    assert answers[5]["total_cost"]["excl_vat"] == "0.10"
    assert [note["where"] for note in answers[5]["notes"]] == ["Timezone"]
    assert err.strip() == "4 of 7 lines could not be priced"


def test_a_batch_goes_on_after_bytes_that_are_no_text(tmp_path: Path) -> None:
    good = json_write({"tariff": NIGHT, "session": session(charging(60, "1"))}).encode()
    path = tmp_path / "b.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\r\n\xff\xfe\n" + good)

    _, out, _ = run("--batch", str(path))

    assert ["error" in json.loads(line) for line in out.splitlines()] == [False, True, False]


def test_it_needs_neither_database_nor_redis(tmp_path: Path) -> None:
    nowhere = {
        **os.environ,
        "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:9/none",
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }
    words = ["--tariff", COMPLEX, "--session", "-", "--json"]

    done = subprocess.run(
        [sys.executable, "manage.py", "price_session", *words],
        cwd=ROOT,
        env=nowhere,
        input=json_write(SATURDAY).encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["total_cost"]["excl_vat"] == "12.375"
