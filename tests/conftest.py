"""Every test runs as if there were no model hub."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
