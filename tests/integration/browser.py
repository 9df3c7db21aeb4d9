# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser without a screen, driven over WebDriver, for tests of pages. Imports nothing of the collection."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import typing as t
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tests.places import ROOT

#: In CSS pixels, as wide as a screen and as narrow as a phone.
WINDOWS = {"screen": (1280, 900), "phone": (390, 844)}
HOSTILE = "</script><img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"

_ALONE = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip


def need_browser() -> None:
    """Have Chromium on this machine."""
    subprocess.run([str(ROOT / "tools/need"), "chromium", "chromedriver=chromium-driver"], check=True)


class Browser:
    def __init__(self, base: str) -> None:
        self._base = base

    def call(self, method: str, path: str, body: dict[str, t.Any] | None = None) -> t.Any:
        request = urllib.request.Request(
            self._base + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=300) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as exc:
            raise AssertionError(exc.read().decode()) from None

    def open(self, path: Path) -> None:
        self.call("POST", "/url", {"url": path.as_uri()})

    def run(self, script: str) -> t.Any:
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("GET", "/screenshot"))

    def text(self, element: str) -> str:
        """By the element's id."""
        return str(self.run(f"return document.getElementById('{element}').textContent"))

    def rows(self, table: str) -> list[list[str]]:
        """The cells of a table's body, by the table's id."""
        script = f"return [...document.querySelectorAll('#{table} > tbody > tr')].map(r => [...r.children].map(c => c.textContent))"
        return t.cast("list[list[str]]", self.run(script))

    def enter(self, element: str, words: str) -> None:
        """Type into a field, or choose in one, by its id."""
        self.run(
            f"const e = document.getElementById('{element}'); e.value = '{words}'; e.dispatchEvent(new Event('input'));"
        )

    def click(self, selector: str) -> None:
        """Click each of the elements as a user would: a script may not copy anything."""
        scroll = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})"
        for element in self.call("POST", "/elements", {"using": "css selector", "value": selector}):
            self.call("POST", "/execute/sync", {"script": scroll, "args": [element]})
            self.call("POST", f"/element/{next(iter(element.values()))}/click", {})

    def open_details(self, selector: str) -> None:
        """Open it, and wait for its event: a browser sends that a moment later."""
        script = f"const d = document.querySelector('{selector}'), done = arguments[0];"
        script += " d.addEventListener('toggle', () => done(1)); d.open = true;"
        self.call("POST", "/execute/async", {"script": script, "args": []})

    def check(self, width: int) -> None:
        """That the page is through, asked nobody, and has nothing that is wider than the window."""
        assert self.run("return document.documentElement.dataset.ready") == "1"
        assert self.run("return innerWidth") == width
        assert self.run("return performance.getEntriesByType('resource').length") == 0
        assert self.run("return document.documentElement.scrollWidth") <= width
        wide = "return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"
        assert self.run(wide) == 0


@contextmanager
def browser(width: int, height: int, *, dark: bool = False) -> t.Iterator[Browser]:
    """Chromium, `width` CSS pixels wide as a phone or a screen is."""
    with tempfile.TemporaryDirectory(prefix="browser-") as folder:
        driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert driver.stdout
            port = ""
            for line in driver.stdout:
                if "started successfully on port" in line:
                    port = line.rsplit(" ", 1)[1].strip(" .\n")
                    break
            options = {
                "args": [
                    *_ALONE,
                    f"--user-data-dir={folder}",
                    *(["--blink-settings=preferredColorScheme=0"] if dark else []),
                ],
                "mobileEmulation": {
                    "deviceMetrics": {"width": width, "height": height, "pixelRatio": 1, "touch": False}
                },
            }
            base = f"http://127.0.0.1:{port}/session"
            wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
            session = Browser(base).call("POST", "", wanted)["sessionId"]
            made = Browser(f"{base}/{session}")
            try:
                yield made
            finally:
                made.call("DELETE", "")
        finally:
            driver.terminate()
            driver.wait(20)


@contextmanager
def opened_in(window: str, page: Path) -> t.Iterator[tuple[Browser, int]]:
    """A page in a window of this name, and how wide that is."""
    width, height = WINDOWS[window]
    with browser(width, height) as found:
        found.open(page)
        yield found, width
