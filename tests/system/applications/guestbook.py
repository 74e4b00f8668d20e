"""A small Flask application as one finds them: a database URL, and no thought of proxies."""

from flask import Flask, abort, jsonify, request
from sqlalchemy import Column, Integer, String, create_engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import declarative_base, sessionmaker

Base = declarative_base()


class Entry(Base):
    __tablename__ = "guestbook"
    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True, nullable=False)
    text = Column(String, nullable=False)


def create_app(database_url):
    engine = create_engine(database_url, pool_size=5, max_overflow=5, pool_pre_ping=True)
    Session = sessionmaker(engine)
    Base.metadata.create_all(engine)
    app = Flask(__name__)

    @app.post("/entries")
    def sign():
        with Session.begin() as session:
            entry = Entry(name=request.json["name"], text=request.json["text"])
            session.add(entry)
            try:
                session.flush()
            except IntegrityError:
                abort(409)
            return jsonify(id=entry.id), 201

    @app.get("/entries/<name>")
    def read(name):
        with Session() as session:
            entry = session.scalars(select(Entry).filter_by(name=name)).first()
            return jsonify(text=entry.text) if entry else abort(404)

    @app.get("/entries")
    def summary():
        with Session() as session:
            number, length = session.execute(
                select(func.count(Entry.id), func.sum(func.length(Entry.text)))).one()
            return jsonify(entries=number, characters=length or 0)

    @app.get("/connection")
    def connection():
        with Session() as session:
            raw = session.connection().connection.dbapi_connection
            return jsonify(tls=raw.info.ssl_in_use, user=raw.info.user)

    return app, engine
