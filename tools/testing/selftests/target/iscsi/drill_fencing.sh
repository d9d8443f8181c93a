#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A cluster of three nodes (open-iscsi, one initiator name each) that fence each
# other by reservations: all are registered, one holds "write exclusive,
# registrants only". A node that writes is cut off in mid-write. Another one
# preempts and aborts it: when that command has returned nothing of what the dead
# node wrote reaches the disk any more, neither what the target has nor what the
# node sends when its link is back. It is refused until it registers again.
#
# Node a has two paths, and uses mpathpersist; b and c have one each, and use
# sg_persist. The disk takes a while for each write.

WANT_UDEV=1	# multipath knows disks by what udev's rules say of them
. "$(dirname "$0")/drill_lib.sh"

NAME=fencing
NS=tiscsi-fencing
NET=198.51.100
CONF=/etc/multipath/conf.d/drill.conf
IBLOCK=$CORE/iblock_7144/fencing
DM=tiscsi-slow
# Links of the nodes; each has a portal group, of the same number.
declare -A LINKS=([a]="1 2" [b]=3 [c]=4) KEY=([a]=0xa1 [b]=0xb2 [c]=0xc3)
declare -A disk=() writers=()
MIB=4
WRITERS=6	# and as many writes at once
DELAY=150	# ms that a write takes
rounds=$(long_or 100 4)
MAP=

initiator() { echo "$BASE:node-$1"; }

# ---- the target ----

slow_disk() {
	truncate -s ${MIB}M "$TMP/disk" && LOOP=$(losetup -f --show "$TMP/disk") &&
		dmsetup create $DM --table "0 $((MIB * 2048)) delay $LOOP 0 0 $LOOP 0 $DELAY" &&
		dmsetup mknodes $DM && mk $IBLOCK &&
		put "udev_path=$(realpath /dev/mapper/$DM)" $IBLOCK/control &&
		put 7144-fencing $IBLOCK/wwn/vpd_unit_serial && put 1 $IBLOCK/enable
}

# link NUMBER: a cable between the initiator and a portal group.
link_make() {
	local t
	t=$(tpg_dir $NAME "$1")
	ip link add "tiscsi-f$1" type veth peer name "eth$1" netns $NS &&
		ip addr add "$NET.$((4 * $1 + 1))/30" dev "tiscsi-f$1" &&
		ip link set "tiscsi-f$1" up &&
		ip -n $NS addr add "$NET.$((4 * $1 + 2))/30" dev "eth$1" &&
		ip -n $NS link set "eth$1" up && mk "$t/lun/lun_0" &&
		nsenter --net=/run/netns/$NS mkdir -p "$t/np/$(portal "$1")" &&
		put 0 "$t/attrib/authentication" && tpg_demo "$t" &&
		ln -s $IBLOCK "$t/lun/lun_0/disk" && tpg_on "$t"
}

portal() { echo "$NET.$((4 * $1 + 2)):3260"; }

setup() {
	local l
	module_load && slow_disk && ip netns add $NS || return
	for l in 1 2 3 4; do link_make $l || return; done
	initiator_start
}

# ---- the nodes ----

node_enter() {
	local l i=tiscsi-node-$1
	adm -m iface -I "$i" -o new >/dev/null &&
		adm -m iface -I "$i" -o update -n iface.initiatorname \
			-v "$(initiator "$1")" >/dev/null || return
	for l in ${LINKS[$1]}; do
		adm -m node -T "$BASE:$NAME" -p "$(portal "$l")" -I "$i" -o new >/dev/null &&
			adm -m node -T "$BASE:$NAME" -p "$(portal "$l")" -I "$i" --login || return
	done
}

enter() {
	local n
	for n in a b c; do node_enter $n || return; done
	wait_until 30 disks_are_there && map_make
}

# Sets disk[LINK].
disks_are_there() {
	local s d tag
	for s in $(sessions_of $NAME); do
		read -r tag <"$SESSIONS/$s/tpgt" || return
		for d in "$SESSIONS/$s"/device/target*/*:*:*:0/block/*; do
			disk[$tag]=/dev/${d##*/}
		done
	done
	[ ${#disk[@]} = 4 ]
}

# The nodes are one machine, to multipath: it must not see those of the others.
map_make() {
	mkdir -p ${CONF%/*}
	cat >$CONF <<-CONF_END
	defaults {
		find_multipaths no
		user_friendly_names no
		reservation_key ${KEY[a]}
	}
	blacklist {
		devnode "^(${disk[3]##*/}|${disk[4]##*/})$"
	}
	overrides {
		path_grouping_policy multibus
		no_path_retry fail
	}
	CONF_END
	multipathd -d -s >"$TMP/multipathd" 2>&1 &
	multipathd_pid=$!
	wait_until 60 map_is_there
}

map_is_there() {
	local d uuid
	for d in /sys/block/dm-*; do
		read -r uuid <"$d/dm/uuid" && [[ $uuid == mpath-* ]] || continue
		d=("$d"/slaves/*)
		[ ${#d[@]} = 2 ] && MAP=${d[0]%/slaves*} && MAP=/dev/${MAP##*/} && return
	done
	return 1
}

# A map may be open a moment longer.
map_gone() { limited 30 multipath -F; [ ! -e "/sys/block/${MAP##*/}" ]; }

device() { case $1 in a) echo "$MAP" ;; b) echo "${disk[3]}" ;; c) echo "${disk[4]}" ;; esac; }

# persist NODE OPTION... : with the tool that the node has.
persist() {
	local n=$1
	shift
	if [ "$n" = a ]; then
		limited 60 mpathpersist "$@" "$MAP"
	else
		limited 60 sg_persist --no-inquiry "$@" "$(device "$n")"
	fi
}

# Unit attentions are for the command after them.
attentions() {
	local d
	for d in "${disk[@]}"; do sg_turs -n 4 "$d" >/dev/null; done
	return 0
}

register() { attentions; persist "$1" --out --register-ignore --param-sark="${KEY[$1]}"; }
reserve() {
	persist "$1" --out --reserve --param-rk="${KEY[$1]}" --prout-type=5 && holder=$1
}

release() { persist "$1" --out --release --param-rk="${KEY[$1]}" --prout-type=5; }

fence() {
	persist "$1" --out "$PREEMPT" --param-rk="${KEY[$1]}" --param-sark="${KEY[$2]}" \
		--prout-type=5 >/dev/null || return
	[ "$holder" != "$2" ] || holder=$1
	holder_is "$holder"
}

holder_is() {
	sg_persist --no-inquiry --in --read-reservation "${disk[1]}" >"$TMP/held"
	grep -q "Key=${KEY[$1]}" "$TMP/held" || { cat "$TMP/held"; return 1; }
}

# Asked for through node a, which does not die.
# keys_are NODE...: those that are registered; of a on both paths.
keys_are() {
	local n want got
	want=$(for n in $*; do echo "${KEY[$n]}"; [ "$n" != a ] || echo "${KEY[a]}"; done |
		sort | tr '\n' ' ')
	got=$(sg_persist --no-inquiry --in --read-keys "${disk[1]}" |
		sed -n 's/^ *\(0x[0-9a-f]*\)$/\1/p' | sort | tr '\n' ' ')
	[ "$got" = "$want" ] || { echo "keys: $got, not $want"; return 1; }
}

all_register() {
	local n
	for n in a b c; do register $n || return; done
	keys_are a b c && reserve a
}

# ---- a node that dies ----

# Each writer has one write under way, of 64 KiB, and ends when one fails.
write_on() {
	local dev=$1 stamp=$2 w
	for ((w = 0; w < WRITERS; w++)); do
		while dd if="$stamp" of="$dev" bs=64k seek=$((w * 8)) count=8 oflag=direct \
			conv=notrunc,nocreat 2>"$TMP/writer.$w"; do :; done &
		writers[$w]=$!
	done
}

writers_end() {
	local w
	for w in "${!writers[@]}"; do
		wait_until 60 gone "${writers[$w]}" || return
		wait "${writers[$w]}"
		grep -q 'Invalid exchange' "$TMP/writer.$w" || { cat "$TMP/writer.$w"; return 1; }
	done
	writers=()
}

# What the disk really has, beneath the delay.
region() { head -c $((WRITERS * 8 * 65536)) "$TMP/disk" | md5sum; }
has_stamp() { grep -qaF "$1" "$TMP/disk"; }

links() {
	local l
	for l in ${LINKS[$1]}; do ip link set "tiscsi-f$l" "$2" || return; done
}

may_write() { dd if=/dev/zero of="$(device "$1")" bs=4096 seek=$((MIB * 256 - 1)) count=1 oflag=direct 2>&1; }
may_read() { dd if="$(device "$1")" of=/dev/null bs=4096 count=1 iflag=direct 2>&1; }

# one ROUND VICTIM OTHER: OTHER fences VICTIM.
one() {
	local dead=$2 by=$3 stamp="round $1 of node $2." snapshot later
	yes "$stamp" | head -c $((8 * 65536)) >"$TMP/stamp"
	write_on "$(device "$dead")" "$TMP/stamp"
	wait_until 30 has_stamp "$stamp" || return
	nap "0.$((RANDOM % 4))$((RANDOM % 10))"
	links "$dead" down
	fence "$by" "$dead" || return
	snapshot=$(region)
	may_write "$by" >/dev/null || return
	links "$dead" up
	writers_end || return
	later=$(region)
	[ "$snapshot" = "$later" ] || { echo "a write landed after node $dead was fenced"; return 1; }
	attentions
	! may_write "$dead" || { echo "node $dead may write"; return 1; }
	may_read "$dead" >/dev/null && keys_are "${nodes[@]/$dead}"
}

# The others fence b and c in turn, who hold the reservation every other time.
fencing() {
	local i nodes=(a b c) dead=(b b c c) by=(a c a b)
	for ((i = 0; i < rounds; i++)); do
		if [ $((i / 4 % 2)) != $((i % 2)) ]; then
			release "$holder" >/dev/null && attentions &&
				reserve "${dead[i % 4]}" >/dev/null || return
		fi
		one $i "${dead[i % 4]}" "${by[i % 4]}" || { echo "round $i"; return 1; }
		register "${dead[i % 4]}" >/dev/null && keys_are a b c &&
			may_write "${dead[i % 4]}" >/dev/null || return
	done
	echo "$rounds times"
}

cleanup() {
	local rc=0 l n
	for n in "${writers[@]}"; do kill "$n"; done
	for n in a b c; do links $n up; done
	[ -z "$MAP" ] || wait_until 30 map_gone || rc=1
	if [ -n "${multipathd_pid-}" ]; then
		kill -TERM "$multipathd_pid"
		wait_until 20 gone "$multipathd_pid" || rc=1
	fi
	rm -f $CONF
	initiator_stop || rc=1
	for n in a b c; do iscsiadm -m iface -I tiscsi-node-$n -o delete; done
	config_down || rc=1
	[ ! -d $IBLOCK ] || rmdir $IBLOCK ${IBLOCK%/*} || rc=1
	dmsetup remove --retry $DM
	[ -z "${LOOP-}" ] || losetup -d "$LOOP"
	[ ! -e /run/netns/$NS ] || ip netns del $NS
	return $rc
}

PREEMPT=--preempt-abort
plan 5
for t in multipathd mpathpersist sg_persist nsenter; do
	command -v $t >/dev/null || skip_all "no $t"
done
modprobe -a dm-multipath dm-delay loop veth 2>/dev/null || skip_all "no dm-multipath, dm-delay or veth"
check "a slow disk" setup
check "three nodes" enter
check "all register, one reserves" all_register
check "I29, I32: a node that was fenced writes nothing any more" fencing
check "nothing in the kernel's log" no_splat
