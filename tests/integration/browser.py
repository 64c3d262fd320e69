"""Chromium without a window, as a test uses it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By

from tests.integration.deployment.harness import wait_for

# Also as root, with a small /dev/shm, and calling nobody but the page's own server.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}


class Browser:
    """One tab."""

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver

    def open(self, url: str, size: dict[str, Any] = DESK, scripts: bool = True) -> None:
        """Load a page."""
        self._tell("Emulation.setDeviceMetricsOverride", size)
        self._tell("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        self._driver.get(url)

    def _tell(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._driver.execute_cdp_cmd(command, parameters)

    @property
    def url(self) -> str:
        return self._driver.current_url

    def text(self, selector: str = "body") -> str:
        """What is to be seen there, in one line."""
        try:
            return " ".join(self._driver.find_element(By.CSS_SELECTOR, selector).text.split())
        except StaleElementReferenceException:
            return ""  # the page has just put something new there

    def await_text(self, text: str, selector: str = "body") -> None:
        """Wait until it is to be seen there."""
        wait_for(lambda: text in self.text(selector), f"{text} on the page")

    def unfold(self, label: str, within: str) -> None:
        """Unfold an order there, as soon as there is one of that label."""
        wait_for(lambda: self._click(f"{within} details.order > summary", label), f"the order {label}")

    def confirm(self, label: str) -> None:
        """Press the button of the order that is unfolded."""
        wait_for(lambda: self._click("details.order[open] button", label), f"the button {label}")

    def _click(self, selector: str, label: str) -> bool:
        try:
            found = [
                one for one in self._driver.find_elements(By.CSS_SELECTOR, selector) if one.text == label
            ]
            if found:
                found[0].click()
        except StaleElementReferenceException:
            return False
        return bool(found)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        layout = self._tell("Page.getLayoutMetrics", {})
        return round(layout["cssContentSize"]["width"] - layout["cssVisualViewport"]["clientWidth"])

    def complaints(self) -> list[str]:
        """What the browser has complained of since it was asked last."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def quit(self) -> None:
        self._driver.quit()


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A Chromium of the test's own, whose profile is in a folder."""
    options = ChromeOptions()
    for argument in (*ARGUMENTS, f"--user-data-dir={folder}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Browser(Chrome(options=options, service=ChromeService(shutil.which("chromedriver"))))
    try:
        yield browser
    finally:
        browser.quit()
