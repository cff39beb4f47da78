"""`billing_export`: the same files from the shell."""

import hashlib
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.billing.models import Cdr, ExportJob
from tests.billing.exports.conftest import rows_of

pytestmark = pytest.mark.usefixtures("media")


def run(*words: str) -> tuple[int, dict[str, Any]]:
    out = StringIO()
    try:
        call_command("billing_export", *words, "--operator", "guadeloupe", "--json", stdout=out)
    except SystemExit as end:
        return int(str(end.code)), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_a_file_is_made_kept_and_copied(cdrs: list[Cdr], tmp_path: Path) -> None:
    target = tmp_path / "mine.csv"

    code, told = run(
        "cdr_csv", "--columns", "reference, total_incl_vat", "--style", "excel_fr",
        "--month", "2026-03", "--output", str(target),
    )  # fmt: skip

    assert code == 0
    content = target.read_bytes()
    assert told["rows"] == len(cdrs)
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert Path(told["file"]).read_bytes() == content
    assert list(rows_of(content, ";")[0]) == ["reference", "total_incl_vat"]
    assert ExportJob.objects.get().requested_by_name == ""


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("cdr_csv", "--columns", "x"), 2, "export.column_unknown"),
        (("fec", "--month", "soon"), 2, "export.filter_invalid"),
        (("facturx_bundle", "--invoice-ids", "1,x"), 2, "export.filter_invalid"),
        (("sepa_debit", "--pays-on", "2026-04-01"), 1, "export.nothing_to_export"),
        (("facturx_bundle", "--month", "2026-03"), 1, "export.nothing_to_export"),
    ],
)
def test_what_cannot_be_made_is_told_with_its_exit_code(
    operator_a: object, words: tuple[str, ...], status: int, code: str
) -> None:
    assert run(*words)[0] == status
    assert run(*words)[1]["error"]["code"] == code


def test_an_unknown_operator_is_bad_input(operator_a: object) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("billing_export", "cdr_csv", "--operator", "atlantis", "--json", stdout=out)

    assert end.value.code == 2
    assert json.loads(out.getvalue())["error"]["code"] == "operator.missing"
