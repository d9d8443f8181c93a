// SPDX-License-Identifier: GPL-2.0
/*
 * The text keys of iSCSI and their negotiation (RFC 7143 clauses 6 and 13).
 *
 * Everything that depends on a key is in key_table[]; the code below it goes
 * by types and result functions.  Where the RFC leaves a choice:
 *
 * - An offer that is no admissible value (no number, out of range, a list of
 *   nothing but unknown items) is answered with Reject and the value stays
 *   (B18, B41).  MaxRecvDataSegmentLength is declared, not offered, so that
 *   there is no answer to put a Reject in: it ends the login.
 * - Every admissible offer is answered, also where the RFC lets one leave the
 *   answer out (B42).
 * - The markers of RFC 3720 are always answered with Reject (B56).
 * - We originate MaxRecvDataSegmentLength, and beyond it only what the
 *   configuration needs to differ from the value that holds without an offer.
 *   Boot ROMs that answer nothing thus never meet a question by default.
 *
 * Nothing here allocates or sleeps.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <scsi/iscsi_proto.h>

#include "params.h"

#define INITIATOR_ERROR(detail)	(ISCSI_STATUS_CLS_INITIATOR_ERR << 8 | (detail))
#define STATUS_PROTOCOL		INITIATOR_ERROR(ISCSI_LOGIN_STATUS_INIT_ERR)
#define STATUS_NO_TARGET	INITIATOR_ERROR(ISCSI_LOGIN_STATUS_TGT_NOT_FOUND)
#define STATUS_NO_SESS_TYPE	INITIATOR_ERROR(ISCSI_LOGIN_STATUS_NO_SESSION_TYPE)

/* Data-Out is taken in the order of its offsets only. */
#define KEY_ORDERED_ONLY	1

enum value_type {
	TYPE_BOOL,
	TYPE_NUMBER,
	TYPE_LIST,
	TYPE_RANGE,		/* of the obsolete marker keys */
	TYPE_OTHER,		/* has no value in struct tiscsi_keys */
};

/* In which stages a key may come, and under which conditions. */
#define IN_SECURITY	BIT(PHASE_SECURITY)
#define IN_OPERATIONAL	BIT(PHASE_OPERATIONAL)
#define IN_FFP		BIT(PHASE_FFP)
#define IN_LOGIN	(IN_SECURITY | IN_OPERATIONAL)
#define LEADING_ONLY	BIT(4)	/* first connection of a session */
#define NORMAL_ONLY	BIT(5)	/* Irrelevant in discovery sessions */
#define NOT_ON_WIRE	BIT(6)	/* configfs only */

/**
 * struct key_info - what there is to know about a key
 * @name: on the wire and in configfs
 * @type: how values are written
 * @flags: stages and conditions; no stage means that initiators never send it
 * @result: value both sides end with; NULL if the key is not negotiated
 * @receive: what to do with a pair of the initiator
 * @def: value that holds if nobody offers one
 * @local: what a fresh portal group offers
 * @min: smallest value the RFC admits
 * @max: largest value the RFC admits
 * @can_min: what we offer is never below, whatever configfs says
 * @can_max: and never above
 * @items: names of list items, by number
 */
struct key_info {
	const char *name;
	enum value_type type;
	u8 flags;
	u32 (*result)(u32 ours, u32 theirs);
	int (*receive)(struct tiscsi_nego *n, unsigned int id, char *value,
		       struct tiscsi_text *out);
	u32 def;
	u32 local;
	u32 min;
	u32 max;
	u32 can_min;
	u32 can_max;
	const char *const *items;
};

static u32 result_min(u32 ours, u32 theirs)
{
	return min(ours, theirs);
}

static u32 result_max(u32 ours, u32 theirs)
{
	return max(ours, theirs);
}

static u32 result_and(u32 ours, u32 theirs)
{
	return ours & theirs;
}

static u32 result_or(u32 ours, u32 theirs)
{
	return ours | theirs;
}

static u32 result_list(u32 ours, u32 theirs)
{
	return tiscsi_list_pick(theirs, ours);
}

static int receive_offer(struct tiscsi_nego *n, unsigned int id, char *value,
			 struct tiscsi_text *out);
static int receive_dsl(struct tiscsi_nego *n, unsigned int id, char *value,
		       struct tiscsi_text *out);
static int receive_obsolete(struct tiscsi_nego *n, unsigned int id,
			    char *value, struct tiscsi_text *out);
static int receive_initiator_name(struct tiscsi_nego *n, unsigned int id,
				  char *value, struct tiscsi_text *out);
static int receive_target_name(struct tiscsi_nego *n, unsigned int id,
			       char *value, struct tiscsi_text *out);
static int receive_alias(struct tiscsi_nego *n, unsigned int id, char *value,
			 struct tiscsi_text *out);
static int receive_session_type(struct tiscsi_nego *n, unsigned int id,
				char *value, struct tiscsi_text *out);
static int receive_ignored(struct tiscsi_nego *n, unsigned int id,
			   char *value, struct tiscsi_text *out);
static int receive_auth_method(struct tiscsi_nego *n, unsigned int id,
			       char *value, struct tiscsi_text *out);
static int receive_auth(struct tiscsi_nego *n, unsigned int id, char *value,
			struct tiscsi_text *out);
static int receive_send_targets(struct tiscsi_nego *n, unsigned int id,
				char *value, struct tiscsi_text *out);

static const char *const digest_items[] = {
	[DIGEST_NONE] = "None",
	[DIGEST_CRC32C] = "CRC32C",
	NULL
};

static const char *const auth_items[] = {
	[AUTH_NONE] = "None",
	[AUTH_CHAP] = "CHAP",
	NULL
};

static const char *const task_items[] = {
	[TASK_RFC3720] = "RFC3720",
	[TASK_RESPONSE_FENCE] = "ResponseFence",
	[TASK_FAST_ABORT] = "FastAbort",
	NULL
};

#define LIST2(first, second)	((first) | (second) << 4)

#define KEY_BOOL(_name, _flags, _result, _def, _local, _can_min) {	\
	.name = _name, .type = TYPE_BOOL, .flags = _flags,		\
	.result = _result, .receive = receive_offer,			\
	.def = _def, .local = _local, .max = 1,				\
	.can_min = _can_min, .can_max = 1 }

#define KEY_NUM(_name, _flags, _result, _def, _local, _min, _max, _can_max) { \
	.name = _name, .type = TYPE_NUMBER, .flags = _flags,		\
	.result = _result, .receive = receive_offer,			\
	.def = _def, .local = _local, .min = _min, .max = _max,		\
	.can_max = _can_max }

#define KEY_SIZE(_name, _flags, _receive, _local) {			\
	.name = _name, .type = TYPE_NUMBER, .flags = _flags,		\
	.receive = _receive, .def = TISCSI_DEFAULT_DSL, .local = _local, \
	.min = DSL_MIN, .max = DSL_MAX, .can_max = DSL_MAX }

#define KEY_LIST(_name, _flags, _result, _receive, _def, _local, _items) { \
	.name = _name, .type = TYPE_LIST, .flags = _flags,		\
	.result = _result, .receive = _receive,				\
	.def = _def, .local = _local, .max = U32_MAX,			\
	.can_max = U32_MAX, .items = _items }

#define KEY_OBSOLETE(_name, _type) {					\
	.name = _name, .type = _type, .flags = IN_OPERATIONAL,		\
	.receive = receive_obsolete, .max = U32_MAX, .can_max = U32_MAX }

#define KEY_OTHER(_name, _flags, _receive) {				\
	.name = _name, .type = TYPE_OTHER, .flags = _flags,		\
	.receive = _receive }

#define DSL_MIN		512
#define DSL_MAX		((1U << 24) - 1)
#define LEADING		(IN_OPERATIONAL | LEADING_ONLY)
#define LEADING_NORMAL	(LEADING | NORMAL_ONLY)

static const struct key_info key_table[TISCSI_NR_NAMES] = {
	[KEY_HEADER_DIGEST] =
		KEY_LIST("HeaderDigest", IN_OPERATIONAL, result_list,
			 receive_offer, DIGEST_NONE,
			 LIST2(DIGEST_CRC32C, DIGEST_NONE), digest_items),
	[KEY_DATA_DIGEST] =
		KEY_LIST("DataDigest", IN_OPERATIONAL, result_list,
			 receive_offer, DIGEST_NONE,
			 LIST2(DIGEST_CRC32C, DIGEST_NONE), digest_items),
	[KEY_MAX_CONNECTIONS] =
		KEY_NUM("MaxConnections", LEADING_NORMAL, result_min,
			1, 1, 1, 65535, TISCSI_MAX_CONNECTIONS),
	[KEY_INITIAL_R2T] =
		KEY_BOOL("InitialR2T", LEADING_NORMAL, result_or, 1, 1, 0),
	[KEY_IMMEDIATE_DATA] =
		KEY_BOOL("ImmediateData", LEADING_NORMAL, result_and, 1, 1, 0),
	[KEY_MAX_RECV_DSL] =
		KEY_SIZE("MaxRecvDataSegmentLength", IN_OPERATIONAL | IN_FFP,
			 receive_dsl, TISCSI_DEFAULT_DSL),
	[KEY_MAX_XMIT_DSL] =
		KEY_SIZE("MaxXmitDataSegmentLength", NOT_ON_WIRE, NULL,
			 262144),
	[KEY_MAX_BURST] =
		KEY_NUM("MaxBurstLength", LEADING_NORMAL, result_min,
			262144, 262144, DSL_MIN, DSL_MAX, DSL_MAX),
	[KEY_FIRST_BURST] =
		KEY_NUM("FirstBurstLength", LEADING_NORMAL, result_min,
			65536, 65536, DSL_MIN, DSL_MAX, DSL_MAX),
	[KEY_TIME2WAIT] =
		KEY_NUM("DefaultTime2Wait", LEADING, result_max,
			2, 2, 0, 3600, 3600),
	[KEY_TIME2RETAIN] =
		KEY_NUM("DefaultTime2Retain", LEADING, result_min,
			20, 20, 0, 3600, 3600),
	[KEY_MAX_R2T] =
		KEY_NUM("MaxOutstandingR2T", LEADING_NORMAL, result_min,
			1, 1, 1, 65535, TISCSI_MAX_R2T),
	[KEY_DATA_PDU_IN_ORDER] =
		KEY_BOOL("DataPDUInOrder", LEADING_NORMAL, result_or,
			 1, 1, KEY_ORDERED_ONLY),
	[KEY_DATA_SEQ_IN_ORDER] =
		KEY_BOOL("DataSequenceInOrder", LEADING_NORMAL, result_or,
			 1, 1, KEY_ORDERED_ONLY),
	[KEY_ERL] =
		KEY_NUM("ErrorRecoveryLevel", LEADING, result_min,
			0, 0, 0, 2, TISCSI_MAX_ERL),
	[KEY_TASK_REPORTING] =
		KEY_LIST("TaskReporting", LEADING_NORMAL, result_list,
			 receive_offer, TASK_RFC3720,
			 LIST2(TASK_RFC3720, TASK_RESPONSE_FENCE) |
			 TASK_FAST_ABORT << 8, task_items),
	[KEY_PROTOCOL_LEVEL] =
		KEY_NUM("iSCSIProtocolLevel", LEADING_NORMAL, result_min,
			1, TISCSI_PROTOCOL_LEVEL, 0, 31, TISCSI_PROTOCOL_LEVEL),

	[KEY_IF_MARKER] = KEY_OBSOLETE("IFMarker", TYPE_BOOL),
	[KEY_OF_MARKER] = KEY_OBSOLETE("OFMarker", TYPE_BOOL),
	[KEY_IF_MARK_INT] = KEY_OBSOLETE("IFMarkInt", TYPE_RANGE),
	[KEY_OF_MARK_INT] = KEY_OBSOLETE("OFMarkInt", TYPE_RANGE),

	[KEY_AUTH_METHOD] =
		KEY_LIST("AuthMethod", IN_SECURITY, NULL, receive_auth_method,
			 AUTH_NONE, AUTH_CHAP, auth_items),

	[KEY_INITIATOR_NAME] =
		KEY_OTHER("InitiatorName", IN_LOGIN, receive_initiator_name),
	[KEY_INITIATOR_ALIAS] =
		KEY_OTHER("InitiatorAlias", IN_LOGIN | IN_FFP, receive_alias),
	[KEY_TARGET_NAME] =
		KEY_OTHER("TargetName", IN_LOGIN, receive_target_name),
	/* Ours to send; coming from an initiator they are an error. */
	[KEY_TARGET_ALIAS] = KEY_OTHER("TargetAlias", 0, NULL),
	[KEY_TARGET_ADDRESS] = KEY_OTHER("TargetAddress", 0, NULL),
	[KEY_TARGET_PORTAL_GROUP_TAG] =
		KEY_OTHER("TargetPortalGroupTag", 0, NULL),
	/*
	 * For the leading connection only by the RFC, but common on others,
	 * where it can do no harm.
	 */
	[KEY_SESSION_TYPE] =
		KEY_OTHER("SessionType", IN_LOGIN, receive_session_type),
	[KEY_SEND_TARGETS] =
		KEY_OTHER("SendTargets", IN_FFP, receive_send_targets),
	[KEY_NODE_ARCHITECTURE] =
		KEY_OTHER("X#NodeArchitecture", IN_LOGIN, receive_ignored),

	[KEY_CHAP_A] = KEY_OTHER("CHAP_A", IN_SECURITY, receive_auth),
	[KEY_CHAP_I] = KEY_OTHER("CHAP_I", IN_SECURITY, receive_auth),
	[KEY_CHAP_C] = KEY_OTHER("CHAP_C", IN_SECURITY, receive_auth),
	[KEY_CHAP_N] = KEY_OTHER("CHAP_N", IN_SECURITY, receive_auth),
	[KEY_CHAP_R] = KEY_OTHER("CHAP_R", IN_SECURITY, receive_auth),
	[KEY_KRB_AP_REQ] = KEY_OTHER("KRB_AP_REQ", IN_SECURITY, receive_auth),
	[KEY_KRB_AP_REP] = KEY_OTHER("KRB_AP_REP", IN_SECURITY, receive_auth),
	[KEY_SRP_U] = KEY_OTHER("SRP_U", IN_SECURITY, receive_auth),
	[KEY_SRP_GROUP] = KEY_OTHER("SRP_GROUP", IN_SECURITY, receive_auth),
	[KEY_SRP_A] = KEY_OTHER("SRP_A", IN_SECURITY, receive_auth),
	[KEY_SRP_B] = KEY_OTHER("SRP_B", IN_SECURITY, receive_auth),
	[KEY_SRP_M] = KEY_OTHER("SRP_M", IN_SECURITY, receive_auth),
	[KEY_SRP_HM] = KEY_OTHER("SRP_HM", IN_SECURITY, receive_auth),
	[KEY_SRP_N] = KEY_OTHER("SRP_N", IN_SECURITY, receive_auth),
	[KEY_SRP_G] = KEY_OTHER("SRP_g", IN_SECURITY, receive_auth),
	[KEY_SRP_S] = KEY_OTHER("SRP_s", IN_SECURITY, receive_auth),
};

/* ------------------------------------------------------------------ */
/* lists                                                               */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_list_has() - is an item in a list?
 * @list: items of four bits, the first one lowest
 * @item: one item, not 0
 *
 * Context: any.
 * Return: whether it is.
 */
bool tiscsi_list_has(u32 list, u32 item)
{
	for (; list; list >>= 4)
		if ((list & 0xf) == item)
			return true;
	return false;
}

/**
 * tiscsi_list_pick() - choose from an offered list
 * @offered: the offer, in order of preference
 * @allowed: what may be chosen, in any order
 *
 * RFC 7143 6.2.1, B40.
 *
 * Context: any.
 * Return: first item of @offered that is in @allowed, 0 if there is none.
 */
u32 tiscsi_list_pick(u32 offered, u32 allowed)
{
	for (; offered; offered >>= 4)
		if (tiscsi_list_has(allowed, offered & 0xf))
			return offered & 0xf;
	return 0;
}

/**
 * tiscsi_list_item_name() - text of one item
 * @id: a list-valued key
 * @item: DIGEST_CRC32C, AUTH_CHAP and the like
 *
 * Context: any.
 * Return: the text.
 */
const char *tiscsi_list_item_name(enum tiscsi_key id, u32 item)
{
	return key_table[id].items[item];
}

/* ------------------------------------------------------------------ */
/* values as text                                                      */
/* ------------------------------------------------------------------ */

static u32 list_find_item(const struct key_info *info, const char *s,
			  size_t len)
{
	u32 item;

	for (item = 1; info->items[item]; item++)
		if (strlen(info->items[item]) == len &&
		    !memcmp(info->items[item], s, len))
			return item;
	return 0;
}

/*
 * From the wire unknown and repeated items are left out; from configfs
 * (@strict) the former are refused and the latter kept, to be shown again.
 */
static int list_parse(const struct key_info *info, const char *s, bool strict,
		      u32 *val)
{
	unsigned int shift = 0;
	u32 list = 0, item;
	size_t len;

	for (;;) {
		len = strcspn(s, ",");
		if (!len || len > TISCSI_VALUE_MAX)
			return -EINVAL;
		item = list_find_item(info, s, len);
		if (strict && (!item || shift >= 32))
			return -EINVAL;
		if (item && (strict || !tiscsi_list_has(list, item))) {
			list |= item << shift;
			shift += 4;
		}
		s += len;
		if (!*s)
			break;
		s++;
	}
	*val = list;
	return 0;
}

/* "Reject" is 0; otherwise the low half of @val up to the high half. */
static int range_parse(const char *s, u32 *val)
{
	char low[sizeof("65535")];
	u64 from, to;
	size_t len;

	if (!strcmp(s, "Reject")) {
		*val = 0;
		return 0;
	}
	len = strcspn(s, "~");
	if (len >= sizeof(low))
		return -EINVAL;
	memcpy(low, s, len);
	low[len] = '\0';
	if (tiscsi_text_u64(low, &from))
		return -EINVAL;
	to = from;
	if (s[len] && tiscsi_text_u64(s + len + 1, &to))
		return -EINVAL;
	if (!from || from > to || to > U16_MAX)
		return -EINVAL;
	*val = to << 16 | from;
	return 0;
}

static int number_parse(const struct key_info *info, const char *s, u32 *val)
{
	u64 n;

	if (tiscsi_text_u64(s, &n) || n < info->min || n > info->max)
		return -EINVAL;
	*val = n;
	return 0;
}

static int key_parse(const struct key_info *info, const char *s, bool strict,
		     u32 *val)
{
	switch (info->type) {
	case TYPE_BOOL:
		if (strcmp(s, "Yes") && strcmp(s, "No"))
			return -EINVAL;
		*val = s[0] == 'Y';
		return 0;
	case TYPE_NUMBER:
		return number_parse(info, s, val);
	case TYPE_LIST:
		return list_parse(info, s, strict, val);
	case TYPE_RANGE:
		return range_parse(s, val);
	case TYPE_OTHER:
		break;
	}
	return -EINVAL;
}

/* Longest: a list of eight items as configfs may have. */
#define KEY_FORMAT_MAX	64

static int key_format(const struct key_info *info, u32 val, char *buf)
{
	int len = 0;

	switch (info->type) {
	case TYPE_BOOL:
		return strscpy(buf, val ? "Yes" : "No", KEY_FORMAT_MAX);
	case TYPE_LIST:
		for (; val; val >>= 4)
			len += scnprintf(buf + len, KEY_FORMAT_MAX - len,
					 "%s%s", len ? "," : "",
					 info->items[val & 0xf]);
		return len;
	case TYPE_RANGE:
		if (!val)
			return scnprintf(buf, KEY_FORMAT_MAX, "Reject");
		if (val >> 16 != (val & U16_MAX))
			return scnprintf(buf, KEY_FORMAT_MAX, "%u~%u",
					 val & U16_MAX, val >> 16);
		val >>= 16;
		break;
	case TYPE_NUMBER:
	case TYPE_OTHER:
		break;
	}
	return scnprintf(buf, KEY_FORMAT_MAX, "%u", val);
}

/* ------------------------------------------------------------------ */
/* configuration                                                       */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_keys_defaults() - the values that hold before any negotiation
 * @k: where to
 *
 * RFC 7143 clause 13.  Both data segment lengths are 8192.
 *
 * Context: any.
 */
void tiscsi_keys_defaults(struct tiscsi_keys *k)
{
	unsigned int id;

	for (id = 0; id < TISCSI_NR_KEYS; id++)
		k->v[id] = key_table[id].def;
}

/**
 * tiscsi_keys_local_defaults() - what a fresh portal group offers
 * @k: where to
 *
 * Context: any.
 */
void tiscsi_keys_local_defaults(struct tiscsi_keys *k)
{
	unsigned int id;

	for (id = 0; id < TISCSI_NR_KEYS; id++)
		k->v[id] = key_table[id].local;
}

/**
 * tiscsi_keys_recv_dsl() - the MaxRecvDataSegmentLength that we declare
 * @local: values of a portal group
 *
 * iscsi_target_mod declares its MaxXmitDataSegmentLength to every initiator
 * that declares something itself and keeps the other parameter at 8192, which
 * nobody would want to write in.  So saved configurations have 8192 where
 * nobody chose it: take that as "as large as what we send".
 *
 * Context: any.
 * Return: bytes.
 */
u32 tiscsi_keys_recv_dsl(const struct tiscsi_keys *local)
{
	u32 recv = local->v[KEY_MAX_RECV_DSL];

	return recv == TISCSI_DEFAULT_DSL ? local->v[KEY_MAX_XMIT_DSL] : recv;
}

/**
 * tiscsi_key_name() - name of a key
 * @id: below TISCSI_NR_NAMES
 *
 * Context: any.
 * Return: the name as on the wire and in configfs.
 */
const char *tiscsi_key_name(enum tiscsi_key id)
{
	return key_table[id].name;
}

/**
 * tiscsi_key_show() - value of a key as configfs shows it
 * @id: below TISCSI_NR_KEYS
 * @k: values
 * @page: where to; at least TISCSI_KEY_TEXT bytes
 *
 * Context: any; the caller keeps @k stable.
 * Return: length, with the newline.
 */
int tiscsi_key_show(enum tiscsi_key id, const struct tiscsi_keys *k,
		    char *page)
{
	int len = key_format(&key_table[id], k->v[id], page);

	page[len++] = '\n';
	page[len] = '\0';
	return len;
}

/**
 * tiscsi_key_store() - take a value written to configfs
 * @id: below TISCSI_NR_KEYS
 * @k: values; changed only if the new value is good
 * @page: the value, one newline at its end is dropped
 *
 * Context: any; the caller serialises access to @k.
 * Return: 0, or -EINVAL if the text is no value of this key or out of the
 * range of RFC 7143.
 */
int tiscsi_key_store(enum tiscsi_key id, struct tiscsi_keys *k,
		     const char *page)
{
	char buf[TISCSI_VALUE_MAX + 1];
	size_t len = strnlen(page, sizeof(buf) + 1);
	u32 val;

	if (len && page[len - 1] == '\n')
		len--;
	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, page, len);
	buf[len] = '\0';
	if (key_parse(&key_table[id], buf, true, &val))
		return -EINVAL;
	k->v[id] = val;
	return 0;
}

/* ------------------------------------------------------------------ */
/* negotiation                                                         */
/* ------------------------------------------------------------------ */

/* Our value of a key, within what the implementation can do. */
static u32 nego_ours(const struct tiscsi_nego *n, unsigned int id)
{
	const struct key_info *info = &key_table[id];
	u32 val = n->local ? n->local->v[id] : info->local;

	return clamp(val, info->can_min, info->can_max);
}

static bool nego_irrelevant(const struct tiscsi_nego *n, unsigned int id)
{
	const u32 *v = n->keys.v;

	if (n->discovery && (key_table[id].flags & NORMAL_ONLY))
		return true;
	/* Nothing unsolicited (RFC 7143 13.14, B48). */
	return id == KEY_FIRST_BURST && v[KEY_INITIAL_R2T] &&
	       !v[KEY_IMMEDIATE_DATA];
}

/* A value with the rules applied that tie keys together (B48, B50, B52). */
static u32 nego_integrity(const struct tiscsi_nego *n, unsigned int id)
{
	const u32 *v = n->keys.v;

	if (id == KEY_FIRST_BURST)
		return min(v[id], v[KEY_MAX_BURST]);
	if (id == KEY_MAX_R2T && v[KEY_ERL] && v[KEY_DATA_SEQ_IN_ORDER])
		return 1;
	/* A discovery session recovers nothing (RFC 7143 7.4.1). */
	if (id == KEY_ERL && n->discovery)
		return 0;
	return v[id];
}

static void put_value(struct tiscsi_text *out, unsigned int id, u32 val)
{
	char buf[KEY_FORMAT_MAX];

	key_format(&key_table[id], val, buf);
	tiscsi_text_put(out, key_table[id].name, buf);
}

/* Values that answer a question and never ask one (RFC 7143 6.2, B38). */
static bool is_answer_word(const char *value)
{
	return !strcmp(value, "Reject") || !strcmp(value, "Irrelevant") ||
	       !strcmp(value, "NotUnderstood");
}

static int receive_offer(struct tiscsi_nego *n, unsigned int id, char *value,
			 struct tiscsi_text *out)
{
	const struct key_info *info = &key_table[id];
	u32 theirs, val;

	if (is_answer_word(value))
		return STATUS_PROTOCOL;
	if (key_parse(info, value, false, &theirs))
		goto reject;
	val = info->result(nego_ours(n, id), theirs);
	if (info->type == TYPE_LIST && !val)
		goto reject;
	n->keys.v[id] = val;
	__set_bit(id, n->due);
	return 0;
reject:
	tiscsi_text_put(out, info->name, "Reject");
	return 0;
}

/* The initiator's MaxRecvDataSegmentLength is the most that we may send. */
static int receive_dsl(struct tiscsi_nego *n, unsigned int id, char *value,
		       struct tiscsi_text *out)
{
	u32 val;

	if (number_parse(&key_table[id], value, &val))
		return STATUS_PROTOCOL;
	n->keys.v[KEY_MAX_XMIT_DSL] = min(val, nego_ours(n, KEY_MAX_XMIT_DSL));
	return 0;
}

static int receive_obsolete(struct tiscsi_nego *n, unsigned int id,
			    char *value, struct tiscsi_text *out)
{
	if (is_answer_word(value))
		return STATUS_PROTOCOL;
	tiscsi_text_put(out, key_table[id].name, "Reject");
	return 0;
}

static int receive_initiator_name(struct tiscsi_nego *n, unsigned int id,
				  char *value, struct tiscsi_text *out)
{
	if (tiscsi_name_normalise(value))
		return STATUS_PROTOCOL;
	strscpy(n->initiator_name, value, sizeof(n->initiator_name));
	return 0;
}

/* No target can have a name that is none. */
static int receive_target_name(struct tiscsi_nego *n, unsigned int id,
			       char *value, struct tiscsi_text *out)
{
	if (tiscsi_name_normalise(value))
		return STATUS_NO_TARGET;
	strscpy(n->target_name, value, sizeof(n->target_name));
	return 0;
}

/* It will be shown to administrators: keep terminals and parsers safe. */
static int receive_alias(struct tiscsi_nego *n, unsigned int id, char *value,
			 struct tiscsi_text *out)
{
	unsigned char *p;

	if (strlen(value) > TISCSI_VALUE_MAX)
		return STATUS_PROTOCOL;
	strscpy(n->initiator_alias, value, sizeof(n->initiator_alias));
	for (p = n->initiator_alias; *p; p++)
		if (*p < ' ' || *p == 0x7f)
			*p = '?';
	return 0;
}

static int receive_session_type(struct tiscsi_nego *n, unsigned int id,
				char *value, struct tiscsi_text *out)
{
	n->discovery = !strcmp(value, "Discovery");
	if (!n->discovery && strcmp(value, "Normal"))
		return STATUS_NO_SESS_TYPE;
	n->have_session_type = true;
	return 0;
}

static int receive_ignored(struct tiscsi_nego *n, unsigned int id,
			   char *value, struct tiscsi_text *out)
{
	return strlen(value) > TISCSI_VALUE_MAX ? STATUS_PROTOCOL : 0;
}

static int receive_auth_method(struct tiscsi_nego *n, unsigned int id,
			       char *value, struct tiscsi_text *out)
{
	if (is_answer_word(value) ||
	    list_parse(&key_table[id], value, false, &n->auth_offered))
		return STATUS_PROTOCOL;
	return TISCSI_KEY_AUTH;
}

static int receive_auth(struct tiscsi_nego *n, unsigned int id, char *value,
			struct tiscsi_text *out)
{
	return TISCSI_KEY_AUTH;
}

static int receive_send_targets(struct tiscsi_nego *n, unsigned int id,
				char *value, struct tiscsi_text *out)
{
	return TISCSI_KEY_SENDTARGETS;
}

/*
 * The answer to a key that we originated.  An initiator whose own offer
 * crossed ours ends up here as well, so its value goes through the result
 * function instead of being compared with what would have been right.
 */
static int receive_answer(struct tiscsi_nego *n, unsigned int id,
			  const char *value)
{
	const struct key_info *info = &key_table[id];
	u32 theirs, val;

	if (is_answer_word(value))
		return 0;
	if (key_parse(info, value, false, &theirs))
		return STATUS_PROTOCOL;
	val = info->result(nego_ours(n, id), theirs);
	if (info->type == TYPE_LIST && !val)
		return STATUS_PROTOCOL;
	n->keys.v[id] = val;
	return 0;
}

static unsigned int key_find(const char *name)
{
	unsigned int id;

	for (id = 0; id < TISCSI_NR_NAMES; id++) {
		if (key_table[id].name[0] != name[0] ||
		    (key_table[id].flags & NOT_ON_WIRE))
			continue;
		if (!strcmp(key_table[id].name, name))
			return id;
	}
	return KEY_NOT_KNOWN;
}

/**
 * tiscsi_nego_init() - start a login or a text negotiation
 * @n: is cleared; n->keys are the defaults of RFC 7143
 *
 * Context: any.
 */
void tiscsi_nego_init(struct tiscsi_nego *n)
{
	memset(n, 0, sizeof(*n));
	n->id = KEY_NOT_KNOWN;
	tiscsi_keys_defaults(&n->keys);
}

/**
 * tiscsi_nego_join() - start from the values of a session
 * @n: the negotiation, of a connection that is to join a session
 * @sess: what the leading connection agreed on
 *
 * Takes over the keys of session scope, which are the leading-only ones; the
 * others start from their defaults on every connection (B44, B47).
 *
 * Context: any.
 */
void tiscsi_nego_join(struct tiscsi_nego *n, const struct tiscsi_keys *sess)
{
	unsigned int id;

	n->leading = false;
	for (id = 0; id < TISCSI_NR_KEYS; id++)
		if (key_table[id].flags & LEADING_ONLY)
			n->keys.v[id] = sess->v[id];
}

/**
 * tiscsi_nego_pair() - take one pair from the initiator
 * @n: the negotiation; n->id becomes the key
 * @key: its name, checked by tiscsi_text_next()
 * @value: its value; names are normalised in place
 * @out: Reject and NotUnderstood go here; other answers are given by
 *	tiscsi_nego_declare(), when all pairs of the request are known
 *
 * Rows B17, B18, B22, B24, B33 to B56, C38.  Stage, repetition and
 * connection are checked for every key of the table, those that the caller
 * handles too.
 *
 * Context: any; the caller serialises access to @n.
 * Return: 0, TISCSI_KEY_AUTH for AuthMethod (n->auth_offered has the list)
 * and the keys of authentication methods, TISCSI_KEY_SENDTARGETS, or the
 * status that the login ends with, class in bits 8 to 15 and detail in bits 0
 * to 7.  In full feature phase the latter means that the text request is to be
 * rejected and nothing has changed.
 */
int tiscsi_nego_pair(struct tiscsi_nego *n, char *key, char *value,
		     struct tiscsi_text *out)
{
	unsigned int id = key_find(key);
	const struct key_info *info;

	n->id = id;
	if (id == KEY_NOT_KNOWN) {
		/* B35, C38: not twice, whatever it is. */
		if (tiscsi_text_has(out, key))
			return STATUS_PROTOCOL;
		tiscsi_text_put(out, key, "NotUnderstood");
		return 0;
	}
	info = &key_table[id];
	if (!(info->flags & BIT(n->phase)))
		return STATUS_PROTOCOL;
	if ((info->flags & LEADING_ONLY) && !n->leading)
		return STATUS_PROTOCOL;
	if (__test_and_set_bit(id, n->seen))
		return STATUS_PROTOCOL;
	if (id < TISCSI_NR_KEYS && test_bit(id, n->offered))
		return receive_answer(n, id, value);
	return info->receive(n, id, value, out);
}

/* What we ask for by ourselves, 0 if what holds anyway is fine. */
static bool nego_wants(const struct tiscsi_nego *n, unsigned int id, u32 *ours)
{
	const struct key_info *info = &key_table[id];
	u32 now = n->keys.v[id];

	if (!info->result || nego_irrelevant(n, id) ||
	    test_bit(id, n->seen) || test_bit(id, n->offered) ||
	    ((info->flags & LEADING_ONLY) && !n->leading))
		return false;
	*ours = nego_ours(n, id);
	if (info->type == TYPE_LIST)
		return !tiscsi_list_has(*ours, now);
	/*
	 * If it is the initiator who wants a small MaxBurstLength, it knows
	 * what follows from that.
	 */
	if (id == KEY_FIRST_BURST)
		*ours = min(*ours, nego_ours(n, KEY_MAX_BURST));
	return info->result(*ours, now) != now;
}

static void nego_originate(struct tiscsi_nego *n, struct tiscsi_text *out)
{
	unsigned int id;
	u32 ours;

	for (id = 0; id < TISCSI_NR_KEYS; id++) {
		if (!nego_wants(n, id, &ours))
			continue;
		put_value(out, id, ours);
		__set_bit(id, n->offered);
		/* A boolean that we want to change is decided by our offer. */
		if (key_table[id].type == TYPE_BOOL)
			n->keys.v[id] = ours;
		else
			__set_bit(id, n->waiting);
	}
}

/**
 * tiscsi_nego_declare() - answer the offers, say what we have to say
 * @n: the negotiation
 * @out: the text of the response
 *
 * To be called once for each response of the operational stage that answers a
 * request with C = 0, when its pairs have been taken.  Answers wait until
 * then because keys depend on others that may come later in the same request
 * (B36).  Also declares our MaxRecvDataSegmentLength, once, and originates
 * keys where the configuration wants other values than hold without an offer.
 * Does nothing in other phases.
 *
 * Context: any; the caller serialises access to @n.
 */
void tiscsi_nego_declare(struct tiscsi_nego *n, struct tiscsi_text *out)
{
	struct tiscsi_keys fresh;
	unsigned int id;

	if (n->phase != PHASE_OPERATIONAL)
		return;
	for_each_set_bit(id, n->due, TISCSI_NR_KEYS) {
		if (nego_irrelevant(n, id)) {
			n->keys.v[id] = key_table[id].def;
			tiscsi_text_put(out, key_table[id].name, "Irrelevant");
			continue;
		}
		n->keys.v[id] = nego_integrity(n, id);
		put_value(out, id, n->keys.v[id]);
	}
	bitmap_zero(n->due, TISCSI_NR_KEYS);
	bitmap_zero(n->waiting, TISCSI_NR_KEYS);

	if (!n->declared) {
		tiscsi_keys_local_defaults(&fresh);
		n->keys.v[KEY_MAX_RECV_DSL] =
			tiscsi_keys_recv_dsl(n->local ? n->local : &fresh);
		put_value(out, KEY_MAX_RECV_DSL, n->keys.v[KEY_MAX_RECV_DSL]);
		n->declared = true;
	}
	nego_originate(n, out);
}

/**
 * tiscsi_nego_waits() - does this response need an answer?
 * @n: the negotiation
 *
 * To be asked after tiscsi_nego_declare().
 *
 * Context: any; the caller serialises access to @n.
 * Return: true if tiscsi_nego_declare() has just asked the initiator for a
 * value, so that the response must not have T = 1 (RFC 7143 6.3, B12).  An
 * initiator that leaves its next request without the answer is not asked
 * again; the value stays.
 */
bool tiscsi_nego_waits(const struct tiscsi_nego *n)
{
	return !bitmap_empty(n->waiting, TISCSI_NR_KEYS);
}

/**
 * tiscsi_nego_finish() - the negotiation is over
 * @n: the negotiation; n->keys is what was agreed on if 0 is returned
 *
 * Applies the rules between keys to values that were not offered (B36, B48,
 * B50) and checks that the result is one that the configuration allows.  A
 * key that we originated and that was not answered keeps its value (B39).
 *
 * Context: any; the caller serialises access to @n.
 * Return: 0 or the status that the login ends with.
 */
int tiscsi_nego_finish(struct tiscsi_nego *n)
{
	u32 *v = n->keys.v;
	unsigned int id;

	if (n->phase == PHASE_FFP)
		return 0;
	v[KEY_ERL] = nego_integrity(n, KEY_ERL);
	v[KEY_FIRST_BURST] = nego_integrity(n, KEY_FIRST_BURST);
	v[KEY_MAX_R2T] = nego_integrity(n, KEY_MAX_R2T);
	for (id = 0; id < TISCSI_NR_KEYS; id++) {
		if (key_table[id].result != result_list ||
		    nego_irrelevant(n, id))
			continue;
		if (!tiscsi_list_has(nego_ours(n, id), v[id]))
			return STATUS_PROTOCOL;
	}
	return 0;
}
