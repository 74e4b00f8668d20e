"""config/examples/README.md: its files are there, its blocks are their text, its commands work, and
each `sslmode` does what the table says."""

import os
import re
import subprocess

import pytest
import yaml

from harness.bank import APPLICATIONS, DATABASE, EXAMPLES, Bank, behind, with_port
from harness.certificates import Pki
from harness.fake_cockroach import FakeCockroach
from harness.postgres import PASSWORD
from harness.psql import psql
from harness.roachpin import Roachpin, started_with

PAGE = (EXAMPLES / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = "".join(text for kind, text in BLOCKS if kind == "sh")
SOURCE = {
    "SQLAlchemy": ["flask_sqlalchemy.py"], "psycopg2": ["psycopg2_pool.py"], "Django": ["django/settings.py"],
    "asyncpg": ["asyncpg_pool.py"], "HikariCP": ["hikari.properties"], "node-postgres": ["node_postgres.js"],
    "pgxpool": ["pgx/main.go"]}
REFUSED = "did not prove to be the one configured"


@pytest.fixture(scope="module", autouse=True)
def bank(postgres):
    return Bank(postgres)


@pytest.fixture
def local(pki, postgres, tmp_path):
    with Roachpin(behind("local.yaml", pki.ca, postgres.port, "127.0.0.1:0", tmp_path)) as proxy:
        yield proxy


def ask(port, **options):
    return psql("SELECT 'asked'", host="localhost", port=port, dbname=DATABASE, **options)


def test_every_file_has_its_line_and_every_line_its_file():
    linked = {(EXAMPLES / target).resolve() for target in re.findall(r"\]\(([^)]+)\)", PAGE)}
    assert all(target.exists() for target in linked), linked
    for file in [*(EXAMPLES / "roachpin").iterdir(), *APPLICATIONS.iterdir()]:
        assert any(target == file or file in target.parents for target in linked), file


def test_what_is_quoted_is_the_files_own_text():
    files = [file.read_text() for file in EXAMPLES.rglob("*") if file.suffix in (".yaml", ".conf")]
    assert {kind for kind, _ in BLOCKS} == {"yaml", "sh"}
    for kind, text in BLOCKS:
        assert kind == "sh" or any(text in file for file in files), text


def test_the_table_of_the_pools_has_the_applications_own_numbers():
    table = PAGE.partition("## Pools")[2].partition("\n## ")[0]
    rows = {row.split(" | ")[0].strip("| "): row for row in table.splitlines()
            if row.startswith("| ") and "`" in row}
    assert set(rows) == set(SOURCE)
    for driver, row in rows.items():
        source = plain(" ".join((APPLICATIONS / name).read_text() for name in SOURCE[driver]))
        said = [one for quoted in re.findall(r"`([^`]+)`", row) for one in plain(quoted).split(",")
                if "=" in one and "…" not in one]
        assert len(said) >= 2, said
        for one in said:
            for name in one.split("=")[:-1]:
                setting = f"{name}={one.split('=')[-1]}"
                assert re.search(rf"\b{re.escape(setting)}\b", source), (driver, setting)


def test_they_wait_longer_than_the_service_takes_to_restart():
    service = yaml.safe_load((EXAMPLES.parent / "debian" / "roachpin.yaml").read_text())
    drain = int(service["drain"]["timeout"].removesuffix("s"))
    assert f"(`drain.timeout`, {drain} s)" in PAGE
    services = (APPLICATIONS / "pg_service.conf").read_text()
    waits = re.findall(r"^connect_timeout=(\d+)$", services, re.MULTILINE)
    assert len(waits) == 3 and all(int(one) > drain for one in waits)
    waits = [int(one) for file in APPLICATIONS.rglob("*") if file.is_file()
             for one in re.findall(r"connect_timeout\W{1,4}(\d+)", file.read_text())]
    assert waits and drain < min(waits)


def plain(text):
    """A setting as name=value, in whatever language."""
    return re.sub(r"['\"]?\s*[:=]\s*", "=", re.sub(r", ", ",", text))


def test_the_commands_work(local, pki, postgres, tmp_path):
    services = with_port((APPLICATIONS / "pg_service.conf").read_text(), local.port)
    (tmp_path / "services").write_text(services.replace("/run/roachpin", str(tmp_path)))
    socket = f"unix:{tmp_path}/.s.PGSQL.{local.port}"
    with Roachpin(behind("unix-socket.yaml", pki.ca, postgres.port, socket, tmp_path)):
        done = subprocess.run(
            ["bash", "-euc", COMMANDS], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PGSERVICEFILE": str(tmp_path / "services"), "PGPASSWORD": PASSWORD,
                 "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(1 row)") == len(COMMANDS.splitlines()) == 3
    assert local.wait_event("session_established")["application_name"] == "bank"


def test_disable_is_refused_where_tls_is_required(local):
    done = ask(local.port, sslmode="disable")
    assert done.returncode != 0
    local.wait_event("client_refused", sqlstate="28000")
    assert ask(local.port, sslmode="require").stdout == "asked\n"


def test_verify_full_looks_at_the_exported_certificate(local, pki, tmp_path):
    verify = {"sslmode": "verify-full"}
    assert ask(local.port, sslrootcert=tmp_path / "local.crt", **verify).stdout == "asked\n"
    assert "certificate verify failed" in ask(local.port, sslrootcert=pki.ca, **verify).stderr


def test_prefer_is_told_a_refusal_twice(pki, tmp_path):
    (tmp_path / "other").mkdir()
    with FakeCockroach(Pki(tmp_path / "other").node) as stranger:
        settings = behind("local.yaml", pki.ca, stranger.port, "127.0.0.1:0", tmp_path)
        settings["listeners"][0]["tls"]["required"] = False
        with started_with(pki.node, settings) as misled:
            assert ask(misled.port, sslmode="require").stderr.count(REFUSED) == 1
            assert ask(misled.port, sslmode="prefer").stderr.count(REFUSED) == 2
