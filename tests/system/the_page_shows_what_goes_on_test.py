"""The page on admin.bind, in a real browser: which machine answers to a name, who allowed it, what
was refused and why, and what will expire. (The README's picture is light-1280.png
of ROACHPIN_ARTIFACTS.)"""

import signal
import subprocess

import pytest

from harness.browser import DESK, PHONE, TABLET, Browser
from harness.certificates import NODE, Certificate, Pki
from harness.dns_servers import Dnsmasq
from harness.fake_cockroach import FakeCockroach
from harness.names import Queries, named, resolved
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import until
from harness.wire import Wire, startup

LOGIN = {"user": "app", "database": "bank"}
QUICK = {"interval": "200ms", "timeout": "200ms"}
OTHER = "crdb-1.crdb.internal"


@pytest.fixture
def database(pki):
    with FakeCockroach(pki.node) as one:
        yield one


@pytest.fixture
def dns():
    with Dnsmasq(host_record=f"{NODE},127.0.0.1", local="/internal/") as server:
        yield server


@pytest.fixture
def proxy(pki, database, dns):
    settings = resolved(
        pki.ca, [named(database.port, allow=["127.0.0.1/32"])], dns.tcp, health=QUICK,
        listeners=[{"bind": "127.0.0.1:0"}])
    with Roachpin(settings) as one:
        yield one


@pytest.fixture
def browser():
    with Browser() as one:
        yield one


def url(proxy):
    return f"http://{proxy.admin}/"


def test_before_and_after_a_poisoning(proxy, dns, browser):
    browser.open(url(proxy))
    assert "Ready: 1 of 1 address proves itself" in browser.headline
    for text in (NODE, "ready", "allow: 127.0.0.1/32", "takes sessions", "believed", dns.tcp,
                 "in 364 days", "CN=Cockroach CA"):
        assert text in browser.text, text
    browser.picture("before-a-poisoning")

    dns.serve(host_record=f"{NODE},10.9.9.9", local="/internal/")
    browser.reads("refused: not_allowed")  # without being loaded again
    browser.reads("DNS-ADDRESS-UNEXPECTED")
    assert "1 thing needs attention" in browser.headline
    assert "10.9.9.9" in browser.text and "dns_answer_refused" in browser.text
    assert "takes sessions" in browser.text, "the node that is known goes on"
    with Wire(proxy.port) as client:
        client.login("", **LOGIN)
    browser.picture("after-a-poisoning")

    dns.serve(host_record=f"{NODE},127.0.0.1", local="/internal/")
    until("all is well again", lambda: "attention" not in browser.headline)
    assert browser.console == []


def test_an_impostor_is_the_first_thing_to_be_seen(pki, database, tmp_path, browser):
    address = f"127.0.0.1:{database.port}"
    with Roachpin(configuration(pki.ca, [node(NODE, database.port)], health=QUICK)) as proxy:
        browser.open(url(proxy))
        assert "Ready" in browser.headline
        database.kill()
        browser.reads("down")
        with FakeCockroach(Pki(tmp_path).node, bind=address):
            until("it is hostile", lambda: "HOSTILE" in browser.headline)
            assert f"{NODE} at {address} showed a certificate of another CA" in browser.headline
            assert "expected a chain to" in browser.text and "gets no sessions" in browser.text
            assert browser.driver.title.startswith("HOSTILE")
            browser.picture("an-impostor")


def test_before_and_after_an_expiry(pki, database, tmp_path, browser):
    """A listener's certificate that ends in ten days, and its renewal."""
    short = certificate(tmp_path, "short", days=10)
    listener = {"bind": "127.0.0.1:0", "tls": {
        "cert_file": str(short.cert), "key_file": str(short.key)}}
    settings = configuration(pki.ca, [node(NODE, database.port)], [listener], health=QUICK)
    with Roachpin(settings) as proxy:
        browser.open(url(proxy))
        assert "The certificate of listeners[0].tls" in browser.text
        assert "expires in 9 days" in browser.text and "attention" in browser.headline
        browser.picture("before-an-expiry")
        renewed = certificate(tmp_path, "renewed", days=200)
        for old, new in ((short.key, renewed.key), (short.cert, renewed.cert)):
            new.rename(old)
        proxy.wait_event("reloaded")
        until("it is well again", lambda: "attention" not in browser.headline)
        assert "in 199 days" in browser.text


def certificate(folder, name, days):
    files = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days), "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", files.key,
         "-out", files.cert], check=True, capture_output=True)
    files.key.chmod(0o600)
    return files


def test_before_and_after_a_drain(pki, database, browser):
    settings = configuration(
        pki.ca, [node(NODE, database.port)], drain={"delay": "60s", "timeout": "2s"})
    with Roachpin(settings) as proxy, Wire(proxy.port) as client:
        client.login("", **LOGIN)
        browser.open(url(proxy))
        assert "Ready" in browser.headline
        proxy.process.send(signal.SIGTERM)
        until("it drains", lambda: "Draining: 1 connection left" in browser.headline)
        browser.picture("while-it-drains")
        proxy.process.kill()
        browser.reads("Connection lost")
        assert NODE in browser.text, "what was known stays to be read"


def test_without_its_script_it_says_the_same(proxy):
    with Browser(script=False) as plain:
        plain.open(url(proxy))
        assert "Ready: 1 of 1" in plain.headline and "allow: 127.0.0.1/32" in plain.text
        assert "Reload" in plain.text and "Pause" not in plain.text
        before = plain.driver.find_element("id", "as-of").text
        until("the link loads it anew", lambda: reloaded(plain) != before)


def reloaded(browser):
    browser.driver.find_element("link text", "Reload").click()
    return browser.driver.find_element("id", "as-of").text


@pytest.mark.parametrize("size", [PHONE, TABLET, DESK], ids=["phone", "tablet", "desk"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it(pki, database, dns, tmp_path, browser, size, dark):
    """On any screen, in any light, by whatever helps to read: axe finds nothing."""
    nodes = [named(database.port, allow=["127.0.0.1/32"]), node(OTHER, 1, ["127.0.0.9"])]
    settings = resolved(
        pki.ca, nodes, dns.tcp, start="wait", health=QUICK, listeners=[{"bind": "127.0.0.1:0"}])
    with Roachpin(settings) as proxy:
        proxy.wait_event("address_admitted")
        with Queries(proxy):
            browser.open(url(proxy))
            browser.show(size, dark)
            browser.reads(OTHER)
            assert browser.overflow <= 0, "it has to be pushed sideways"
            assert browser.barriers() == []
            shown = browser.ask("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, shown[4:-1].split(","))) < 200) == dark
            browser.picture(f"{'dark' if dark else 'light'}-{size[0]}")


def test_by_keyboard(proxy, browser):
    """The first key leads past everything, every control can be reached, and what is unfolded and
    focused stays so while the page lives."""
    browser.open(url(proxy))
    body = browser.driver.find_element("css selector", "body")
    body.send_keys("\ue004")  # Tab
    assert browser.ask("document.activeElement.textContent") == "Skip to the status"
    reached = set()
    for _ in range(30):
        browser.driver.switch_to.active_element.send_keys("\ue004")
        reached.add(browser.ask("document.activeElement.tagName"))
    assert {"A", "BUTTON", "SUMMARY"} <= reached
    fold = browser.driver.find_element("css selector", "summary")
    fold.send_keys("\ue007")  # Enter
    before = browser.driver.find_element("id", "as-of").text
    until("it has lived on", lambda: browser.driver.find_element("id", "as-of").text != before)
    assert browser.ask("document.querySelector('details').open")
    assert browser.ask("document.activeElement.tagName") == "SUMMARY"
    assert "CN=node" in browser.text

    button = browser.driver.find_element("id", "pause")
    button.click()
    browser.reads("Paused.")
    button.click()
    until("it goes on", lambda: "Paused." not in browser.text)


def test_nothing_is_asked_of_anybody_else(proxy, browser):
    before = len(browser.requests)  # of the browser's own first page
    browser.open(url(proxy))
    first = browser.driver.find_element("id", "as-of").text
    until("it has lived on", lambda: browser.driver.find_element("id", "as-of").text != first)
    asked = {one for one in browser.requests if one.startswith("http")}
    assert before >= 0 and asked == {url(proxy) + path for path in ("", "page.css", "page.js")}
    assert browser.console == []


def test_names_that_would_be_markup_are_text(pki, database, browser):
    """What a client says of itself reaches the page only as events of refusals do: as text."""
    settings = configuration(
        pki.ca, [node(NODE, database.port)], limits={"max_connections": 1})
    with Roachpin(settings) as proxy, Wire(proxy.port) as first, Wire(proxy.port) as second:
        first.login("", **LOGIN)
        second.send(startup(user="<img src=x onerror=alert(1)>", database="</td><script>x</script>"))
        assert second.refusal()["C"] == "53300"
        browser.open(url(proxy))
        browser.reads("<img src=x onerror=alert(1)>")
        assert browser.ask("document.querySelectorAll('main img, main script').length") == 0
        assert browser.console == []
