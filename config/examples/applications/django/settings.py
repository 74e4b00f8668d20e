"""What Django needs to know. The engine django_cockroachdb comes from PyPI: django-cockroachdb."""

import os
import random

DATABASES = {
    "default": {
        "ENGINE": os.environ.get("DATABASE_ENGINE", "django_cockroachdb"),
        "HOST": "localhost",
        "PORT": os.environ.get("DATABASE_PORT", "26257"),
        "NAME": "bank",
        "USER": "app",
        "PASSWORD": os.environ["DATABASE_PASSWORD"],
        # Django keeps one connection for each thread, for five minutes at most. All of a process
        # share this number, and roachpin's lifetime.max is what has a jitter for each.
        "CONN_MAX_AGE": random.randint(270, 300),
        # From Django 4.1: no request meets a session that was ended meanwhile.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "sslmode": "require",
            "application_name": "bank",
            # Longer than roachpin's timeouts.establish: who gives up earlier never hears the
            # reason.
            "connect_timeout": 20,
        },
    }
}

ROOT_URLCONF = "bank"
SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
