"""The browser, for the tests of the report only."""

from __future__ import annotations

from browser import chromium, visit

__all__ = ["chromium", "visit"]
