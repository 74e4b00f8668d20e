"""The JDBC application of java/Application.java."""

import subprocess
from pathlib import Path
from urllib.parse import quote

from .postgres import DATABASE, PASSWORD, USER

DRIVER = Path("/usr/share/java/postgresql.jar")
SOURCE = Path(__file__).parents[1] / "java" / "Application.java"


def compiled(directory):
    """The command that runs the application, which is compiled into a folder."""
    assert DRIVER.exists(), "the JDBC driver is missing (Debian: libpostgresql-jdbc-java)"
    subprocess.run(
        ["javac", "-encoding", "UTF-8", "-cp", DRIVER, "-d", directory, SOURCE], check=True)
    # Little heap and the quick compiler: these are short runs. What it prints is UTF-8.
    return ["env", "LC_ALL=C.UTF-8", "java", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp",
            f"{directory}:{DRIVER}", "Application"]


def url(host, port, user=USER, **properties):
    properties = {"user": user, "password": PASSWORD, **properties}
    query = "&".join(f"{name}={quote(str(value))}" for name, value in properties.items())
    return f"jdbc:postgresql://{host}:{port}/{DATABASE}?{query}"
