#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is kept of reservations and of the states of target port groups, after a
# power cut: the state of the last command that was answered, or of the one that
# was under way, and nothing else; and the unit is served.
#
# What the file system writes to its disk, and when it has it flushed, is
# recorded (dm-log-writes) while commands are sent. Then the disk is made as a
# power cut could have left it, at many places of the record.
#
# usage: drill_powercut.sh          all of that
#        drill_powercut.sh boot N CUTS
#                                   on the disk of a machine whose power will be
#                                   cut that often, when it boots for the Nth
#                                   time; see tools/testing/drills/power-cut

. "$(dirname "$0")/drill_lib.sh"

DM=tiscsi-powercut
DBROOT=
count=$(long_or 150 25)
cuts=$(long_or 100 5)

python() { python3 -ESs "$HERE/drill_powercut.py" "$@"; }

setup() {
	local n t
	module_load || return
	read -r DBROOT <$CFS/target/dbroot
	mk "$DBROOT" || return
	for n in 1 2; do
		t=$(tpg_dir powercut $n)
		tpg "$t" 127.0.0.1:$((3259 + n)) && tpg_demo "$t" && tpg_on "$t" || return
	done
}

# disks FS MIB: one with a file system, a copy of that, and one for the log.
disks() {
	truncate -s "$2M" "$TMP/disk" && truncate -s 256M "$TMP/log" &&
		"mkfs.$1" -q "$TMP/disk" && cp --sparse=always "$TMP/disk" "$TMP/image" &&
		disk=$(losetup -f --show "$TMP/disk") && log=$(losetup -f --show "$TMP/log") &&
		dmsetup create $DM --table "0 $(($2 * 2048)) log-writes $disk $log" &&
		dmsetup mknodes $DM
}

undisks() {
	local rc=0
	! mountpoint -q "$DBROOT" || umount "$DBROOT" || rc=1
	! dmsetup info $DM >/dev/null 2>&1 || dmsetup remove --retry $DM || rc=1
	[ -z "${disk-}" ] || losetup -d "$disk" || rc=1
	[ -z "${log-}" ] || losetup -d "$log" || rc=1
	disk='' log=''
	return $rc
}

record() {
	rm -f "$TMP"/{disk,log,image,journal}
	disks "$@" && mount /dev/mapper/$DM "$DBROOT" &&
		python write "$SEED" "$count" "$TMP/journal" $DM && undisks
}

cut() { python cuts "$SEED" "$cuts" "$TMP/journal" "$TMP/log" "$TMP/image"; }

cleanup() {
	local rc=0
	undisks || rc=1
	rmdir $HBA/powercut*/alua/g* 2>/dev/null
	config_down || rc=1
	return $rc
}

# The machine's own disk. What happens to it is in /out, which is the host's. As
# few processes as will do: most of what a cut costs is the boot before it.
boot() {
	local disk=/dev/disk/by-id/virtio-disk0
	[ "$1" != 1 ] || mkfs.ext4 -q $disk || exit 1
	setup && mount $disk "$DBROOT" && python boot "$SEED" "$OUT/journal" "$1" "$2"
	exit
}

[ "${1-}" != boot ] || boot "$2" "$3"
plan 6
modprobe -a dm-mod dm-log-writes loop xfs 2>/dev/null || skip_all "no dm-log-writes"
check "a target" setup
check "commands are recorded, on ext4" record ext4 32
check "I17, K6, H24: power cuts, on ext4" cut
check "commands are recorded, on xfs" record xfs 300
check "I17, K6, H24: power cuts, on xfs" cut
check "nothing in the kernel's log" no_splat
