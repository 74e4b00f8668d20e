# shellcheck shell=bash
# Throw-away secure databases on 127.0.0.1, for the demo: CockroachDB where there is one, else
# PostgreSQL with TLS, which opens its connections alike. All they have lies in $work.
# One runs at a time; node_pid is its process.

work=
node_pid=
database_name=bank
database_user=app
database_password=roachpin

# The first port from $1 on at which nobody answers.
free_port() {
    local port=$1
    while port_answers "$port"; do port=$((port + 1)); done
    echo "$port"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_until SECONDS PID COMMAND...: false when the time is over or the process has ended.
wait_until() {
    local tries=$(($1 * 10)) pid=$2
    shift 2
    until "$@"; do
        kill -0 "$pid" 2>/dev/null || return 1
        ((tries-- > 0)) || return 1
        sleep 0.1
    done
}

# stop PID SIGNAL: ends a process of ours and gives its exit code; it has 30 s before it is killed.
stop() {
    local pid=$1 code=0
    kill "-$2" "$pid" 2>/dev/null || true
    wait_until 30 "$pid" false || true
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || code=$?
    return "$code"
}

# What the database holds, and what an impostor says it holds.
accounts() {
    echo "CREATE TABLE accounts (owner TEXT PRIMARY KEY, balance INT);"
    echo "INSERT INTO accounts VALUES $1;"
    echo "GRANT SELECT ON accounts TO $database_user;"
}

# PostgreSQL refuses to run as root. setpriv becomes the program it starts: its pid is the server's.
unprivileged=()
if [[ $EUID -eq 0 ]]; then
    unprivileged=(setpriv --reuid postgres --regid postgres --init-groups --)
fi

# postgres_create NAME HBA_METHOD ACCOUNTS: a cluster which takes TLS connections alone.
postgres_create() {
    local data=$work/$1
    postgres_bin=$(find /usr/lib/postgresql -path '*/bin/postgres' | sort -V | tail -n 1)
    postgres_bin=${postgres_bin%/postgres}
    [[ -x $postgres_bin/initdb ]] || fail "PostgreSQL's server is not installed"
    mkdir "$data"
    [[ $EUID -ne 0 ]] || chown postgres "$data"
    "${unprivileged[@]}" "$postgres_bin/initdb" -D "$data" -U postgres -A trust --no-sync \
        --no-locale -E UTF8 >"$work/initdb.log" 2>&1 || fail "initdb: $(cat "$work/initdb.log")"
    printf '%s\n' "local all postgres trust" "hostssl all all 127.0.0.1/32 $2" >"$data/pg_hba.conf"
    {
        echo "CREATE ROLE $database_user LOGIN PASSWORD '$database_password';"
        echo "CREATE DATABASE $database_name;"
    } | postgres_alone "$data" postgres
    accounts "$3" | postgres_alone "$data" "$database_name"
}

# Statements, one a line, without a server.
postgres_alone() {
    "${unprivileged[@]}" "$postgres_bin/postgres" --single -D "$1" "$2" >"$1.log" 2>&1 ||
        fail "PostgreSQL, single: $(cat "$1.log")"
    ! grep -E 'ERROR|FATAL' "$1.log" || fail "PostgreSQL could not be filled"
}

# postgres_start NAME PORT CERTS_DIR: with that folder's node certificate; the log is NAME.log.
postgres_start() {
    local data=$work/$1
    install -m 0600 "$3/node.crt" "$3/node.key" "$data"
    [[ $EUID -ne 0 ]] || chown postgres "$data"/node.*
    rm -f "$work/$1.log" # an earlier start's log would say that this one is ready
    (
        exec "${unprivileged[@]}" "$postgres_bin/postgres" -D "$data" -p "$2" -k "$data" \
            -c listen_addresses=127.0.0.1 -c fsync=off -c log_connections=on \
            -c log_line_prefix='%m ' \
            -c ssl=on -c ssl_cert_file=node.crt -c ssl_key_file=node.key
    ) >"$work/$1.log" 2>&1 &
    node_pid=$!
    wait_until 60 "$node_pid" grep -qs 'ready to accept connections' "$work/$1.log" ||
        fail "PostgreSQL did not start: $(tail -n 5 "$work/$1.log")"
}

# cockroach_start PORT CERTS_DIR: as cockroach finds it on PATH; the log is database.log.
cockroach_start() {
    cockroach start-single-node --certs-dir="$2" --store="$work/database" \
        --listen-addr="127.0.0.1:$1" --http-addr=127.0.0.1:0 >"$work/database.log" 2>&1 &
    node_pid=$!
    wait_until 60 "$node_pid" cockroach_sql "$1" "$2" -e 'SELECT 1' ||
        fail "cockroach did not start: $(tail -n 5 "$work/database.log")"
}

cockroach_sql() {
    local port=$1 certs=$2
    shift 2
    cockroach sql --certs-dir="$certs" --host="127.0.0.1:$port" "$@" >"$work/sql.log" 2>&1
}

# The true database: made at its first start, brought back as it was by later ones.
true_accounts="('alice', 1200), ('bob', 340)"

database_start() {
    local port=$1 certs=$2
    if ! command -v cockroach >/dev/null; then
        # As CockroachDB before 22.1 does it: the password in clear, inside TLS. Not SCRAM, which
        # CockroachDB offers without channel binding but PostgreSQL with it, and that is made to
        # fail when TLS ends anywhere but at the server.
        [[ -d $work/database ]] || postgres_create database password "$true_accounts"
        postgres_start database "$port" "$certs"
    elif [[ -d $work/database ]]; then
        cockroach_start "$port" "$certs"
    else
        cockroach_start "$port" "$certs"
        cockroach_sql "$port" "$certs" -e "
            CREATE USER $database_user WITH PASSWORD '$database_password';
            CREATE DATABASE $database_name;" || fail "cockroach sql: $(cat "$work/sql.log")"
        cockroach_sql "$port" "$certs" -d "$database_name" -e "$(accounts "$true_accounts")" ||
            fail "cockroach sql: $(cat "$work/sql.log")"
    fi
}

database_kind() {
    if command -v cockroach >/dev/null; then
        cockroach version 2>/dev/null | sed -n 's/^Build Tag: */CockroachDB /p'
    else
        "$postgres_bin/postgres" --version | sed 's/postgres (\(.*\)) \([0-9.]*\).*/\1 \2/'
    fi
}

# A PostgreSQL that lets everyone in and lies.
impostor_start() {
    [[ -d $work/impostor ]] || postgres_create impostor trust "('mallory', 999999)"
    postgres_start impostor "$1" "$2"
}

database_stop() {
    [[ -z $node_pid ]] || stop "$node_pid" INT || true
    node_pid=
}
