#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Spoilt PDUs, CHECK_SEED and FUZZ_PDUS of them: see fuzzer.c. A failure says
# which PDUs to send again: FUZZ_FROM and FUZZ_TO send only those.
#
# FUZZ_PDUS  (100000 on a kernel that checks itself, which is where they count,
#            20000 on others, ten times as many with TISCSI_SOAK=1)

. "$(dirname "$0")/drill_lib.sh"

SETTLE=20	# seconds for the last sessions to be gone
PORTAL2=127.0.0.1:3261
INIT=$BASE:fuzz
CANARY=$BASE:canary
TPG=$(tpg_dir fuzz)

# The fuzzed sessions' own disk, one that is another's, and one for persistent
# reservations, which would lock out whoever comes later. On the others nobody
# can reserve.
setup() {
	local d
	module_load && ramdisk own 4 && ramdisk canary 1 && ramdisk reserved 4 || return
	for d in own canary; do put 0 "$HBA/$d/attrib/emulate_pr" || return; done
	tpg "$TPG" $PORTAL && put 8 "$TPG/param/MaxConnections" &&
		put No "$TPG/param/InitialR2T" && put 4 "$TPG/param/MaxOutstandingR2T" &&
		lun "$TPG" 0 own && lun "$TPG" 1 canary && lun "$TPG" 2 reserved || return
	for d in 0 1 2; do mapped_lun "$TPG" "$INIT" $d || return; done
	put 1 "$TPG/acls/$INIT/lun_1/write_protect" &&
		mkdir -p "$TPG/acls/$CANARY/lun_0" &&
		ln -s "$TPG/lun/lun_1" "$TPG/acls/$CANARY/lun_0/lun" && tpg_on "$TPG" &&
		setup_chap
}

# A second portal group, for logins that must prove who they are.
setup_chap() {
	local t acl
	t=$(tpg_dir fuzz 2)
	acl=$t/acls/$INIT
	tpg "$t" $PORTAL2 && put 1 "$t/attrib/authentication" && lun "$t" 0 own &&
		mapped_lun "$t" "$INIT" 0 && put fuzz "$acl/auth/userid" &&
		put fuzz-secret-1234 "$acl/auth/password" && tpg_on "$t"
}

fuzz() {
	TISCSI_NOSETUP=1 TISCSI_PORTAL=$PORTAL TISCSI_PORTAL2=$PORTAL2 TISCSI_TARGET=$BASE:fuzz \
		TISCSI_INITIATOR=$INIT TISCSI_INITIATOR2=$CANARY \
		"$HERE/fuzzer" --seed "$SEED" --from "$from" --to "$to" --only "$1"
}

no_session_left() { wait_until $SETTLE sessions_are fuzz 0; }

everything_goes() { config_down && rmdir $FABRIC && within 20 rmmod tcm_iscsi; }

[ -e /sys/kernel/debug/kmemleak ] && n=100000 || n=20000
from=${FUZZ_FROM:-0}
to=${FUZZ_TO:-$((${FUZZ_PDUS:-$(long_or ${n}0 $n)} - 1))}
plan 8
check "a target" setup
check "J03 J04 J05: logins from PDU $from to $to" fuzz login
check "A22 J09 J15: sessions from PDU $from to $to" fuzz session
check "C13 J16: several connections from PDU $from to $to" fuzz conns
check "all sessions end" no_session_left
check "nothing stays in D state" nothing_blocked
check "everything can be taken away" everything_goes
check "the kernel has not complained" no_splat
