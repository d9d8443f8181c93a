#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What was written comes back: fio with verification on four LUNs, blocks of
# 512 bytes to 1 MiB, 32 requests each, digests off and on, and negotiated
# values that the seed chooses.

. "$(dirname "$0")/drill_lib.sh"

seconds=$(long_or 60 10)
LUNS="0 1 2 3"
MIB=32
TPG=$(tpg_dir verify)

# HeaderDigest, DataDigest of each round
rounds=("None None" "CRC32C CRC32C")
[ -z "$SOAK" ] || rounds+=("CRC32C None" "None CRC32C")

setup() {
	module_load && tpg "$TPG" $PORTAL && tpg_demo "$TPG" && tpg_on "$TPG" &&
		initiator_start && record verify
}

setup_luns() {
	local l
	for l in $LUNS; do
		ramdisk "verify$l" $MIB && lun "$TPG" "$l" "verify$l" || return
	done
}

# pick VARIABLE VALUE... : not in a subshell, whose random numbers are others.
pick() {
	local -n picked=$1
	shift $((1 + RANDOM % ($# - 1)))
	picked=$1
}

# choose: both sides' values of this round, in the arrays ours (the target's)
# and theirs. Integers are chosen so that neither side always decides.
declare -A ours theirs
choose() {
	local key side
	for side in ours theirs; do
		local -n v=$side
		for key in ImmediateData InitialR2T; do pick "v[$key]" Yes No; done
		pick "v[MaxOutstandingR2T]" 1 2 4 8
		pick "v[FirstBurstLength]" 512 4096 65536 262144
		pick "v[MaxBurstLength]" 4096 65536 262144 1048576
		pick "v[MaxRecvDataSegmentLength]" 512 4096 8192 65536 262144
		[ "${v[FirstBurstLength]}" -le "${v[MaxBurstLength]}" ] ||
			v[FirstBurstLength]=${v[MaxBurstLength]}
	done
}

apply() {
	local key args=()
	for key in "${!ours[@]}"; do
		put "${ours[$key]}" "$TPG/param/$key" || return
	done
	put "None,CRC32C" "$TPG/param/HeaderDigest" && put "None,CRC32C" "$TPG/param/DataDigest" || return
	for key in "${!theirs[@]}"; do
		case $key in
		MaxRecv*) args+=(-n "node.conn[0].iscsi.$key" -v "${theirs[$key]}") ;;
		*) args+=(-n "node.session.iscsi.$key" -v "${theirs[$key]}") ;;
		esac
	done
	args+=(-n "node.conn[0].iscsi.HeaderDigest" -v "$1")
	args+=(-n "node.conn[0].iscsi.DataDigest" -v "$2")
	adm -m node -T "$BASE:verify" -p $PORTAL -o update "${args[@]}"
}

least() { [ "$1" -lt "$2" ] && echo "$1" || echo "$2"; }
yes_is_1() { [ "$1" = Yes ] && echo 1 || echo 0; }

# negotiated FILE WANTED
negotiated() {
	local got
	got=$(session_key verify "$1")
	printf '%-20s %s\n' "$1" "$got"
	[ "$got" = "$2" ] || { echo "should be $2"; return 1; }
}

# ImmediateData is Yes if both say so, InitialR2T if one does (RFC 7143 13.10,
# 13.11); the lengths are the smaller of two, MaxRecvDataSegmentLength is told.
values_are_right() {
	local or=0
	[ "${ours[InitialR2T]}${theirs[InitialR2T]}" = NoNo ] || or=1
	negotiated header_digest "$(digest_is "$1")" &&
	negotiated data_digest "$(digest_is "$2")" &&
	negotiated immediate_data $(($(yes_is_1 "${ours[ImmediateData]}") &
		$(yes_is_1 "${theirs[ImmediateData]}"))) &&
	negotiated initial_r2t $or &&
	negotiated max_outstanding_r2t \
		"$(least "${ours[MaxOutstandingR2T]}" "${theirs[MaxOutstandingR2T]}")" &&
	negotiated max_burst_len \
		"$(least "${ours[MaxBurstLength]}" "${theirs[MaxBurstLength]}")" &&
	{ first_burst_is_irrelevant || negotiated first_burst_len "$(first_burst)"; } &&
	negotiated max_xmit_dlength "$(declared)" &&
	negotiated max_recv_dlength "${theirs[MaxRecvDataSegmentLength]}"
}

# What the target declares: 8192, the default, stands for the largest that it
# sends (see the user guide).
declared() {
	local v=${ours[MaxRecvDataSegmentLength]}
	[ "$v" != 8192 ] || v=$(cat "$TPG/param/MaxXmitDataSegmentLength")
	echo "$v"
}

digest_is() { [ "$1" = None ] && echo 0 || echo 1; }

# B48: FirstBurstLength says nothing without any unsolicited data, and is
# answered so; what the initiator then shows is its own affair.
first_burst_is_irrelevant() {
	[ "${ours[InitialR2T]}${theirs[InitialR2T]}" != NoNo ] &&
		[ "${ours[ImmediateData]}${theirs[ImmediateData]}" != YesYes ]
}

first_burst() {
	local b
	b=$(least "${ours[FirstBurstLength]}" "${theirs[FirstBurstLength]}")
	least "$b" "$(least "${ours[MaxBurstLength]}" "${theirs[MaxBurstLength]}")"
}

log_in_with() {
	apply "$@" && log_in verify && values_are_right "$@"
}

disks_are_there() { wait_until 60 has_disks verify $LUNS; }

# Other values, as many as there is time for: without LUNs a login is quick.
many_logins() {
	local i how
	for ((i = 1; i <= logins; i++)); do
		choose
		pick how "None None" "CRC32C CRC32C" "CRC32C None" "None CRC32C"
		# shellcheck disable=SC2086 # two words
		{ log_in_with $how && log_out verify; } >"$TMP/login" 2>&1 && continue
		cat "$TMP/login"
		declare -p ours theirs
		echo "login $i with digests $how"
		return 1
	done
}

# fio_luns OPTION... : fio on all LUNs.
fio_luns() {
	local l args=()
	for l in $LUNS; do
		args+=(--name="lun$l" --filename="$(disk_of verify "$l")")
	done
	limited 300 fio --thread --direct=1 --ioengine=libaio --verify=crc32c \
		--verify_fatal=1 --verify_state_save=0 \
		--output-format=json --output="$TMP/fio.json" "$@" "${args[@]}"
}

# A pass goes over a part of each LUN at random, writing some blocks and
# reading others, and then reads what it wrote.
fio_pass() {
	fio_luns --iodepth=32 --rw=randrw --rwmixwrite=70 \
		--bssplit=512/25:1k/10:4k/25:16k/15:64k/12:256k/8:1m/5 \
		--randseed="$1" --offset=$((RANDOM % (MIB - pass_mib) * 1048576)) \
		--size="${pass_mib}m"
}

# pass_is_whole: without errors, and each byte of the part read once, at
# random or to verify. Prints requests.
pass_is_whole() {
	python3 - "$TMP/fio.json" $((pass_mib * 1024)) <<-'PYTHON'
	import json, sys
	jobs = json.load(open(sys.argv[1]))["jobs"]
	print(*(sum(j[d]["total_ios"] for j in jobs) for d in ("write", "read")))
	for j in jobs:
	    if j["error"] or j["read"]["io_kbytes"] != int(sys.argv[2]) or not j["write"]["total_ios"]:
	        sys.exit(f"{j['jobname']}: error {j['error']}, {j['read']['io_kbytes']} KiB read")
	PYTHON
}

fio_passes() {
	local end first=$pass n writes=0 reads=0
	now_ms
	end=$((NOW + seconds * 1000))
	while [ $pass -eq "$first" ] || { now_ms; [ $NOW -lt $end ]; }; do
		pass=$((pass + 1))
		if ! fio_pass $((SEED + pass)); then
			echo "pass $pass failed"
			return 1
		fi
		n=$(pass_is_whole) || { echo "pass $pass: $n"; return 1; }
		writes=$((writes + ${n% *})) reads=$((reads + ${n#* }))
	done
	echo "$((pass - first)) passes, $writes blocks written, $reads read"
}

# The test of the test: a few bytes are not what fio wrote.
miscompare_is_seen() {
	local LUNS=2 opts=(--rw=write --bs=16k --size=256k --iodepth=4) d
	d=$(disk_of verify 2)
	fio_luns "${opts[@]}" --do_verify=0 && fio_luns "${opts[@]}" --verify_only || return
	echo spoilt | dd of="$d" bs=1 seek=$((RANDOM * 7)) conv=fsync status=none &&
		blockdev --flushbufs "$d" || return
	! fio_luns "${opts[@]}" --verify_only 2>/dev/null
}

pass=0
pass_mib=$(long_or 16 2)
logins=$(long_or 200 12)

plan $((5 * ${#rounds[@]} + 4))
command -v fio >/dev/null || skip_all "no fio"
check "a target without LUNs" setup
check "B44 B46 B47 B48 B50: $logins logins with values of all kinds" many_logins
check "four LUNs" setup_luns
for round in "${rounds[@]}"; do
	choose
	# shellcheck disable=SC2086 # two words
	check "B44 B46 B47 B48 B50: login with digests $round" log_in_with $round
	check "its disks are there" disks_are_there
	check "fio finds no miscompare with digests $round" fio_passes
	[ "$round" != "${rounds[0]}" ] || check "fio sees a miscompare" miscompare_is_seen
	check "logout after it" log_out verify
	check "the target has no session left" wait_until 20 sessions_are verify 0
done
