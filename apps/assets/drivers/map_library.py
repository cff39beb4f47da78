"""The register maps of this deployment: those that are shipped, and a directory of its own.

A file that is wrong is left out and logged once with all its errors; `map_check` prints the same.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from apps.assets.drivers import registry
from apps.assets.drivers.map_device import MapDevice
from apps.assets.drivers.map_identify import map_identify
from apps.assets.drivers.map_load import map_load
from apps.assets.drivers.map_yaml import MapProblem
from apps.assets.drivers.register_map import RegisterMap
from apps.assets.drivers.registry import DriverBuild, DriverChoice, Identity, ReadTable

logger = logging.getLogger(__name__)

SHIPPED_MAPS = Path(__file__).with_name("maps")


@dataclass(frozen=True, slots=True)
class MapCollection:
    """The maps of some files, and what is wrong with the rest."""

    maps: tuple[RegisterMap, ...]
    problems: tuple[MapProblem, ...]


def map_files(directories: Iterable[Path]) -> list[Path]:
    """The map files of these directories, in the order of their names."""
    return [path for directory in directories for path in sorted(directory.glob("*.yaml"))]


def maps_load(files: Sequence[Path]) -> MapCollection:
    """The maps of these files. A file is named after its map, and a map's id is taken once."""
    maps: dict[str, RegisterMap] = {}
    problems: list[MapProblem] = []
    for path in files:
        file = f"{path.parent.name}/{path.name}"
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(MapProblem(file, 1, "", f"cannot be read: {error}"))
            continue
        register_map, wrong = map_load(text, file)
        problems.extend(wrong)
        if register_map is None:
            continue
        line = _id_line(text)
        if register_map.id != path.stem:
            problems.append(MapProblem(file, line, "id", f"must be {path.stem}, as the file is"))
        elif register_map.id in maps:
            taken = maps[register_map.id].file
            problems.append(MapProblem(file, line, "id", f"{register_map.id} is {taken} already"))
        else:
            maps[register_map.id] = register_map
    return MapCollection(tuple(maps.values()), tuple(sorted(problems)))


def _id_line(text: str) -> int:
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, start=1) if line.startswith("id:")), 1)


class MapLibrary:
    """The maps of some directories, read at first use and kept for the life of the process."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = list(directories)
        self._maps: dict[str, RegisterMap] | None = None
        self._guard = threading.Lock()

    def add_directory(self, directory: Path) -> None:
        """Read this directory too."""
        with self._guard:
            if directory not in self._directories:
                self._directories.append(directory)
                self._maps = None

    def maps(self) -> tuple[RegisterMap, ...]:
        """All maps that are right."""
        return tuple(self._loaded().values())

    def get(self, map_id: str) -> RegisterMap | None:
        """The map of that id."""
        return self._loaded().get(map_id)

    # --- what the registry of drivers asks ---

    def lookup(self, name: str) -> DriverBuild | None:
        """The driver of a map."""
        register_map = self.get(name)
        return None if register_map is None else partial(MapDevice, register_map=register_map)

    def choices(self) -> list[DriverChoice]:
        """The device models, as they are offered to a person."""
        return [
            DriverChoice(
                name=each.id,
                vendor=each.vendor,
                model=each.model,
                kinds=each.kinds,
                tried_on=each.tried_on,
                names=each.names,
                version=each.version,
                can_control=each.can_control,
            )
            for each in self.maps()
        ]

    async def recognise(self, name: str, read: ReadTable) -> Identity | None:
        """The identity of the unit behind `read`, if it is of that model."""
        register_map = self.get(name)
        return None if register_map is None else await map_identify(register_map, read)

    def _loaded(self) -> dict[str, RegisterMap]:
        with self._guard:
            if self._maps is None:
                collection = maps_load(map_files(self._directories))
                for problem in collection.problems:
                    logger.error("device_map.invalid %s", problem)
                self._maps = {each.id: each for each in collection.maps}
            return self._maps


library = MapLibrary([SHIPPED_MAPS])
registry.register_source(library.lookup, choices=library.choices, recognise=library.recognise)
