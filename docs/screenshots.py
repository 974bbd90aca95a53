"""The pictures of docs/dashboard.md, taken from a running `ecom demo` in a real browser.

Start the demo, wait until its history is loaded, and then, with the same ECOM_HOME:

    python -m docs.screenshots [--address http://127.0.0.1:8501] [--to docs/images]
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

from PIL import Image  # Streamlit brings it
from playwright.sync_api import Browser, Page, expect

from ecom_platform.local import endpoints
from ecom_platform.local.instance import Instance
from ecom_platform.settings import load_settings
from ecom_platform_tests.web_browser.find import driven

IMAGES = Path(__file__).parent / "images"
LAPTOP, PHONE = (1366, 768), (390, 844)
SCHEMES = ("light", "dark")
DRAWN_MS = 60_000
# Charts glide into place and the newest figures come with the next refresh.
SETTLE_MS = 6_000
COLOURS = 256  # a third of the bytes, and no difference to the eye


def main() -> None:
    """Take every picture and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default=None, help="of the dashboard; else that of the instance in ECOM_HOME")
    parser.add_argument("--to", type=Path, default=IMAGES)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with _browser() as browser:
        address = options.address or _recorded_address()
        for name, path in _pages(browser, address).items():
            for scheme in SCHEMES:
                _take(browser, urljoin(address, path), options.to / f"{name}-{scheme}.png", scheme, LAPTOP)
        _take(browser, address, options.to / "overview-phone.png", "light", PHONE)


def _recorded_address() -> str:
    """Where the demo of this instance serves its dashboard."""
    settings = load_settings()
    port = endpoints.read(Instance.of(settings)).get("dashboard_port") or settings.dashboard_port
    return f"http://127.0.0.1:{port}"


@contextmanager
def _browser() -> Iterator[Browser]:
    with driven() as (playwright, found):
        browser = playwright.chromium.launch(
            executable_path=found.program, args=["--no-sandbox", *found.arguments], env=found.environment
        )
        yield browser
        browser.close()


def _pages(browser: Browser, address: str) -> dict[str, str]:
    """Name and path of every page: those of the navigation, and one order of the list."""
    page = browser.new_page(viewport={"width": LAPTOP[0], "height": LAPTOP[1]})
    page.goto(address)
    _wait_until_drawn(page)
    links = page.get_by_test_id("stTopNavLink").evaluate_all("all => all.map(e => new URL(e.href).pathname)")
    order = page.locator('.st-key-card-orders a[href*="order_id="]').last
    pages = {path.strip("/") or "overview": path for path in links}
    pages["order"] = str(order.get_attribute("href", timeout=DRAWN_MS))
    page.close()
    return pages


def _take(browser: Browser, address: str, file: Path, scheme: str, size: tuple[int, int]) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(address)
    _wait_until_drawn(page)
    page.wait_for_timeout(SETTLE_MS)
    _wait_until_drawn(page)
    _save(page.screenshot(), file)
    context.close()
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB", flush=True)


def _wait_until_drawn(page: Page) -> None:
    drawn = page.locator('[data-testid="stMetric"], [class*="st-key-card-"]').first
    expect(drawn).to_be_visible(timeout=DRAWN_MS)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=DRAWN_MS)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=DRAWN_MS)


def _save(picture: bytes, file: Path) -> None:
    """Store a picture with a palette that has the colours of small things, too: a state's mark is a few pixels."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    main()
