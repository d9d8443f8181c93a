#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Connections that never log in disturb nobody and are closed in time.

. "$(dirname "$0")/drill_lib.sh"

count=$(long_or 500 20)
TPG=$(tpg_dir silent)
NAME=$BASE:silent

# They all come from one address; storm_test is about the limits.
PER_SOURCE=/sys/module/tcm_iscsi/parameters/max_half_open_source

setup() {
	module_load && { [ ! -e $PER_SOURCE ] || put 1024 $PER_SOURCE; } && ramdisk silent 8 nullio && tpg "$TPG" $PORTAL && tpg_demo "$TPG" &&
		lun "$TPG" 0 silent && tpg_on "$TPG" && initiator_start
}

# Beside the raw client's own, the login of the real initiator: its processes
# take most of the time, so that the limit is wider; a target that waits for
# the silent ones takes more than 15 s.
beside() {
	"$HERE/drill_raw.py" silent $count 25 $PORTAL "$NAME" >"$TMP/raw" &
	raw=$!
	wait_until 30 grep -q login_ms "$TMP/raw" || return
	within 14 real_login
}

real_login() {
	adm -m discovery -t sendtargets -p 127.0.0.1 | grep -q "$NAME" && log_in silent
}

said() { awk -v "key=$1" -v "field=${2:-2}" '$1 == key { print $field }' "$TMP/raw"; }

# All of one portal's logins but one below a second.
login_is_quick() {
	cat "$TMP/raw"
	[ -n "$(said login_ms)" ] && [ "$(said login_ms)" -lt 1000 ]
}

# The timer runs from accept, whatever trickles in (login_timeout: 15 s).
closed_in_time() {
	wait $raw || { cat "$TMP/raw"; return 1; }
	cat "$TMP/raw"
	[ "$(said open)" = 0 ] && awk -v min="$(said closed_s)" -v max="$(said closed_s 3)" \
		'BEGIN { exit !(min >= 5 && max <= 20) }'
}

# A login that goes no further has the portal group's time.
stalled_login() {
	put 5 "$TPG/attrib/login_timeout" || return
	"$HERE/drill_raw.py" stall 14 $PORTAL "$NAME" >"$TMP/raw"
	cat "$TMP/raw"
	put 15 "$TPG/attrib/login_timeout"
	awk -v s="$(said closed_s)" 'BEGIN { exit !(s >= 4 && s <= 9) }'
}

# Nothing of the half-open logins holds the portal.
portal_goes() {
	"$HERE/drill_raw.py" silent $count 10 $PORTAL "$NAME" >"$TMP/raw" &
	raw=$!
	wait_until 30 grep -q login_ms "$TMP/raw" || return
	log_out silent && within 10 rmdir "$TPG/np/$PORTAL" || return
	wait $raw || { cat "$TMP/raw"; return 1; }
	cat "$TMP/raw"
	[ "$(said open)" = 0 ] && [ -z "$(ss -Htln "sport = ${PORTAL##*:}")" ]
}

plan 7
check "a target" setup
check "J02: beside $count silent connections the initiator discovers and logs in" beside
check "J02: a login beside $count silent connections takes less than a second" login_is_quick
check "J01: silent and trickling connections are closed in time" closed_in_time
check "J01: a login that stalls is closed after login_timeout" stalled_login
check "J16: a portal with $count half-open logins goes at once" portal_goes
check "nothing stays in D state" nothing_blocked
