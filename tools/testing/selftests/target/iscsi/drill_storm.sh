#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Four initiators log in, load the target, reset, abort, come back and vanish
# (storm.c), while LUNs, ACLs, portals and the portal group under them go and
# come. Afterwards everything is gone: sessions, tasks, the module, memory.

. "$(dirname "$0")/drill_lib.sh"

LIMIT=20	# seconds that a change may take; the disabling waits up to 3
SETTLE=30	# seconds for the last sessions to be gone
COUNT=4
seconds=$(long_or 600 20)
TPG=$(tpg_dir storm)
NAME=$BASE:storm

acl() {
	mapped_lun "$TPG" "$NAME$1" 0 && mapped_lun "$TPG" "$NAME$1" 1
}

setup() {
	local i
	module_load && ramdisk a 4 && ramdisk b 4 && tpg "$TPG" $PORTAL &&
		put No "$TPG/param/InitialR2T" && lun "$TPG" 0 a && lun "$TPG" 1 b || return
	for ((i = 0; i < COUNT; i++)); do acl $i || return; done
	tpg_on "$TPG"
}

# ---- changes ----

# Each is called with the number of an initiator.
change_mapped_lun() {
	local m=$TPG/acls/$NAME$1/lun_1
	rm "$m/lun" && rmdir "$m" && mapped_lun "$TPG" "$NAME$1" 1
}

change_acl() {
	local m=$TPG/acls/$NAME$1
	rm "$m"/lun_{0,1}/lun && rmdir "$m"/lun_{0,1} "$m" && acl "$1"
}

# The core drops the mappings with the LUN.
change_lun() {
	local i
	rm "$TPG/lun/lun_1/b" || return
	for ((i = 0; i < COUNT; i++)); do
		rm "$TPG/acls/$NAME$i/lun_1/lun" && rmdir "$TPG/acls/$NAME$i/lun_1" || return
	done
	rmdir "$TPG/lun/lun_1" && lun "$TPG" 1 b || return
	for ((i = 0; i < COUNT; i++)); do mapped_lun "$TPG" "$NAME$i" 1 || return; done
}

change_portal() { rmdir "$TPG/np/$PORTAL" && mk "$TPG/np/$PORTAL"; }
change_enable() { put 0 "$TPG/enable" && tpg_on "$TPG"; }
change_depth() { put $((8 + RANDOM % 64)) "$TPG/acls/$NAME$1/cmdsn_depth"; }

changes=(mapped_lun acl lun portal enable depth)

# ---- the storm ----

storm() {
	TISCSI_NOSETUP=1 TISCSI_PORTAL=$PORTAL TISCSI_TARGET=$BASE:storm \
		"$HERE/storm" --seed "$SEED" --seconds "$1" --initiators $COUNT --prefix "$NAME"
}

# A change, then a while for the initiators to get somewhere.
storm_with_changes() {
	local pid n=0 what rc=0
	storm "$1" >"$TMP/storm" 2>&1 &
	pid=$!
	while alive $pid; do
		what=${changes[RANDOM % ${#changes[@]}]}
		if ! within $LIMIT "change_$what" $((RANDOM % COUNT)) >"$TMP/change" 2>&1; then
			echo "change of $what fails:"
			cat "$TMP/change"
			rc=1
			break
		fi
		n=$((n + 1))
		nap 0.$((RANDOM % 3))
	done
	wait $pid || rc=1
	tail -n 40 "$TMP/storm"
	echo "$n changes"
	[ $n -gt 0 ] && return $rc
}

no_session_left() { wait_until $SETTLE sessions_are storm 0; }

everything_goes() { config_down && rmdir $FABRIC && within 20 rmmod tcm_iscsi; }

# ---- memory ----

# Objects in use, by cache. What is only kept for later is given back first.
slabs() {
	local s
	for s in /sys/kernel/slab/kmalloc-*/shrink; do echo 1 >"$s"; done
	awk '$1 ~ /^kmalloc-[0-9]/ { print $1, $2 }' /proc/slabinfo | sort
}

# A storm has thousands of logins and commands: what each leaks is seen.
# kmemleak, on the kernel that has it, sees the rest.
nothing_leaked() {
	local allowed=300
	wait_until 20 slabs_are_back $allowed && return
	join "$TMP/before" "$TMP/after" | awk '$3 > $2 { print $1, $2, "->", $3 }'
	return 1
}

slabs_are_back() {
	slabs >"$TMP/after"
	join "$TMP/before" "$TMP/after" | awk -v max="$1" '$3 > $2 + max { bad = 1 } END { exit bad }'
}

# The first time, caches are filled that stay.
warm_up() {
	setup && storm $((5 * SCALE)) && no_session_left && everything_goes && slabs >"$TMP/before"
}

plan 8
check "a first storm, for what stays" warm_up
check "a target" setup
check "J16: $COUNT initiators and changes, $seconds s" storm_with_changes "$seconds"
check "all sessions end" no_session_left
check "nothing stays in D state" nothing_blocked
check "everything can be taken away" everything_goes
check "no memory is lost" nothing_leaked
check "the kernel has not complained" no_splat
