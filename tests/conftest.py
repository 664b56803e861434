"""Tests run offline, and their results do not depend on the machine's load."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"  # the Hugging Face hub is never queried

pytest_plugins = ["browser", "command_line", "small_caches"]

settings.register_profile("ttc", deadline=None)  # by default, an example that takes 200 ms fails
settings.load_profile("ttc")
