"""Where everything of one instance lives: the checkout, its environments and its data folder."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cariflex.runtime.errors import StartError
from cariflex.runtime.ports import DEFAULT_PORT, Ports

ROOT = Path(__file__).resolve().parents[2]
MARKER = ".cariflex"
"""A file that says that a data folder was made by ./run: only such a folder is ever emptied."""


@dataclass(frozen=True)
class Layout:
    """The folders and ports of one instance."""

    root: Path
    var: Path
    ports: Ports

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Layout":
        """The instance that CARIFLEX_VAR and CARIFLEX_PORT name."""
        text = environ.get("CARIFLEX_PORT", "") or str(DEFAULT_PORT)
        try:
            ports = Ports(int(text))
        except ValueError as err:
            raise StartError(
                f"CARIFLEX_PORT={text!r} is not usable: {err}", "unset it or choose another number."
            ) from err
        var = Path(environ.get("CARIFLEX_VAR") or ROOT / "var")
        return cls(root=ROOT, var=Path(os.path.abspath(var)), ports=ports)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def venv_python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def flexmeasures_venv(self) -> Path:
        return self.root / ".venv-flexmeasures"

    @property
    def flexmeasures_python(self) -> Path:
        return self.flexmeasures_venv / "bin" / "python"

    @property
    def logs(self) -> Path:
        return self.var / "logs"

    @property
    def ready_files(self) -> Path:
        return self.var / "ready"

    @property
    def postgres_data(self) -> Path:
        return self.var / "postgres"

    @property
    def redis_data(self) -> Path:
        return self.var / "redis"

    @property
    def flexmeasures_data(self) -> Path:
        return self.var / "flexmeasures"

    @property
    def secrets_file(self) -> Path:
        return self.var / "secrets.json"

    @property
    def state_file(self) -> Path:
        return self.var / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.var / "supervisor.lock"

    def log(self, name: str) -> Path:
        """The log file of one service."""
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Make the data folder with its subfolders, or say why it cannot be made."""
        try:
            self.var.mkdir(parents=True, exist_ok=True)
            if not any(self.var.iterdir()) or self.var == self.root / "var":
                (self.var / MARKER).touch()
            for folder in (self.logs, self.ready_files, self.var / "beat"):
                folder.mkdir(exist_ok=True)
        except OSError as err:
            raise StartError(
                f"the data folder {self.var} cannot be written: {err.strerror}",
                "give this user the right to write there, or set CARIFLEX_VAR to another folder.",
            ) from err
