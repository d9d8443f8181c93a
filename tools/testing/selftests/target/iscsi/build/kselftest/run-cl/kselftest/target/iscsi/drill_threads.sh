#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# 64 sessions cost no kernel thread, and leave nothing behind.

. "$(dirname "$0")/drill_lib.sh"

COUNT=64
TPG=$(tpg_dir threads)
NAME=$BASE:threads
rounds=$(long_or 10 2)

setup() {
	module_load && ramdisk threads 8 nullio && tpg "$TPG" $PORTAL && tpg_demo "$TPG" &&
		lun "$TPG" 0 threads && tpg_on "$TPG" && initiator_start && record threads $PORTAL node.session.nr_sessions $COUNT node.session.scan manual
}

# threads: names of all kernel threads. Not the kworkers, whose number follows
# the load, and not what the initiator's side makes for each of its sessions; a
# thread of the target for a session or a connection would show.
threads() {
	ps --ppid 2 -o comm= |
		grep -vE '^kworker/([0-9]+|u[0-9]+):' |
		grep -vE '^(kworker/R-)?(scsi_eh_|scsi_tmf_|iscsi_q_|iscsi_ctrl_)[0-9]' |
		sort
}

# threads_are_the_same SINCE: none came, whatever went.
threads_are_the_same() {
	local new
	threads >"$TMP/threads.now"
	new=$(comm -13 "$1" "$TMP/threads.now")
	echo "$(wc -l <"$1") threads before, $(wc -l <"$TMP/threads.now") now"
	[ -z "$new" ] && return
	printf 'new: %s\n' "$new"
	return 1
}

hold_start() {
	coproc HOLD { exec "$HERE/drill_raw.py" hold $COUNT $PORTAL "$NAME"; }
	hold=$HOLD_PID
	read -r -t 60 -u "${HOLD[0]}" word tsihs && echo "$word $tsihs" && [ "$word" = ready ]
}

# Ends the sessions by closing the program's standard input.
hold_stop() {
	eval "exec ${HOLD[1]}>&-"
	wait "$hold"
}

# From user space nothing but the target can make a thread.
raw_sessions() {
	threads >"$TMP/threads.raw"
	hold_start && sessions_are threads $COUNT && threads_are_the_same "$TMP/threads.raw"
}

# A TSIH that is free is used again: a leak would need new ones each time.
raw_again() {
	local i all=$tsihs
	hold_stop && wait_until 10 sessions_are threads 0 || return
	for ((i = 1; i < rounds; i++)); do
		hold_start && hold_stop && wait_until 10 sessions_are threads 0 || return
		all="$all $tsihs"
	done
	all=$(tr ' ' '\n' <<<"$all" | sort -nu | wc -l)
	echo "$((COUNT * rounds)) sessions, $all TSIHs"
	[ "$all" -le $((2 * COUNT)) ]
}

# More logins than there are TSIHs, so that a leak has an end.
churn() {
	"$HERE/drill_raw.py" churn "$(long_or 70000 500)" $PORTAL "$NAME" &&
		wait_until 10 sessions_are threads 0
}

real_sessions() {
	limited 240 iscsiadm -m node -T "$NAME" -p $PORTAL --login >"$TMP/login" || {
		tail -n 5 "$TMP/login"
		return 1
	}
	echo "$(sessions_of threads | wc -l) sessions here, $(nr_sessions threads) there"
	[ "$(sessions_of threads | wc -l)" = $COUNT ] && sessions_are threads $COUNT
}

real_logout() {
	limited 240 iscsiadm -m node -T "$NAME" -p $PORTAL --logout >"$TMP/logout" || {
		tail -n 5 "$TMP/logout"
		return 1
	}
	no_session threads && wait_until 20 sessions_are threads 0
}

no_target_threads() {
	local t
	t=$(ps --ppid 2 -o comm= | grep -E '^iscsi_(np|trx|ttx)')
	[ -z "$t" ] || { echo "$t"; return 1; }
}

# What a session holds of the module is given back.
unloads() {
	log_out threads >/dev/null 2>&1
	initiator_stop && config_down && rmdir $FABRIC &&
		within 20 rmmod tcm_iscsi && module_load
}

plan 10
check "a target" setup
check "$COUNT sessions cost no kernel thread" raw_sessions
check "C16: TSIHs are unique, and free again after logout" raw_again
check "logins one after another leave nothing" churn
threads >"$TMP/threads"
check "$COUNT sessions of the kernel's initiator" real_sessions
check "they cost no kernel thread of the target" threads_are_the_same "$TMP/threads"
check "no thread for portals or connections" no_target_threads
check "all of them log out" real_logout
check "nothing stays in D state" nothing_blocked
check "the module can be unloaded" unloads
