#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two gateways with one backing store, each a network namespace on a bridge,
# and an address that either may have. Four initiators (open-iscsi) log in to
# that, are spread over the gateways, and write and verify (fio) while a portal
# is disabled, a gateway dies, its address moves to the other one and back, and
# they are spread anew each time. No request fails, nothing that was written is
# lost, and no disk stands still for longer than the initiator's own timeouts
# and 5 s.

. "$(dirname "$0")/drill_lib.sh"

NAME=gateways
BR=tiscsi-br
NET=192.0.2
VIP=$NET.100
COUNT=4
LIMIT=40	# seconds until all initiators are served again
SHARE=5		# seconds of a pause that may be the target's doing
# The initiator's own: when it finds a gateway dead, and the least time between
# the end of a connection and the next login.
NOOP_INTERVAL=2 NOOP_TIMEOUT=2 TIME2WAIT=2
NOTICE=$((NOOP_INTERVAL + NOOP_TIMEOUT))
rounds=$(long_or 20 1)
watcher=

# Portal groups: of the address that moves, and of the gateway's own.
declare -A VIRTUAL=([a]=1 [b]=2) REAL=([a]=3 [b]=4)
declare -A ADDRESS=([a]=$NET.1 [b]=$NET.2)
# A machine that comes back has the network card that it had.
declare -A MAC=([a]=02:00:00:00:00:01 [b]=02:00:00:00:00:02)
SESSIONS_CFS=$FABRIC/$BASE:$NAME/sessions

tag_dir() { tpg_dir $NAME "$1"; }
ns() { echo tiscsi-gw-"$1"; }
initiator() { echo "$BASE:initiator$1"; }

# ---- gateways ----

# ip netns exec would hide configfs.
portal_make() { nsenter --net="/run/netns/$(ns "$1")" mkdir "$(tag_dir "$2")/np/$3:3260"; }

gateway_up() {
	local n link=tiscsi-br-$1
	n=$(ns "$1")
	ip netns add "$n" && ip link add "$link" type veth peer name eth0 \
		address "${MAC[$1]}" netns "$n" &&
		ip link set "$link" master $BR up && ip -n "$n" link set lo up &&
		ip -n "$n" link set eth0 up && ip -n "$n" addr add "${ADDRESS[$1]}/24" dev eth0 &&
		portal_make "$1" "${REAL[$1]}" "${ADDRESS[$1]}" &&
		portal_make "$1" "${VIRTUAL[$1]}" $VIP
}

# As if its power failed: nobody hears of it.
gateway_die() {
	local tag
	ip link set "tiscsi-br-$1" down && ip netns del "$(ns "$1")" || return
	for tag in "${REAL[$1]}" "${VIRTUAL[$1]}"; do
		wait_until 20 portal_gone "$tag" && rmdir "$(tag_dir "$tag")"/np/* || return
	done
	wait_until 20 link_gone "tiscsi-br-$1"
}

portal_gone() { [ "$(cat "$(tag_dir "$1")"/np/*/netns)" = gone ]; }
link_gone() { [ ! -e "/sys/class/net/$1" ]; }

# Who takes an address over says so to all by ARP: hence the flush.
vip_add() { ip -n "$(ns "$1")" addr add $VIP/32 dev eth0 && ip neigh flush to $VIP; }
vip_del() { ip -n "$(ns "$1")" addr del $VIP/32 dev eth0; }

# Both lead to both.
virtual() {
	local t
	t=$(tag_dir "${VIRTUAL[$1]}")
	mk "$t" && put 0 "$t/attrib/authentication" && tpg_demo "$t" &&
		put "${ADDRESS[a]}:3260,${REAL[a]} ${ADDRESS[b]}:3260,${REAL[b]}" \
			"$t/attrib/redirect_portals" &&
		put least_sessions "$t/attrib/redirect_policy"
}

real() {
	local t i
	t=$(tag_dir "${REAL[$1]}")
	mk "$t" && put 0 "$t/attrib/authentication" || return
	for ((i = 0; i < COUNT; i++)); do
		lun "$t" $i gw$i && mapped_lun "$t" "$(initiator $i)" $i || return
	done
}

setup() {
	local i g
	module_load || return
	for ((i = 0; i < COUNT; i++)); do ramdisk gw$i 16 || return; done
	ip link add $BR type bridge && ip addr add $NET.254/24 dev $BR &&
		ip link set $BR up || return
	for g in a b; do
		virtual $g && real $g && gateway_up $g &&
			tpg_on "$(tag_dir "${VIRTUAL[$g]}")" &&
			tpg_on "$(tag_dir "${REAL[$g]}")" || return
	done
	vip_add a && initiator_start
}

# ---- initiators ----

node() { adm -m node -T "$BASE:$NAME" -p $VIP:3260 -I "tiscsi$1" "${@:2}"; }

enter() {
	local i settings=(
		-n 'node.session.timeo.replacement_timeout' -v 300
		-n 'node.session.initial_login_retry_max' -v 8
		-n 'node.session.iscsi.DefaultTime2Wait' -v $TIME2WAIT
		-n 'node.conn[0].timeo.noop_out_interval' -v $NOOP_INTERVAL
		-n 'node.conn[0].timeo.noop_out_timeout' -v $NOOP_TIMEOUT
		-n 'node.conn[0].timeo.login_timeout' -v 5)
	for ((i = 0; i < COUNT; i++)); do
		adm -m iface -I tiscsi$i -o new >/dev/null &&
			adm -m iface -I tiscsi$i -o update -n iface.initiatorname \
				-v "$(initiator $i)" >/dev/null &&
			node $i -o new >/dev/null &&
			node $i -o update "${settings[@]}" && node $i --login || return
	done
	wait_until 30 all_have_disks
}

# disk INITIATOR: whichever session it is that has its LUN.
disk() {
	local d
	for d in /sys/class/iscsi_session/session*/device/target*/*:*:*:"$1"/block/*; do
		echo "/dev/${d##*/}"
		return
	done
}

all_have_disks() {
	local i
	for ((i = 0; i < COUNT; i++)); do [ -b "$(disk $i)" ] || return; done
}

# spread A B: that many sessions at each gateway, and none elsewhere.
spread() {
	local want="${REAL[a]}:$1 ${REAL[b]}:$2"
	[ "$(awk -v a="${REAL[a]}" -v b="${REAL[b]}" '
		$1 == "session" && / state=LOGGED_IN / { sub("tpgt=", "", $3); nr[$3]++; all++ }
		END { printf "%s:%d %s:%d", a, nr[a], b, nr[b]; exit all != nr[a] + nr[b] }' \
		"$SESSIONS_CFS/list")" = "$want" ]
}

# watch_pauses DISK...: notes when each pause of a disk was over, which, and how
# many ms it took. Without a process for it, which would be one of the causes.
watch_pauses() {
	local i n disks=("$@") was=() since=()
	while :; do
		now_ms
		for i in "${!disks[@]}"; do
			read -r -a n <"/sys/block/${disks[i]##*/}/stat" || return
			n=$((n[0] + n[4]))
			[ "$n" != "${was[i]-}" ] || continue
			[ $((NOW - ${since[i]-NOW})) -lt 500 ] ||
				echo "$NOW ${disks[i]} $((NOW - since[i]))"
			was[i]=$n since[i]=$NOW
		done
		nap 0.1
	done
}

# What follows is what the next pauses come from.
begin() { now_ms; since=$NOW; }

# paused SECONDS: since then no disk stood still for longer than that, and what
# the target may take.
paused() {
	awk -v since="$since" -v most=$((($1 + SHARE) * 1000 * SCALE)) '
		$1 >= since && $3 > worst { worst = $3 }
		END { printf "longest pause %d ms, at most %d\n", worst, most; exit worst > most }' \
		"$TMP/pauses"
}

# served A B: they are, and all of them get on.
served() {
	local i start
	now_ms
	start=$NOW
	wait_until $LIMIT spread "$1" "$2" || { awk '{ print $1, $3, $4, $7 }' "$SESSIONS_CFS/list"; return 1; }
	for ((i = 0; i < COUNT; i++)); do
		wait_until $LIMIT moving "$(disk $i)" || return
	done
	now_ms
	echo "all served after $((NOW - start)) ms"
}

# As many as are too many are asked to go to the other one.
rebalanced() {
	begin
	put 10 "$(tag_dir "${VIRTUAL[a]}")/rebalance" && served 2 2 && paused $TIME2WAIT
}

verify() {
	local i disks=()
	for ((i = 0; i < COUNT; i++)); do disks+=("$(disk $i)"); done
	load_start verify "${disks[@]}" -- --verify=crc32c --verify_backlog=128 \
		--verify_fatal=1 --randseed="$SEED" --iodepth=2 && served 2 2 || return
	watch_pauses "${disks[@]}" >"$TMP/pauses" 2>/dev/null &
	watcher=$!
}

# ---- what happens to them ----

disabled() {
	local i t
	t=$(tag_dir "${REAL[a]}")
	for ((i = 0; i < rounds; i++)); do
		begin
		put 0 "$t/enable" && served 0 $COUNT && paused $TIME2WAIT &&
			put 1 "$t/enable" && rebalanced || return
	done
}

# The address goes to the one that lives; and back, when the other lives again.
dies() {
	local i
	for ((i = 0; i < rounds; i++)); do
		begin
		gateway_die a && vip_add b && served 0 $COUNT &&
			paused $((NOTICE + TIME2WAIT)) && gateway_up a &&
			vip_del b && vip_add a && rebalanced || return
	done
}

all_verified() { load_runs verify && load_stop verify; }

log_out_all() {
	local i
	for ((i = 0; i < COUNT; i++)); do node $i --logout || return; done
	wait_until 20 sessions_are $NAME 0
}

cleanup() {
	local rc=0 g i
	[ -z "$watcher" ] || kill "$watcher"
	initiator_stop || rc=1
	for ((i = 0; i < COUNT; i++)); do iscsiadm -m iface -I tiscsi$i -o delete; done
	config_down || rc=1
	for g in a b; do [ ! -e "/run/netns/$(ns $g)" ] || ip netns del "$(ns $g)"; done
	[ ! -e /sys/class/net/$BR ] || ip link del $BR
	return $rc
}

plan 9
modprobe -a veth bridge 2>/dev/null && command -v nsenter >/dev/null &&
	ip netns add tiscsi-try 2>/dev/null && ip netns del tiscsi-try ||
	skip_all "no network namespaces, or nothing to join them"
check "two gateways" setup
check "$COUNT initiators log in at one address" enter
check "they are spread, and fio writes and verifies" verify
check "a portal is disabled and enabled again" disabled
check "a gateway dies, its address moves to the other and back" dies
check "no request failed, and all data is right" all_verified
check "they log out" log_out_all
check "nothing stays in D state" nothing_blocked
check "the kernel has not complained" no_splat
