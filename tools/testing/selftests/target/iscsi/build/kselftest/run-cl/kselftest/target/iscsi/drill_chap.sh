#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# CHAP as its users know it: open-iscsi against a target that stock targetcli
# made, gave its credentials, saved and restored.

. "$(dirname "$0")/drill_lib.sh"

NAME=$BASE:chap
TPG=$(tpg_dir chap)
ALGS="MD5 SHA1 SHA256 SHA3-256"
IN="user-in secret-in-0123456"
OUT_="user-out secret-out-0123456"
DISC="disc-in disc-secret-in-01"
DISC_OUT="disc-out disc-secret-out-01"

# Targets of targetcli go with all that it made.
cleanup() {
	local rc=0
	initiator_stop || rc=1
	cli "clearconfig confirm=True" || rc=1
	config_down || rc=1
	return $rc
}

# cli COMMAND... : one targetcli for all of them; each takes seconds to start.
# It begins where it was left the last time, and ends without a line break.
cli() {
	local rc=0
	printf '%s\n' "cd /" "$@" exit | timeout 120 targetcli || rc=$?
	echo
	return $rc
}

# has FILE TEXT : below the portal group, what targetcli should have written.
has() { [ "$(cat "$1")" = "$2" ] || { echo "$1 is $(cat "$1")"; return 1; }; }

setup() {
	command -v targetcli >/dev/null || skip_all "no targetcli"
	module_load && initiator_start || return
	cli "set global auto_add_default_portal=false auto_save_on_exit=false" \
		"/backstores/ramdisk create name=chap size=8M" \
		"/iscsi create $NAME" "cd /iscsi/$NAME/tpg1" \
		"portals/ create 127.0.0.1 3260" \
		"luns/ create /backstores/ramdisk/chap" \
		"acls/ create $INITIATOR" "set attribute authentication=1" || return
	has "$TPG/attrib/authentication" 1 && [ -d "$TPG/acls/$INITIATOR" ] &&
		[ -d "$TPG/np/$PORTAL" ]
}

acl_credentials() {
	cli "cd /iscsi/$NAME/tpg1/acls/$INITIATOR" \
		"set auth userid=${IN% *} password=${IN#* }" \
		"set auth mutual_userid=${OUT_% *} mutual_password=${OUT_#* }" || return
	has "$TPG/acls/$INITIATOR/auth/password" "${IN#* }" &&
		has "$TPG/acls/$INITIATOR/auth/userid_mutual" "${OUT_% *}" &&
		has "$TPG/acls/$INITIATOR/auth/authenticate_target" 1
}

# use ALGS IN [OUT] : what the initiator's record says.
use() {
	local p=node.session.auth
	forget chap
	record chap $PORTAL $p.authmethod CHAP $p.chap_algs "$1" $p.username "${2% *}" \
		$p.password "${2#* }" || return
	[ -z "${3-}" ] || record_more $p.username_in "${3% *}" $p.password_in "${3#* }"
}

record_more() {
	adm -m node -o update -T "$NAME" -p $PORTAL -n "$1" -v "$2" -n "$3" -v "$4"
}

in_and_out() {
	log_in chap && session_state_is chap LOGGED_IN && wait_until 20 has_disks chap 0 &&
		log_out chap && no_session chap
}

# 24: login failed due to authorization failure
refused() {
	local rc=0
	log_in chap || rc=$?
	no_session chap && { [ $rc -eq 24 ] || { echo "status $rc"; return 1; }; }
}

no_credentials() { forget chap; record chap && refused; }
one_way() { use "$1" "$IN" && in_and_out; }
mutual() { use "$1" "$IN" "$OUT_" && in_and_out; }
wrong_secret() { use "$1" "${IN}x" && refused; }
wrong_user() { use "$1" "x$IN" && refused; }

# The initiator does not take the target for the one it is not.
wrong_target() {
	use MD5 "$IN" "${OUT_}x" || return
	! log_in chap && no_session chap
}

list_of_algs() { use "SHA3-256,SHA256,SHA1,MD5" "$IN" && in_and_out; }

discovery_credentials() {
	cli "cd /iscsi" "set discovery_auth enable=1 userid=${DISC% *} password=${DISC#* }" \
		"set discovery_auth mutual_userid=${DISC_OUT% *} mutual_password=${DISC_OUT#* }" ||
		return
	has $FABRIC/discovery_auth/enforce_discovery_auth 1 &&
		has $FABRIC/discovery_auth/password "${DISC#* }"
}

# discover IN [OUT] : with what it says in the record of the portal.
discover() {
	local p=discovery.sendtargets.auth args=()
	adm -m discoverydb -t sendtargets -p 127.0.0.1:3260 -o delete >/dev/null 2>&1
	adm -m discoverydb -t sendtargets -p 127.0.0.1:3260 -o new >/dev/null || return
	args=(-n discovery.sendtargets.reopen_max -v 0)
	[ -z "$1" ] || args+=(-n $p.authmethod -v CHAP -n $p.username -v "${1% *}"
		-n $p.password -v "${1#* }")
	[ -z "${2-}" ] || args+=(-n $p.username_in -v "${2% *}" -n $p.password_in -v "${2#* }")
	adm -m discoverydb -t sendtargets -p 127.0.0.1:3260 -o update "${args[@]}" || return
	adm -m discoverydb -t sendtargets -p 127.0.0.1:3260 --discover >"$TMP/found"
	cat "$TMP/found"
	grep -q "$NAME" "$TMP/found"
}

discovery_refused() { ! discover "$@"; }

# Several users, and addresses, as attributes: that is how they are saved.
save_and_restore() {
	local users="anna anna-secret-0123
bert bert-secret-0123 out-b out-secret-0123"
	put "$users" "$TPG/attrib/auth_users" &&
		cli "cd /iscsi/$NAME/tpg1" "set attribute allowed_sources=127.0.0.0/8,::1" \
			"set attribute max_sessions=7" "cd /" "saveconfig $TMP/saved.json" || return
	has "$TPG/attrib/allowed_sources" 127.0.0.0/8,::1 || return
	cli "clearconfig confirm=True" || return
	[ ! -d "$TPG" ] || { echo "still there"; return 1; }
	cli "restoreconfig $TMP/saved.json" || return
	has "$TPG/attrib/auth_users" "$users" && has "$TPG/attrib/max_sessions" 7 &&
		has "$TPG/attrib/allowed_sources" 127.0.0.0/8,::1 &&
		has "$TPG/acls/$INITIATOR/auth/password" "${IN#* }" &&
		has $FABRIC/discovery_auth/password "${DISC#* }"
}

# Without an ACL the portal group's credentials count, all of them.
demo_users() {
	cli "/iscsi/$NAME/tpg1/acls delete $INITIATOR" \
		"cd /iscsi/$NAME/tpg1" "set attribute generate_node_acls=1" \
		"set auth userid=${IN% *} password=${IN#* }" || return
	use SHA256 "$IN" && in_and_out && use SHA1 "anna anna-secret-0123" && in_and_out &&
		use MD5 "bert bert-secret-0123" "out-b out-secret-0123" && in_and_out &&
		use MD5 "bert anna-secret-0123" && refused
}

nothing_in_the_log() {
	! dmesg | grep -E 'secret-(in|out)-0123|disc-secret|(anna|bert)-secret'
}

plan 21
check "a target with targetcli" setup
check "credentials with targetcli's set auth" acl_credentials
check "B58: no login without credentials" no_credentials
for alg in $ALGS; do
	check "B60 B63: one-way CHAP with $alg" one_way $alg
	check "B65: mutual CHAP with $alg" mutual $alg
done
check "B60: the initiator's whole list" list_of_algs
check "B63: a wrong secret" wrong_secret SHA256
check "B63: an unknown user" wrong_user MD5
check "B65: the initiator refuses another target" wrong_target
check "B67: credentials with targetcli's set discovery_auth" discovery_credentials
check "B58 B67: no discovery without them, or with those of a login" \
	eval 'discovery_refused "" && discovery_refused "$IN"'
check "B63 B65: discovery with CHAP, one-way and mutual" \
	eval 'discover "$DISC" && discover "$DISC" "$DISC_OUT"'
check "targetcli saves and restores what it does not know" save_and_restore
check "B63 B65: several users in demo mode" demo_users
check "J06: no secret in the log" nothing_in_the_log
