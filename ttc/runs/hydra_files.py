"""What Hydra records of a run before it starts: .hydra/config.yaml and .hydra/overrides.yaml."""

from __future__ import annotations

from pathlib import Path

from ttc.errors import UserError

CONFIG = Path(".hydra") / "config.yaml"
OVERRIDES = Path(".hydra") / "overrides.yaml"
AGAIN = "run the experiment again."


def read_recorded(file: Path, what: str) -> object:
    """Read a YAML file as plain values; `what` is what it should be, e.g. "a list of overrides".

    Raises:
        UserError: it cannot be read, or is not YAML.
    """
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror or error}); {AGAIN}") from None
    except (ValueError, RecursionError, yaml.YAMLError, OmegaConfBaseException):
        raise UserError(f"{file} is not {what}; {AGAIN}") from None


def list_of_overrides(given: object, place: str) -> list[str]:
    """Return recorded overrides.

    Raises:
        UserError: they are not a list.
    """
    if not isinstance(given, list):
        raise UserError(f"{place} is not a list of overrides; {AGAIN}")
    return [str(override) for override in given]


def recorded_config(run: Path) -> dict[str, object]:
    """Return the composed config of a run, interpolations as they are written.

    Raises:
        UserError: there is none, or it is no config.
    """
    file = run / CONFIG
    found = read_recorded(file, "a config")
    if not isinstance(found, dict):
        raise UserError(f"{file} is not a config; {AGAIN}")
    return {str(key): value for key, value in found.items()}


def recorded_overrides(run: Path) -> list[str]:
    """Return the command line that Hydra recorded; empty where it recorded none.

    Raises:
        UserError: the record is not a list.
    """
    file = run / OVERRIDES
    return list_of_overrides(read_recorded(file, "a list of overrides"), str(file)) if file.exists() else []
