/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The text keys of iSCSI and their negotiation (RFC 7143 clauses 6 and 13).
 *
 * One table in params.c describes every key.  A login, or a text negotiation
 * in full feature phase, is one struct tiscsi_nego:
 *
 *	tiscsi_nego_init(n);
 *	n->leading = true if the TSIH of the request is 0, otherwise
 *	tiscsi_nego_join(n, &sess->keys);
 *	for each request whose C bit is 0:
 *		n->phase = ...;
 *		for each pair:
 *			ret = tiscsi_nego_pair(n, key, value, out);
 *			(0, a login status, TISCSI_KEY_AUTH or
 *			 TISCSI_KEY_SENDTARGETS)
 *		once InitiatorName, TargetName and SessionType are known and
 *		before the first pair of the operational stage: n->local
 *		if n->phase is PHASE_OPERATIONAL:
 *			tiscsi_nego_declare(n, out);
 *		answer with T = 0 if tiscsi_nego_waits(n)
 *	tiscsi_nego_finish(n), then n->keys is what both sides agreed on
 */
#ifndef TCM_ISCSI_PARAMS_H
#define TCM_ISCSI_PARAMS_H

#include <linux/bitmap.h>
#include <linux/types.h>

#include "text.h"

/* What this implementation goes up to, whatever configfs says. */
#define TISCSI_MAX_R2T		8
#define TISCSI_MAX_CONNECTIONS	16
#define TISCSI_MAX_ERL		2
#define TISCSI_PROTOCOL_LEVEL	2

/* RFC 7143 13.12: what holds for both directions until something is declared */
#define TISCSI_DEFAULT_DSL	8192

/*
 * Items of list-valued keys.  A list is an u32 of four-bit items, the first
 * item lowest, so that a single item is a list of one.
 */
enum tiscsi_digest { DIGEST_NONE = 1, DIGEST_CRC32C };
enum tiscsi_auth_method { AUTH_NONE = 1, AUTH_CHAP };
enum tiscsi_task_reporting {
	TASK_RFC3720 = 1,
	TASK_RESPONSE_FENCE,
	TASK_FAST_ABORT,
};

enum tiscsi_key {
	/* Keys with a value in struct tiscsi_keys. */
	KEY_HEADER_DIGEST,	/* DIGEST_NONE or DIGEST_CRC32C */
	KEY_DATA_DIGEST,
	KEY_MAX_CONNECTIONS,
	KEY_INITIAL_R2T,	/* booleans are 0 or 1 */
	KEY_IMMEDIATE_DATA,
	KEY_MAX_RECV_DSL,	/* bytes; ours, what the initiator may send */
	KEY_MAX_XMIT_DSL,	/* bytes; what we may send, never on the wire */
	KEY_MAX_BURST,		/* bytes */
	KEY_FIRST_BURST,	/* bytes */
	KEY_TIME2WAIT,		/* seconds */
	KEY_TIME2RETAIN,	/* seconds */
	KEY_MAX_R2T,
	KEY_DATA_PDU_IN_ORDER,
	KEY_DATA_SEQ_IN_ORDER,
	KEY_ERL,
	KEY_TASK_REPORTING,	/* enum tiscsi_task_reporting */
	KEY_PROTOCOL_LEVEL,
	KEY_IF_MARKER,		/* obsolete; configfs only */
	KEY_OF_MARKER,
	KEY_IF_MARK_INT,
	KEY_OF_MARK_INT,
	KEY_AUTH_METHOD,	/* list of enum tiscsi_auth_method */
	TISCSI_NR_KEYS,

	/* Declared strings and keys that the caller handles. */
	KEY_INITIATOR_NAME = TISCSI_NR_KEYS,
	KEY_INITIATOR_ALIAS,
	KEY_TARGET_NAME,
	KEY_TARGET_ALIAS,
	KEY_TARGET_ADDRESS,
	KEY_TARGET_PORTAL_GROUP_TAG,
	KEY_SESSION_TYPE,
	KEY_SEND_TARGETS,
	KEY_NODE_ARCHITECTURE,
	KEY_CHAP_A,
	KEY_CHAP_I,
	KEY_CHAP_C,
	KEY_CHAP_N,
	KEY_CHAP_R,
	KEY_KRB_AP_REQ,
	KEY_KRB_AP_REP,
	KEY_SRP_U,
	KEY_SRP_GROUP,
	KEY_SRP_A,
	KEY_SRP_B,
	KEY_SRP_M,
	KEY_SRP_HM,
	KEY_SRP_N,
	KEY_SRP_G,
	KEY_SRP_S,
	TISCSI_NR_NAMES,
	KEY_NOT_KNOWN = TISCSI_NR_NAMES,
};

/* Enough for a value as tiscsi_key_show() writes it. */
#define TISCSI_KEY_TEXT		80

struct tiscsi_keys {
	u32 v[TISCSI_NR_KEYS];
};

enum tiscsi_phase { PHASE_SECURITY, PHASE_OPERATIONAL, PHASE_FFP };

/* Results of tiscsi_nego_pair() beyond 0 and the 16 bits of a login status */
#define TISCSI_KEY_AUTH		0x10000
#define TISCSI_KEY_SENDTARGETS	0x10001

/**
 * struct tiscsi_nego - a login, or one text negotiation in full feature phase
 * @phase: stage of the request being worked on; set by the caller
 * @leading: first connection of its session; set by the caller
 * @discovery: session type, set when SessionType arrives
 * @local: our offers and limits; NULL means those of a fresh portal group
 * @keys: what is agreed so far.  tiscsi_nego_init() puts the RFC's defaults
 *	here; overwrite with conn->keys for a text negotiation.  Copy out when
 *	tiscsi_nego_finish() returned 0 and not before (B36).
 * @id: key of the last pair given to tiscsi_nego_pair(), KEY_NOT_KNOWN if it
 *	is in no table
 * @seen: keys that came from the initiator
 * @due: offers of the initiator that tiscsi_nego_declare() has to answer
 * @offered: keys that we originated
 * @waiting: those of @offered that the response being made asks for
 * @have_session_type: SessionType was given
 * @declared: MaxRecvDataSegmentLength was declared by us
 * @auth_offered: AuthMethod list of the initiator without the items that
 *	nobody knows, see tiscsi_list_pick(); 0 if there is none
 * @initiator_name: InitiatorName, valid and normalised; empty if not given
 * @target_name: TargetName, valid and normalised; empty if not given
 * @initiator_alias: InitiatorAlias, control characters replaced; empty if not
 *	given
 */
struct tiscsi_nego {
	enum tiscsi_phase phase;
	bool leading;
	bool discovery;
	const struct tiscsi_keys *local;
	struct tiscsi_keys keys;
	unsigned int id;
	DECLARE_BITMAP(seen, TISCSI_NR_NAMES);
	DECLARE_BITMAP(due, TISCSI_NR_KEYS);
	DECLARE_BITMAP(offered, TISCSI_NR_KEYS);
	DECLARE_BITMAP(waiting, TISCSI_NR_KEYS);
	bool have_session_type;
	bool declared;
	u32 auth_offered;
	char initiator_name[TISCSI_NAME_LEN];
	char target_name[TISCSI_NAME_LEN];
	char initiator_alias[TISCSI_ALIAS_LEN];
};

void tiscsi_keys_defaults(struct tiscsi_keys *k);
void tiscsi_keys_local_defaults(struct tiscsi_keys *k);
u32 tiscsi_keys_recv_dsl(const struct tiscsi_keys *local);
const char *tiscsi_key_name(enum tiscsi_key id);
int tiscsi_key_show(enum tiscsi_key id, const struct tiscsi_keys *k,
		    char *page);
int tiscsi_key_store(enum tiscsi_key id, struct tiscsi_keys *k,
		     const char *page);

bool tiscsi_list_has(u32 list, u32 item);
u32 tiscsi_list_pick(u32 offered, u32 allowed);
const char *tiscsi_list_item_name(enum tiscsi_key id, u32 item);

void tiscsi_nego_init(struct tiscsi_nego *n);
void tiscsi_nego_join(struct tiscsi_nego *n, const struct tiscsi_keys *sess);
int tiscsi_nego_pair(struct tiscsi_nego *n, char *key, char *value,
		     struct tiscsi_text *out);
void tiscsi_nego_declare(struct tiscsi_nego *n, struct tiscsi_text *out);
bool tiscsi_nego_waits(const struct tiscsi_nego *n);
int tiscsi_nego_finish(struct tiscsi_nego *n);

#endif /* TCM_ISCSI_PARAMS_H */
