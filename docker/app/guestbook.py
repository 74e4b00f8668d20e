"""A guest book: Flask, SQLAlchemy and psycopg2, with its database behind roachpin.

Nothing in it knows of roachpin: its URL names that host, and that is all.
"""

import os
import re
import time

from flask import Flask, redirect, render_template_string, request
from sqlalchemy import Column, DateTime, String, create_engine, func, select, text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import declarative_base, sessionmaker


class Dialect(PGDialect_psycopg2):
    """SQLAlchemy's own for PostgreSQL looks for the word PostgreSQL in version(), and CockroachDB
    says "CockroachDB CCL v26.2.3 (...)" there: no connection is made. Which PostgreSQL they speak
    like, both say in server_version (13.0.0, 15.14), and that is what is asked for here. An
    application that may install from PyPI takes sqlalchemy-cockroachdb instead."""

    supports_statement_cache = True

    def _get_server_version_info(self, connection):
        number = connection.exec_driver_sql("SHOW server_version").scalar()
        return tuple(int(part) for part in re.findall(r"\d+", number)[:2])


registry.register("postgresql.psycopg2", __name__, "Dialect")

Base = declarative_base()


class Entry(Base):
    __tablename__ = "entries"
    # Random keys spread over a distributed database; a sequence would be one hot spot.
    id = Column(UUID, primary_key=True, server_default=text("gen_random_uuid()"))
    written = Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    name = Column(String, nullable=False)
    said = Column(String, nullable=False)


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Guest book</title>
<style>body {font: 1rem/1.5 system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem}</style>
<h1>Guest book</h1>
<form method="post">
<p><label>Name <input name="name" required maxlength="100"></label>
<p><label>Message <input name="said" required maxlength="1000" size="40"></label>
<button>Write</button>
</form>
<ul>
{% for entry in entries %}<li><b>{{ entry.name }}</b>: {{ entry.said }}
{% else %}<li>Nobody has written yet.
{% endfor %}</ul>
<p><small>{{ version }}</small>
</html>
"""


def create_app(url=None):
    engine = create_engine(
        url or os.environ["DATABASE_URL"],
        pool_pre_ping=True,  # a connection that ended while it was idle is replaced unnoticed
        use_native_hstore=False,  # CockroachDB has none; do not look for it
    )
    Session = sessionmaker(engine)
    retried(lambda: Base.metadata.create_all(engine), times=20)
    app = Flask(__name__)

    @app.get("/")
    def page():
        with Session() as session:
            entries = session.scalars(select(Entry).order_by(Entry.written.desc()).limit(50)).all()
            version = session.scalar(select(func.version()))
            return render_template_string(PAGE, entries=entries, version=version)

    @app.post("/")
    def write():
        def transaction():
            with Session.begin() as session:
                session.add(Entry(name=request.form["name"], said=request.form["said"]))

        retried(transaction)
        return redirect("/", 303)

    @app.get("/healthz")
    def healthz():
        with Session() as session:
            session.execute(text("SELECT 1"))
        return {"database": "ok"}

    @app.errorhandler(DBAPIError)
    def no_database(error):
        # What roachpin told: expected, presented, what to do. For a demo; others log it.
        return {"database": str(error.orig).strip()}, 503

    return app


def retried(work, times=5):
    """CockroachDB asks for a transaction to be tried again by 40001; and while roachpin waits for
    its first node (57P03), or two of us make the same table, it is worth another try."""
    for attempt in range(1, times + 1):
        try:
            return work()
        except DBAPIError as error:
            transient = getattr(error.orig, "pgcode", None) in {"40001", "23505", "42P07"}
            if attempt == times or not (transient or error.connection_invalidated
                                        or error.orig.pgcode is None):
                raise
            time.sleep(min(0.1 * 2 ** attempt, 3))
