# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by everything under scripts/: where things are kept, how messages
# look, and which kernels exist. Sourced, never run.

set -euo pipefail

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$VM_DIR/../.." && pwd)
CACHE=${TCM_ISCSI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tcm_iscsi}
# Built modules live in the tree (git ignores them) unless told otherwise.
BUILD=${TCM_ISCSI_BUILD:-$REPO/build}
SERIES_ALL="6.1 6.12"
export LC_ALL=C

say() { printf '%s\n' "== $*" >&2; }
warn() { printf '%s\n' "warning: $*" >&2; }
die() { printf '%s\n' "error: $*" >&2; exit 125; }

need() {
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null 2>&1 ||
			PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null 2>&1 ||
			die "'$tool' is missing; run scripts/vm/setup as root first"
	done
}
PATH=$PATH:/usr/sbin:/sbin

# hash_of FILE... : a short key of the contents, so a changed recipe is a new
# cache entry and a stale one is never used.
hash_of() { cat "$@" | sha256sum | cut -c1-12; }

# with_lock NAME COMMAND... : one maker of a cache entry at a time. The lock
# is not inherited by what COMMAND starts in the background.
with_lock() {
	local name=$1 fd rc=0
	shift
	mkdir -p "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$name"
	if ! flock -n "$fd"; then
		say "waiting for another run that is making '$name'"
		flock -w 5400 "$fd" || die "'$name' stayed locked for an hour and a half"
	fi
	"$@" || rc=$?
	exec {fd}>&-
	return $rc
}

# quietly LOG COMMAND... : progress dots instead of pages of output; the tail
# of the log when it fails.
quietly() {
	local log=$1 pid rc=0 n=0
	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		n=$((n + 1))
		[ $((n % 25)) -ne 0 ] || printf . >&2
	done
	[ "$n" -lt 25 ] || printf '\n' >&2
	wait "$pid" || rc=$?
	if [ $rc -ne 0 ]; then
		tail -n 25 "$log" >&2
		warn "failed ($rc): $1 ${2-}; full log: $log"
	fi
	return $rc
}

# debian_targets: "uri|release|components..." of Debian's own archives as this
# machine's apt is configured, nothing else.
debian_targets() { remembered targets list_debian_targets; }

list_debian_targets() {
	apt-get indextargets \
		--format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		sed -n 's/^Debian|bookworm[^|]*|//p' | sort -u
}

# remembered NAME COMMAND... : output of a slow question to apt, asked again
# when its package lists or sources changed.
remembered() {
	local name=$1 key out
	shift
	key=$(find /var/lib/apt/lists /etc/apt -maxdepth 2 -printf '%p %T@\n' 2>/dev/null |
	      sort | cat - "$VM_DIR/lib.sh" | hash_of -)
	if [ "$(head -n1 "$CACHE/apt-$name" 2>/dev/null)" = "$key" ]; then
		tail -n +2 "$CACHE/apt-$name"
		return
	fi
	out=$("$@") || return
	mkdir -p "$CACHE"
	printf '%s\n%s\n' "$key" "$out" >"$CACHE/apt-$name.$$"
	mv "$CACHE/apt-$name.$$" "$CACHE/apt-$name"
	printf '%s\n' "$out"
}

apt_lists_fresh() {
	[ -n "$(apt-cache show linux-headers-amd64 2>/dev/null)" ]
}

# newest_kernel SERIES: version string (uname -r) of the newest stock image of
# a series for which apt also offers the headers. Falls back to what the cache
# already holds when apt knows none (no network on a warm machine).
newest_kernel() { remembered "kernel-$1" find_newest_kernel "$1"; }

find_newest_kernel() {
	local re v d
	case $1 in
	6.1)  re='6\.1\.[0-9]+-[0-9]+' ;;
	6.12) re='6\.12\.[0-9]+\+deb12(\.[0-9]+)?' ;;
	*)    die "unknown kernel series '$1' (know: $SERIES_ALL)" ;;
	esac
	v=$(apt-cache pkgnames linux-headers- 2>/dev/null |
	    sed -nE "s/^linux-headers-($re-amd64)\$/\1/p" | sort -Vr |
	    while read -r v; do
		    if [ -n "$(image_package "$v")" ]; then echo "$v"; break; fi
	    done)
	if [ -z "$v" ]; then
		v=$(for d in "$CACHE"/kernel/*/; do
			[ ! -e "$d/ready" ] || cat "$d/release"
		    done 2>/dev/null | grep -E "^$re-amd64\$" | sort -Vr | head -n1) || true
	fi
	[ -n "$v" ] || return 1
	echo "$v"
}

# image_package VERSION: the package that holds that kernel's image. Debian
# publishes it signed, or for a while after an update only unsigned.
image_package() {
	local p
	for p in "linux-image-$1" "linux-image-$1-unsigned"; do
		# To the end: what is left of apt-cache must not die of SIGPIPE,
		# which pipefail would take for "no such package".
		if apt-cache show "$p" 2>/dev/null | grep '^Filename:' >/dev/null; then
			echo "$p"
			return
		fi
	done
}

# fetch_deb PACKAGE: path of the package's .deb in the cache, downloaded with
# apt if it is not there yet.
fetch_deb() {
	local pkg=$1 dir=$CACHE/deb/$1 log=$CACHE/log/deb-$1.log
	mkdir -p "$dir"
	if ! compgen -G "$dir/*.deb" >/dev/null; then
		say "downloading $pkg"
		rm -rf "$dir.new" && mkdir -p "$dir.new"
		if ! (cd "$dir.new" && quietly "$log" apt-get \
			-o APT::Sandbox::User=root download "$pkg"); then
			if [ "$(id -u)" = 0 ]; then
				say "package lists may be stale; apt-get update"
				quietly "$CACHE/log/apt-update.log" apt-get update || true
				(cd "$dir.new" && quietly "$log" apt-get \
					-o APT::Sandbox::User=root download "$pkg") ||
					die "cannot download $pkg: is the mirror in apt's configuration reachable?"
			else
				die "cannot download $pkg: run 'apt-get update' as root and try again"
			fi
		fi
		rm -rf "$dir" && mv "$dir.new" "$dir"
	fi
	ls "$dir"/*.deb | head -n1
}

# kernel_headers VERSION: the build directory of the installed headers.
kernel_headers() {
	local d=/usr/src/linux-headers-$1
	[ -e "$d/Makefile" ] || return 1
	echo "$d"
}
