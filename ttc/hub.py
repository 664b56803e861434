"""One look at the Hugging Face hub: whether it has a model or dataset, known within seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

LOOK_SECONDS = 4.0  # for the hub's first answer; its own clients try for half a minute


class Finding(Enum):
    """What one look at the hub shows."""

    PRESENT = auto()
    ABSENT = auto()  # or private: the hub does not distinguish these
    MISNAMED = auto()  # no repository can have this name
    OFFLINE = auto()  # HF_HUB_OFFLINE forbids the network
    UNREACHABLE = auto()
    FAILING = auto()  # it answers with an error of its own, or too slowly


@dataclass(frozen=True)
class Look:
    """A finding, the address of the hub, and as half a sentence why there is no answer, empty where there is one."""

    finding: Finding
    endpoint: str
    reason: str = ""


def look_for_model(name: str, revision: str | None) -> Look:
    """Ask the hub once for a model, at a commit, tag or branch."""
    return _look("model", name, revision)


def look_for_dataset(name: str, revision: str | None = None) -> Look:
    """Ask the hub once for a dataset, at a commit, tag or branch."""
    return _look("dataset", name, revision)


def one_line(error: Exception) -> str:
    """Return the first line of an error's message that is not empty, or the error's type."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


def _look(kind: str, name: str, revision: str | None) -> Look:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    hub = constants.ENDPOINT
    ask = HfApi().model_info if kind == "model" else HfApi().dataset_info
    try:
        ask(name, revision=revision, timeout=LOOK_SECONDS)
    except HFValidationError:
        return Look(Finding.MISNAMED, hub)
    except OfflineModeIsEnabled:
        return Look(Finding.OFFLINE, hub, "HF_HUB_OFFLINE is set")
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403, 404):
            return Look(Finding.ABSENT, hub)
        return Look(Finding.FAILING, hub, f"{hub} answered with the error {error.response.status_code}")
    except Exception as error:  # whatever the client's transport raises
        if "Timeout" in type(error).__name__:
            return Look(Finding.FAILING, hub, f"{hub} did not answer within {LOOK_SECONDS:g} s")
        return Look(Finding.UNREACHABLE, hub, f"{hub} cannot be reached ({one_line(error)})")
    return Look(Finding.PRESENT, hub)
