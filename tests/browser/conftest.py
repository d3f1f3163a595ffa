"""Reports in a real Chromium without a network: whatever a page asks for, and whatever it complains about, is noted."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bench.report import html
from bench.report.run_document import document_of
from bench.results import Run

DESKTOP, PHONE = (1280, 900), (390, 844)
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Opened:
    """A page in the browser."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        """The text of every element, on one line each."""
        return [" ".join(text.split()) for text in self.page.locator(selector).all_text_contents()]

    def choose(self, **values: str) -> None:
        """Choose values in the controls of these names."""
        for name, value in values.items():
            self.page.locator(f"select[name={name}]").select_option(value)

    def slide(self, name: str, step: int) -> None:
        """Move a slider."""
        self.page.locator(f"input[name={name}]").fill(str(step))

    def table(self) -> list[list[str]]:
        """The rows of the table of the first screen."""
        rows = self.page.locator("#view-body tr").evaluate_all(
            "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
        return [[" ".join(text.split()) for text in row] for row in rows]


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of a module. Playwright's event loop counts as running until it is closed, so it must be
    closed before a test of another module runs a loop of its own."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed; .ci/run installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_report(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of a run. Afterwards nothing was requested, and nothing complained of."""
    opened: list[Opened] = []
    contexts = []

    def open_one(given: Run | bytes, fragment: str = "", size: tuple[int, int] = DESKTOP, **options: Any) -> Opened:
        path = tmp_path / "report.html"
        path.write_bytes(given if isinstance(given, bytes) else html.render(document_of(given)))
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, offline=True, **options)
        contexts.append(context)
        found = Opened(context.new_page())
        opened.append(found)
        address = path.as_uri()
        found.page.on("request", lambda each: found.requests.append(each.url) if each.url != address else None)
        found.page.on("console", lambda each: found.complaints.append(f"{each.type}: {each.text}"))
        found.page.on("pageerror", lambda each: found.complaints.append(str(each)))
        found.page.goto(f"{address}{fragment}")
        if options.get("java_script_enabled", True):
            found.page.wait_for_selector("html.live")
        return found

    yield open_one
    for context in contexts:
        context.close()
    assert [(each.requests, each.complaints) for each in opened] == [([], [])] * len(opened)


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed; `make interop` installs it")
    return AXE.read_text(encoding="utf-8")
