# shellcheck shell=bash disable=SC2034  # the names are for the scripts that source this file
# What every script here shares: where the project is, how it speaks, how it gets its Debian packages.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
me=scripts/$(basename "$0")

# What ccache keeps of one checkout serves the next, wherever that is.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=true

build_packages=(
    cmake ninja-build g++ ccache
    libboost1.81-dev libboost-json1.81-dev libssl-dev
    libc-ares-dev libunbound-dev
    libyaml-cpp-dev libspdlog-dev libfmt-dev libcli11-dev prometheus-cpp-dev
    libgtest-dev libgmock-dev
)
clang_packages=(clang libclang-rt-14-dev)
lint_packages=(clang clang-format clang-tidy shellcheck pyflakes3)
test_packages=(
    curl openssl postgresql postgresql-client postgresql-contrib ca-certificates
    python3 python3-pytest python3-psycopg2 python3-flask python3-sqlalchemy python3-asyncpg
    python3-yaml python3-jsonschema python3-cryptography
    dnsmasq-base knot nsd unbound ldnsutils strace prometheus
    libpostgresql-jdbc-java libhikaricp-java python3-django golang-go golang-github-jackc-pgx-v4-dev
    chromium chromium-driver python3-selenium fonts-dejavu-core mandoc zsh fish
    git dpkg-dev lintian mmdebstrap systemd rsync buildah gunicorn iproute2 nftables faketime
    haproxy pgbouncer stunnel4
)
package_packages=(git dpkg-dev binutils gzip python3)
demo_packages=(openssl postgresql postgresql-client dnsmasq-base)
bench_packages=(
    openssl stunnel4 haproxy pgbouncer postgresql postgresql-client postgresql-contrib
    python3 python3-psycopg2
)

# Progress goes to stderr: stdout is for what was asked for.
say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$me: $*"
    exit 1
}

usage_error() {
    say "$me: $*"
    say "Try '$me --help'."
    exit 2
}

# need_value OPTION [VALUE]: an option that needs a value has one.
need_value() {
    [[ $# -gt 1 && -n $2 ]] || usage_error "$1 needs a value"
}

# quietly COMMAND...: its output is shown, on stderr, only when it fails.
quietly() {
    local log code=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || code=$?
    [[ $code -eq 0 ]] || cat "$log" >&2
    rm -f "$log"
    return "$code"
}

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        return 1
    fi
}

# need_packages PACKAGE...: installs those that are missing. Silent when there is nothing to do.
need_packages() {
    local package missing=()
    if ! command -v dpkg-query apt-get >/dev/null; then
        say "$me: this is no Debian; going on as if these were installed: $*"
        return
    fi
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0

    say "Installing ${missing[*]}"
    quietly install_packages "${missing[@]}" ||
        fail "could not install Debian packages; as root, run: apt-get install ${missing[*]}"
}

# When PostgreSQL is first installed, Debian makes a cluster "main" and starts it on 5432. Nobody
# asked for that one: a drop-in says so, for the time of this installation only. Other packages start
# a service, and at each boot again: those that came with this installation are stopped and disabled.
install_packages() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    local drop_in=/etc/postgresql-common/createcluster.d/roachpin.conf ok=true service
    as_root "${apt[@]}" update || return 1
    as_root mkdir -p "${drop_in%/*}"
    as_root sh -c "echo 'create_main_cluster = false' >$drop_in"
    as_root "${apt[@]}" install -y --no-install-recommends "$@" || ok=false
    as_root rm -f "$drop_in"
    for service in knot nsd unbound prometheus haproxy pgbouncer stunnel4; do
        [[ " $* " != *" $service "* ]] || as_root systemctl disable --now "$service" || true
    done
    $ok
}
