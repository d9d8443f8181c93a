#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Make ("up") and take away ("down") what the raw-PDU tests log in to, through
# configfs alone.  Works with whichever module registers the fabric
# ($TISCSI_CONFIGFS is its directory); loads tcm_iscsi if none is loaded.
# Directories are made and removed many at a time: on an emulated CPU a
# process costs more than what it does.

set -u
shopt -s nullglob

CFS=/sys/kernel/config
CORE=$CFS/target/core
FABRIC=${TISCSI_CONFIGFS:-$CFS/target/iscsi}
HBA=$CORE/rd_mcp_7143
FULL=$CORE/fileio_7143/full	# no write to it succeeds
BASE=iqn.2003-01.org.example
T1=$FABRIC/$BASE:t1/tpgt_1	# explicit ACLs
T1B=$FABRIC/$BASE:t1/tpgt_2	# demo mode, another portal
T2=$FABRIC/$BASE:t2/tpgt_1	# demo mode, ImmediateData=No
T3=$FABRIC/$BASE:t3/tpgt_1	# never enabled
NR_LONG=4
ACL=$T1/acls/$BASE

die() {
	echo "setup.sh: $*" >&2
	exit 1
}

put() {
	echo "$1" >"$2" || die "cannot write '$1' to $2"
}

mk() {
	mkdir -p "$@" || die "cannot make $*"
}

load() {
	[ -d $CORE ] || modprobe target_core_mod
	[ -d $CFS/target ] || mount -t configfs none $CFS || die "no configfs"
	[ -d "$FABRIC" ] && return
	[ -d /sys/module/tcm_iscsi ] || [ -d /sys/module/iscsi_target_mod ] ||
		modprobe tcm_iscsi || die "no module registers the iSCSI fabric"
	mk "$FABRIC"
}

ramdisks() {
	local d
	mk $HBA/disk0 $HBA/disk1 $HBA/null
	# Of 4 TiB, so that its sense data are in descriptor format.
	put rd_nullio=1,rd_pages=$((1 << 30)) $HBA/null/control
	put rd_pages=16384 $HBA/disk0/control
	put rd_pages=16384 $HBA/disk1/control
	for d in $HBA/*/; do
		d=${d%/}
		[ "${d##*/}" != disk1 ] || put 0 "$d/attrib/emulate_tas"
		put "7143-${d##*/}" "$d/wwn/vpd_unit_serial"
		put 1 "$d/enable"
	done
}

full() {
	mk "$FULL"
	put fd_dev_name=/dev/full,fd_dev_size=1048576 "$FULL/control"
	put 7143-full "$FULL/wwn/vpd_unit_serial"
	put 1 "$FULL/enable"
}

# link FROM TO [FROM TO]...
link() {
	while [ $# -gt 0 ]; do
		ln -s "$1" "$2" || die "cannot link $2 to $1"
		shift 2
	done
}

luns() {
	mk "$T1"/lun/lun_{0,1,2} "$T1B/lun/lun_0" "$T2"/lun/lun_{0,1}
	link $HBA/disk0 "$T1/lun/lun_0/port" \
		$HBA/disk1 "$T1/lun/lun_1/port" \
		$HBA/null "$T1/lun/lun_2/port" \
		$HBA/disk0 "$T1B/lun/lun_0/port" \
		$HBA/disk1 "$T2/lun/lun_0/port" \
		"$FULL" "$T2/lun/lun_1/port"
}

acls() {
	mk "$ACL":{init1,init2}/lun_{0,1} "$ACL:init2/lun_5" \
		"$ACL":{small,pinged}/lun_0
	link "$T1/lun/lun_0" "$ACL:init1/lun_0/lun" \
		"$T1/lun/lun_1" "$ACL:init1/lun_1/lun" \
		"$T1/lun/lun_0" "$ACL:init2/lun_0/lun" \
		"$T1/lun/lun_1" "$ACL:init2/lun_1/lun" \
		"$T1/lun/lun_2" "$ACL:init2/lun_5/lun" \
		"$T1/lun/lun_0" "$ACL:small/lun_0/lun" \
		"$T1/lun/lun_0" "$ACL:pinged/lun_0/lun"
	put 1 "$ACL:init2/lun_1/write_protect"
	put 8 "$ACL:small/cmdsn_depth"
	put 3 "$ACL:pinged/attrib/nopin_timeout"
	put 3 "$ACL:pinged/attrib/nopin_response_timeout"
}

attributes() {
	local t
	for t in "$@"; do put 0 "$t/attrib/authentication"; done
	for t in "${@:3}"; do
		put 1 "$t/attrib/generate_node_acls"
		put 0 "$t/attrib/demo_mode_write_protect"
	done
	put 0 "$T1/attrib/demo_mode_discovery"
	put No "$T1/param/InitialR2T"
	put 8 "$T1/param/MaxOutstandingR2T"
	put 8 "$T1/param/MaxConnections"
	put 2 "$T1/param/ErrorRecoveryLevel"
	put raw-alias "$T1/param/TargetAlias"
	put No "$T2/param/ImmediateData"
}

up() {
	local i t long=()
	[ $EUID = 0 ] || { echo "setup.sh: needs root" >&2; exit 4; }
	load
	down
	# Names of the greatest length, so that SendTargets takes many PDUs.
	for ((i = 0; i < NR_LONG; i++)); do
		printf -v t '%s:long%d-%0193d' $BASE $i 0
		long+=("$FABRIC/$t/tpgt_1")
	done
	ramdisks
	full
	mk "$T1" "$T1B" "$T2" "$T3" "${long[@]}"
	mk "$T1"/np/{127.0.0.1:3260,"[::1]:3260"} "$T1B/np/127.0.0.1:3261" \
		"$T2"/np/{127.0.0.1:3260,"[::1]:3260"} "$T3/np/127.0.0.1:3260" \
		"${long[@]/%//np/127.0.0.1:3260}"
	attributes "$T1" "$T3" "$T1B" "$T2" "${long[@]}"
	luns
	acls
	for t in "$T1" "$T1B" "$T2" "${long[@]}"; do put 1 "$t/enable"; done
}

no_discovery_auth() {
	local f
	put 0 "$FABRIC/discovery_auth/enforce_discovery_auth"
	for f in "$FABRIC"/discovery_auth/{userid,password}{,_mutual}; do
		put NULL "$f"
	done
}

# Unlink and remove everything of ours, inmost first.
down() {
	local t=("$FABRIC/$BASE":*) e
	no_discovery_auth
	for e in "$FABRIC/$BASE":*/tpgt_*/enable; do echo 0 2>/dev/null >"$e"; done
	if [ ${#t[@]} -gt 0 ]; then
		find "${t[@]}" -path '*/acls/*/lun_*/*' -type l -delete
		find "${t[@]}" -path '*/lun/lun_*/*' -type l -delete
		rmdir "$FABRIC/$BASE":*/tpgt_*/acls/*/lun_* \
			"$FABRIC/$BASE":*/tpgt_*/acls/*/ \
			"$FABRIC/$BASE":*/tpgt_*/np/*/ \
			"$FABRIC/$BASE":*/tpgt_*/lun/lun_* \
			"$FABRIC/$BASE":*/tpgt_* "${t[@]}" ||
			die "cannot remove the targets"
	fi
	[ ! -d $HBA ] || rmdir $HBA/*/alua/g*/ $HBA/*/ $HBA ||
		die "cannot remove $HBA"
	[ ! -d "$FULL" ] || rmdir "$FULL" "${FULL%/*}" || die "cannot remove $FULL"
}

# A disk that can be made to keep its commands: LUN 7 of init1 and init2.
STUCK=$CORE/iblock_7143/stuck
stuck_up() {
	modprobe -q dm_mod
	[ -b /dev/ram0 ] || modprobe -q brd rd_nr=1 rd_size=32768 || exit 4
	command -v dmsetup >/dev/null || exit 4
	dmsetup create tiscsi_stuck --table "0 65536 linear /dev/ram0 0" || exit 4
	dmsetup mknodes tiscsi_stuck
	mk $STUCK "$T1/lun/lun_7"
	put "udev_path=$(realpath /dev/mapper/tiscsi_stuck)" $STUCK/control
	put 1 $STUCK/enable
	link $STUCK "$T1/lun/lun_7/port"
	mk "$ACL":{init1,init2}/lun_7
	link "$T1/lun/lun_7" "$ACL:init1/lun_7/lun" \
		"$T1/lun/lun_7" "$ACL:init2/lun_7/lun"
}

stick() { dmsetup suspend --noflush --nolockfs tiscsi_stuck; }

unstick() { dmsetup resume tiscsi_stuck; }

stuck_down() {
	unstick
	rm "$ACL":{init1,init2}/lun_7/lun "$T1/lun/lun_7/port" &&
		rmdir "$ACL":{init1,init2}/lun_7 "$T1/lun/lun_7" \
			$STUCK ${STUCK%/*} &&
		dmsetup remove --retry tiscsi_stuck
}

case ${1-} in
up|down|stuck_up|stick|unstick|stuck_down) "$1" ;;
*) die "usage: setup.sh up|down|stuck_up|stick|unstick|stuck_down" ;;
esac
