#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Recovery at levels 1 and 2, whatever happens: eight sessions of four
# connections write and verify (chaos.c) over a wire that spoils, loses, delays
# and repeats PDUs and cuts connections (relay.c). All data is right, each
# command is executed and answered once, nothing stays.

. "$(dirname "$0")/drill_lib.sh"

COUNT=8
SETTLE=30	# seconds for the last sessions to be gone
seconds=$(long_or 300 30)
TPG=$(tpg_dir chaos)
NAME=$BASE:chaos
NS=tiscsi-chaos
TRACE=/sys/kernel/tracing/instances/drill-chaos
EVENT=$TRACE/events/target/target_cmd_complete
relay_pid='' trace_pid=''

# ---- the wire ----

# The relay is a machine of its own where there are network namespaces.
in_namespace() {
	modprobe veth 2>/dev/null
	ip netns add $NS 2>/dev/null
}

wire_make() {
	if in_namespace; then
		PORTAL=192.0.2.1:3260 RELAY=192.0.2.2:3260 PREFIX="ip netns exec $NS"
		ip link add tiscsi-wire type veth peer name eth0 netns $NS &&
			ip addr add 192.0.2.1/24 dev tiscsi-wire && ip link set tiscsi-wire up &&
			ip -n $NS addr add 192.0.2.2/24 dev eth0 && ip -n $NS link set eth0 up
	else
		RELAY=127.0.0.1:3262 PREFIX=
	fi
}

relay_start() {
	$PREFIX "$HERE/relay" --listen $RELAY --to $PORTAL --seed "$SEED" >"$TMP/relay" 2>&1 &
	relay_pid=$!
}

# occurred FILE NAME...: none of these is 0.
occurred() {
	local file=$1 name rc=0
	shift
	for name in "$@"; do
		grep -q "^$name [1-9]" "$file" || { echo "never: $name"; rc=1; }
	done
	return $rc
}

# It says what it did.
relay_stop() {
	kill $relay_pid && wait $relay_pid
	relay_pid=
	cat "$TMP/relay"
	occurred "$TMP/relay" cut lost 'data spoilt' delayed 'sent twice' 'sent again later'
}

# ---- the target ----

setup() {
	local i a
	wire_make && module_load && ramdisk chaos 20 && tpg "$TPG" $PORTAL &&
		put 4 "$TPG/param/MaxConnections" && put 2 "$TPG/param/ErrorRecoveryLevel" &&
		put No "$TPG/param/InitialR2T" && lun "$TPG" 0 chaos || return
	for ((i = 0; i < COUNT; i++)); do
		a=$TPG/acls/$NAME$i
		mapped_lun "$TPG" "$NAME$i" 0 && put 2 "$a/attrib/dataout_timeout" &&
			put 3 "$a/attrib/nopin_response_timeout" || return
	done
	tpg_on "$TPG" && relay_start
}

chaos() {
	local rc=0
	TISCSI_NOSETUP=1 TISCSI_PORTAL=$PORTAL TISCSI_TARGET=$BASE:chaos \
		"$HERE/chaos" --portal $RELAY --seed "$SEED" --seconds "$seconds" \
		--sessions $COUNT --prefix "$NAME" --log "$TMP/log" >"$TMP/chaos" 2>&1 || rc=1
	tail -n 60 "$TMP/chaos"
	[ $rc -eq 0 ] || cat "$TPG/../sessions/list"
	return $rc
}

# What recovery has, was needed.
all_was_used() {
	occurred "$TMP/chaos" commands 'connections lost' 'recovery logouts' reinstated retries \
		reassigned 'Data SNACK' 'R2T SNACK' 'Status SNACK' DataACK 'came twice' Reject
}

# ---- executed once ----

trace_start() {
	mkdir $TRACE && echo 16384 >$TRACE/buffer_size_kb && echo 1 >$EVENT/enable || return
	cat $TRACE/trace_pipe >"$TMP/trace" &
	trace_pid=$!
}

trace_is_read() { ! grep -q 'entries: [1-9]' $TRACE/per_cpu/*/stats; }

trace_stop() {
	local lost
	echo 0 >$EVENT/enable
	wait_until 20 trace_is_read
	kill $trace_pid && wait $trace_pid
	trace_pid=
	lost=$(awk '/overrun|dropped/ { n += $NF } END { print n }' $TRACE/per_cpu/*/stats)
	rmdir $TRACE
	[ "$lost" -eq 0 ] || { echo "$lost events lost"; return 1; }
}

# Each command that was answered was executed once, and no other one twice.
executed_once() {
	trace_stop || return
	awk '
		FNR == NR {
			for (i = 1; i <= NF; i++)
				if ($i == "<-" && $(i + 1) == "LUN") nr[$(i - 1) " " $(i + 4)]++
			next
		}
		{
			id = $1 " " $2
			logged[id] = 1
			if ($3 == "good") good++
			if (nr[id] > 1 || ($3 == "good" && nr[id] != 1)) {
				print $3 ", executed " nr[id] + 0 " times: " id
				bad = 1
			}
		}
		END {
			print good " commands answered"
			exit bad || !good
		}' "$TMP/trace" "$TMP/log"
}

# ---- the end ----

cleanup() {
	local rc=0
	[ -z "$relay_pid" ] || kill $relay_pid
	[ -z "$trace_pid" ] || kill $trace_pid
	[ ! -d $TRACE ] || rmdir $TRACE
	config_down || rc=1
	[ ! -e /run/netns/$NS ] || ip netns del $NS
	return $rc
}

no_session_left() { wait_until $SETTLE sessions_are chaos 0; }

everything_goes() { config_down && rmdir $FABRIC && within 20 rmmod tcm_iscsi; }

plan 9
check "a target, and a bad wire" setup
check "each completion of the core is traced" trace_start
check "F04 F05 F06 F08 F12 F14 F15 F20 F22 F23: $COUNT sessions, $seconds s" chaos
check "all kinds of recovery were used" all_was_used
check "F20 F21: each command is executed once" executed_once
check "the wire was bad" relay_stop
check "all sessions end" no_session_left
check "everything can be taken away" everything_goes
check "the kernel has not complained" no_splat
