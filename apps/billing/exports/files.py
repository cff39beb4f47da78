"""Where the files of exports lie: a folder for each operator, job and attempt.

An attempt writes into its own folder only, so one that was given up can spoil nothing.
"""

import hashlib
import shutil
from pathlib import Path
from uuid import UUID

from django.core.files.storage import default_storage

FOLDER = "exports"


def attempt_folder(job_id: UUID, attempt: int) -> Path:
    """The folder of one attempt, made new and empty."""
    folder = job_folder(job_id) / str(attempt)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def job_folder(job_id: UUID) -> Path:
    """Everything of one job of the current operator."""
    return operator_folder() / str(job_id)


def operator_folder() -> Path:
    """The exports of the current operator, below its own part of MEDIA_ROOT."""
    return Path(default_storage.path(FOLDER))


def stored_path(stored_as: str) -> Path:
    """The file that a job keeps under this name."""
    return Path(default_storage.path(stored_as))


def stored_name(path: Path) -> str:
    """The name under which a job keeps a file of its folder."""
    return f"{FOLDER}/{path.relative_to(operator_folder()).as_posix()}"


def remove(folder: Path) -> None:
    """Delete a folder with all that is in it; one that has gone already is fine."""
    shutil.rmtree(folder, ignore_errors=True)


def others_remove(folder: Path) -> None:
    """Delete what other attempts of the same job left beside this one's folder."""
    for other in folder.parent.iterdir():
        if other != folder:
            remove(other)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
