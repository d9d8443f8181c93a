#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Pacemaker's resource agents iSCSITarget and iSCSILogicalUnit, implementation
# lio-t, as a cluster calls them: start, monitor, use by an initiator, stop,
# monitor; then again. Everything is gone after each stop.

. "$(dirname "$0")/drill_lib.sh"

export OCF_ROOT=/usr/lib/ocf
AGENTS=$OCF_ROOT/resource.d/heartbeat
IQN=$BASE:cluster
RUNNING=0 NOT_RUNNING=7
USER_ID=member
SECRET=a-secret-of-some-length

# agent NAME INSTANCE ACTION [PARAMETER=VALUE]...
agent() {
	local name=$1 instance=$2 action=$3 p args=()
	shift 3
	for p in "$@"; do args+=("OCF_RESKEY_$p"); done
	env "${args[@]}" OCF_RESKEY_implementation=lio-t OCF_RESOURCE_INSTANCE="$instance" \
		OCF_RESOURCE_TYPE="$name" OCF_RESOURCE_PROVIDER=heartbeat HA_debug=0 \
		timeout 150 "$AGENTS/$name" "$action" >"$TMP/agent" 2>&1
}

# ends STATUS COMMAND... : with what it said if it ends otherwise.
ends() {
	local want=$1 rc=0
	shift
	"$@" || rc=$?
	[ $rc = "$want" ] && return
	echo "status $rc, should be $want: ${*:1:4}"
	cat "$TMP/agent"
	return 1
}

# The parameters of the resources, as in the configuration of a cluster.
target() {
	agent iSCSITarget p_target "$1" iqn="$IQN" portals=127.0.0.1:3260 \
		additional_parameters="MaxBurstLength=131072 InitialR2T=No" \
		allowed_initiators="$INITIATOR" \
		incoming_username=$USER_ID incoming_password=$SECRET
}

unit() {
	agent iSCSILogicalUnit p_lun "$1" target_iqn="$IQN" lun=3 path=/dev/ram0 \
		liot_bstype=block scsi_sn=c0ffee01 product_id=CLUSTER \
		allowed_initiators="$INITIATOR" emulate_tpu=0 emulate_3pc=1 emulate_caw=1
}

# Open to all, on all addresses, without a password.
open_target() { agent iSCSITarget p_open "$1" iqn="$IQN"; }
open_unit() {
	agent iSCSILogicalUnit p_file "$1" target_iqn="$IQN" lun=0 path="$TMP/file.img" \
		liot_bstype=fileio
}

started() {
	ends $NOT_RUNNING "$1" monitor && ends $NOT_RUNNING "$2" monitor &&
		ends 0 "$1" start && ends $RUNNING "$1" monitor &&
		ends 0 "$2" start && ends $RUNNING "$2" monitor
}

# A second start of what runs does nothing and is no error.
started_again() { ends 0 "$1" start && ends $RUNNING "$1" monitor; }

stopped() {
	ends 0 "$2" stop && ends 0 "$1" stop && ends $NOT_RUNNING "$1" monitor &&
		ends 0 "$1" stop && nothing_left
}

nothing_left() {
	local left
	left=$(find "$FABRIC" "$CORE"/*_* -mindepth 1 -maxdepth 1 -type d ! -name discovery_auth)
	[ -z "$left" ] || { echo "left: $left"; return 1; }
}

files_are() {
	local t rc=0 file want
	t=$(tpg_dir cluster)
	while read -r file want; do
		[ "$(cat "$t/$file")" = "$want" ] && continue
		echo "$file: $(cat "$t/$file"), not $want"
		rc=1
	done <<-FILES
	enable 1
	np/127.0.0.1:3260/iser 0
	param/MaxBurstLength 131072
	param/InitialR2T No
	attrib/authentication 1
	attrib/generate_node_acls 0
	acls/$INITIATOR/auth/userid $USER_ID
	acls/$INITIATOR/auth/password $SECRET
	FILES
	return $rc
}

# used LUN [NAME VALUE]... : an initiator logs in, writes, reads, logs out.
used() {
	local lun=$1 d rc=0
	shift
	record cluster $PORTAL "$@" && log_in cluster &&
		wait_until 30 has_disks cluster "$lun" || return
	d=$(disk_of cluster "$lun")
	head -c 64K /dev/urandom >"$TMP/data"
	dd if="$TMP/data" of="$d" bs=64K oflag=direct status=none &&
		dd if="$d" bs=64K count=1 iflag=direct status=none | cmp - "$TMP/data" || rc=1
	udevadm settle --timeout=30
	log_out cluster >/dev/null && forget cluster || rc=1
	return $rc
}

# The module goes and comes.
reload() { rmdir $FABRIC && rmmod tcm_iscsi && module_load; }

setup() {
	modprobe brd rd_nr=1 rd_size=16384 && udevadm settle || return
	truncate -s 16M "$TMP/file.img"
	mkdir -p /run/resource-agents /var/lib/heartbeat
	module_load && initiator_start
}

cleanup() {
	local rc=0
	[ -z "${missing-}" ] || return 0
	initiator_stop || rc=1
	targetctl clear || rc=1
	[ ! -d /sys/module/brd ] || rmmod brd || rc=1
	return $rc
}

chap=(node.session.auth.authmethod CHAP node.session.auth.username $USER_ID
	node.session.auth.password $SECRET)
rounds=$(long_or 5 1)
for t in targetcli targetctl; do command -v $t >/dev/null || missing=$t; done
[ -x $AGENTS/iSCSITarget ] || missing="resource agents"
plan $((7 * rounds + 4))
[ -z "${missing-}" ] || skip_all "no $missing"
check "a backing device and an initiator" setup
for ((round = 0; round < rounds; round++)); do
	check "a target with CHAP and its unit start" started target unit
	check "configfs has what the resources say" files_are
	check "an initiator uses it" used 3 "${chap[@]}"
	check "to start the unit again does nothing" started_again unit
	check "they stop, and nothing is left" stopped target unit
	check "a target open to all and its unit start, again" started open_target open_unit
	check "they stop, and nothing is left, again" stopped open_target open_unit
done
check "the module goes and comes" reload
check "nothing stays in D state" nothing_blocked
check "the kernel has not complained" no_splat
