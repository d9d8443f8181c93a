# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# In the guest: one LUN on a ramdisk that moves no data, behind the target
# under test, and the kernel's initiator logged in to it over TCP loopback.
# Sourced by the scripts that measure. What is not set here is as configfs
# and open-iscsi have it by default, the same for every target.

cfs=/sys/kernel/config/target
iqn=iqn.2003-01.org.example:bench
addr=127.0.0.1:3260

fail() { echo "error: $*" >&2; exit 1; }

# until_true WHAT COMMAND... : poll, for 20 s of the guest's clock.
until_true() {
	local what=$1 end=$((SECONDS + 20))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "waited in vain for $what"
		sleep 0.02
	done
}

make_backend() {
	modprobe target_core_mod || fail "no target core"
	mkdir -p $cfs/core/rd_mcp_0/bench
	echo rd_pages=262144,rd_nullio=1 >$cfs/core/rd_mcp_0/bench/control
	echo 6b1f7d0a-0000-4000-8000-000000000001 >$cfs/core/rd_mcp_0/bench/wwn/vpd_unit_serial
	echo 1 >$cfs/core/rd_mcp_0/bench/enable || fail "no ramdisk"
}

# link_lun TPG-DIRECTORY
link_lun() {
	mkdir -p "$1/lun/lun_0"
	ln -s $cfs/core/rd_mcp_0/bench "$1/lun/lun_0/bench" || fail "no LUN"
}

start_iscsi() {
	local tpg=$cfs/iscsi/$iqn/tpgt_1 a

	mkdir -p $cfs/iscsi "$tpg" || fail "no target"
	for a in authentication=0 generate_node_acls=1 demo_mode_write_protect=0; do
		echo "${a#*=}" >"$tpg/attrib/${a%=*}" || fail "$a"
	done
	link_lun "$tpg"
	mkdir "$tpg/np/$addr" || fail "no portal"
	echo 1 >"$tpg/enable" || fail "cannot enable"

	modprobe iscsi_tcp || fail "no initiator"
	iscsid || fail "no iscsid"
	iscsiadm -m node -o new -T $iqn -p $addr >/dev/null || fail "no node record"
}

start_loop() {
	local tpg=$cfs/loopback/naa.6001405000000001/tpgt_1

	modprobe tcm_loop || fail "no tcm_loop"
	mkdir -p $cfs/loopback "$tpg" || fail "no loopback target"
	echo naa.6001405000000002 >"$tpg/nexus" || fail "no nexus"
	link_lun "$tpg"
}

# start_target tcm_iscsi|iscsi_target_mod|tcm_loop
start_target() {
	target=$1
	make_backend
	case $target in
	tcm_loop) start_loop; return ;;
	tcm_iscsi|iscsi_target_mod) modprobe "$target" || fail "cannot load $target" ;;
	*) fail "unknown target '$target'" ;;
	esac
	start_iscsi
	[ "$target" = iscsi_target_mod ] || [ ! -d /sys/module/iscsi_target_mod ] ||
		fail "iscsi_target_mod was loaded"
}

find_disk() {
	local d
	for d in /sys/block/sd*; do
		[ -e "$d/device/model" ] || continue
		case $(cat "$d/device/model") in
		*RAMDISK*|bench*) [ -b "/dev/${d##*/}" ] && disk=${d##*/} && return ;;
		esac
	done
	return 1
}

no_disk() { ! find_disk; }

# use_digests none|crc32c : log in so, leave $disk set.
use_digests() {
	local d=None k

	if [ "$target" != tcm_loop ]; then
		[ "$1" = none ] || d=CRC32C
		if [ -n "${digests-}" ]; then
			iscsiadm -m node -T $iqn -p $addr -u >/dev/null || fail "logout"
			until_true "the disk to go" no_disk
		fi
		for k in HeaderDigest DataDigest; do
			iscsiadm -m node -T $iqn -p $addr -o update \
				-n "node.conn[0].iscsi.$k" -v $d || fail "$k"
		done
		iscsiadm -m node -T $iqn -p $addr -l >/dev/null || fail "login"
	fi
	digests=$1
	until_true "the disk" find_disk
	udevadm settle --timeout=20
	echo none >"/sys/block/$disk/queue/scheduler"
}
