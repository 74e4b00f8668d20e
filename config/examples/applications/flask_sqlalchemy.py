"""Flask and SQLAlchemy. Run it with: flask --app flask_sqlalchemy run

DATABASE_URL=cockroachdb+psycopg2://app:secret@localhost:26257/bank?sslmode=require
The dialect cockroachdb comes from PyPI: sqlalchemy-cockroachdb.
"""

import os
import random
import time

from flask import Flask, jsonify, request
from sqlalchemy import Column, Integer, create_engine, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import declarative_base, sessionmaker

engine = create_engine(
    os.environ["DATABASE_URL"],
    # Of a fixed size: four for each core of the database, shared among all processes.
    pool_size=16,
    max_overflow=0,
    # Asks before each use whether the session still lives: no request meets one that was ended.
    pool_pre_ping=True,
    # Five minutes at most. All connections of a process share it, and roachpin's lifetime.max
    # is what has a jitter for each.
    pool_recycle=random.randint(270, 300),
    # connect_timeout is longer than roachpin's timeouts.establish: who gives up earlier never
    # hears the reason.
    connect_args={"application_name": "bank", "connect_timeout": 20})
Session = sessionmaker(engine)
Base = declarative_base()
app = Flask(__name__)


class Account(Base):
    __tablename__ = "accounts"
    id = Column(Integer, primary_key=True)
    balance = Column(Integer, nullable=False)


def may_be_repeated(error, committing):
    """Whether it is certain that nothing was done. With 40001 the database says so itself; a
    connection that was lost leaves doubt once COMMIT has been sent."""
    serialization_failure = getattr(error.orig, "pgcode", None) == "40001"
    return serialization_failure or (error.connection_invalidated and not committing)


def in_transaction(work, tries=5):
    """work(session) in a transaction, done again from its start where that is safe."""
    for attempt in range(1, tries + 1):
        committing = False
        try:
            with Session.begin() as session:
                result = work(session)
                session.flush()
                committing = True
            return result
        except DBAPIError as error:
            if attempt == tries or not may_be_repeated(error, committing):
                raise
        time.sleep(random.uniform(0, 0.05 * 2 ** attempt))


@app.post("/transfers")
def transfer():
    source, target, amount = (int(request.json[name]) for name in ("source", "target", "amount"))

    def work(session):
        for account, change in (source, -amount), (target, amount):
            done = session.execute(
                update(Account).where(Account.id == account)
                .values(balance=Account.balance + change)
                .execution_options(synchronize_session=False))
            if done.rowcount != 1:
                raise LookupError(f"no account {account}")

    in_transaction(work)
    return jsonify(done=True)


@app.errorhandler(LookupError)
def unknown(error):
    return jsonify(error=str(error)), 404


@app.errorhandler(DBAPIError)
def unavailable(error):
    app.logger.error("database: %s", error.orig)  # with the event id that roachpin's log has, too
    return jsonify(error="try again later"), 503
