#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Stock targetcli and rtslib: backstores of four kinds; targets and initiators
# with names of each kind; several portal groups, and portals that targets
# share, over IPv4 and IPv6; ACLs, mapped LUNs, demo mode, CHAP. What was made
# is saved, cleared, restored after the module was unloaded, and the same as
# before; open-iscsi logs in to all of it before and after.

. "$(dirname "$0")/drill_lib.sh"

T_IQN=$BASE:cli
T_EUI=eui.02004567a425678d
T_NAA=naa.52004567ba64678d
# Initiators, by the name of the open-iscsi interface that has the name.
declare -A initiators=(
	[drill-iqn]=$BASE:initiator
	[drill-eui]=eui.0200aabbccddeeff
	[drill-naa]=naa.52004567ba64aaaa
)
I_IQN=${initiators[drill-iqn]} I_EUI=${initiators[drill-eui]} I_NAA=${initiators[drill-naa]}
SECRET=a-secret-of-some-length
MIB=16

# ---- the configuration, as an administrator types it ----

# cli: commands from standard input, in one session; targetcli goes on after a
# line that failed, and says so.
cli() {
	targetcli >"$TMP/cli" 2>&1 || { cat "$TMP/cli"; return 1; }
	! grep -v 'preferences file' "$TMP/cli" |
		grep -iE 'error|fail|cannot|could not|invalid|exception|no such|not found|traceback'
}

backstores() {
	modprobe brd rd_nr=1 rd_size=$((MIB * 1024)) &&
		modprobe scsi_debug dev_size_mb=$MIB && udevadm settle || return
	SDEBUG=$(lsscsi | awk '/scsi_debug/ { print $NF; exit }')
	[ -b "$SDEBUG" ] || { echo "no scsi_debug disk"; return 1; }
	cli <<-CLI
	set global auto_add_default_portal=false auto_save_on_exit=false
	/backstores/block create name=blk dev=/dev/ram0
	/backstores/fileio create name=fil file_or_dev=$TMP/file.img size=${MIB}M
	/backstores/ramdisk create name=mem size=${MIB}M
	/backstores/pscsi create name=raw dev=$SDEBUG
	CLI
}

# The target with ACLs: two portal groups; LUNs that the initiators see under
# other numbers, one of them read-only; the second group asks for CHAP.
target_iqn() {
	cli <<-CLI
	/iscsi create $T_IQN
	/iscsi/$T_IQN create 2
	cd /iscsi/$T_IQN/tpg1
	portals/ create 127.0.0.1 3260
	portals/ create ::1 3260
	luns/ create /backstores/block/blk 0
	luns/ create /backstores/fileio/fil 1
	luns/ create /backstores/ramdisk/mem 2
	luns/ create /backstores/pscsi/raw 3
	acls/ create $I_IQN add_mapped_luns=false
	acls/$I_IQN create 0 0
	acls/$I_IQN create 5 1 write_protect=1
	acls/$I_IQN create 9 3
	acls/ create $I_EUI add_mapped_luns=false
	acls/$I_EUI create 1 2
	set attribute authentication=0
	set parameter MaxBurstLength=131072 InitialR2T=No
	enable
	cd /iscsi/$T_IQN/tpg2
	portals/ create 127.0.0.1 3261
	luns/ create /backstores/block/blk
	acls/ create $I_IQN
	acls/$I_IQN set auth userid=client password=$SECRET
	acls/$I_IQN set attribute nopin_timeout=7
	set attribute authentication=1
	enable
	CLI
}

# In demo mode, on portals that the first target has, too.
target_eui() {
	cli <<-CLI
	/iscsi create $T_EUI
	cd /iscsi/$T_EUI/tpg1
	portals/ create 127.0.0.1 3260
	portals/ create ::1 3260
	luns/ create /backstores/ramdisk/mem 0
	luns/ create /backstores/fileio/fil 4
	set attribute authentication=0 generate_node_acls=1 demo_mode_write_protect=0
	enable
	CLI
}

# On all addresses; hidden from those who may not log in.
target_naa() {
	cli <<-CLI
	/iscsi create $T_NAA
	cd /iscsi/$T_NAA/tpg1
	portals/ create 0.0.0.0 3270
	portals/ create ::0 3271
	luns/ create /backstores/fileio/fil 2
	acls/ create $I_NAA
	acls/ create $I_EUI
	set attribute authentication=0 demo_mode_discovery=0
	enable
	CLI
}

# What targetcli was told is what the module was told.
files_are() {
	local t=$FABRIC/$T_IQN/tpgt_1 u=$FABRIC/$T_IQN/tpgt_2 rc=0 file want
	while read -r file want; do
		[ "$(cat "$file")" = "$want" ] && continue
		echo "$file: $(cat "$file"), not $want"
		rc=1
	done <<-FILES
	$t/enable 1
	$t/np/127.0.0.1:3260/iser 0
	$t/np/[::1]:3260/iser 0
	$t/attrib/authentication 0
	$t/param/MaxBurstLength 131072
	$t/param/InitialR2T No
	$t/acls/$I_IQN/lun_0/write_protect 0
	$t/acls/$I_IQN/lun_5/write_protect 1
	$u/enable 1
	$u/attrib/authentication 1
	$u/param/AuthMethod CHAP
	$u/acls/$I_IQN/auth/userid client
	$u/acls/$I_IQN/auth/password $SECRET
	$u/acls/$I_IQN/attrib/nopin_timeout 7
	$FABRIC/$T_EUI/tpgt_1/attrib/generate_node_acls 1
	$FABRIC/$T_EUI/tpgt_1/np/127.0.0.1:3260/iser 0
	$FABRIC/$T_NAA/tpgt_1/np/0.0.0.0:3270/iser 0
	$FABRIC/$T_NAA/tpgt_1/np/[::0]:3271/iser 0
	FILES
	return $rc
}

# ---- discovery ----

# discovers INTERFACE PORTAL < LINES: SendTargets says just that.
discovers() {
	sort >"$TMP/wanted"
	adm -m discovery -t sendtargets -I "$1" -p "$2" -o nonpersistent |
		sort >"$TMP/found"
	diff "$TMP/wanted" "$TMP/found"
}

discovery_lists() {
	discovers drill-iqn 127.0.0.1:3260 <<-LIST || return
	127.0.0.1:3260,1 $T_IQN
	[::1]:3260,1 $T_IQN
	127.0.0.1:3261,2 $T_IQN
	127.0.0.1:3260,1 $T_EUI
	[::1]:3260,1 $T_EUI
	LIST
	# The hidden one; a portal on all addresses has the one that was used, and
	# one of IPv6 is of no use to those who came by IPv4.
	discovers drill-naa 127.0.0.1:3270 <<-LIST
	127.0.0.1:3260,1 $T_IQN
	[::1]:3260,1 $T_IQN
	127.0.0.1:3261,2 $T_IQN
	127.0.0.1:3260,1 $T_EUI
	[::1]:3260,1 $T_EUI
	127.0.0.1:3270,1 $T_NAA
	127.0.0.1:3271,1 $T_NAA
	LIST
}

# ---- logins ----

interfaces() {
	local i
	initiator_start || return
	for i in "${!initiators[@]}"; do
		adm -m iface -I "$i" -o new &&
			adm -m iface -I "$i" -o update -n iface.initiatorname \
				-v "${initiators[$i]}" || return
	done
}

# node INTERFACE TARGET PORTAL ARG...
node() { adm -m node -I "$1" -T "$2" -p "$3" "${@:4}"; }

# luns: numbers of the disks of the one session there is, "r" behind those
# that are read-only.
luns() {
	local d
	for d in "$SESSIONS"/session*/device/target*/*:*:*:*/block/*; do
		echo "$(basename "${d%/block/*}" | sed 's/.*://')$(sed 's/0//; s/1/r/' "$d/ro")"
	done | sort -n | tr '\n' ' '
}

luns_are() { [ "$(luns)" = "$1 " ]; }

# used: each disk takes data and gives it back, or refuses it.
used() {
	local d disk rc=0
	for d in "$SESSIONS"/session*/device/target*/*:*:*:*/block/*; do
		disk=/dev/${d##*/}
		head -c 64K /dev/urandom >"$TMP/data"
		if [ "$(cat "$d/ro")" = 1 ]; then
			blockdev --setrw "$disk"
			! dd if="$TMP/data" of="$disk" bs=64K oflag=direct status=none 2>/dev/null ||
				{ echo "$disk: read-only, and takes a write"; rc=1; }
			continue
		fi
		dd if="$TMP/data" of="$disk" bs=64K oflag=direct status=none &&
			dd if="$disk" bs=64K count=1 iflag=direct status=none | cmp - "$TMP/data" ||
			{ echo "$disk"; rc=1; }
	done
	return $rc
}

# visit INTERFACE TARGET PORTAL LUNS [USERID]
visit() {
	local rc=0 auth=(-n node.session.initial_login_retry_max -v 1)
	[ -z "${5-}" ] || auth+=(-n node.session.auth.authmethod -v CHAP
		-n node.session.auth.username -v "$5" -n node.session.auth.password -v $SECRET)
	node "$1" "$2" "$3" -o new >/dev/null && node "$1" "$2" "$3" -o update "${auth[@]}" &&
		node "$1" "$2" "$3" --login >/dev/null || return
	wait_until 30 luns_are "$4" && used || { echo "LUNs: $(luns)"; rc=1; }
	# The kernel's initiator complains of itself if it ends while it probes.
	udevadm settle --timeout=30
	node "$1" "$2" "$3" --logout >/dev/null && node "$1" "$2" "$3" -o delete || rc=1
	return $rc
}

# 24 is what iscsiadm calls an authorization failure.
not_let_in() {
	local rc=0
	node drill-naa "$T_IQN" "$PORTAL" -o new >/dev/null
	node drill-naa "$T_IQN" "$PORTAL" -o update -n node.session.initial_login_retry_max -v 1
	node drill-naa "$T_IQN" "$PORTAL" --login || rc=$?
	node drill-naa "$T_IQN" "$PORTAL" -o delete
	[ $rc = 24 ]
}

# ---- save and restore ----

# The discovery credentials are the fabric's, and saved with it.
discovery_auth() {
	cli <<-CLI
	/iscsi set discovery_auth enable=1 userid=finder password=$SECRET
	CLI
	! adm -m discovery -t sendtargets -p $PORTAL -o nonpersistent &&
		adm -m discoverydb -t sendtargets -p $PORTAL -o new >/dev/null &&
		adm -m discoverydb -t sendtargets -p $PORTAL -o update \
			-n discovery.sendtargets.auth.authmethod -v CHAP \
			-n discovery.sendtargets.auth.username -v finder \
			-n discovery.sendtargets.auth.password -v $SECRET &&
		adm -m discoverydb -t sendtargets -p $PORTAL -o nonpersistent --discover |
		grep -q "$T_IQN"
}

nothing_left() {
	local left
	left=$(find "$FABRIC" "$CORE"/*_* -mindepth 1 -maxdepth 1 -type d ! -name discovery_auth)
	[ -z "$left" ] || { echo "left: $left"; return 1; }
}

# reload: the module goes and comes.
reload() {
	rmdir $FABRIC && rmmod tcm_iscsi && modprobe tcm_iscsi && [ ! -d $FABRIC ]
}

# take NAME: the configuration as rtslib saves it, and the tree. Lists come in
# the order of directories, rtslib makes up new names for links and numbers for
# HBAs, and what is counted begins anew.
take() {
	targetctl save "$TMP/$1.json" || return
	python3 - "$TMP/$1.json" >"$TMP/$1.canonical" <<-'PYTHON' || return
	import json, sys

	def canonical(x):
	    if isinstance(x, dict):
	        return {k: canonical(v) for k, v in x.items() if k != "alias"}
	    if isinstance(x, list):
	        return sorted((canonical(v) for v in x), key=json.dumps)
	    return x

	print(json.dumps(canonical(json.load(open(sys.argv[1]))), indent=1, sort_keys=True))
	PYTHON
	"$HERE/configfs_record.py" show | sed -E \
		-e 's|^(l .*/)[^/]+ -> core/([a-z_]+)_[0-9]+/|\1link -> core/\2/|' \
		-e 's|^(l .*/)[^/]+ ->|\1link ->|' \
		-e 's|^(f .*/(fabric_)?statistics/.*) = .*|\1|' | sort >"$TMP/$1.tree"
	[ "$(wc -l <"$TMP/$1.tree")" -gt 500 ] || { echo "hardly a tree"; return 1; }
}

# same NAME: configuration and tree are those that were saved before.
same() {
	take "$1" && diff "$TMP/first.canonical" "$TMP/$1.canonical" &&
		diff "$TMP/first.tree" "$TMP/$1.tree" && echo "$(wc -l <"$TMP/$1.tree") paths"
}

targetctl_restores() {
	targetctl clear && nothing_left && reload &&
		targetctl restore "$TMP/first.json" && same second
}

targetcli_restores() {
	cli <<<"/ clearconfig confirm=True" && nothing_left && reload &&
		cli <<<"/ restoreconfig $TMP/first.json" && same third
}

# live: the directory of the one session there is.
live() { compgen -G "$FABRIC/$T_IQN/sessions/[0-9]*" >"$TMP/live"; }

# What is saved has no sessions; it can be cleared beneath one, and restored, and
# then the initiator finds its disks again.
session_stays_out_of_it() {
	local before
	node drill-iqn "$T_IQN" $PORTAL -o new >/dev/null &&
		node drill-iqn "$T_IQN" $PORTAL --login >/dev/null &&
		wait_until 30 luns_are "0 5r 9" && wait_until 30 live || return
	udevadm settle --timeout=30
	before=$(<"$TMP/live")
	take live && diff "$TMP/first.canonical" "$TMP/live.canonical" || return
	targetcli sessions list >"$TMP/sessions" && grep -q LOGGED_IN "$TMP/sessions" ||
		{ cat "$TMP/sessions"; return 1; }
	targetctl clear && nothing_left && [ ! -d "$before" ] &&
		targetctl restore "$TMP/first.json" &&
		wait_until 60 live && wait_until 30 used >/dev/null || return
	node drill-iqn "$T_IQN" $PORTAL --logout >/dev/null &&
		node drill-iqn "$T_IQN" $PORTAL -o delete
}

cleanup() {
	local i rc=0
	[ -z "${missing-}" ] || return 0
	for i in "${!initiators[@]}"; do
		adm -m node -I "$i" --logout
		adm -m node -I "$i" -o delete
		adm -m iface -I "$i" -o delete
	done >/dev/null 2>&1
	initiator_stop || rc=1
	for i in userid password; do echo NULL >$FABRIC/discovery_auth/$i || rc=1; done
	echo 0 >$FABRIC/discovery_auth/enforce_discovery_auth || rc=1
	targetctl clear || rc=1
	for i in scsi_debug brd; do [ ! -d /sys/module/$i ] || rmmod $i || rc=1; done
	return $rc
}

# logins WHEN [few]: each target, over both families.
logins() {
	local when=$1
	check "an iqn name over IPv4, LUNs mapped and read-only$when" \
		visit drill-iqn "$T_IQN" $PORTAL "0 5r 9"
	check "the second portal group, with CHAP$when" \
		visit drill-iqn "$T_IQN" 127.0.0.1:3261 "0" client
	check "a target with an eui name on a shared portal of IPv6, demo mode$when" \
		visit drill-eui "$T_EUI" "[::1]:3260" "0 4"
	check "names of naa on all IPv4 addresses$when" visit drill-naa "$T_NAA" 127.0.0.1:3270 "2"
	[ "${2-}" != few ] || return 0
	check "an iqn name over IPv6$when" visit drill-iqn "$T_IQN" "[::1]:3260" "0 5r 9"
	check "an initiator with an eui name$when" visit drill-eui "$T_IQN" $PORTAL "1"
	check "an initiator with a naa name, demo mode, over IPv4$when" \
		visit drill-naa "$T_EUI" $PORTAL "0 4"
	check "an eui initiator on all IPv6 addresses$when" visit drill-eui "$T_NAA" "[::1]:3271" "2"
	check "an initiator without ACL is not let in$when" not_let_in
}

for t in targetcli targetctl lsscsi; do command -v $t >/dev/null || missing=$t; done
again=$(long_or all few)
plan $((22 + $(long_or 9 4)))
[ -z "${missing-}" ] || skip_all "no $missing"
module_load || bail "no module"
check "backstores of four kinds" backstores
check "a target with two portal groups and ACLs" target_iqn
check "a target in demo mode on shared portals" target_eui
check "a target on all addresses" target_naa
check "configfs has what targetcli was told" files_are
check "initiators with names of three kinds" interfaces
check "C40 C41: discovery lists what an initiator may know" discovery_lists
logins ""
check "discovery with CHAP" discovery_auth
check "the configuration is saved" take first
check "saved, cleared and restored with a session there" session_stays_out_of_it
check "cleared, unloaded, loaded, restored by targetctl: the same" targetctl_restores
logins ", restored" "$again"
check "cleared, unloaded, loaded, restored by targetcli: the same" targetcli_restores
check "the kernel has not complained" no_splat
