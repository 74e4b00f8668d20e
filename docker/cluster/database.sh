#!/bin/bash
# The demo's cluster is initialised, and gets the application's database and user.
set -euo pipefail

said=$(cockroach init --certs-dir=/certs --host=crdb-0 2>&1) ||
    [[ $said == *"already been initialized"* ]] ||
    { echo "$said" >&2; exit 1; }

cockroach sql --certs-dir=/certs --host=crdb-0 \
    -e "CREATE DATABASE IF NOT EXISTS guestbook" \
    -e "CREATE USER IF NOT EXISTS app" \
    -e "ALTER USER app WITH PASSWORD '$APP_PASSWORD'" \
    -e "ALTER DATABASE guestbook OWNER TO app"
