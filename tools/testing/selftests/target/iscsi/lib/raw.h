/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A raw-PDU iSCSI initiator for conformance tests.
 *
 * It sends any bytes that a test wants, keeps the initiator's side of the
 * numbering (RFC 7143 4.2.2) and checks everything that it receives against
 * the rules that hold for every PDU of a target, whatever the test is about.
 * A helper that cannot go on prints what it saw and the last PDUs of both
 * directions, and aborts the test.  No wait is without a bound.
 */
#ifndef RAW_H
#define RAW_H

#include <endian.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>
#include <linux/types.h>

struct tcp_info;

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/* The compiler checks the arguments: format is the second one. */
#define PRINTF_LIKE		format(printf, 2, 3)

#define BHS_LEN			48
#define AHS_MAX			(255 * 4)
#define NO_TAG			0xffffffffU
/*
 * Of every wait that says nothing else: shorter than the timers of the target by
 * which it ends what is silent, which would be taken for what is waited for.
 */
#define DEADLINE_MS		bound_ms(10000)
#define DEFAULT_MRDSL		8192	/* RFC 7143 13.12 */
#define BLOCK			512	/* logical block size of the test LUNs */

enum opcode {
	OP_NOP_OUT = 0x00, OP_SCSI = 0x01, OP_TMF = 0x02, OP_LOGIN = 0x03,
	OP_TEXT = 0x04, OP_DATA_OUT = 0x05, OP_LOGOUT = 0x06, OP_SNACK = 0x10,
	OP_NOP_IN = 0x20, OP_SCSI_RSP = 0x21, OP_TMF_RSP = 0x22,
	OP_LOGIN_RSP = 0x23, OP_TEXT_RSP = 0x24, OP_DATA_IN = 0x25,
	OP_LOGOUT_RSP = 0x26, OP_R2T = 0x31, OP_ASYNC = 0x32, OP_REJECT = 0x3f,
	OP_MASK = 0x3f, OP_IMMEDIATE = 0x40,
};

/* Byte offsets in the BHS (RFC 7143 section 11). */
enum bhs_offset {
	BHS_FLAGS = 1, BHS_RESPONSE = 2, BHS_STATUS = 3, BHS_AHS_WORDS = 4,
	BHS_DSL = 5, BHS_LUN = 8, BHS_INFO = 8, BHS_ISID = 8, BHS_TSIH = 14, BHS_ITT = 16,
	BHS_TTT = 20, BHS_EDTL = 20, BHS_RTT = 20, BHS_CID = 20,
	BHS_SNACK_TAG = 20,
	/* initiator */
	BHS_CMD_SN = 24, BHS_EXP_STAT_SN = 28, BHS_CDB = 32,
	BHS_REF_CMD_SN = 32, BHS_DATA_SN = 36, BHS_OFFSET = 40,
	BHS_BEG_RUN = 40, BHS_RUN_LEN = 44,
	/* target */
	BHS_STAT_SN = 24, BHS_EXP_CMD_SN = 28, BHS_MAX_CMD_SN = 32,
	BHS_EXP_DATA_SN = 36, BHS_LOGIN_STATUS = 36, BHS_R2T_SN = 36,
	BHS_ASYNC_EVENT = 36, BHS_PARAM1 = 38, BHS_PARAM2 = 40,
	BHS_PARAM3 = 42, BHS_TIME2WAIT = 40, BHS_TIME2RETAIN = 42,
	BHS_BIDI_RESIDUAL = 40, BHS_RESIDUAL = 44, BHS_DDTL = 44,
};

enum bhs_flag {
	F_FINAL = 0x80,
	F_READ = 0x40, F_WRITE = 0x20,			/* SCSI Command */
	F_ACK = 0x40, F_STATUS = 0x01,			/* Data-In */
	F_OVERFLOW = 0x04, F_UNDERFLOW = 0x02,
	F_BIDI_OVERFLOW = 0x10, F_BIDI_UNDERFLOW = 0x08,
	F_TRANSIT = 0x80, F_CONTINUE = 0x40,		/* Login, Text */
};

enum attr { ATTR_UNTAGGED, ATTR_SIMPLE, ATTR_ORDERED, ATTR_HEAD, ATTR_ACA };

enum tmf {
	TMF_ABORT_TASK = 1, TMF_ABORT_TASK_SET, TMF_CLEAR_ACA,
	TMF_CLEAR_TASK_SET, TMF_LUN_RESET, TMF_WARM_RESET, TMF_COLD_RESET,
	TMF_REASSIGN, TMF_QUERY_TASK, TMF_QUERY_TASK_SET, TMF_NEXUS_RESET,
	TMF_QUERY_ASYNC_EVENT,
};

enum tmf_response {
	TMF_DONE = 0, TMF_NO_TASK = 1, TMF_NO_LUN = 2, TMF_NO_REASSIGN = 4,
	TMF_UNSUPPORTED = 5, TMF_NOT_AUTHORIZED = 6, TMF_SUCCEEDED = 7,
	TMF_REJECTED = 255,
};

enum async_event {
	ASYNC_SCSI, ASYNC_LOGOUT, ASYNC_DROP_CONNECTION, ASYNC_DROP_SESSION,
	ASYNC_NEGOTIATE, ASYNC_TERMINATED,
};

enum reject_reason {
	REJ_DIGEST = 0x02, REJ_SNACK = 0x03, REJ_PROTOCOL = 0x04,
	REJ_UNSUPPORTED = 0x05, REJ_IMMEDIATE = 0x06, REJ_IN_PROGRESS = 0x07,
	REJ_DATA_ACK = 0x08, REJ_INVALID_FIELD = 0x09, REJ_RESOURCES = 0x0a, REJ_NEGOTIATION = 0x0b,
};

enum snack_type {
	SNACK_DATA, SNACK_R2T = SNACK_DATA, SNACK_STATUS, SNACK_DATA_ACK,
	SNACK_RDATA,
};

/* For functions that take a set of reject reasons. */
#define REJ(reason)	(1U << REJ_##reason)
#define REJ_ANY		0xffffffffU

enum login_status {
	LOGIN_OK = 0x0000, LOGIN_INITIATOR_ERR = 0x0200, LOGIN_AUTH = 0x0201,
	LOGIN_FORBIDDEN = 0x0202, LOGIN_NOT_FOUND = 0x0203,
	LOGIN_REMOVED = 0x0204, LOGIN_VERSION = 0x0205,
	LOGIN_TOO_MANY = 0x0206, LOGIN_MISSING = 0x0207,
	LOGIN_CANT_INCLUDE = 0x0208, LOGIN_SESS_TYPE = 0x0209,
	LOGIN_NO_SESS = 0x020a, LOGIN_INVALID_REQ = 0x020b,
	LOGIN_TARGET_ERR = 0x0300, LOGIN_UNAVAILABLE = 0x0301,
	LOGIN_RESOURCES = 0x0302,
};

/* How a PDU is spoilt on its way out. */
enum flaw {
	FLAW_HDIGEST = 0x01,	/* header digest wrong */
	FLAW_DDIGEST = 0x02,	/* data digest wrong */
	FLAW_NO_DIGESTS = 0x04,	/* none, though negotiated */
	FLAW_LENGTHS = 0x08,	/* bytes 4-7 are the test's business */
	FLAW_NO_BODY = 0x10,	/* nothing after BHS, AHS, header digest */
};

/**
 * struct pdu - one PDU
 * @ahs_len: bytes in @ahs, a multiple of 4
 * @data: data segment; of a received PDU valid until the next one comes
 * @pad: value of the pad bytes to send
 * @flaw: enum flaw, of a PDU to send
 * @ddigest: data digest as received, first byte on the wire first
 */
struct pdu {
	u8 bhs[BHS_LEN];
	u8 ahs[AHS_MAX];
	u32 ahs_len;
	const void *data;
	u32 data_len;
	u8 pad;
	u8 flaw;
	u8 ddigest[4];
};

/* A request whose ITT is in use, or was not long ago. */
struct tag {
	const struct conn *conn;
	u32 itt;
	u32 cmd_sn;
	bool immediate;
	bool valid;
};

#define NR_TAGS		8192

/**
 * struct sess - the initiator's side of a session
 * @initiator: its name, NULL for env.initiator
 * @cmd_sn: CmdSN of the next non-immediate request
 * @exp_cmd_sn: the target's, the furthest that any connection has told
 * @max_cmd_sn: likewise
 * @erl: ErrorRecoveryLevel
 * @any_tag: answers may be for any task tag, as what is sent is spoilt
 * @bad_wire: PDUs of the full feature phase may come spoilt, twice, late, or not
 * @max_burst: negotiated, as the following ones
 */
struct sess {
	const char *initiator;
	u8 isid[6];
	u16 tsih;
	u32 cmd_sn;
	u32 itt;
	u32 exp_cmd_sn;
	u32 max_cmd_sn;
	bool window_known;
	bool discovery;
	bool any_tag;
	bool bad_wire;
	u32 erl;
	u32 max_burst;
	u32 first_burst;
	u32 max_r2t;
	bool initial_r2t;
	bool immediate_data;
	struct tag tags[NR_TAGS];
};

/* Text as it goes into a data segment: pairs that end with NUL. */
struct text {
	u8 *buf;
	u32 len;
	u32 size;
};

/**
 * struct conn - one connection
 * @stat_sn: StatSN that the target must use next; ExpStatSN of what we send
 * @exp_cmd_sn: ExpCmdSN as this connection has told it last
 * @max_cmd_sn: MaxCmdSN, likewise
 * @max_recv: MaxRecvDataSegmentLength that we declared
 * @max_send: the target's
 * @offers: every key that we sent during login
 * @answers: every key that the target sent
 * @replies: what we answered to offers of the target
 * @let_in: the last Login Response began the full feature phase
 * @seen: one bit for each opcode received
 * @no_pong: do not answer the target's pings
 * @no_ack: acknowledge no StatSN from @ack_sn on
 * @again: answers may come once more, with the StatSN that they had
 * @snack_tag: SNACK Tag that a SCSI Response may have besides 0
 * @rx: the PDU received last
 * @spoilt: its data is not what was sent
 */
struct conn {
	int fd;
	struct sess *sess;
	u16 cid;
	bool ffp;
	bool let_in;
	bool hdigest;
	bool ddigest;
	bool closed;
	bool no_pong;
	bool no_ack;
	u32 ack_sn;
	bool again;
	u32 snack_tag;
	bool corked;
	bool stat_sn_known;
	u32 stat_sn;
	bool window_known;
	u32 exp_cmd_sn;
	u32 max_cmd_sn;
	u32 max_recv;
	u32 max_send;
	u32 login_itt;
	u64 seen;
	struct text offers;
	struct text answers;
	struct text replies;
	struct text txq;
	struct pdu rx;
	bool spoilt;
	u8 *rxbuf;
	u32 rxbuf_size;
};

enum recv_result { RECV_PDU, RECV_CLOSED, RECV_TIMEOUT };

/**
 * struct login - a login; a field left at zero has the default named
 * @portal: (env.portal)
 * @initiator: (env.initiator)
 * @target: (env.target, none for discovery)
 * @keys: operational keys, separated by blanks (an offer as usual initiators
 *	make it); DefaultTime2Retain=0 is added, so that nothing outlives a test
 * @isid: last two bytes of the ISID (one not used by this process before)
 * @cmd_sn: CmdSN to start with (1)
 * @stat_sn: StatSN that the target is asked to start with (0)
 * @tsih: TSIH, with @sess the session to join
 * @no_ua_check: leave pending unit attentions alone
 */
struct login {
	const char *portal;
	const char *initiator;
	const char *target;
	const char *keys;
	bool discovery;
	bool no_ua_check;
	u16 isid;
	u16 tsih;
	u16 cid;
	u32 cmd_sn;
	u32 stat_sn;
};

/**
 * struct scsi - a SCSI command and what became of it
 * @lun: as it goes on the wire, see lun_peripheral()
 * @flags: F_READ, F_WRITE, ATTR_*
 * @held: send no data that was not asked for
 * @status: SCSI status, valid if @response is 0
 * @resid_flags: F_UNDERFLOW and friends
 * @in_len: bytes of Data-In received
 * @nr_final: Data-In sequences
 * @key, @asc, @ascq: from the sense data, @sense_len 0 if there was none
 */
struct scsi {
	u64 lun;
	u8 cdb[16];
	u32 edtl;
	u8 flags;
	bool immediate;
	bool held;
	const u8 *out;
	u8 *in;

	u32 itt;
	u32 cmd_sn;
	u32 sent;
	u8 response;
	u8 status;
	u8 resid_flags;
	u32 residual;
	bool collapsed;
	u32 in_len;
	u32 nr_data_in;
	u32 nr_final;
	u32 nr_r2t;
	u32 burst;
	u16 sense_len;
	u8 key, asc, ascq;
};

/**
 * struct env - where the tests find what setup.sh made
 * @target: explicit ACLs, InitialR2T=No allowed
 * @demo: demo mode, ImmediateData=No; LUN 1 fails every write
 * @disabled: a portal group that is not enabled
 * @initiator: has LUN 0 and 1 of @target
 * @initiator2: has LUN 0, LUN 1 write protected, LUN 5 (null I/O)
 * @small: initiator with a CmdSN window of 8
 * @pinged: initiator that the target pings after 3 seconds
 * @portal2: portal of another portal group of @target, demo mode
 * @configfs: the fabric's directory
 */
struct env {
	const char *portal;
	const char *portal2;
	const char *portal6;
	const char *target;
	const char *demo;
	const char *disabled;
	const char *initiator;
	const char *initiator2;
	const char *small;
	const char *pinged;
	const char *configfs;
};

extern struct env env;

/* ---- numbers ---- */

static inline bool sn_lt(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline u32 min_u32(u32 a, u32 b)
{
	return a < b ? a : b;
}

static inline u32 get_be32(const void *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline void put_be32(void *p, u32 v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline u16 get_be16(const void *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline void put_be16(void *p, u16 v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_be64(void *p, u64 v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

static inline u8 pdu_op(const struct pdu *p)
{
	return p->bhs[0] & OP_MASK;
}

static inline u32 pdu32(const struct pdu *p, enum bhs_offset off)
{
	return get_be32(p->bhs + off);
}

static inline void pdu_set32(struct pdu *p, enum bhs_offset off, u32 v)
{
	put_be32(p->bhs + off, v);
}

static inline u16 login_status(const struct pdu *p)
{
	return get_be16(p->bhs + BHS_LOGIN_STATUS);
}

/* SAM peripheral device addressing, one level. */
static inline u64 lun_peripheral(u8 lun)
{
	return (u64)lun << 48;
}

u32 crc32c(u32 crc, const void *data, size_t len);
void fill_pattern(void *buf, size_t len, u32 seed);
u64 now_ms(void);
u32 bound_ms(u32 ms);
u32 soak_or(u32 soak, u32 check);

/* ---- failure ---- */

noreturn void die_at(const char *where, const char *fmt, ...)
	__attribute__((PRINTF_LIKE));
#define die(fmt, ...)	die_at(__func__, fmt, ##__VA_ARGS__)

void history_add(bool sent, const struct pdu *p);
void history_print(void);

/* ---- env.c ---- */

int env_run(int argc, char **argv, int (*tests)(int argc, char **argv));
int env_setup(const char *what);
bool env_stuck(const char *what);
bool env_wanted(const char *test);
void env_map_lun(const char *initiator, u32 number, u32 of, bool on);
void env_settle(void);
bool env_info_has(const char *initiator, const char *words);
void configfs_write(const char *path, const char *value);
void acl_set(const char *initiator, const char *attribute, const char *value);
int configfs_try(const char *path, const char *value);
u32 param_get(const char *name);
int param_try(const char *name, u32 v);
void param_set(const char *name, u32 v);
int configfs_read(const char *path, char *buf, size_t size);
int klog_open(void);
bool klog_has(int fd, const char *text);

/* ---- text.c ---- */

void text_add(struct text *t, const char *fmt, ...)
	__attribute__((PRINTF_LIKE));
void text_add_raw(struct text *t, const void *bytes, u32 len);
void text_add_keys(struct text *t, const char *keys);
const char *text_get(const void *buf, u32 len, const char *key);
u32 text_count(const void *buf, u32 len, const char *key);

/* ---- conn.c ---- */

struct sess *sess_new(u16 isid);
struct conn *conn_try_open(struct sess *s, const char *portal);
struct conn *conn_open(struct sess *s, const char *portal);
void conn_close(struct conn *c);
void conn_reset(struct conn *c);
void conn_hold_acks(struct conn *c);
void conn_pong(struct conn *c);
void conn_tcp_info(struct conn *c, struct tcp_info *info);
void conn_write(struct conn *c, const void *buf, u32 len);
void conn_cork(struct conn *c);
void conn_uncork(struct conn *c);
void conn_uncork_in_pieces(struct conn *c, u32 alone);
void conn_send(struct conn *c, struct pdu *p);
enum recv_result conn_recv(struct conn *c, int ms);
enum recv_result conn_wait(struct conn *c, int ms);

struct pdu *recv_any(struct conn *c);
struct pdu *recv_op(struct conn *c, enum opcode op);
struct pdu *recv_async(struct conn *c, u8 event);
struct pdu *recv_reject(struct conn *c, u32 reasons);
void expect_closed(struct conn *c);
bool expect_drop_or_reject(struct conn *c, u32 reasons);

/* ---- check.c ---- */

void check_pdu(struct conn *c, const struct pdu *p);
void check_request(struct conn *c, const struct pdu *p);

/* ---- pdu.c ---- */

void pdu_init(struct conn *c, struct pdu *p, enum opcode op);
void pdu_immediate(struct conn *c, struct pdu *p);
void pdu_data(struct pdu *p, const void *data, u32 len);
void pdu_nop(struct conn *c, struct pdu *p, const void *data, u32 len);
void pdu_tmf(struct conn *c, struct pdu *p, u8 function, u64 lun, u32 rtt,
	     u32 ref_cmd_sn);
void pdu_text(struct conn *c, struct pdu *p, u8 flags, const struct text *t);
void pdu_logout(struct conn *c, struct pdu *p, u8 reason, u16 cid);
void pdu_data_out(struct conn *c, struct pdu *p, const struct scsi *io,
		  u32 ttt, u32 data_sn, u32 offset, u32 len);
void pdu_login(struct conn *c, struct pdu *p, u8 flags, const struct text *t);
void pdu_snack(struct conn *c, struct pdu *p, u8 type, u32 itt, u32 beg_run,
	       u32 run_len);
u32 pdu_add_ahs(struct pdu *p, u8 type, u16 length, const void *specific,
		u32 len);

/* ---- login.c ---- */

/* byte 1 of a Login Request: the stage now, and the one wanted next */
#define STAGE(csg, nsg)		(F_TRANSIT | (csg) << 2 | (nsg))
#define STAY(csg)		((csg) << 2)
#define SECURITY		0
#define OPERATIONAL		1
#define FULL_FEATURE		3

struct conn *login(const struct login *l);
struct conn *login_default(void);
struct conn *login_keys(const char *keys);
struct conn *login_start(const struct login *l);
void login_names(const struct login *l, struct text *t);
struct pdu *login_step(struct conn *c, u8 flags, const struct text *t);
struct pdu *login_step_keys(struct conn *c, u8 flags, const char *keys);
void login_done(struct conn *c);
u16 login_finish(struct conn *c, u8 flags, struct text *t);
u16 login_try(const struct login *l, struct conn **conn);
u16 login_join_try(struct sess *s, u16 cid, const char *keys,
		   struct conn **conn);
struct conn *login_join(struct sess *s, u16 cid);
void expect_login_refused(struct conn *c, const u16 *statuses);
void expect_refused(const struct login *l, const u16 *statuses);
const char *conn_key(struct conn *c, const char *key);
u32 conn_key_num(struct conn *c, const char *key);

/* A login with some of its fields, as an argument. */
#define LOGIN(...)	(&(struct login) { __VA_ARGS__ })

/* A list of login statuses; LOGIN_OK ends it. */
#define STATUSES(...)	((const u16 []) { __VA_ARGS__, LOGIN_OK })

/* ---- task.c ---- */

void ping(struct conn *c);
void ping_data(struct conn *c, const void *data, u32 len);
void resync_cmd_sn(struct conn *c);
u8 logout_conn(struct conn *c, u8 reason, u16 cid);
u8 tmf(struct conn *c, u8 function, u64 lun, u32 rtt, u32 ref_cmd_sn);
void logout(struct conn *c);
char *send_targets(struct conn *c, const char *value, u32 *len, u32 *nr_pdus);

void scsi_pdu(struct conn *c, struct scsi *io, struct pdu *p);
void scsi_send(struct conn *c, struct scsi *io);
void scsi_data_out(struct conn *c, struct scsi *io, u32 ttt, u32 offset,
		   u32 len);
bool scsi_input(struct conn *c, struct scsi *io, const struct pdu *p);
void scsi_sense(struct scsi *io, const struct pdu *p);
void scsi_wait(struct conn *c, struct scsi *io);
void scsi_run(struct conn *c, struct scsi *io);
struct pdu *recv_r2t(struct conn *c, struct scsi *io);

void scsi_rw(struct scsi *io, bool write, u64 lun, u32 lba, u32 bytes,
	     void *buf);
void scsi_cdb6(struct scsi *io, u64 lun, u8 op, u32 edtl, void *in);
void scsi_write(struct conn *c, u64 lun, u32 lba, const void *buf, u32 len);
void scsi_read(struct conn *c, u64 lun, u32 lba, void *buf, u32 len);
void clear_unit_attentions(struct conn *c, u64 lun);
u32 stall_write(struct conn *c, struct scsi *io, u64 lun, u32 lba, u8 *buf,
		u32 len);
void finish_write(struct conn *c, struct scsi *io, u32 ttt);

#endif /* RAW_H */
