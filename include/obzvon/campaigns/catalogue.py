"""The folder of campaign files: each is read by itself, so a broken one costs nobody else anything."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from obzvon.campaigns.messages import explain
from obzvon.campaigns.rules import broken_rules
from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import CampaignFileError, ConfigError, Fault
from obzvon.yaml_text import BrokenYaml, parsed


class Catalogue:
    """What a folder of campaign files holds: `specs` of the good ones, `broken` with an error for each other one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def specs(self) -> list[CampaignSpec]:
        """The valid campaigns, by name."""
        return [spec for spec in self._read if isinstance(spec, CampaignSpec)]

    @property
    def broken(self) -> list[CampaignFileError]:
        """One error a broken file."""
        return [error for error in self._read if isinstance(error, CampaignFileError)]

    @cached_property
    def _read(self) -> list[CampaignSpec | CampaignFileError]:
        return [_load_or_error(path) for path in files(self.folder)]


def _load_or_error(path: Path) -> CampaignSpec | CampaignFileError:
    try:
        return load(path)
    except CampaignFileError as error:
        return error


def files(folder: Path) -> list[Path]:
    """The campaign files of a folder, by name; subfolders are not searched. CampaignFileError: there is no folder."""
    if not folder.is_dir():
        raise CampaignFileError(f"{folder}: no such folder of campaign files; create it or correct OBZVON_CAMPAIGNS")
    return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())


def file_of(folder: Path, campaign: str) -> Path:
    """The file of a campaign by name. ConfigError: nobody is called so; it lists the names that there are."""
    known = {path.stem: path for path in files(folder)}
    if campaign not in known:
        raise ConfigError(f"no campaign is called {campaign}; known: {', '.join(known) or 'none'}")
    return known[campaign]


def load(path: Path) -> CampaignSpec:
    """One campaign file, validated. CampaignFileError: a line `file: key: what is wrong and the cure` a fault."""
    data = _mapping(path)
    try:
        spec = CampaignSpec.model_validate(data)
    except ValidationError as error:
        raise _error(path, explain(error, data)) from None
    faults = _name_faults(path, spec) + broken_rules(spec)
    if faults:
        raise _error(path, faults)
    return spec


def _error(path: Path, faults: list[Fault]) -> CampaignFileError:
    return CampaignFileError("\n".join(f"{path.name}: {fault}" for fault in faults), faults)


def _name_faults(path: Path, spec: CampaignSpec) -> list[Fault]:
    if path.name == f"{spec.name}.yaml":
        return []
    cure = f"call the file {spec.name}.yaml or correct the name"
    return [Fault("name", f"{spec.name!r} is not the file's name; {cure}")]


def _mapping(path: Path) -> dict[str, Any]:
    try:
        data = parsed(path.read_text("utf-8"))
    except OSError as error:
        raise _error(path, [Fault("", f"cannot be read ({error.strerror}); check the name and the folder")]) from error
    except UnicodeDecodeError as error:
        raise _error(path, [Fault("", "not UTF-8 text; save it as UTF-8")]) from error
    except BrokenYaml as error:
        raise _error(path, [Fault("", str(error), error.line)]) from None
    if not isinstance(data, dict):
        said = "not a campaign: the file must be a list of `key: value` lines; see docs/campaign-file.md"
        raise _error(path, [Fault("", said)])
    return data
