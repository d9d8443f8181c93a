# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# In the guest: one LUN that moves no data behind the target under test, and
# the kernel's initiator logged in to it over TCP loopback. Sourced by the
# scripts that measure. What is not set here is as configfs and open-iscsi have
# it by default, the same for every target.

cfs=/sys/kernel/config/target
iqn=iqn.2003-01.org.example:bench
ip=127.0.0.1
port=3260
addr=$ip:$port

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
	# The core's reservations fail without it, also those that are not kept.
	mkdir -p "$(cat $cfs/dbroot)/pr"
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

start_initiator() {
	modprobe iscsi_tcp || fail "no initiator"
	iscsid || fail "no iscsid"
	iscsiadm -m node -o new -T $iqn -p $addr >/dev/null || fail "no node record"
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
	start_initiator
}

start_loop() {
	local tpg=$cfs/loopback/naa.6001405000000001/tpgt_1

	modprobe tcm_loop || fail "no tcm_loop"
	mkdir -p $cfs/loopback "$tpg" || fail "no loopback target"
	echo naa.6001405000000002 >"$tpg/nexus" || fail "no nexus"
	link_lun "$tpg"
}

# A target in user space, with a store that moves no data either.
start_tgt() {
	tgtd --iscsi portal=$addr || fail "no tgtd"
	until_true "tgtd" tgtadm --lld iscsi --op show --mode sys
	tgtadm --lld iscsi --op new --mode target --tid 1 -T $iqn || fail "no target"
	tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 \
		--bstype null --backing-store null || fail "no LUN"
	tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL || fail "no access"
	start_initiator
}

# start_target tcm_iscsi|iscsi_target_mod|tgt|tcm_loop
start_target() {
	target=$1
	[ "$target" = tgt ] || make_backend
	case $target in
	tcm_loop) start_loop ;;
	tgt) start_tgt ;;
	tcm_iscsi|iscsi_target_mod)
		modprobe "$target" || fail "cannot load $target"
		start_iscsi
		;;
	*) fail "unknown target '$target'" ;;
	esac
	[ "$target" = iscsi_target_mod ] || [ ! -d /sys/module/iscsi_target_mod ] ||
		fail "iscsi_target_mod was loaded"
}

# Leaves the names of all disks of the target in $disks.
find_disks() {
	local d
	disks=
	for d in /sys/block/sd*; do
		[ -e "$d/device/model" ] || continue
		case $(cat "$d/device/model") in
		*RAMDISK*|bench*|VIRTUAL-DISK*)
			[ ! -b "/dev/${d##*/}" ] || disks="$disks ${d##*/}" ;;
		esac
	done
}

# have_disks N
have_disks() {
	find_disks
	[ "$(wc -w <<<"$disks")" -eq "$1" ]
}

set_node() {
	iscsiadm -m node -T $iqn -p $addr -o update -n "$1" -v "$2" || fail "$1"
}

pr_out() {
	local d
	for d in $disks; do sg_persist --out "$@" "/dev/$d" >/dev/null || return; done
}

# The first session holds a persistent reservation (write exclusive) of the disk.
reserve() { pr_out --register --param-sark=1 && pr_out --reserve --param-rk=1 --prout-type=1; }

# use_sessions N none|crc32c|reserved : log in N times unless it is so already,
# with digests, or with a reservation; leave the disks' names in $disks.
use_sessions() {
	local d=None k

	[ "$*" != "${use-}" ] || return 0
	udevadm control --start-exec-queue
	if [ "$target" != tcm_loop ]; then
		[ "$2" != crc32c ] || d=CRC32C
		if [ -n "${use-}" ]; then
			[[ $use != *reserved ]] || pr_out --clear --param-rk=1 || fail "reservation"
			iscsiadm -m node -T $iqn -p $addr -u >/dev/null || fail "logout"
			until_true "the disks to go" have_disks 0
		fi
		for k in HeaderDigest DataDigest; do
			set_node "node.conn[0].iscsi.$k" $d
		done
		set_node node.session.nr_sessions "$1"
		iscsiadm -m node -T $iqn -p $addr -l >/dev/null || fail "login"
	fi
	use=$*
	until_true "the disks" have_disks "$1"
	udevadm settle --timeout=20
	for d in $disks; do
		echo none >"/sys/block/$d/queue/scheduler"
	done
	[ "$2" != reserved ] || reserve || fail "no reservation"
	# It would look at each disk that fio has opened to write.
	udevadm settle --timeout=20
	udevadm control --stop-exec-queue
}

switches() { sed -n 's/^ctxt //p' /proc/stat; }

ios() {
	local d
	for d in $disks; do cat "/sys/block/$d/stat"; done |
		awk '{ n += $1 + $5 } END { print n }'
}

# run_case NAME RW BLOCK DEPTH MILLISECONDS
run_case() {
	local c0 i0 c1 i1 terse iops files=

	for d in $disks; do files=$files:/dev/$d; done
	c0=$(switches) i0=$(ios)
	terse=$(fio --name=bench --filename="${files#:}" --ioengine=libaio --direct=1 \
		--thread --rw="$2" --bs="$3" --iodepth="$4" --norandommap --randseed=1 \
		--clocksource=clock_gettime --time_based --ramp_time=200ms \
		--runtime="${5}ms" --minimal --terse-version=3) || fail "fio: $terse"
	c1=$(switches) i1=$(ios)
	# Fields of terse version 3: 5 is the error, 8 and 49 IOPS read and write.
	iops=$(printf '%s\n' "$terse" | awk -F';' '$1 == 3 && $5 == 0 { print $8 + $49 }')
	[ "${iops:-0}" -gt 0 ] && [ "$i1" -gt "$i0" ] || fail "$1 did no I/O: $terse"
	awk -v n="$1" -v iops="$iops" -v c=$((c1 - c0)) -v i=$((i1 - i0)) \
		'BEGIN { printf "RESULT %s %d %.2f\n", n, iops, c / i }'
}
