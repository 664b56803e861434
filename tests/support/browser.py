"""A real browser for tests: the Chromium that is installed, headless; without one the tests are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")


# A module's, not the session's: while Playwright runs, other tests in this process could start no event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, started once."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    with playwright.sync_playwright() as running:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = running.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page in the browser.

    Attributes:
        complaints: what must not happen: errors on the console, uncaught ones, dialogs, new windows.
        requests: the addresses that were asked for.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self._complain(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("popup", lambda popup: self.complaints.append(f"window: {popup.url}"))
        page.on("dialog", self._refuse)
        page.on("request", lambda request: self.requests.append(request.url))

    def _complain(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def _refuse(self, dialog: object) -> None:
        self.complaints.append("dialog")
        dialog.dismiss()  # type: ignore[attr-defined]

    def open(self, address: str, shown: str) -> None:
        """Go to an address and wait for what `shown` selects."""
        self.page.goto(address)
        self.page.wait_for_selector(shown)

    def settle(self) -> None:
        """Wait until the page has handled what was done to it: that a <details> opened is reported later."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that match."""
        self.settle()
        return self.page.locator(selector).all_inner_texts()

    def values(self, selector: str, attribute: str) -> list[str]:
        """Return an attribute of all elements that match."""
        self.settle()
        return [str(element.get_attribute(attribute)) for element in self.page.query_selector_all(selector)]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """A fresh page of a desktop's size; at the end, nothing may have gone wrong in it."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    visited = Visit(context.new_page())
    yield visited
    context.close()
    assert visited.complaints == []
