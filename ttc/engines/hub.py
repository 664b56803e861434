"""A checkpoint on the Hugging Face hub: whether it can be downloaded is found out soon, and said on one line."""

from __future__ import annotations

import os
from functools import lru_cache

from ttc.engines.reasons import shortened
from ttc.errors import UserError

LOOK_SECONDS = 4.0  # for the hub's first answer; its clients try for half a minute


@lru_cache(maxsize=64)  # once for all jobs of a sweep
def check_available(key: str, model: str, revision: str | None) -> None:
    """Ask the hub once for a checkpoint that is not in the local cache. A hub that is only slow is left to vLLM.

    Args:
        key: what the user set, for messages.
        model: the hub id.
        revision: a commit, tag or branch.

    Raises:
        UserError: there is no such checkpoint, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if os.environ.get("VLLM_USE_MODELSCOPE"):
        return  # vLLM downloads from elsewhere
    remedy = "and it is not in the local cache; name a directory"
    what = f"revision {revision}" if revision else "model"
    try:
        HfApi().model_info(model, revision=revision, timeout=LOOK_SECONDS)
    except OfflineModeIsEnabled:
        raise UserError(f"{key}: HF_HUB_OFFLINE is set, {remedy}, or unset HF_HUB_OFFLINE.") from None
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403, 404):  # the hub does not tell a private model from an absent one
            raise UserError(
                f"{key}: {constants.ENDPOINT} has no such {what}, or it is private; check the name, log in with "
                "`hf auth login`, or name a directory."
            ) from None
    except Exception as error:  # whatever the client's transport raises
        if "Timeout" not in type(error).__name__:
            reason = shortened(str(error) or type(error).__name__)
            raise UserError(f"{key}: {constants.ENDPOINT} cannot be reached ({reason}), {remedy}.") from None
