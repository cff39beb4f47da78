"""Why no file is made or given, in the reader's words, by the stable code of the error."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

EXPORT_WORDS: dict[str, str | Promise] = {
    "export.column_twice": _("A column is named twice."),
    "export.column_unknown": _("There is no such column."),
    "export.expired": _("The file has expired; ask for it again."),
    "export.failed": _("The file could not be made; the log of the worker says why."),
    "export.file_missing": _("The file is not on the disk any more; ask for it again."),
    "export.filter_invalid": _("A day, a month or another choice is missing or not understood."),
    "export.kind_unknown": _("There is no such export."),
    "export.not_ready": _("The file is not ready."),
    "export.nothing_selected": _("The list is empty."),
    "export.nothing_to_export": _("There is nothing for this file."),
    "export.over": _("The export has ended already."),
    "export.too_many": _("Too many exports wait already."),
    "export.too_many_rows": _("These are too many rows for a workbook; take CSV."),
    "export.too_many_selected": _(
        "These are too many for a workbook: filter the list, or take CSV."
    ),
    "export.unknown": _("There is no such export."),
    "export.view_foreign": _("Only its owner changes a view."),
    "export.view_name": _("A name has 1 to 80 characters."),
    "export.view_name_taken": _("Another view of yours has this name."),
    "export.view_unknown": _("There is no such view."),
    "export.worker_lost": _("The worker was lost while the file was made."),
}
