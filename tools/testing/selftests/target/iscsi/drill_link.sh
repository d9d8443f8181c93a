#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# open-iscsi over a cable (veth; the portal is in a network namespace of its
# own) that is pulled for 1 to 30 s, loses packets (netem) and has its
# connections reset, while fio writes and verifies: no request fails, all data
# is right, and I/O goes on soon after the cable is back.

. "$(dirname "$0")/drill_lib.sh"

TPG=$(tpg_dir link)
NS=tiscsi-link
HERE_IP=192.0.2.1
PORTAL=192.0.2.2:3260
NOP_INTERVAL=2 NOP_TIMEOUT=3
# Until the initiator has found out that its connection is dead, and 2 s.
RESUME_MS=$(((NOP_INTERVAL + NOP_TIMEOUT + 2) * 1000 * SCALE))
pulls=$(long_or "1 2 4 8 15 30" "1 4")
loss_seconds=$(long_or 60 4)
resets=$(long_or 30 2)
DISK=

in_ns() { ip netns exec $NS "$@"; }

# ip netns exec would hide configfs.
portal_make() { nsenter --net=/run/netns/$NS mkdir "$TPG/np/$PORTAL"; }

setup() {
	module_load && ramdisk link 32 && mk "$TPG" && put 0 "$TPG/attrib/authentication" &&
		tpg_demo "$TPG" && lun "$TPG" 0 link &&
		ip netns add $NS && ip link add tiscsi-cable type veth peer name eth0 netns $NS &&
		ip addr add $HERE_IP/24 dev tiscsi-cable && ip link set tiscsi-cable up &&
		ip -n $NS addr add ${PORTAL%:*}/24 dev eth0 && ip -n $NS link set eth0 up &&
		portal_make && tpg_on "$TPG" && initiator_start
}

enter() {
	local n
	record link $PORTAL || return
	for n in session.timeo.replacement_timeout=300 session.initial_login_retry_max=8 \
		conn[0].timeo.noop_out_interval=$NOP_INTERVAL \
		conn[0].timeo.noop_out_timeout=$NOP_TIMEOUT conn[0].timeo.login_timeout=3 \
		conn[0].iscsi.HeaderDigest=CRC32C conn[0].iscsi.DataDigest=CRC32C; do
		adm -m node -T "$BASE:link" -p $PORTAL -o update -n "node.${n%%=*}" \
			-v "${n#*=}" || return
	done
	log_in link $PORTAL && wait_until 60 has_disks link 0 || return
	DISK=$(disk_of link 0)
	load_start link "$DISK" -- --verify=crc32c --verify_backlog=128 --verify_fatal=1 \
		--randseed="$SEED" --runtime=3600 && wait_until 30 moving "$DISK"
}

# resumed WHAT: how long after now I/O goes on, which must be soon.
resumed() {
	local start
	now_ms
	start=$NOW
	wait_until 120 moving "$DISK" || return
	now_ms
	echo "$1: I/O goes on after $((NOW - start)) ms"
	[ $((NOW - start)) -le $RESUME_MS ] || { echo "later than $RESUME_MS ms"; return 1; }
}

pull() {
	local s end
	for s in $pulls; do
		end=$((RANDOM % 2))
		plug $end down && nap "$s" && plug $end up && resumed "pulled for $s s" || return
	done
}

# plug END up|down
plug() {
	if [ "$1" = 0 ]; then ip link set tiscsi-cable "$2"; else ip -n $NS link set eth0 "$2"; fi
}

# Each way.
lose() {
	tc qdisc add dev tiscsi-cable root netem loss 5% &&
		in_ns tc qdisc add dev eth0 root netem loss 5% || return
	nap "$loss_seconds"
	wait_until 30 moving "$DISK" || return
	in_ns tc -s qdisc show dev eth0
	in_ns tc -s qdisc show dev eth0 | grep -q 'dropped [1-9]' &&
		tc qdisc del dev tiscsi-cable root && in_ns tc qdisc del dev eth0 root &&
		resumed "5 % lost"
}

connected() { [ -n "$(in_ns ss -Hnt state established sport = :3260)" ]; }

reset() {
	local i
	for ((i = 0; i < resets; i++)); do
		wait_until 60 connected && in_ns ss -Kt state established sport = :3260 >/dev/null &&
			resumed "reset $i" || return
		nap 0.$((RANDOM % 10))
	done
}

all_verified() { load_runs link && load_stop link; }

log_out_all() { log_out link $PORTAL && wait_until 20 sessions_are link 0; }

cleanup() {
	local rc=0
	[ -z "${load_pid[link]-}" ] || load_stop link
	[ ! -e /sys/class/net/tiscsi-cable ] || plug 0 up
	initiator_stop || rc=1
	config_down || rc=1
	[ ! -e /run/netns/$NS ] || ip netns del $NS
	return $rc
}

plan 8
for t in ip tc ss nsenter fio; do command -v $t >/dev/null || skip_all "no $t"; done
modprobe -a veth sch_netem 2>/dev/null && ip netns add tiscsi-try 2>/dev/null &&
	ip netns del tiscsi-try || skip_all "no network namespaces, or no netem"
check "a portal at the other end of a cable" setup
check "fio writes and verifies" enter
check "F25: the cable is pulled for $pulls s" pull
check "packets are lost for $loss_seconds s" lose
check "F01 F25: $resets connections are reset" reset
check "no request failed, and all data is right" all_verified
check "logout, and nothing is left" log_out_all
check "the kernel has not complained" no_splat
