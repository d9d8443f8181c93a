#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Everything that can be configured is taken away while it is used: that
# returns within seconds, ends the sessions concerned and no others, leaves
# nothing in D state, and what is made again works.

. "$(dirname "$0")/drill_lib.sh"

LIMIT=5		# seconds that any removal may take
PORTAL2=127.0.0.1:3262
GO=$(tpg_dir go)
KEEP=$(tpg_dir keep)
rounds=$(long_or 5 1)
cycles=$(long_or 100 10)
# Bursts that leave an emulated processor some time for the rest.
go_load=$(long_or "" "--thinktime=50ms --thinktime_blocks=16")

setup() {
	modprobe dm-mod && modprobe brd rd_nr=1 rd_size=32768 && udevadm settle || return
	module_load && ramdisk a 32 && ramdisk b 32 && ramdisk keep 32 &&
		tpg "$KEEP" $PORTAL && tpg_demo "$KEEP" && lun "$KEEP" 0 keep &&
		tpg_on "$KEEP" && initiator_start && record keep && record go &&
		record go $PORTAL2 && log_in keep && wait_until 20 has_disks keep 0 &&
		load_start keep "$(disk_of keep 0)" -- --rate_iops=30
}

# go_up [demo]: the target that goes, as far as it is not there. Two portals,
# one of them shared with the target that stays; an ACL, or demo mode. LUNs 1
# and 2: the core has something of its own where LUN 0 is missing.
go_up() {
	[ -d "$GO" ] || tpg "$GO" $PORTAL $PORTAL2 || return
	mk "$GO/np/$PORTAL" && go_lun 1 a && go_lun 2 b || return
	if [ "${1-}" = demo ]; then
		tpg_demo "$GO" || return
	else
		go_mapped 1 && go_mapped 2 || return
	fi
	tpg_on "$GO"
}

go_lun() { [ -d "$GO/lun/lun_$1" ] || lun "$GO" "$1" "$2"; }
go_mapped() { [ -d "$GO/acls/$INITIATOR/lun_$1" ] || mapped_lun "$GO" "$INITIATOR" "$1"; }

# busy [demo]: it is there, made from scratch, and used.
busy() {
	# shellcheck disable=SC2086 # options
	give_up && target_remove go && go_up "${1-}" && log_in go &&
		wait_until 20 has_disks go 1 2 &&
		load_start go "$(disk_of go 1)" "$(disk_of go 2)" -- $go_load &&
		wait_until 30 moving "$(disk_of go 1)" && wait_until 30 moving "$(disk_of go 2)"
}

# parts_of WHAT: what is taken away for it, in order.
parts_of() {
	local m=$GO/acls/$INITIATOR
	case $1 in
	lun) echo "$GO/lun/lun_1/a" "$GO/lun/lun_1" ;;
	mapped_lun) echo "$m/lun_1/lun" "$m/lun_1" ;;
	lun_and_mapping) echo "$GO/lun/lun_1/a" "$m/lun_1/lun" "$m/lun_1" "$GO/lun/lun_1" ;;
	acl) echo "$m"/lun_1{/lun,} "$m"/lun_2{/lun,} "$m" ;;
	live_acl) echo "$m" ;;
	portal) echo "$GO/np/$PORTAL" ;;
	enable) echo "$GO/enable=0" ;;
	tpg) tpg_parts "$GO" ;;
	target) tpg_parts "$GO"; echo "${GO%/*}" ;;
	esac
}

# go_without WHAT: no name here has a blank.
go_without() {
	# The ACL that demo mode made becomes one that can be removed.
	[ "$1" != live_acl ] || mkdir "$GO/acls/$INITIATOR" || return
	# shellcheck disable=SC2046
	take_away $LIMIT $(parts_of "$1")
}

# Whoever stays has not noticed.
keep_runs() {
	load_runs keep && [ "$(logged_in keep)" = 1 ] && sessions_are keep 1 &&
		wait_until 30 moving "$(disk_of keep 0)" && return
	echo "the target that was left alone suffered"
	return 1
}

logged_in() {
	local s n=0
	for s in $(sessions_of "$1"); do
		[ "$(cat "$SESSIONS/$s/state")" != LOGGED_IN ] || n=$((n + 1))
	done
	echo $n
}

# The initiator gives up: its users get their errors and the session goes.
give_up() {
	local p rc=0
	if ! no_session go; then
		for p in $PORTAL $PORTAL2; do log_out go $p; done >/dev/null 2>&1
		wait_until 30 no_session go || rc=1
	fi
	if [ -n "${load_pid[go]-}" ]; then
		wait_until 30 gone "${load_pid[go]}" || rc=1
		load_stop go >/dev/null
	fi
	return $rc
}

# It can be made again and used.
comes_back() {
	go_up "${1-}" && log_in go && wait_until 20 has_disks go 1 2 || return
	dd if="$(disk_of go 1)" of=/dev/null bs=64k count=8 iflag=direct status=none &&
		dd if="$(disk_of go 2)" of=/dev/null bs=64k count=8 iflag=direct status=none &&
		log_out go >/dev/null && wait_until 20 sessions_are go 0
}

# no_sessions_left: of the target that goes, whether or not it is still there.
no_sessions_left() { [ ! -d "$GO" ] || sessions_are go 0; }

# ends_session WHAT [demo]: taking it away ends the sessions of go.
ends_session() {
	busy "${2-}" && go_without "$1" && wait_until $LIMIT no_sessions_left &&
		keep_runs && nothing_blocked && give_up && comes_back "${2-}"
}

# ends_lun WHAT [demo]: LUN 1 is gone, LUN 2 of the same session goes on.
ends_lun() {
	busy "${2-}" && go_without "$1" && lun_is_refused &&
		wait_until 30 moving "$(disk_of go 2)" && keep_runs && nothing_blocked &&
		give_up && comes_back "${2-}"
}

# An error, or nothing if the initiator has found out that it is gone.
lun_is_refused() {
	local d
	d=$(disk_of go 1)
	[ -z "$d" ] || [ "$(limited 20 dd if="$d" bs=4k count=1 iflag=direct status=none | wc -c)" = 0 ]
}

# The session of the other portal lives on, and so does what shares this one.
ends_portal() {
	local s
	busy && log_in go $PORTAL2 && sessions_are go 2 || return
	s=$(sessions_of go | tail -n1)
	go_without portal && wait_until $LIMIT sessions_are go 1 &&
		keep_runs && nothing_blocked && [ "$(cat "$SESSIONS/$s/state")" = LOGGED_IN ] &&
		give_up && comes_back
}

# Enabled again, it has its sessions back by themselves.
disabled_and_enabled() {
	busy && go_without enable && wait_until $LIMIT sessions_are go 0 &&
		keep_runs && nothing_blocked && tpg_on "$GO" &&
		wait_until 20 session_state_is go LOGGED_IN && sessions_are go 1 && give_up
}

# ---- a backend that does not answer ----

stuck_up() {
	target_remove go &&
		dmsetup create drill --table "0 65536 linear /dev/ram0 0" && udevadm settle &&
		mk $STUCK && put "udev_path=$(realpath /dev/mapper/drill)" $STUCK/control &&
		put 1 $STUCK/enable && tpg "$GO" $PORTAL $PORTAL2 && tpg_demo "$GO" &&
		mk "$GO/lun/lun_0" && ln -s $STUCK "$GO/lun/lun_0/stuck" && tpg_on "$GO"
}

stuck_down() {
	local rc=0
	dmsetup resume drill || rc=1
	target_remove go || rc=1
	[ ! -d $STUCK ] || rmdir $STUCK ${STUCK%/*} || rc=1
	dmsetup remove --retry drill || rc=1
	return $rc
}

# With requests in a backend that keeps them a portal can be removed, the
# portal group be disabled, and others work and log in. When the backend goes
# on, the rest goes too.
stuck_backend() {
	local rc=0
	stuck_up && log_in go && wait_until 20 has_disks go 0 &&
		load_start go "$(disk_of go 0)" && wait_until 10 moving "$(disk_of go 0)" &&
		dmsetup suspend --noflush --nolockfs drill &&
		wait_until 10 not_moving "$(disk_of go 0)" &&
		go_without portal && go_without enable &&
		keep_runs && "$HERE/drill_raw.py" churn 5 $PORTAL "$BASE:keep" || rc=1
	dmsetup resume drill || return
	wait_until 10 sessions_are go 0 && give_up && nothing_blocked || rc=1
	stuck_down && return $rc
}

not_moving() { ! moving "$1"; }

# ---- the module ----

module_is_held() { ! rmmod tcm_iscsi && [ -d /sys/module/tcm_iscsi ] && keep_runs; }

everything_goes() {
	load_stop keep && log_out keep >/dev/null && target_remove keep &&
		target_remove go && initiator_stop && config_down
}

# The fabric's directory alone holds it, too.
load_and_unload() {
	local i
	! rmmod tcm_iscsi && rmdir $FABRIC || return
	for ((i = 0; i < cycles; i++)); do
		within 20 rmmod tcm_iscsi && module_load && rmdir $FABRIC || return
	done
	module_load
}

cleanup() {
	local rc=0 name
	for name in "${!load_pid[@]}"; do kill -INT "${load_pid[$name]}"; done
	! dmsetup info drill >/dev/null 2>&1 || stuck_down || rc=1
	initiator_stop || rc=1
	config_down || rc=1
	[ ! -d /sys/module/brd ] || modprobe -r brd
	return $rc
}

STUCK=$CORE/iblock_7144/stuck
for t in fio dmsetup; do command -v $t >/dev/null || missing=$t; done
plan $((10 * rounds + 6))
[ -z "${missing-}" ] || skip_all "no $missing"
check "a target that stays, and its load" setup
for ((round = 0; round < rounds; round++)); do
	check "J16: a LUN goes under I/O" ends_lun lun demo
	check "J16: a LUN goes under I/O, its mapping after it" ends_lun lun_and_mapping
	check "J16: a mapped LUN goes under I/O" ends_lun mapped_lun
	check "J16: an ACL goes under I/O" ends_session acl
	check "J16: an ACL made of a running session goes" ends_session live_acl demo
	check "J16: a portal goes under I/O" ends_portal
	check "J16: a portal group is disabled under I/O" disabled_and_enabled
	check "J16: a portal group goes under I/O" ends_session tpg
	check "J16: a target goes under I/O" ends_session target
	check "J16: a backend that is stuck holds nobody else" stuck_backend
done
check "the module cannot be removed while it is used" module_is_held
check "everything can be taken away" everything_goes
check "the module loads and unloads $cycles times" load_and_unload
check "nothing stays in D state" nothing_blocked
check "the kernel has not complained" no_splat
