# SPDX-License-Identifier: Apache-2.0
# Shared by run.sh and test.sh: install what is missing, build.  Sourced, with `here` set to the source folder.
set -eu

run_packages="build-essential autoconf automake pkg-config libcurl4-openssl-dev libyaml-dev libssl-dev libfcgi-dev libpq-dev libsqlite3-dev libmemcached-dev lighttpd curl ca-certificates openssl"

case "$here" in
*[[:space:]]*) echo "make and configure need a source folder without white space in its name: $here" >&2; exit 1 ;;
esac

# No service that is installed here is started: policy-rc.d is Debian's way to say so, and is taken away again.
policy=""
forbid_services() {
	[ ! -e /usr/sbin/policy-rc.d ] || return 0
	policy=/usr/sbin/policy-rc.d
	trap allow_services EXIT
	trap 'exit 130' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
}

allow_services() {
	[ -z "$policy" ] || $sudo rm -f "$policy"
	policy=""
	trap - EXIT HUP INT TERM
}

# install PACKAGE…: those that are missing.
install() {
	missing=""
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || { echo "this is no Debian; please install what it calls:$missing" >&2; exit 1; }
	sudo=""
	if [ "$(id -u)" != 0 ]; then
		sudo="sudo"
		command -v sudo >/dev/null || { echo "packages are missing; as root: apt-get install$missing" >&2; exit 1; }
	fi
	echo "installing:$missing"
	forbid_services
	$sudo apt-get -qq update || echo "apt-get update failed; going on with the lists that are here" >&2
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $missing </dev/null >/dev/null || {
		allow_services
		echo "apt-get could not install; as root: apt-get install$missing" >&2
		exit 1
	}
	allow_services
}

generate() {
	[ -x "$here/configure" ] && [ "$here/configure" -nt "$here/configure.ac" ] && [ "$here/Makefile.in" -nt "$here/Makefile.am" ] && return 0
	(cd "$here" && autoreconf -fi) >"$here/.autoreconf.log" 2>&1 || { cat "$here/.autoreconf.log" >&2; exit 1; }
	rm -f "$here/.autoreconf.log"
}

# build FOLDER [CONFIGURE-OPTION…]: out of tree, only what is needed.  Without options it takes a folder as it finds it; with options a
# folder that was configured otherwise, or before cmocka was there, is configured anew and cleaned.  One at a time.
build() {
	folder="$here/$1"
	shift
	mkdir -p "$folder" "$here/build"
	exec 9>"$here/build/.lock"
	flock -n 9 || { echo "waiting for another build"; flock 9; }
	generate
	wanted="$*"
	if [ ! -e "$folder/Makefile" ] || [ "$folder/Makefile" -ot "$here/configure" ] ||
	    { [ -n "$wanted" ] && [ "$wanted" != "$(cat "$folder/.options" 2>/dev/null)" ]; }; then
		[ ! -e "$folder/Makefile" ] || make -s -C "$folder" clean >/dev/null 2>&1 || :
		echo "configuring and building in $folder"
		(cd "$folder" && "$here/configure" -q "$@")
		echo "$wanted" >"$folder/.options"
	fi
	make -s -C "$folder" -j"$(nproc)" >"$folder/make.log" 2>&1 || { cat "$folder/make.log" >&2; exit 1; }
	exec 9>&-
}
