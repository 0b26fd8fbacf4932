# shellcheck shell=bash
# Throw-away PostgreSQL and Redis for tests, development and measurements. Source this file, do not run it.
#
#   services_need postgres redis      installs what is missing when it may, otherwise says what is missing and returns 1
#   services_start_postgres [MODE]    sets TEST_POSTGRES_URL; MODE is `fast` (default: no fsync) or `durable`
#   services_start_redis              sets TEST_REDIS_URL
#   services_stop                     stops both and removes their folder; safe to call twice, meant for `trap … EXIT`
#
# The servers listen on free loopback ports and on a socket in one temporary folder, never run as root, and are asked to
# end when the calling shell dies, even by kill -9. Call these functions in the main shell, not in a `$(…)`.

SERVICES_FOLDER=
SERVICES_POSTGRES_PID=
SERVICES_REDIS_PID=
SERVICES_RUN_AS=

services_say() { printf '%s\n' "services: $*" >&2; }

# The folder of the newest PostgreSQL programs (14 or newer), also where a distribution keeps them off the PATH.
services_postgres_bin() {
    local folder program newest='' newest_major=13 major
    for folder in "$(dirname "$(readlink -f "$(command -v initdb)")")" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
        for program in initdb postgres pg_isready psql; do
            [[ -x $folder/$program ]] || continue 2
        done
        major=$("$folder/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
        if ((major > newest_major)); then
            newest=$folder newest_major=$major
        fi
    done
    [[ -n $newest ]] && printf '%s\n' "$newest"
}

services_need() {
    local service packages=()
    for service in "$@"; do
        case $service in
            postgres) services_postgres_bin >/dev/null || packages+=(postgresql) ;;
            redis) command -v redis-server >/dev/null && command -v redis-cli >/dev/null || packages+=(redis-server) ;;
            compiler) command -v cc >/dev/null || packages+=(build-essential) ;;
            *) services_say "unknown service: $service"; return 2 ;;
        esac
    done
    ((${#packages[@]} == 0)) && return 0
    services_install "${packages[@]}" && services_need_after_install "$@"
}

services_install() {
    local as_root=()
    if ! command -v apt-get >/dev/null; then
        services_say "missing: $* (Debian package names); install them by this system's package manager"
        return 1
    fi
    if ((EUID != 0)); then
        if ! sudo -n true 2>/dev/null; then
            services_say "missing: $*; run: sudo apt-get install $*"
            return 1
        fi
        as_root=(sudo -n)
    fi
    services_say "installing $*"
    # The packages would start a server of their own; this is Debian's documented way to say no to that.
    local policy=/usr/sbin/policy-rc.d status=0 ours=
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        ours=yes
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@"' sh "$@" >&2 || status=$?
    if [[ -n $ours ]]; then
        "${as_root[@]}" rm -f "$policy"
    fi
    ((status == 0)) || services_say "apt-get could not install: $*"
    return "$status"
}

services_need_after_install() {
    local service
    for service in "$@"; do
        case $service in
            postgres) services_postgres_bin >/dev/null || { services_say "PostgreSQL 14 or newer is missing"; return 1; } ;;
            redis) command -v redis-server >/dev/null || { services_say "redis-server is missing"; return 1; } ;;
        esac
    done
}

services_start_postgres() {
    local mode=${1:-fast} bin password port attempt options=() init_options=()
    case $mode in
        fast)
            init_options=(--no-sync)
            options=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
            ;;
        durable) ;;
        *) services_say "unknown mode: $mode"; return 2 ;;
    esac
    bin=$(services_postgres_bin) || { services_say "PostgreSQL 14 or newer is missing"; return 1; }
    services_prepare_folder || return
    local home=$SERVICES_FOLDER/postgres
    services_private_folder "$home" || return
    password=$(services_random)
    (umask 077 && printf '%s\n' "$password" >"$home/password")
    [[ -z $SERVICES_RUN_AS ]] || chown "$SERVICES_RUN_AS" "$home/password"
    if ! services_run "$bin/initdb" -D "$home/data" -U crm_test --pwfile="$home/password" --auth-local=trust \
        --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 "${init_options[@]}" >"$SERVICES_FOLDER/initdb.log" 2>&1; then
        services_show "$SERVICES_FOLDER/initdb.log"
        return 1
    fi
    # A port that is free now may be taken a moment later, so the server itself decides and we try another.
    for attempt in 1 2 3 4 5 6 7 8; do
        port=$(services_free_port)
        services_spawn INT "$bin/postgres" -D "$home/data" -p "$port" -c listen_addresses=127.0.0.1 \
            -c unix_socket_directories="$home" -c max_connections=200 "${options[@]}" >"$SERVICES_FOLDER/postgres.log" 2>&1
        SERVICES_POSTGRES_PID=$SERVICES_SPAWNED
        if services_wait_until "$SERVICES_POSTGRES_PID" "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; then
            break
        fi
        services_end SERVICES_POSTGRES_PID INT QUIT
        if ((attempt == 8)) || ! grep -q 'Address already in use' "$SERVICES_FOLDER/postgres.log"; then
            services_show "$SERVICES_FOLDER/postgres.log"
            return 1
        fi
    done
    if [[ $("$bin/psql" -XAtq -h "$home" -p "$port" -U crm_test -d postgres \
        -c "select count(*) from pg_available_extensions where name = 'pg_trgm'") != 1 ]]; then
        services_say "this PostgreSQL lacks the extension pg_trgm; install its contrib package (postgresql-contrib)"
        return 1
    fi
    export TEST_POSTGRES_URL="postgres://crm_test:$password@127.0.0.1:$port/postgres"
}

services_start_redis() {
    local password port attempt
    command -v redis-server >/dev/null || { services_say "redis-server is missing"; return 1; }
    services_prepare_folder || return
    services_private_folder "$SERVICES_FOLDER/redis" || return
    password=$(services_random)
    for attempt in 1 2 3 4 5 6 7 8; do
        port=$(services_free_port)
        # The settings come by standard input, so that the password is in no process list.
        services_spawn TERM redis-server - >"$SERVICES_FOLDER/redis.log" 2>&1 <<SETTINGS
bind 127.0.0.1
port $port
requirepass $password
dir $SERVICES_FOLDER/redis
save ""
appendonly no
daemonize no
SETTINGS
        SERVICES_REDIS_PID=$SERVICES_SPAWNED
        if services_wait_until "$SERVICES_REDIS_PID" services_redis_answers "$port" "$password"; then
            export TEST_REDIS_URL="redis://:$password@127.0.0.1:$port/0"
            return 0
        fi
        services_end SERVICES_REDIS_PID TERM KILL
        if ((attempt == 8)) || ! grep -q 'Address already in use' "$SERVICES_FOLDER/redis.log"; then
            services_show "$SERVICES_FOLDER/redis.log"
            return 1
        fi
    done
}

services_stop() {
    services_end SERVICES_POSTGRES_PID INT QUIT
    services_end SERVICES_REDIS_PID TERM KILL
    if [[ -n $SERVICES_FOLDER && -d $SERVICES_FOLDER ]]; then
        rm -rf -- "$SERVICES_FOLDER"
    fi
    SERVICES_FOLDER=
}

services_redis_answers() {
    [[ $(REDISCLI_AUTH=$2 redis-cli -h 127.0.0.1 -p "$1" ping 2>/dev/null) == PONG ]]
}

# One folder for all servers. Sockets have room for about 100 characters of path, hence the fallback to /tmp.
services_prepare_folder() {
    [[ -z $SERVICES_FOLDER ]] || return 0
    local parent=${TMPDIR:-/tmp}
    if ((EUID == 0)); then
        SERVICES_RUN_AS=nobody
        if id -u postgres >/dev/null 2>&1; then
            SERVICES_RUN_AS=postgres
        fi
    fi
    if ((${#parent} > 60)) || ! services_run test -x "$parent"; then
        parent=/tmp
    fi
    SERVICES_FOLDER=$(mktemp -d "$parent/crm-services.XXXXXX") || return
    chmod 711 "$SERVICES_FOLDER"
}

services_private_folder() {
    mkdir -m 700 "$1" || return
    [[ -z $SERVICES_RUN_AS ]] || chown "$SERVICES_RUN_AS" "$1"
}

# Runs a program as the unprivileged user, or as ourselves when we are not root.
services_run() {
    if [[ -n $SERVICES_RUN_AS ]]; then
        (cd / && setpriv --reuid="$SERVICES_RUN_AS" --regid="$(id -g "$SERVICES_RUN_AS")" --clear-groups -- "$@")
    else
        "$@"
    fi
}

# Starts a server in a session of its own (a Ctrl-C is for the tests, not for their database) that is sent signal $1
# when this shell dies. Leaves its process id in SERVICES_SPAWNED.
services_spawn() {
    local signal=$1 privileges=()
    shift
    if [[ -n $SERVICES_RUN_AS ]]; then
        privileges=(--reuid="$SERVICES_RUN_AS" --regid="$(id -g "$SERVICES_RUN_AS")" --clear-groups)
    fi
    # `<&0` because a background command would otherwise read from /dev/null.
    (cd / && exec setsid setpriv "${privileges[@]}" --pdeathsig "$signal" -- "$@") <&0 &
    SERVICES_SPAWNED=$!
}

# Waits at most 30 seconds for process $1 to make the command that follows succeed.
services_wait_until() {
    local process=$1 tick
    shift
    for ((tick = 0; tick < 600; tick++)); do
        kill -0 "$process" 2>/dev/null || return 1
        if "$@" 2>/dev/null; then
            return 0
        fi
        sleep 0.05
    done
    return 1
}

# Ends the process whose id is in the variable named $1: signal $2, after 10 seconds signal $3, after 20 KILL.
services_end() {
    local -n process_id=$1
    local process=$process_id tick
    process_id=
    [[ -n $process ]] || return 0
    kill -s "$2" "$process" 2>/dev/null || true
    for ((tick = 0; tick < 400; tick++)); do
        kill -0 "$process" 2>/dev/null || break
        if ((tick == 200)); then
            kill -s "$3" "$process" 2>/dev/null || true
        fi
        sleep 0.05
    done
    kill -s KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
}

# A loopback port that nobody listens on, below the range the system hands out for outgoing connections.
services_free_port() {
    local port
    while true; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf '%s\n' "$port"
            return 0
        fi
    done
}

services_random() { od -An -N 20 -tx1 /dev/urandom | tr -d ' \n'; }

services_show() {
    services_say "a server did not start; its last words:"
    tail -n 20 "$1" >&2
}
