#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A virtual portal and two real ones, as open-iscsi uses them: discovery tells
# of the virtual one only, the login ends at a real one, and while fio writes and
# verifies, that one is disabled, the session is asked to leave, dropped, moved,
# and for a while there is nowhere to go. The initiator comes back by way of the
# virtual portal each time, and no request fails.

. "$(dirname "$0")/drill_lib.sh"

VIRTUAL=127.0.0.1:3260
REAL2=127.0.0.2:3260
REAL3=127.0.0.3:3260
TPG=$(tpg_dir redirect 1)
ATTR=$TPG/attrib
SESSIONS_CFS=$(dirname "$TPG")/sessions

setup() {
	local n
	module_load && ramdisk redirect 32 || return
	for n in 1 2 3; do
		tpg "$(tpg_dir redirect $n)" 127.0.0.$n:3260 &&
			tpg_demo "$(tpg_dir redirect $n)" || return
	done
	lun "$(tpg_dir redirect 2)" 0 redirect &&
		lun "$(tpg_dir redirect 3)" 0 redirect &&
		put "$REAL2,2 $REAL3,3" "$ATTR/redirect_portals" &&
		put least_sessions "$ATTR/redirect_policy" &&
		put 1 "$ATTR/redirect_hide_portals" || return
	for n in 1 2 3; do tpg_on "$(tpg_dir redirect $n)" || return; done
	initiator_start
}

# Only the virtual portal, whichever is asked.
discovery() {
	local found
	found=$(adm -m discovery -t st -p "$1" | sort)
	echo "$found"
	[ "$found" = "$VIRTUAL,1 $BASE:redirect" ]
}

# An outage is waited for, not reported: nothing that fails is the target's.
enter() {
	record redirect $VIRTUAL node.session.timeo.replacement_timeout 300 \
		node.session.initial_login_retry_max 4 &&
		log_in redirect $VIRTUAL && wait_until 30 has_disks redirect 0
}

# portal_of: where the session is now, by what the initiator says.
portal_of() {
	local s c
	s=$(sessions_of redirect | head -n1)
	c=/sys/class/iscsi_connection/connection${s#session}:0
	[ -n "$s" ] && echo "$(cat "$c/address"):$(cat "$c/port")"
}

tag_of() { case $1 in "$REAL2") echo 2 ;; "$REAL3") echo 3 ;; *) echo 1 ;; esac; }
other_than() { [ "$1" = $REAL2 ] && echo $REAL3 || echo $REAL2; }

is_at() { [ "$(portal_of)" = "$1" ] && session_state_is redirect LOGGED_IN; }
is_at_a_real_one() { is_at $REAL2 || is_at $REAL3; }

# listed: the number of the session in configfs, if it is the only one.
listed() {
	awk '$1 == "session" { print $2; nr++ } END { exit nr != 1 }' "$SESSIONS_CFS/list"
}

# arrived PORTAL: it is there, and requests are completed again.
arrived() {
	wait_until 60 is_at "$1" && wait_until 60 moving "$(disk_of redirect 0)"
}

verify() {
	load_start verify "$(disk_of redirect 0)" -- --verify=crc32c \
		--verify_backlog=128 --verify_fatal=1 --randseed="$SEED"
	wait_until 30 moving "$(disk_of redirect 0)"
}

disabled() {
	local was
	was=$(portal_of)
	put 0 "$(tpg_dir redirect "$(tag_of "$was")")/enable" &&
		arrived "$(other_than "$was")" &&
		put 1 "$(tpg_dir redirect "$(tag_of "$was")")/enable"
}

# asked HOW: with a policy that has it go to the other one.
asked() {
	local was to
	was=$(portal_of)
	to=$(other_than "$was")
	put ordered "$ATTR/redirect_policy" &&
		put "$to $was" "$ATTR/redirect_portals" || return
	case $1 in
	logout) put "$(listed) 30" "$SESSIONS_CFS/logout" ;;
	drop) put "$(listed)" "$SESSIONS_CFS/drop" ;;
	rebalance) put 30 "$TPG/rebalance" ;;
	esac && arrived "$to"
}

# Its login is refused with 0301h until there is a portal again.
nowhere() {
	put 0 "$(tpg_dir redirect 2)/enable" && put 0 "$(tpg_dir redirect 3)/enable" &&
		wait_until 30 login_was_refused &&
		put 1 "$(tpg_dir redirect 3)/enable" && arrived $REAL3 &&
		put 1 "$(tpg_dir redirect 2)/enable"
}

refused() { cat "$(dirname "$TPG")/fabric_statistics/iscsi_login_stats/other_fails"; }
login_was_refused() { [ "$(refused)" -gt "$refused_before" ]; }

shown() {
	local sid tool=$HERE/iscsi-sessions
	sid=$(listed) && put 1 "$(dirname "$TPG")/sessions/latency" || return
	limited 30 dd if="$(disk_of redirect 0)" of=/dev/null count=1 iflag=direct || return
	"$tool" "$BASE:redirect" >"$TMP/table" && cat "$TMP/table" &&
		grep -q "^$sid  *$(tag_of "$(portal_of)")  *$INITIATOR  *LOGGED_IN .* [<>][0-9]*us$" \
			"$TMP/table" &&
		"$tool" --prometheus >"$TMP/prom" && grep "commands_total{" "$TMP/prom" &&
		grep 'command_seconds_bucket{.*le="+Inf"} [1-9]' "$TMP/prom" &&
		awk '/^#/ { next } !/^iscsi_target_[a-z_]+\{.*\} [0-9.]+(e-[0-9]+)?$/ { print; bad = 1 }
			END { exit bad }' "$TMP/prom"
}

plan 11
check "a virtual portal and two real ones" setup
check "discovery tells of the virtual portal" discovery $VIRTUAL
check "at a real one, too" discovery $REAL2
check "the login at the virtual portal ends at a real one" enter
check "fio writes and verifies" verify
check "its portal group is disabled: it goes to the other" disabled
check "it is asked to log out" asked logout
check "it is dropped" asked drop
check "it is moved by rebalance" asked rebalance
refused_before=$(refused)
check "with nowhere to go it waits and comes back" nowhere
check "no request failed, and it is listed" eval \
	'wait_until 30 is_at_a_real_one && shown && load_stop verify && no_splat'
