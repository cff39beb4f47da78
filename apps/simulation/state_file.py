"""State that survives kill -9: one JSON file, replaced as a whole or not at all."""

import json
import logging
import os
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


def state_write(path: Path, state: dict[str, Any]) -> None:
    """Replace the file by `state`; a reader sees the old or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.write_text(json.dumps(state, separators=(",", ":")), "utf-8")
    draft.replace(path)


def state_read(path: Path) -> dict[str, Any]:
    """The saved state; empty when there is none or it is damaged (which is logged)."""
    try:
        state = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as err:
        log.warning("simulation.state_damaged path=%s error=%s", path, err)
        return {}
    return state if isinstance(state, dict) else {}
