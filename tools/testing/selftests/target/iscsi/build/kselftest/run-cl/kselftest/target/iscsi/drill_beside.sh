#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Loading: names of the fabric that are refused; beside iscsi_target_mod, each
# with a target that open-iscsi uses, under another name and never under the
# same; no unloading while something is configured, at any depth of the tree.

. "$(dirname "$0")/drill_lib.sh"

OTHER=iscsi2
STOCK=iscsi_target_mod
cycles=$(long_or 100 5)

ours_loaded() { [ -d /sys/module/tcm_iscsi ]; }
stock_loaded() { [ -d /sys/module/$STOCK ]; }

# Not by modprobe, which may have a rule to keep one or the other out.
load_ours() {
	local m
	for m in $(modinfo -F depends "$KO" | tr , ' '); do modprobe "$m" || return; done
	insmod "$KO" "$@"
}
load_stock() { modprobe --ignore-install $STOCK; }

# refused_with TEXT COMMAND... : it fails, and the log says so once.
refused_with() {
	local text=$1 said
	shift
	dmesg -C
	if "$@"; then
		echo "not refused: $*"
		return 1
	fi
	said=$(dmesg | grep -c "tcm_iscsi: .*$text")
	[ "$said" = 1 ] || { echo "$said lines with '$text':"; dmesg | tail -n 5; return 1; }
}

bad_names() {
	local name
	for name in "" core iSCSI a/b .. "a b" "a.b" 01234567890123456789012345678901; do
		refused_with "fabric=" load_ours "fabric=\"$name\"" && ! ours_loaded ||
			{ echo "name '$name'"; return 1; }
	done
}

# use FABRIC PORT: a target there, used by the initiator.
use() {
	local FABRIC=$CFS/target/$1 t portal=127.0.0.1:$2
	t=$(tpg_dir "$1")
	[ -d "$FABRIC" ] || mkdir "$FABRIC" || return
	tpg "$t" "$portal" && tpg_demo "$t" && lun "$t" 0 "beside-$1" && tpg_on "$t" &&
		record "$1" "$portal" && log_in "$1" "$portal" &&
		wait_until 30 has_disks "$1" 0 || return
	head -c 64K /dev/urandom >"$TMP/data"
	dd if="$TMP/data" of="$(disk_of "$1" 0)" bs=64K oflag=direct status=none &&
		has_data "$1" && udevadm settle --timeout=30
}

has_data() {
	dd if="$(disk_of "$1" 0)" bs=64K count=1 iflag=direct status=none | cmp - "$TMP/data"
}

take() {
	local FABRIC=$CFS/target/$1
	log_out "$1" "127.0.0.1:$2" >/dev/null && target_remove "$1" && rmdir "$FABRIC"
}

setup() {
	KO=${TCM_ISCSI_KO:-$(modinfo -n tcm_iscsi)}
	[ -d $CORE ] || modprobe target_core_mod || return
	[ ! -d $FABRIC ] || rmdir $FABRIC || return
	! ours_loaded || rmmod tcm_iscsi || return
	! stock_loaded || rmmod $STOCK || return
	ramdisk beside-iscsi 8 && ramdisk beside-$OTHER 8 && initiator_start
}

stock_keeps_us_out() {
	load_stock && refused_with "$STOCK is loaded" load_ours && ! ours_loaded
}

both_serve() {
	load_ours fabric=$OTHER && use iscsi 3295 && use $OTHER 3296 &&
		! rmmod tcm_iscsi && ! rmmod $STOCK &&
		grep -q tcm_iscsi $CFS/target/$OTHER/lio_version &&
		! grep -q tcm_iscsi $FABRIC/lio_version
}

# What happens beside us is nothing to our session.
both_go() {
	take iscsi 3295 && rmmod $STOCK && has_data $OTHER && take $OTHER 3296 && rmmod tcm_iscsi
}


we_keep_stock_out() {
	load_ours && refused_with "keeping $STOCK out" load_stock && ! stock_loaded
}

# Each directory, made last, holds the module with those above it.
held_at_any_depth() {
	local d
	for d in "$FABRIC" "$FABRIC/$BASE:held" "$FABRIC/$BASE:held/tpgt_1" \
		"$FABRIC/$BASE:held/tpgt_1/np/127.0.0.1:3297" \
		"$FABRIC/$BASE:held/tpgt_1/acls/$BASE:somebody"; do
		mkdir "$d" || return
		if rmmod tcm_iscsi || ! ours_loaded; then
			echo "unloaded with $d"
			return 1
		fi
	done
	target_remove held && rmdir $FABRIC
}

goes_and_comes() {
	local i
	for ((i = 0; i < cycles; i++)); do
		within 20 rmmod tcm_iscsi && load_ours || return
	done
}

cleanup() {
	local rc=0
	initiator_stop || rc=1
	! stock_loaded || [ ! -d $FABRIC ] || { target_remove iscsi && rmdir $FABRIC; } || rc=1
	! stock_loaded || rmmod $STOCK || rc=1
	[ ! -d $CFS/target/$OTHER ] || (FABRIC=$CFS/target/$OTHER; target_remove $OTHER; rmdir $FABRIC)
	config_down || rc=1
	# As it is found by default, for whatever comes next.
	! ours_loaded || rmmod tcm_iscsi || rc=1
	load_ours || rc=1
	return $rc
}

plan 9
modinfo $STOCK >/dev/null 2>&1 || skip_all "this kernel has no $STOCK"
check "a backend, and neither module loaded" setup
check "names that no fabric can have are refused" bad_names
check "not loaded as iscsi while $STOCK is" stock_keeps_us_out
check "fabric=$OTHER beside $STOCK: both have a target in use" both_serve
check "both can be taken away, one after the other" both_go
check "$STOCK is kept out while we are iscsi" we_keep_stock_out
check "what is configured holds the module, from the first directory on" held_at_any_depth
check "the module loads and unloads $cycles times" goes_and_comes
check "the kernel has not complained" no_splat
