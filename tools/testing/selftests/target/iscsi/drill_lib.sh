# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by the drills: results in TAP, targets made through configfs alone,
# and open-iscsi as their user drives it. Sourced, never run.
#
# A drill says plan, then check for each result; what it made is taken away
# when it ends. Its environment:
#
#   TISCSI_SOAK=1  the long version
#   CHECK_SEED     seed of everything that varies (default: from the clock)
#   OUT            directory for what explains a failure (default: none kept)
#   TISCSI_TIME_SCALE
#                  factor by which everything may take longer (a debug kernel)

set -u
shopt -s nullglob
export LC_ALL=C

CFS=/sys/kernel/config
CORE=$CFS/target/core
FABRIC=$CFS/target/iscsi
BASE=iqn.2003-01.org.example.drill
HBA=$CORE/rd_mcp_7144
PORTAL=127.0.0.1:3260
HERE=$(cd "$(dirname "$0")" && pwd)
SOAK=${TISCSI_SOAK:-}
SCALE=${TISCSI_TIME_SCALE:-1}
SEED=${CHECK_SEED:-$((RANDOM * 32768 + RANDOM))}
SESSIONS=/sys/class/iscsi_session
TMP=
planned=0 tests=0 failures=0
iscsid_ours=

# ---- results ----

# plan COUNT: how many results will come.
plan() {
	planned=$1
	echo "TAP version 13"
	echo "1..$planned"
	echo "# CHECK_SEED=$SEED${SOAK:+ TISCSI_SOAK=1}, kernel $(uname -r)"
	RANDOM=$((SEED % 32768))
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	TMP=$(mktemp -d) || bail "no temporary directory"
	trap finish EXIT
	trap 'exit 1' INT TERM HUP
}

skip_all() {
	local i
	for ((i = tests + 1; i <= planned; i++)); do
		echo "ok $i # SKIP $*"
	done
	exit 4
}

bail() {
	echo "Bail out! $*"
	exit 1
}

# check NAME COMMAND... : one result. COMMAND is run in this shell; what it
# prints is shown.
check() {
	local name=$1 rc=0 start=$SECONDS
	shift
	tests=$((tests + 1))
	"$@" >"$TMP/said" 2>&1 || rc=$?
	sed 's/^/# /' "$TMP/said" | head -n 200
	if [ $rc -eq 0 ]; then
		echo "ok $tests $name"
	else
		failures=$((failures + 1))
		echo "# status $rc after $((SECONDS - start)) s"
		dmesg | tail -n 12 | sed 's/^/# kernel: /'
		echo "not ok $tests $name"
	fi
}

finish() {
	local rc=$?
	trap - EXIT
	cleanup >"$TMP/cleanup" 2>&1 || {
		sed 's/^/# cleanup: /' "$TMP/cleanup"
		echo "not ok $((planned + 1)) everything could be taken away again"
		failures=$((failures + 1))
	}
	[ -z "$TMP" ] || rm -rf "$TMP"
	# What skip_all said stays a skip for whoever reads the status only.
	[ $rc -ne 4 ] || [ $failures -ne 0 ] || exit 4
	# In a trap, exit alone would hand on the status from before it.
	[ $rc -eq 0 ] && [ $failures -eq 0 ] && [ $tests -eq "$planned" ] || exit 1
	exit 0
}

# What a drill started in the background itself is for it to end.
cleanup() {
	local rc=0
	initiator_stop || rc=1
	config_down || rc=1
	return $rc
}

# long_or LONG SHORT: what the long version of a drill takes, or the short one.
long_or() { [ -n "$SOAK" ] && echo "$1" || echo "$2"; }

# ---- time ----

# Without a process each: one costs more on an emulated processor than most of
# what is waited for.
now_ms() { NOW=$((${EPOCHREALTIME/./} / 1000)); }
exec {NEVER}<> <(:)
nap() { read -r -t "$1" -u "$NEVER" || :; }

# alive PID: not even waiting for its parent, which this shell may be.
alive() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null && [[ $stat != *") Z "* ]]
}

# Every limit of a drill goes through one of the three that follow, and is
# $SCALE times as long as it says.

# limited SECONDS COMMAND... : a program that is killed if it takes longer.
limited() {
	local limit=$(($1 * SCALE))
	shift
	timeout $limit "$@"
}

# wait_until SECONDS COMMAND... : until it holds.
wait_until() {
	local limit=$(($1 * SCALE)) end
	now_ms
	end=$((NOW + limit * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		now_ms
		if [ $NOW -ge $end ]; then
			echo "after $limit s still not so: $*"
			return 1
		fi
		nap 0.1
	done
}

# where_is PID: it, and what it has started and waits for.
where_is() {
	local p
	ps -o pid,stat,time,wchan:32,args -p "$1" 2>/dev/null
	cat "/proc/$1/stack" 2>/dev/null
	for p in $(ps -o pid= --ppid "$1"); do where_is "$p"; done
}

# within SECONDS COMMAND... : COMMAND returns in that time. If it does not it
# is left behind (it may not be possible to kill it) and where it hangs is
# said. Its own status is handed on.
within() {
	local limit=$(($1 * SCALE)) start pid took
	shift
	now_ms
	start=$NOW
	"$@" &
	pid=$!
	while alive $pid; do
		now_ms
		took=$((NOW - start))
		if [ $took -gt $((limit * 1000)) ]; then
			echo "has not returned after $limit s: $*"
			where_is "$pid"
			kill -KILL $pid 2>/dev/null
			return 124
		fi
		nap 0.05
	done
	now_ms
	echo "took $((NOW - start)) ms: ${1##*/}"
	wait $pid
}

# blocked_tasks SECONDS: tasks that were in D state at the same place all that
# time. fio is the initiator's user and may wait for what was taken from it.
blocked_tasks() {
	local end
	now_ms
	end=$((NOW + $1 * SCALE * 1000))
	blocked_now >"$TMP/blocked"
	while [ -s "$TMP/blocked" ] && now_ms && [ $NOW -lt $end ]; do
		nap 0.2
		blocked_now >"$TMP/blocked.now"
		comm -12 "$TMP/blocked" "$TMP/blocked.now" >"$TMP/blocked.still"
		mv "$TMP/blocked.still" "$TMP/blocked"
	done
	cat "$TMP/blocked"
}

blocked_now() {
	ps -eo stat=,pid=,wchan:32=,comm= | awk '$1 ~ /^D/ && $4 !~ /^fio/' | sort
}

# no_splat: the kernel's log has none of what must never be in it. The initiator
# of 6.1 unbinds a session on a queue for memory reclaim, and waits for power
# management, which is none: that warning is not about the target.
no_splat() {
	! dmesg | awk '
		/-\[ cut here \]-/ { held = ""; holding = 1 }
		holding { held = held $0 "\n" }
		!holding { print }
		holding && /-\[ end trace / {
			if (!index(held, "flushing !WQ_MEM_RECLAIM pm:pm_runtime_work"))
				printf "%s", held
			holding = 0
		}
		END { if (holding) printf "%s", held }' |
		grep -aE 'BUG:|WARNING:|Oops|general protection|hung_task|blocked for more than|refcount_t:|rcu:.*stall|Call Trace'
}

nothing_blocked() {
	local b
	b=$(blocked_tasks 3)
	[ -z "$b" ] && return
	echo "in D state:"
	echo "$b"
	return 1
}

# ---- the target, through configfs ----

module_load() {
	[ -d $CORE ] || modprobe target_core_mod || return
	mountpoint -q $CFS || mount -t configfs none $CFS || return
	if [ ! -d $FABRIC ]; then
		[ -d /sys/module/tcm_iscsi ] || modprobe tcm_iscsi || return
		mkdir -p $FABRIC || return
	fi
	[ -d /sys/module/tcm_iscsi ] || echo "# not tcm_iscsi"
}

put() { echo "$1" >"$2" || { echo "cannot write '$1' to $2"; return 1; }; }
mk() { mkdir -p "$@"; }

tpg_dir() { echo "$FABRIC/$BASE:$1/tpgt_${2:-1}"; }

# ramdisk NAME MIB [nullio]
ramdisk() {
	local d=$HBA/$1
	mk "$d" || return
	[ -z "${3-}" ] || put rd_nullio=1 "$d/control"
	put rd_pages=$(($2 * 256)) "$d/control" &&
		put "7144-$1" "$d/wwn/vpd_unit_serial" && put 1 "$d/enable"
}

# tpg TPG PORTAL... : a portal group without authentication, to be enabled
# when it is whole.
tpg() {
	local t=$1
	shift
	mk "$t" "${@/#/$t/np/}" && put 0 "$t/attrib/authentication"
}

# tpg_demo TPG: no ACL is needed, either.
tpg_demo() {
	put 1 "$1/attrib/generate_node_acls" && put 0 "$1/attrib/demo_mode_write_protect"
}

tpg_on() { put 1 "$1/enable"; }

# lun TPG NUMBER RAMDISK
lun() {
	mk "$1/lun/lun_$2" && ln -s "$HBA/$3" "$1/lun/lun_$2/$3"
}

# mapped_lun TPG INITIATOR NUMBER: the portal group's LUN of the same number.
mapped_lun() {
	mk "$1/acls/$2/lun_$3" && ln -s "$1/lun/lun_$3" "$1/acls/$2/lun_$3/lun"
}

# tpg_parts TPG: all that has to go before it and itself, inmost first, in the
# order of rtslib.
tpg_parts() {
	local t=$1
	printf '%s\n' "$t"/acls/*/lun_*/lun "$t"/acls/*/lun_*/ "$t"/acls/*/ \
		"$(find "$t"/lun -type l)" "$t"/lun/lun_*/ "$t"/np/*/ "$t" |
		sed '/^$/d; s|/$||'
}

# take_away SECONDS PATH... : see drill_take.py.
take_away() {
	local limit=$1
	shift
	[ $# -eq 0 ] || within $((limit + 20)) python3 -IS "$HERE/drill_take.py" $((limit * SCALE)) "$@"
}

target_remove() {
	local d=$FABRIC/$BASE:$1 t parts=()
	[ -d "$d" ] || return 0
	for t in "$d"/tpgt_*; do mapfile -t -O ${#parts[@]} parts < <(tpg_parts "$t"); done
	take_away 10 "${parts[@]}" "$d"
}

config_down() {
	local t e rc=0
	for e in "$FABRIC/$BASE":*/tpgt_*/enable; do echo 0 >"$e"; done
	for t in "$FABRIC/$BASE":*; do target_remove "${t#"$FABRIC/$BASE:"}" || rc=1; done
	[ ! -d $HBA ] || take_away 10 $HBA/*/ $HBA || rc=1
	return $rc
}

# nr_sessions TARGET [TAG]: sessions that the target knows of.
nr_sessions() {
	cat "$(tpg_dir "$1" "${2:-1}")/../fabric_statistics/iscsi_instance/sessions"
}

sessions_are() {
	local n
	read -r n <"$FABRIC/$BASE:$1/fabric_statistics/iscsi_instance/sessions" && [ "$n" = "$2" ]
}

# ---- the initiator ----

initiator_start() {
	local t
	for t in iscsiadm iscsid ss; do
		command -v $t >/dev/null || skip_all "no $t"
	done
	modprobe iscsi_tcp && quiet_udev || return
	INITIATOR=$(sed -n 's/^InitiatorName=//p' /etc/iscsi/initiatorname.iscsi)
	pidof iscsid >/dev/null && return
	iscsid_ours=1
	mkdir -p /run/lock/iscsi
	iscsid && wait_until 10 iscsid_answers
}

# What udev finds out about a disk takes it a dozen programs, more than most
# drills run. One that goes by it says WANT_UDEV=1.
UDEV_RULES=/run/udev/rules.d
NOISE=({55-scsi-sg3_id,58-scsi-sg3_symlink,60-multipath,60-persistent-storage,64-btrfs,69-lvm}.rules)
quiet_udev() {
	local r
	[ -z "${WANT_UDEV-}" ] || return 0
	mkdir -p $UDEV_RULES || return
	for r in "${NOISE[@]}"; do : >$UDEV_RULES/"$r"; done
	udevadm control --reload
}

iscsid_answers() { iscsiadm -m session >/dev/null 2>&1 || [ $? = 21 ]; }

initiator_stop() {
	local s rc=0
	[ -n "${INITIATOR-}" ] || return 0
	for s in $(sessions_of '*'); do
		limited 30 iscsiadm -m session -r "${s#session}" -u || rc=1
	done
	forget
	[ -n "${WANT_UDEV-}" ] || rm -f "${NOISE[@]/#/$UDEV_RULES/}"
	if [ -n "$iscsid_ours" ]; then limited 10 iscsiadm -k 0 || rc=1; fi
	iscsid_ours='' INITIATOR=''
	return $rc
}

# forget [TARGET]: the initiator's records of our targets.
forget() {
	local r
	for r in /etc/iscsi/nodes/"$BASE:${1-}"*; do
		iscsiadm -m node -T "${r##*/}" -o delete
	done
	return 0
}

adm() { limited 60 iscsiadm "$@"; }

# record TARGET [PORTAL [NAME VALUE]...]: a node record, without discovery.
# A session that fails is given up soon, so that its users get their errors.
record() {
	local t=$BASE:$1 p=${2:-$PORTAL} args=()
	shift; [ $# -eq 0 ] || shift
	while [ $# -gt 0 ]; do args+=(-n "$1" -v "$2"); shift 2; done
	adm -m node -o new -T "$t" -p "$p" >/dev/null &&
		adm -m node -o update -T "$t" -p "$p" \
			-n node.session.timeo.replacement_timeout -v 3 \
			-n node.conn[0].timeo.logout_timeout -v 5 \
			-n node.session.initial_login_retry_max -v 1 "${args[@]}"
}

log_in() { adm -m node -T "$BASE:$1" -p "${2:-$PORTAL}" --login; }
log_out() { adm -m node -T "$BASE:$1" -p "${2:-$PORTAL}" --logout; }

# sessions_of TARGET: the initiator's sessions, by name in sysfs; '*' for all
# targets of ours.
sessions_of() {
	local s name
	for s in $SESSIONS/*; do
		# shellcheck disable=SC2053 # TARGET is a pattern
		{ read -r name <"$s/targetname"; } 2>/dev/null && [[ $name == $BASE:$1 ]] &&
			echo "${s##*/}"
	done
	return 0
}

# session_key TARGET KEY: a value the initiator negotiated, as sysfs has it.
session_key() {
	local s f
	s=$(sessions_of "$1" | head -n1)
	for f in "$SESSIONS/$s/$2" /sys/class/iscsi_connection/connection"${s#session}":0/"$2"; do
		[ ! -e "$f" ] || { cat "$f"; return; }
	done
	echo "no $2"
	return 1
}

session_state_is() { [ "$(session_key "$1" state)" = "$2" ]; }
no_session() { [ -z "$(sessions_of "$1")" ]; }

# disk_of TARGET LUN: the block device, or nothing.
disk_of() {
	local s d
	for s in $(sessions_of "$1"); do
		for d in $SESSIONS/"$s"/device/target*/*:*:*:"$2"/block/*; do
			echo "/dev/${d##*/}"
			return
		done
	done
}

has_disks() {
	local l t=$1
	shift
	for l in "$@"; do [ -b "$(disk_of "$t" "$l")" ] || return; done
}

# ---- load ----

declare -A load_pid=()

# load_start NAME DISK... [-- OPTION...]: fio writes and reads until it is told
# to end.
load_start() {
	local name=$1 d args=()
	shift
	for d in "$@"; do
		shift
		[ "$d" != -- ] || break
		args+=(--name="$name-${d##*/}" --filename="$d")
	done
	nice -n 5 fio --thread --direct=1 --ioengine=libaio --iodepth=8 --rw=randrw \
		--bssplit=4k/70:64k/20:512k/10 --time_based --runtime=1800 \
		--clocksource=clock_gettime "$@" "${args[@]}" >"$TMP/load.$name" 2>&1 &
	load_pid[$name]=$!
}

load_runs() { alive "${load_pid[$1]}"; }

# load_stop NAME: fails if it had ended by itself.
load_stop() {
	local rc=0 pid=${load_pid[$1]}
	unset "load_pid[$1]"
	kill -INT "$pid" 2>/dev/null || rc=1
	wait_until 30 gone "$pid" || { kill -KILL "$pid"; rc=1; }
	wait "$pid" 2>/dev/null
	[ $rc -eq 0 ] || tail -n 5 "$TMP/load.$1"
	return $rc
}

gone() { ! alive "$1"; }

# moving DISK: requests are being completed.
moving() {
	local stat=/sys/block/${1##*/}/stat a b
	read -r -a a <"$stat" || return
	nap 0.3
	read -r -a b <"$stat" || return
	[ $((b[0] + b[4])) -gt $((a[0] + a[4])) ]
}
