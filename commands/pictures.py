"""`python -m commands.pictures PAGES IMAGES`: pictures of pages of the lab for its docs, taken in Chromium.

What is in PAGES is pictured: report.html on a desktop, on a phone and in dark, and its maps; compare.html;
history.html.
"""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from commands import command_line
from commands.errors import CommandError, ExitCode, UsageError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP, PHONE = (1280, 900), (390, 844)
SHOTS: Mapping[str, tuple[str, tuple[int, int], Literal["light", "dark"]]] = {
    "report": ("report", DESKTOP, "light"),
    "report-phone": ("report", PHONE, "light"),
    "report-dark": ("report", DESKTOP, "dark"),
    "compare": ("compare", DESKTOP, "light"),
    "history": ("history", DESKTOP, "light"),
}
"""Pictures of first screens: the page, the size of the window, and the colour scheme."""
SECTIONS = {"break-even": ("report", "break-evens", ".charts")}
"""Pictures of a part of a folded section."""

app = command_line.application("Pictures of pages of the lab, for its docs.")


@app.command()
def command(
    pages: Annotated[Path, typer.Argument(metavar="PAGES", help="Directory of the pages.")],
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="Directory of the pictures.")],
) -> int:
    """Write a picture of each page that is there."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only developers have it
    except ImportError:
        raise CommandError("playwright is not installed; run `make setup`") from None
    found = shutil.which("chromium")
    if found is None:
        raise CommandError("chromium is not installed")
    if not any((pages / f"{name}.html").is_file() for name, _, _ in SHOTS.values()):
        raise UsageError(f"{pages} has no report.html, compare.html or history.html")
    images.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for picture in _take(browser, pages, images):
            print(picture)
        browser.close()
    return ExitCode.FINE


def _take(browser: "Browser", pages: Path, images: Path) -> Iterator[Path]:
    for name, (page, size, scheme) in SHOTS.items():
        source = pages / f"{page}.html"
        if not source.is_file():
            continue
        window = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        window.goto(source.absolute().as_uri())
        window.wait_for_selector("html.live")
        window.screenshot(path=images / f"{name}.png")
        yield images / f"{name}.png"
        if name == page:
            yield from _parts(window, page, images)
        window.close()


def _parts(window: "Page", page: str, images: Path) -> Iterator[Path]:
    for name, (of_page, section, element) in SECTIONS.items():
        folded = window.locator(f"details:has(#{section})")
        if of_page == page and folded.count():
            folded.evaluate("(each) => { each.open = true; }")
            folded.locator(f"{element} svg").first.wait_for()
            folded.locator(element).first.screenshot(path=images / f"{name}.png")
            yield images / f"{name}.png"


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, "python -m commands.pictures")


if __name__ == "__main__":
    sys.exit(main())
