"""A Django application in one file. Run it with: django-admin runserver --settings settings"""

import logging
import random
import time

from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import JsonResponse
from django.urls import path


def may_be_repeated(error, used, committing):
    """Whether it is certain that nothing was done. With 40001 the database says so itself; a
    connection that was lost leaves doubt once COMMIT has been sent."""
    if getattr(error.__cause__, "pgcode", None) == "40001":
        return True
    # Django may have opened another connection already, when it cleaned up after the error.
    lost = connection.connection is not used or not connection.is_usable()
    return lost and not committing


def in_transaction(work, tries=5):
    """work() in a transaction, done again from its start where that is safe."""
    for attempt in range(1, tries + 1):
        # Not repeated when this fails: roachpin has tried every node already.
        connection.ensure_connection()
        used = connection.connection
        committing = False
        try:
            with transaction.atomic():
                result = work()
                committing = True
            return result
        except (OperationalError, InterfaceError) as error:
            if attempt == tries or not may_be_repeated(error, used, committing):
                raise
            connection.close_if_unusable_or_obsolete()
        time.sleep(random.uniform(0, 0.05 * 2 ** attempt))


def transfer(request):
    source, target, amount = (int(request.POST[name]) for name in ("source", "target", "amount"))

    def work():
        with connection.cursor() as cursor:
            for account, change in (source, -amount), (target, amount):
                cursor.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s", (change, account))
                if cursor.rowcount != 1:
                    raise LookupError(f"no account {account}")

    try:
        in_transaction(work)
    except LookupError as error:
        return JsonResponse({"error": str(error)}, status=404)
    except (OperationalError, InterfaceError) as error:
        # With the event id that roachpin's log has, too.
        logging.getLogger("bank").error("database: %s", error)
        return JsonResponse({"error": "try again later"}, status=503)
    return JsonResponse({"done": True})


urlpatterns = [path("transfers", transfer)]
