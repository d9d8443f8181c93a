#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Reservations as a cluster's tools make them: sg_persist over the kernel's
# initiator, two sessions of one initiator name, which differ in their ISIDs
# only.

. "$(dirname "$0")/drill_lib.sh"

setup() {
	local t
	command -v sg_persist >/dev/null || skip_all "no sg_persist"
	module_load && initiator_start && ramdisk disk 16 || return
	t=$(tpg_dir pr)
	tpg "$t" $PORTAL && lun "$t" 0 disk && mk "$t/acls/$INITIATOR" &&
		mapped_lun "$t" "$INITIATOR" 0 && tpg_on "$t" || return
	record pr $PORTAL node.session.nr_sessions 2 && log_in pr >/dev/null &&
		wait_until 20 two_disks
}

# Sets a and b to the disks of the two sessions.
two_disks() {
	local s d disks=()
	for s in $(sessions_of pr); do
		for d in "$SESSIONS/$s"/device/target*/*:*:*:0/block/*; do
			disks+=("/dev/${d##*/}")
		done
	done
	[ ${#disks[@]} = 2 ] && a=${disks[0]} b=${disks[1]}
}

# No udev rule or scan gets in between with a unit attention to take.
persist() { timeout 30 sg_persist --no-inquiry "$@"; }
out() { persist --out "$@"; }

attentions() { for d in $a $b; do sg_turs -n 4 "$d" >/dev/null; done; return 0; }

may_write() { dd if=/dev/zero of="$1" bs=4096 count=1 oflag=direct 2>&1; }
may_read() { dd if="$1" of=/dev/null bs=4096 count=1 iflag=direct 2>&1; }
may_not() { ! "$@"; }

keys_are() {
	local got
	got=$(persist --in --read-keys "$a" | grep -o '^ *0x.*' | tr -d ' ' | sort | tr '\n' ' ')
	echo "keys: $got"
	[ "$got" = "$*${*:+ }" ]
}

holder_is() {
	persist --in --read-reservation "$b" >"$TMP/held"
	cat "$TMP/held"
	grep -q "Key=$1" "$TMP/held" && grep -q "type: $2" "$TMP/held"
}

register() {
	attentions
	out --register --param-sark=0xa1 "$a" && out --register --param-sark=0xb1 "$b" &&
		keys_are 0xa1 0xb1
}

reserve() {
	out --reserve --param-rk=0xa1 --prout-type=5 "$a" &&
		holder_is 0xa1 "Write Exclusive, registrants only" &&
		may_write "$a" && may_write "$b"
}

# The name is the same, but not the nexus.
unregistered_refused() {
	out --register --param-rk=0xb1 --param-sark=0 "$b" && keys_are 0xa1 &&
		may_not may_write "$b" && may_read "$b" && may_write "$a"
}

full_status() {
	persist --in --read-full-status "$a" >"$TMP/full"
	cat "$TMP/full"
	grep -q "<< Reservation holder >>" "$TMP/full" &&
		grep -q "$INITIATOR,i,0x" "$TMP/full"
}

preempt_abort() {
	out --register --param-sark=0xb2 "$b" &&
		out --preempt-abort --param-rk=0xb2 --param-sark=0xa1 --prout-type=5 "$b" ||
		return
	attentions
	keys_are 0xb2 && holder_is 0xb2 "Write Exclusive" && may_not may_write "$a" && may_write "$b"
}

clear_all() {
	out --clear --param-rk=0xb2 "$b" && keys_are && may_write "$a" && may_write "$b"
}

plan 8
check "a target, two sessions of one initiator" setup
check "I03, I11: both register" register
check "I19, I24: one reserves, both write" reserve
check "G12, I23: who leaves is refused, and nobody else" unregistered_refused
check "I06: full status" full_status
check "I29, I32: preempt and abort" preempt_abort
check "I28: clear" clear_all
check "nothing in the kernel's log" no_splat
