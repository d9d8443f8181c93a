#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The configfs interface against the record of iscsi_target_mod on the same
# kernel series (golden/SERIES): every path, mode, default and format, what
# each attribute accepts and refuses, which names can be made and removed.
# Where this module differs on purpose, golden/deviations says so and why.
#
# usage: configfs_golden.sh            test tcm_iscsi
#        configfs_golden.sh record DIR record the stock module into DIR

here=$(cd "$(dirname "$0")" && pwd)
series=$(uname -r | cut -d. -f1,2)
kinds="tree writes names"

# The core loads the stock module by name if nothing is registered: not here.
load() {
	[ ! -d /sys/module/iscsi_target_mod ] || return
	mkdir -p /run/modprobe.d
	echo "install iscsi_target_mod /bin/false" >/run/modprobe.d/no-stock.conf
	modprobe target_core_mod && modprobe target_core_file || return
	[ ! -d /sys/module/tcm_iscsi ] || return 0
	modprobe tcm_iscsi
}

if [ "$1" = record ]; then
	modprobe iscsi_target_mod && mkdir -p "$2" || exit 1
	for kind in $kinds; do
		"$here/configfs_record.py" $kind >"$2/configfs.$kind" || exit 1
	done
	exit
fi

echo "TAP version 13"
if [ ! -d "$here/golden/$series" ]; then
	echo "1..0 # SKIP no record of kernel series $series"
	exit 4
fi
if ! load; then
	echo "Bail out! tcm_iscsi cannot be loaded"
	exit 1
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
echo "1..3"
n=0
failed=0
for kind in $kinds; do
	n=$((n + 1))
	if "$here/configfs_record.py" $kind >"$tmp/$kind" 2>"$tmp/err" &&
	   "$here/configfs_compare.py" $kind "$here/golden/$series/configfs.$kind" \
		"$tmp/$kind" "$here/golden/deviations" >"$tmp/diff" 2>>"$tmp/err"; then
		sed 's/^/# /' "$tmp/diff"
		echo "ok $n configfs $kind as on a stock system"
	else
		sed 's/^/# /' "$tmp/diff" "$tmp/err" | head -n 400
		echo "not ok $n configfs $kind as on a stock system"
		failed=1
	fi
	[ ! -d "$OUT" ] || cp "$tmp/$kind" "$OUT/configfs.$kind.$series"
done
exit $failed
