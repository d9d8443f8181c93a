#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations fail, in turn or by chance, while a target is made, used and
# removed: nothing hangs, leaks or complains, and afterwards all is well at
# once. Needs a kernel with fault injection (scripts/vm/kernel debug).

. "$(dirname "$0")/drill_lib.sh"

DEBUG=/sys/kernel/debug
FAULTS="failslab fail_page_alloc"
TPG=$(tpg_dir faults)
NAME=$BASE:faults
seconds=$(long_or 120 15)

# What fails is not to be said: it would look like a complaint.
quiet() {
	local f
	for f in $DEBUG/fail*/verbose; do put 0 "$f" || return; done
}

# faults PERCENT: how many of the allocations fail that the tasks chosen with
# choose_workers make, sleeping or not.
faults() {
	local f
	for f in $FAULTS; do
		put Y $DEBUG/$f/task-filter &&
			put N $DEBUG/$f/ignore-gfp-wait && put 1000000 $DEBUG/$f/times &&
			put 1 $DEBUG/$f/interval && put "$1" $DEBUG/$f/probability || return
	done
	put 0 $DEBUG/fail_page_alloc/min-order
}

faults_off() {
	local f
	for f in $FAULTS; do put 0 $DEBUG/$f/probability || return; done
}

# How often memory was refused.
refused() {
	local f left n=0
	for f in $FAULTS; do
		read -r left <$DEBUG/$f/times
		n=$((n + 1000000 - left))
	done
	echo $n
}

# The workers that receive, execute and send. Not those made later, and not
# kthreadd: a pool that cannot get a worker for long stands still by design.
choose_workers() {
	local p comm
	for p in /proc/[0-9]*; do
		read -r comm <"$p/comm" || continue
		case $comm in
		kworker/*) echo "$1" >"$p/make-it-fail" ;;
		esac
	done 2>/dev/null
	return 0
}

setup() { quiet && module_load && ramdisk faults 8; }

target_up() {
	tpg "$TPG" $PORTAL && tpg_demo "$TPG" && lun "$TPG" 0 faults && tpg_on "$TPG"
}

in_turn() {
	faults 0 && within 300 "$HERE/drill_faults.py" configfs $FABRIC "$NAME" $HBA/faults $PORTAL
}

# by_chance PERCENT
by_chance() {
	local rc=0 n
	choose_workers 1
	faults "$1" && "$HERE/drill_faults.py" io "$seconds" "$SEED" $((20 * SCALE)) \
		$PORTAL "$NAME" || rc=1
	faults_off || rc=1
	choose_workers 0
	n=$(refused)
	echo "memory was refused $n times"
	[ $rc = 0 ] && [ "$n" -gt 20 ]
}

login_at_once() { within 15 "$HERE/drill_raw.py" churn 3 $PORTAL "$NAME"; }

no_sessions() { sessions_are faults 0; }

# The target must let go of all that faults ended.
sessions_end() { wait_until 20 no_sessions && target_remove faults; }

plan 8
[ -e $DEBUG/failslab/probability ] || skip_all "this kernel has no fault injection"
trap 'faults_off; finish' EXIT
check "a backstore" setup
check "each allocation of making and removing a target fails in turn" in_turn
check "a target is made" target_up
check "J16: logins, I/O, TMFs and logouts while 2 in 100 allocations fail" by_chance 2
check "J16: logins, I/O, TMFs and logouts while 20 in 100 allocations fail" by_chance 20
check "J16: faults are over, logins succeed at once" login_at_once
check "J16: no session stays, and the target goes" sessions_end
check "nothing stays in D state" nothing_blocked
