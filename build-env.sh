# SPDX-License-Identifier: Apache-2.0
# Shared by run.sh and test.sh: install what is missing, build.  Sourced, with `here` set to the source folder.
set -eu

run_packages="build-essential autoconf automake pkg-config libcurl4-openssl-dev libyaml-dev libssl-dev libfcgi-dev lighttpd curl ca-certificates openssl"

# install PACKAGE…: those that are missing, without starting their services.
install() {
	missing=""
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	sudo=""
	if [ "$(id -u)" != 0 ]; then
		sudo="sudo"
		command -v sudo >/dev/null || { echo "please install, as root: apt-get install$missing" >&2; exit 1; }
	fi
	echo "installing:$missing"
	policy=""
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
		$sudo chmod 755 $policy
	fi
	$sudo env DEBIAN_FRONTEND=noninteractive sh -c "apt-get -qq update && apt-get -qq -y --no-install-recommends install $missing" >/dev/null ||
	    { [ -z "$policy" ] || $sudo rm -f $policy; echo "apt-get could not install:$missing" >&2; exit 1; }
	[ -z "$policy" ] || $sudo rm -f $policy
}

# build FOLDER CONFIGURE-OPTIONS…: out of tree, again only when needed.
build() {
	folder="$here/$1"
	shift
	[ -x "$here/configure" ] && [ "$here/configure" -nt "$here/configure.ac" ] && [ "$here/Makefile.in" -nt "$here/Makefile.am" ] ||
	    (cd "$here" && autoreconf -fi >/dev/null 2>"$here/.autoreconf.log") || { cat "$here/.autoreconf.log" >&2; exit 1; }
	rm -f "$here/.autoreconf.log"
	mkdir -p "$folder"
	cd "$folder"
	[ -e Makefile ] && [ Makefile -nt "$here/configure" ] || "$here/configure" -q "$@"
	make -s -j"$(nproc)"
	cd "$here"
}
