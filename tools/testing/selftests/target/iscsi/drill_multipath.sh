#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dm-multipath over two portal groups of a disk, with "prio alua": the path
# groups follow the states of the target port groups, written on the target or
# set by the host, within a checker interval, while fio writes and verifies.

WANT_UDEV=1	# multipathd knows disks by what udev's rules say of them
. "$(dirname "$0")/drill_lib.sh"

PORTALS=(127.0.0.1:3260 127.0.0.2:3260)
GROUPS_ID=(21 22)
INTERVAL=5
CONF=/etc/multipath/conf.d/drill.conf
multipathd_pid=
MAP=

setup() {
	local i t
	for t in multipathd dmsetup sg_stpg; do
		command -v $t >/dev/null || skip_all "no $t"
	done
	modprobe dm-multipath && modprobe scsi_dh_alua || skip_all "no dm-multipath"
	module_load && ramdisk mp 32 || return
	for i in 0 1; do
		t=$(tpg_dir mp $((i + 1)))
		tpg "$t" "${PORTALS[i]}" && tpg_demo "$t" && lun "$t" 0 mp &&
			group ${GROUPS_ID[i]} "$t/lun/lun_0" && tpg_on "$t" || return
	done
	initiator_start
}

# group ID LUN: a target port group with one port. Only the target changes its
# state: a host that may do so, too, does when it finds another one than it wants.
group() {
	local d=$HBA/mp/alua/g$1
	mk "$d" && put "$1" "$d/tg_pt_gp_id" && put 1 "$d/alua_access_type" &&
		put "g$1" "$2/alua_tg_pt_gp"
}

# host_decides: what the initiator learns when it logs in.
host_decides() {
	local id p
	for id in "${GROUPS_ID[@]}"; do
		put 0 "$HBA/mp/alua/g$id/alua_access_state" &&
			put 3 "$HBA/mp/alua/g$id/alua_access_type" || return
	done
	map_down && for p in "${PORTALS[@]}"; do log_out mp "$p" || return; done
	for p in "${PORTALS[@]}"; do log_in mp "$p" || return; done
	wait_until 60 map_is_there && wait_until 30 groups_are 0,1 && verify
}

# Whoever looked at it a moment ago, udev or multipathd, may still have it open.
map_gone() { limited 30 multipath -F; [ ! -e "/sys/block/${MAP##*/}" ]; }

map_down() {
	load_stop verify && wait_until 30 map_gone && MAP=
}

# set_state NR STATE: by an administrator.
set_state() { put "$2" "$HBA/mp/alua/g${GROUPS_ID[$1]}/alua_access_state"; }

paths_up() {
	local p
	mkdir -p ${CONF%/*}
	cat >$CONF <<-CONF_END
	defaults {
		polling_interval $INTERVAL
		max_polling_interval $INTERVAL
		find_multipaths no
		user_friendly_names no
	}
	overrides {
		detect_prio no
		prio alua
		path_grouping_policy group_by_prio
		path_checker tur
		failback immediate
		no_path_retry 12
	}
	CONF_END
	multipathd -d -s >"$TMP/multipathd" 2>&1 &
	multipathd_pid=$!
	for p in "${PORTALS[@]}"; do record mp "$p" && log_in mp "$p" || return; done
	wait_until 60 map_is_there && wait_until 30 groups_are 0,1
}

# Sets MAP, and the numbers of the disks in the order of the portals.
map_is_there() {
	local d uuid s c disk nr address
	for d in /sys/block/dm-*; do
		read -r uuid <"$d/dm/uuid" && [[ $uuid == mpath-* ]] && MAP=/dev/${d##*/}
	done
	[ -n "$MAP" ] || return
	devs=()
	for s in $(sessions_of mp); do
		c=/sys/class/iscsi_connection/connection${s#session}:0
		for disk in "$SESSIONS/$s"/device/target*/*:*:*:0/block/*; do
			read -r nr <"$disk/dev" && read -r address <"$c/address" || return
			devs[${address##*.}-1]=$nr
			disks[${address##*.}-1]=/dev/${disk##*/}
		done
	done
	[ ${#devs[@]} = 2 ]
}

# groups_are GROUP...: the path groups, the one in use first, without paths that have
# failed: what multipathd takes these for depends on when it looked; "0,1" is both
# portals in one. What is used and which group it is come from the kernel.
groups_are() {
	local word before='' state='' first='' rest='' now=''
	for word in $(dmsetup status "$MAP") G; do
		if [[ $word == [AEDG] && ! $before == *:* ]]; then
			[ "$state" != A ] || first=$now
			[[ $state != [ED] || -z $now ]] || rest+=" $now"
			state=$word now=
		elif [ "$word" = "${devs[0]}" ]; then
			now+=${now:+,}0
		elif [ "$word" = "${devs[1]}" ]; then
			now+=${now:+,}1
		elif [[ $word == F && $before == *:* ]]; then
			now=${now%[01]} now=${now%,}
		fi
		before=$word
	done
	[ "$first" = 1,0 ] && first=0,1
	[ "$first$rest" = "$*" ]
}

# follow GROUP...: in a checker interval; more, for a machine that is busy.
follow() {
	local start
	now_ms
	start=$NOW
	wait_until $((4 * INTERVAL)) groups_are "$@" || {
		dmsetup status "$MAP"
		tail -n 20 "$TMP/multipathd"
		return 1
	}
	now_ms
	echo "path groups $* after $((NOW - start)) ms"
	wait_until 30 moving "$MAP"
}

verify() {
	load_start verify "$MAP" -- --verify=crc32c --verify_backlog=128 \
		--verify_fatal=1 --randseed="$SEED"
	wait_until 30 moving "$MAP"
}

# by_target STATE0 STATE1 GROUP...: what gets better does so first.
by_target() {
	local a=$1 b=$2
	shift 2
	if [ "$a" -lt "$b" ]; then
		set_state 0 "$a" && set_state 1 "$b"
	else
		set_state 1 "$b" && set_state 0 "$a"
	fi && follow "$@"
}

# by_host STATE0 STATE1 GROUP...: by a command. The host's alua handler sends one of
# its own when a path group is taken into use, and makes all paths of it active and
# optimized; multipathd puts a path that has just failed where it last was. So none
# may fail here: in standby or unavailable it would be fetched back at once.
by_host() {
	local a=$1 b=$2
	shift 2
	sg_stpg --tp=${GROUPS_ID[0]},${GROUPS_ID[1]} --state="$a,$b" "${disks[0]}" &&
		follow "$@"
}

# rounds COMMAND STATES GROUPS [STATES GROUPS]...: again and again, with no error.
rounds() {
	local how=$1 n i
	shift
	for ((n = 0; n < $(long_or 50 1); n++)); do
		for ((i = 1; i < $#; i += 2)); do
			# shellcheck disable=SC2086 # two numbers each
			$how ${!i} ${*:i+1:1} || return
		done
	done
	load_runs verify
}

paths_down() {
	local rc=0
	[ -z "$MAP" ] || wait_until 30 map_gone || rc=1
	if [ -n "$multipathd_pid" ]; then
		kill -TERM "$multipathd_pid"
		wait_until 20 gone "$multipathd_pid" || rc=1
	fi
	rm -f $CONF
	MAP='' multipathd_pid=''
	return $rc
}

cleanup() {
	local rc=0 name d
	for name in "${!load_pid[@]}"; do load_stop "$name"; done
	paths_down || rc=1
	initiator_stop || rc=1
	for d in $HBA/mp/alua/g*; do rmdir "$d" || rc=1; done
	config_down || rc=1
	return $rc
}

plan 8
check "a disk in two portal groups, each a target port group" setup
check "two paths, one path group" paths_up
check "fio writes and verifies" verify
check "path groups follow the target" rounds by_target "0 2" "0 1" "2 0" "1 0" "0 1" "0 1"
check "no request has failed; now the host may change the states" host_decides
check "path groups follow the host" \
	rounds by_host "0 1" "0 1" "1 0" "1 0" "0 0" 0,1
check "no request has failed" load_stop verify
check "nothing in the kernel's log" no_splat
