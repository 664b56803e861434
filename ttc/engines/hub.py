"""A checkpoint on the Hugging Face hub: one that cannot be downloaded is refused within seconds."""

from __future__ import annotations

import os
from functools import lru_cache

from ttc.errors import UserError
from ttc.hub import Finding, look_for_model


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
    if os.environ.get("VLLM_USE_MODELSCOPE"):
        return  # vLLM downloads from elsewhere
    found = look_for_model(model, revision)
    remedy = "and it is not in the local cache; name a directory"
    match found.finding:
        case Finding.ABSENT | Finding.MISNAMED:
            what = f"revision {revision}" if revision else "model"
            raise UserError(
                f"{key}: {found.endpoint} has no such {what}, or it is private; check the name, log in with "
                "`hf auth login`, or name a directory."
            )
        case Finding.OFFLINE:
            raise UserError(f"{key}: {found.reason}, {remedy}, or unset HF_HUB_OFFLINE.")
        case Finding.UNREACHABLE:
            raise UserError(f"{key}: {found.reason}, {remedy}.")
