#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run.sh [--config FILE] [--port N] [FILE]: install what is missing, build, and serve on port 4000 until Ctrl-C.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/build-env.sh"

config="$here/samples/hello.yaml" port="${SLUICE_PORT:-4000}" model=hello
while [ $# -gt 0 ]; do
	case "$1" in
	--config | -c) config="$2"; model=""; shift ;;
	--port | -p) port="$2"; shift ;;
	--help | -h) sed -n '3s/^# //p' "$0"; exit 0 ;;
	-*) echo "run.sh: unknown option $1" >&2; exit 2 ;;
	*) config="$1"; model="" ;;
	esac
	shift
done
[ -r "$config" ] || { echo "run.sh: can not read $config" >&2; exit 2; }
config=$(cd "$(dirname "$config")" && pwd)/$(basename "$config")

install $run_packages
build build

state="${SLUICE_STATE:-$here/.sluice}"
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

export SLUICE_PORT="$port" SLUICE_SOCKET="$state/sluice.sock" SLUICE_WEB_LOGS="$state" SLUICE_DOCROOT="$state/htdocs" SLUICE_SPOOL="$state/spool"
export SLUICE_RUN_DIR="$state" SLUICE_STATE_DIR="$state"

"$here/build/sluice" serve --config "$config" --listen "$SLUICE_SOCKET" 2>>"$state/error.log" &
gateway=$!
web=""
stop() {
	trap - INT TERM EXIT
	[ -z "$web" ] || kill "$web" 2>/dev/null || :
	kill "$gateway" 2>/dev/null || :
	wait 2>/dev/null || :
}
trap 'stop; exit 0' INT TERM
trap stop EXIT

tries=0
until [ -S "$SLUICE_SOCKET" ] || [ $tries -gt 100 ]; do
	kill -0 "$gateway" 2>/dev/null || { tail -n 20 "$state/error.log" >&2; exit 1; }
	tries=$((tries + 1))
	sleep 0.1
done

# `lighttpd` lives in /usr/sbin, which an ordinary user's PATH may lack.
PATH="$PATH:/usr/sbin" lighttpd -D -f "$here/lighttpd/sluice.conf" 2>>"$state/error.log" &
web=$!

tries=0
until curl -fsS -o /dev/null "http://127.0.0.1:$port/health/readiness" 2>/dev/null; do
	tries=$((tries + 1))
	if [ $tries -gt 100 ] || ! kill -0 "$gateway" 2>/dev/null || ! kill -0 "$web" 2>/dev/null; then
		echo "sluice did not start; the last lines of $state/error.log:" >&2
		tail -n 20 "$state/error.log" >&2
		exit 1
	fi
	sleep 0.1
done

[ -n "$model" ] || model=$(curl -fsS -H "Authorization: Bearer $LITELLM_MASTER_KEY" "http://127.0.0.1:$port/v1/models" 2>/dev/null |
    sed -n 's/.*"data":\[{"id":"\([^"]*\)".*/\1/p')
key="\$LITELLM_MASTER_KEY"
[ -z "$made" ] || key="$LITELLM_MASTER_KEY"
cat <<TEXT

sluice serves $config on http://127.0.0.1:$port

  curl http://127.0.0.1:$port/v1/chat/completions \\
    -H "Authorization: Bearer $key" -H "Content-Type: application/json" \\
    -d '{"model": "${model:-MODEL}", "messages": [{"role": "user", "content": "Hello"}]}'

  add "stream": true to see it stream; clients of Anthropic's API use http://127.0.0.1:$port too.

Exchanges are logged to $state/sluice.log, troubles to $state/error.log, requests to $state/access.log.
Ctrl-C ends it.
TEXT
wait "$web" "$gateway"
