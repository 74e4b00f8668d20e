"""Debian's Chromium, without a screen: what people see of a page, and what it does behind that."""

import base64
import json
import os
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from .waiting import until

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
PHONE, TABLET, DESK = (320, 800), (768, 1000), (1280, 900)


class Browser:
    """`script`: whether pages may run theirs. As a context manager, its end ends Chromium."""

    def __init__(self, size=DESK, dark=False, script=True):
        self._profile = tempfile.TemporaryDirectory(prefix="roachpin-chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-extensions", "--hide-scrollbars", "--disable-background-networking",
                     f"--user-data-dir={self._profile.name}"):
            options.add_argument(flag)
        if not script:
            options.add_experimental_option(
                "prefs", {"profile.managed_default_content_settings.javascript": 2})
        options.set_capability(
            "goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        self.driver = webdriver.Chrome(
            service=Service("/usr/bin/chromedriver", log_path=os.devnull), options=options)
        self.show(size, dark)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.driver.quit()
        self._profile.cleanup()

    def show(self, size, dark=False):
        """As on a screen of that size."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def open(self, url):
        self.driver.get(url)
        return self

    @property
    def text(self):
        """What is to be read on it."""
        return self.driver.find_element("css selector", "body").text

    @property
    def headline(self):
        return self.driver.find_element("css selector", "h1").text

    def reads(self, text):
        """Waits until it is to be read."""
        until(f"the page says {text!r}; it says {self.text}", lambda: text in self.text)

    def ask(self, expression):
        """What an expression of JavaScript comes to, in the page."""
        return self.driver.execute_script(f"return {expression}")

    @property
    def overflow(self):
        """How many pixels wider than the screen it is."""
        return self.ask("document.documentElement.scrollWidth - innerWidth")

    @property
    def console(self):
        """What went wrong, as the browser tells developers: also violations of the policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    @property
    def requests(self):
        """The addresses of all that was asked for."""
        asked = []
        for entry in self.driver.get_log("performance"):
            told = json.loads(entry["message"])["message"]
            if told["method"] == "Network.requestWillBeSent":
                asked.append(told["params"]["request"]["url"])
        return asked

    def barriers(self):
        """What axe finds that keeps somebody from using the page."""
        self.driver.execute_script(AXE.read_text())
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then((r) => done(r.violations));")
        return [f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']][:3]}"
                for one in found]

    def picture(self, name, whole=True):
        """A picture of it, where CI keeps such things."""
        folder = Path(os.environ.get("ROACHPIN_ARTIFACTS", self._profile.name))
        folder.mkdir(parents=True, exist_ok=True)
        shot = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": whole})
        file = folder / f"{name}.png"
        file.write_bytes(base64.b64decode(shot["data"]))
        return file
