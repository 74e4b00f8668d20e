"""Where an application knocks: all it may have to change is this."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from .postgres import DATABASE, PASSWORD, USER


@dataclass(frozen=True)
class Door:
    host: str
    port: int
    sslmode: str = "require"
    sslrootcert: str = ""

    @property
    def options(self):
        """As libpq and its relatives call them."""
        options = {"host": self.host, "port": self.port, "sslmode": self.sslmode}
        return options | ({"sslrootcert": self.sslrootcert} if self.sslrootcert else {})

    @property
    def dsn(self):
        return " ".join(
            f"{name}={value}"
            for name, value in {
                **self.options, "user": USER, "password": PASSWORD, "dbname": DATABASE
            }.items())

    def url(self, scheme="postgresql", user=USER, **query):
        query = {"sslmode": self.sslmode, **query}
        if self.sslrootcert:
            query["sslrootcert"] = self.sslrootcert
        return (f"{scheme}://{user}:{quote(PASSWORD)}@{self.host}:{self.port}/{DATABASE}"
                f"?{urlencode(query)}")
