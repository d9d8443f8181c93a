#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tracepoints follow commands from header to answer: iscsi-latency, which
# reads them, sees each command of a known load once, and leaves nothing on.

. "$(dirname "$0")/drill_lib.sh"

TPG=$(tpg_dir trace)
COUNT=200
EVENTS=/sys/kernel/tracing/events/tcm_iscsi

setup() {
	module_load && tpg "$TPG" $PORTAL && tpg_demo "$TPG" && ramdisk trace 8 &&
		lun "$TPG" 0 trace && tpg_on "$TPG" && initiator_start &&
		record trace && log_in trace && wait_until 20 has_disks trace 0
}

instances() { compgen -G "/sys/kernel/tracing/instances/iscsi-latency-*"; }
on() { grep -qx 1 "$(instances)/events/tcm_iscsi/tiscsi_task/enable"; }

# Runs the load while iscsi-latency looks on; its table goes to $TMP/table.
latency() {
	local pid d
	d=$(disk_of trace 0)
	"$HERE/iscsi-latency" 300 >"$TMP/table" &
	pid=$!
	wait_until 60 on &&
		dd if="$d" of=/dev/null bs=4k count=$((COUNT + 20)) iflag=direct status=none &&
		dd if=/dev/zero of="$d" bs=64k count=$((COUNT / 4 + 20)) oflag=direct status=none
	kill $pid
	wait $pid && cat "$TMP/table"
}

# seen KIND PHASE LEAST: that many commands, with times that are no nonsense.
seen() {
	awk -v kind="$1" -v phase="$2" -v least="$3" '
		$1 == kind && $2 == phase {
			found = 1
			if ($3 < least || $4 < 0 || $7 < $5) { print "bad: " $0; exit 1 }
		}
		END { if (!found) exit 1 }' "$TMP/table"
}

phases_are_right() {
	seen read execute $COUNT && seen read respond $COUNT &&
		seen write execute $((COUNT / 4)) && seen write all $((COUNT / 4))
}

# The PDUs, the connection and the session, by hand.
pdus() {
	local i=/sys/kernel/tracing/instances/drill-trace ok
	mkdir $i && echo 1 >$i/events/tcm_iscsi/enable || return
	dd if="$(disk_of trace 0)" of=/dev/null bs=4k count=1 iflag=direct status=none
	log_out trace
	wait_until 20 grep -q 'tiscsi_conn: .*->FREE' $i/trace
	ok=$?
	echo 0 >$i/events/tcm_iscsi/enable
	tail -n 40 $i/trace
	grep -q 'tiscsi_rx_pdu: .*SCSI-Command' $i/trace &&
		grep -q 'tiscsi_tx_pdu: .*Data-In.*len=4096' $i/trace &&
		grep -q 'tiscsi_tx_pdu: .*Logout-Response' $i/trace &&
		grep -q 'tiscsi_conn: .*LOGGED_IN->IN_LOGOUT' $i/trace &&
		grep -q 'tiscsi_sess: .*LOGGED_IN->FREE' $i/trace || ok=1
	rmdir $i
	return $ok
}

nothing_is_on() {
	[ "$(cat $EVENTS/enable)" = 0 ] && ! instances
}

plan 5
[ -d $EVENTS ] || modprobe tcm_iscsi 2>/dev/null
[ -d $EVENTS ] || skip_all "the kernel has no tracepoints"
check "a target and a session" setup
check "iscsi-latency shows reads and writes" latency
check "each command was seen in each phase" phases_are_right
check "PDUs, connections and sessions are traced" pdus
check "nothing stays on" nothing_is_on
