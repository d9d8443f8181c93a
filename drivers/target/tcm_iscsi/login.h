/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A login in progress.
 */
#ifndef TCM_ISCSI_LOGIN_H
#define TCM_ISCSI_LOGIN_H

#include "tcm_iscsi.h"
#include "chap.h"

/**
 * struct tiscsi_login - from the first Login Request to the last response
 * @nego: keys and names
 * @first: no request with C = 0 has been worked on yet
 * @resolved: target, portal group and session to join are known
 * @peeked_initiator: names as they were looked up, before their keys' turn
 * @peeked_target: and
 * @local: what the portal group offers, copied when the login got there
 * @alias: TargetAlias, likewise
 * @isid: of the first request, as are @itt, @tsih, @cid, @cmd_sn, @versions
 * @stage: CSG that the next request must have
 * @flags: second byte of the request being answered
 * @rounds: requests so far
 * @text: the initiator's text, joined over C bits
 * @out: our answer to it; goes out in pieces of a Login Response
 * @out_sent: bytes of @out that earlier responses had
 * @auth_needed: the initiator must prove who it is
 * @auth_done: it did
 * @auth: credentials to check it against
 * @creds: more of them, to choose from by the name it gives; or NULL
 * @shared: they are those of a portal group, so that names of initiators do
 *	not tell who has authenticated
 * @why: what the log says of a failure besides the status, or NULL
 * @chap: CHAP in progress
 * @join: session that this connection becomes part of
 * @moves: may be sent to another portal; @moves_late: at its very end
 * @moved_to: where, with a status that says so
 * @waiting: for an old session of the same nexus to be gone, until @wait_until
 * @status: login status of the response
 * @rsp_flags: T, C and stages of the response
 * @rsp_ready: the response waits to be laid out
 */
struct tiscsi_login {
	struct tiscsi_nego nego;
	bool first;
	bool resolved;
	itt_t itt;
	char peeked_initiator[TISCSI_NAME_LEN];
	char peeked_target[TISCSI_NAME_LEN];
	struct tiscsi_keys local;
	char alias[TISCSI_ALIAS_LEN];
	u8 isid[6];
	__be16 tsih;
	__be16 cid;
	u8 version_min;
	u8 version_max;
	u32 cmd_sn;
	u8 stage;
	u8 flags;
	u32 rounds;
	char *text;
	u32 text_len;
	struct tiscsi_text out;
	u32 out_sent;
	bool auth_needed;
	bool auth_done;
	struct tiscsi_auth auth;
	struct tiscsi_creds *creds;
	bool shared;
	const char *why;
	struct tiscsi_chap *chap;
	struct tiscsi_sess *join;
	bool moves, moves_late;
	struct sockaddr_storage moved_to;
	bool waiting;
	unsigned long wait_until;
	u16 status;
	u8 rsp_flags;
	bool rsp_ready;
};

const char *tiscsi_login_user(const struct tiscsi_login *login);

#endif /* TCM_ISCSI_LOGIN_H */
