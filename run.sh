#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run.sh [--config FILE] [--port N] [FILE]: install what is missing, build, and serve on port 4000 until Ctrl-C.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/build-env.sh"

die() {
	echo "run.sh: $*" >&2
	exit "${code:-1}"
}

config="$here/samples/hello.yaml" port="${SLUICE_PORT:-4000}" model=hello
while [ $# -gt 0 ]; do
	case "$1" in
	--config | -c | --port | -p) [ $# -gt 1 ] || code=2 die "$1 needs a value" ;;
	esac
	case "$1" in
	--config | -c) config="$2"; model=""; shift ;;
	--port | -p) port="$2"; shift ;;
	--help | -h) sed -n '3s/^# //p' "$0"; exit 0 ;;
	-*) code=2 die "unknown option $1; ./run.sh --help lists them" ;;
	*) config="$1"; model="" ;;
	esac
	shift
done
[ -f "$config" ] && [ -r "$config" ] || code=2 die "can not read $config"
config=$(cd "$(dirname "$config")" && pwd)/$(basename "$config")
case "$port" in
*[!0-9]* | "" | ??????*) code=2 die "a port is a number from 1 to 65535, not $port" ;;
esac
[ "$port" -ge 1 ] && [ "$port" -le 65535 ] || code=2 die "a port is a number from 1 to 65535, not $port"

install $run_packages

# curl says 7 when nobody listens.
answers=0
curl -s -o /dev/null --noproxy '*' --max-time 5 "http://127.0.0.1:$port/" || answers=$?
[ $answers = 7 ] || die "port $port is in use; choose another one: ./run.sh --port $((port % 65535 + 1))"

build build
sluice="$here/build/sluice"

state="${SLUICE_STATE:-$here/.sluice}"
[ -n "${SLUICE_STATE:-}" ] || [ "$port" = 4000 ] || state="$state/$port"
mkdir -p "$state/htdocs" "$state/spool"
chmod 700 "$state"

# A master key of our own, unless the environment or the configuration has one.
made=""
if [ -z "${LITELLM_MASTER_KEY:-}" ]; then
	[ -s "$state/master_key" ] || (umask 077; echo "sk-$(openssl rand -hex 24)" >"$state/master_key")
	LITELLM_MASTER_KEY=$(cat "$state/master_key")
	export LITELLM_MASTER_KEY
	made=yes
fi

export SLUICE_PORT="$port" SLUICE_WEB_LOGS="$state" SLUICE_DOCROOT="$state/htdocs" SLUICE_SPOOL="$state/spool"
export SLUICE_RUN_DIR="$state" SLUICE_STATE_DIR="$state" SLUICE_DRAIN="${SLUICE_DRAIN:-2}"

"$sluice" check "$config" >"$state/check" || { cat "$state/check" >&2; exit 1; }
grep ': warning: ' "$state/check" || :
notes=$(grep -c ': note: ' "$state/check" || :)
[ "$notes" = 0 ] || echo "settings that are read and not in force yet: $notes; build/sluice check lists them"

gateway="" web="" pause="" short=""
stop() {
	trap '' HUP INT TERM
	trap - EXIT
	[ -z "$pause" ] || kill "$pause" 2>/dev/null || :
	[ -z "$web" ] || kill -INT "$web" 2>/dev/null || :
	[ -z "$gateway" ] || kill "$gateway" 2>/dev/null || :
	[ -z "$gateway" ] || wait "$gateway" 2>/dev/null || :
	[ -z "$web" ] || kill "$web" 2>/dev/null || :
	[ -z "$web" ] || wait "$web" 2>/dev/null || :
	[ -z "$short" ] || rm -rf "$short"
}
trap 'stop; exit 0' HUP INT TERM
trap stop EXIT

# The path of a socket has 107 bytes at most.
SLUICE_SOCKET="$state/sluice.sock"
if [ ${#SLUICE_SOCKET} -gt 100 ]; then
	short=$(mktemp -d /tmp/sluice.XXXXXX)
	SLUICE_SOCKET="$short/sluice.sock"
fi
export SLUICE_SOCKET

# What this run wrote to error.log begins after what is there now.
touch "$state/error.log"
old=$(wc -c <"$state/error.log")
alive() {
	kill -0 "$gateway" 2>/dev/null && { [ -z "$web" ] || kill -0 "$web" 2>/dev/null; }
}
failed() {
	echo "$1; the last lines of $state/error.log:" >&2
	tail -c +$((old + 1)) "$state/error.log" | tail -n 20 >&2
	exit 1
}

"$sluice" serve --config "$config" --listen "$SLUICE_SOCKET" 2>>"$state/error.log" &
gateway=$!
tries=0
until [ -S "$SLUICE_SOCKET" ]; do
	alive && [ $tries -lt 100 ] || failed "the gateway did not start"
	tries=$((tries + 1))
	sleep 0.1
done

# `lighttpd` lives in /usr/sbin, which an ordinary user's PATH may lack.
PATH="$PATH:/usr/sbin" lighttpd -D -f "$here/lighttpd/sluice.conf" 2>>"$state/error.log" &
web=$!
tries=0
until curl -fsS -o /dev/null --noproxy '*' "http://127.0.0.1:$port/health/readiness" 2>/dev/null; do
	alive && [ $tries -lt 100 ] || failed "sluice did not start"
	tries=$((tries + 1))
	sleep 0.1
done
alive || failed "sluice did not start"

# The configuration may have a key of its own, which is nobody's to print.
key="\$LITELLM_MASTER_KEY"
[ -z "$made" ] || key="$LITELLM_MASTER_KEY"
models=$(curl -fsS --noproxy '*' -H "Authorization: Bearer $LITELLM_MASTER_KEY" "http://127.0.0.1:$port/v1/models" 2>/dev/null) || key="YOUR-MASTER-KEY"
[ -n "$model" ] || model=$(echo "$models" | sed -n 's/.*"data":\[{"id":"\([^"]*\)".*/\1/p')
schema=0
"$sluice" db status --config "$config" >/dev/null 2>&1 || schema=$?
cat <<TEXT

sluice serves $config on http://127.0.0.1:$port

  curl http://127.0.0.1:$port/v1/chat/completions \\
    -H "Authorization: Bearer $key" -H "Content-Type: application/json" \\
    -d '{"model": "${model:-MODEL}", "messages": [{"role": "user", "content": "Hello"}]}'

  add "stream": true to see it stream; clients of Anthropic's API use http://127.0.0.1:$port too.
  A key for somebody else, good for a dollar a month:

  curl http://127.0.0.1:$port/key/generate \\
    -H "Authorization: Bearer $key" -H "Content-Type: application/json" \\
    -d '{"key_alias": "ada", "max_budget": 1, "budget_duration": "30d"}'

  Keys, spending and why a call went as it did, as commands:

  export SLUICE_CONFIG="$config" SLUICE_STATE_DIR="$state"${made:+ LITELLM_MASTER_KEY=$key}
  "$sluice" key list; "$sluice" spend report; "$sluice" spend logs; "$sluice" help

Exchanges are logged to $state/sluice.log, troubles to $state/error.log, requests to $state/access.log.
Ctrl-C ends it.
TEXT
[ $schema != 3 ] || echo "The database has no tables of this version yet, so keys can not be made; make them by: \"$sluice\" db migrate --config \"$config\""

# A signal ends the pause at once.
while alive; do
	sleep 5 &
	pause=$!
	wait $pause || :
done
failed "sluice ended by itself"
