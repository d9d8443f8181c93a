/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tcm_iscsi: an iSCSI fabric for the in-kernel target core.
 *
 * The objects of the module, who owns them and what protects them.  An arrow
 * of calls goes door -> wire -> login -> session and nowhere else; answers
 * come back through the one transmit queue of the connection.
 *
 *   target (IQN) 1-n portal group 1-n np n-1 portal (listening socket)
 *   portal group 1-n session 1-n connection; session 1-n task (command slot)
 */
#ifndef TCM_ISCSI_H
#define TCM_ISCSI_H

#include <linux/if.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/socket.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <scsi/iscsi_proto.h>
#include <target/target_core_base.h>
#include <target/target_core_fabric.h>

#include "compat.h"
#include "params.h"
#include "source.h"
#include "text.h"

#define TISCSI_VERSION		"0.1"

#define TISCSI_CMDSN_DEPTH_MAX	512
#define TISCSI_CMDSN_DEPTH_MIN	1
/* Immediate requests of one kind at work at once on a connection; row C09. */
#define TISCSI_IMMEDIATE_MAX	8
/*
 * Slots of each connection beyond the CmdSN window: its immediate requests, the
 * request being received, a ping, Rejects.
 */
#define TISCSI_EXTRA_SLOTS	(IMMEDIATE_NR * TISCSI_IMMEDIATE_MAX + 4)
/* Above recovery level 0 each slot may have one more for a kept answer. */
#define TISCSI_MAX_SLOTS	(2 * (TISCSI_CMDSN_DEPTH_MAX + \
				      TISCSI_MAX_CONNECTIONS * \
				      TISCSI_EXTRA_SLOTS))

/* A command may move this much; more is refused before memory is taken. */
#define TISCSI_MAX_IO_BYTES	(32U << 20)

/* Extended CDB (RFC 7143 11.2.2.3) plus bidirectional read length AHS. */
#define TISCSI_MAX_AHS_LEN	(ALIGN(4 + SCSI_MAX_VARLEN_CDB_SIZE - 16, 4) + 8)

/* Text of one login or text exchange, requests joined over the C bit. */
#define TISCSI_LOGIN_PDU_LEN	8192
#define TISCSI_TEXT_MAX		65536
#define TISCSI_CHAP_MAX_BIN	1024
#define TISCSI_SECRET_LEN	256
#define TISCSI_CHALLENGE_LEN	32

/* "[", IPv6 address, "%", interface, "]:", port */
#define TISCSI_PORTAL_NAME_LEN	(INET6_ADDRSTRLEN + IFNAMSIZ + 9)

/*
 * Seconds that an initiator has to log out when it is asked to (row C33): when
 * something is taken away; when it is asked to go elsewhere; at most.
 */
#define TISCSI_LOGOUT_GRACE	1
#define TISCSI_ASK_LOGOUT	10
#define TISCSI_LOGOUT_GRACE_MAX	300

/* Sources of half-open connections are told apart up to this number each. */
#define TISCSI_HALF_OPEN_LEVELS	64

/*
 * For memory in sizes that a peer chooses. We say that there is none, naming
 * the peer; a stack trace each time would be the peer's to ask for.
 */
#define TISCSI_GFP_PEER		(GFP_KERNEL | __GFP_NOWARN)

/* Of TCP connections, unless their portal group says something else. */
#define TISCSI_KEEPALIVE_IDLE		120	/* seconds */
#define TISCSI_KEEPALIVE_INTERVAL	10	/* seconds */
#define TISCSI_KEEPALIVE_COUNT		3

/* What a session has on its logical units, by LUN. */
#define TISCSI_ITL_BUCKETS	16

/* What one receive call takes beyond what it is for: ten headers. */
#define TISCSI_RX_AHEAD		(10 * ISCSI_HDR_LEN)

struct tiscsi_conn;
struct tiscsi_creds;
struct tiscsi_sess;
struct tiscsi_login;
struct tiscsi_redirect;
struct tiscsi_source;
struct tiscsi_nexus;
struct tiscsi_itl;
struct tiscsi_wait;

/* ------------------------------------------------------------------ */
/* configuration objects (door)                                        */
/* ------------------------------------------------------------------ */

/*
 * CHAP credentials as configfs holds them; never logged.  Under
 * tiscsi_auth_lock: copy what is needed and let go.  A string that is not set
 * is empty and its flag is false.
 */
struct tiscsi_auth {
	char userid[TISCSI_SECRET_LEN];
	char password[TISCSI_SECRET_LEN];
	char userid_mutual[TISCSI_SECRET_LEN];
	char password_mutual[TISCSI_SECRET_LEN];
	bool userid_set, password_set;
	bool userid_mutual_set, password_mutual_set;
	bool authenticate_target;
	bool enforce_discovery_auth;	/* of the discovery credentials only */
};

/* A CHAP_C of ours, remembered while its connection is open (B66). */
struct tiscsi_challenge {
	struct hlist_node node;
	u8 bytes[TISCSI_CHALLENGE_LEN];
};

/* Counters of RFC 4544 that belong to a target; any context. */
struct tiscsi_login_stats {
	spinlock_t lock;		/* of all that follows */
	u32 accepts;
	u32 other_fails;
	u32 redirects;
	u32 authorize_fails;
	u32 authenticate_fails;
	u32 negotiate_fails;
	u64 last_fail_time;		/* jiffies64 */
	u8 last_fail_type;
	int last_intr_fail_family;
	struct sockaddr_storage last_intr_fail_sockaddr;
	char last_intr_fail_name[TISCSI_NAME_LEN];
};

struct tiscsi_logout_stats {
	spinlock_t lock;		/* of all that follows */
	u32 normal_logouts;
	u32 abnormal_logouts;
};

struct tiscsi_sess_err_stats {
	spinlock_t lock;		/* of all that follows */
	u32 digest_errors;
	u32 cxn_timeout_errors;
	u32 pdu_format_errors;
	u32 last_sess_failure_type;
	char last_sess_fail_rem_name[TISCSI_NAME_LEN];
};

/**
 * struct tiscsi_target - one iSCSI target, <iqn> in configfs
 * @node: in tiscsi_targets, under tiscsi_config_lock
 * @tpgs: its portal groups, under tiscsi_config_lock
 */
struct tiscsi_target {
	struct se_wwn wwn;
	char name[TISCSI_NAME_LEN];
	u32 index;
	struct list_head node;
	struct list_head tpgs;
	struct tiscsi_login_stats login_stats;
	struct tiscsi_logout_stats logout_stats;
	struct tiscsi_sess_err_stats sess_err;
	struct config_group instance_group;
	struct config_group login_group;
	struct config_group logout_group;
	struct config_group sess_err_group;
	struct config_group tgt_attr_group;
	struct config_group sessions_group;
	u32 sessions_last;		/* sid; under tiscsi_config_lock */
	bool sessions_latency;		/* likewise */
	bool latency;			/* how long commands take is measured */
};

/* tpgt_N/attrib; plain integers so that one table describes them all. */
struct tiscsi_tpg_attrib {
	u32 authentication;
	u32 login_timeout;		/* seconds */
	u32 netif_timeout;		/* seconds */
	u32 generate_node_acls;
	u32 cache_dynamic_acls;
	u32 default_cmdsn_depth;
	u32 demo_mode_write_protect;
	u32 prod_mode_write_protect;
	u32 demo_mode_discovery;
	u32 default_erl;
	u32 t10_pi;
	u32 fabric_prot_type;
	u32 tpg_enabled_sendtargets;
	u32 login_keys_workaround;
	u32 max_sessions;
	u32 tcp_keepalive_idle;		/* seconds, 0: off */
	u32 tcp_keepalive_interval;	/* seconds */
	u32 tcp_keepalive_count;
	u32 allow_target_reset;
	u32 redirect_permanent;
	u32 redirect_after_auth;
	u32 redirect_hide_portals;
	u32 redirect_rebalance;		/* seconds, 0: off */
};

/* How a portal group chooses among those that it redirects to. */
enum tiscsi_redirect_policy {
	REDIRECT_ORDERED,		/* the first one */
	REDIRECT_ROUND_ROBIN,		/* one after the other */
	REDIRECT_LEAST_SESSIONS,
	REDIRECT_ALUA,			/* the best access to its LUNs */
};

/**
 * struct tiscsi_tpg - a target portal group, tpgt_N in configfs
 * @active: takes logins; changed under tiscsi_config_lock
 * @offline: was seen to be, and that was said; under tiscsi_config_lock
 * @users: one for configfs, one for each connection that logged in to it or
 *	is about to; the last one completes @unused
 * @creds: more credentials besides @auth, or NULL; under tiscsi_auth_lock
 * @param: our side of every negotiation; written under @lock, as are @alias
 *	and @sources
 * @sources: from where initiators may come
 * @redirect: where initiators are sent, or NULL; under tiscsi_config_lock, as
 *	are @redirect_policy, @redirect_turn, the place in the list whose turn
 *	it is, and @redirect_live, a bit for each that could take initiators
 *	when it was last looked at
 * @sent_by: tag of the portal group that has last sent an initiator here, or
 *	-1; under tiscsi_config_lock
 * @core_lock: held while a session comes into the core or goes from there
 * @lock: protects @sessions and @login_waiters, leaf but for sess->lock
 * @nr_sessions: on @sessions
 * @pins_target: there have been directories of sessions: see sessions_dir.c
 */
struct tiscsi_tpg {
	struct se_portal_group se_tpg;
	struct tiscsi_target *target;
	u16 tag;
	u16 rtpi;			/* relative target port identifier */
	bool active;
	bool offline;
	struct list_head node;		/* target->tpgs */
	struct list_head nps;		/* under tiscsi_config_lock */
	struct tiscsi_tpg_attrib attrib;
	struct tiscsi_auth auth;
	struct tiscsi_creds *creds;
	struct tiscsi_keys param;
	char alias[TISCSI_ALIAS_LEN];
	struct tiscsi_sources sources;
	struct tiscsi_redirect *redirect;
	enum tiscsi_redirect_policy redirect_policy;
	u32 redirect_turn;
	u32 redirect_live;
	s32 sent_by;
	bool pins_target;
	refcount_t users;
	struct completion unused;
	struct mutex core_lock;		/* see above */
	spinlock_t lock;		/* see above */
	struct list_head sessions;
	u32 nr_sessions;
	struct list_head login_waiters;	/* connections, by wait_node */
	wait_queue_head_t sess_wait;
};

/* acls/<iqn>/attrib */
struct tiscsi_nacl_attrib {
	s32 authentication;		/* -1: as the portal group says */
	u32 dataout_timeout;		/* seconds */
	u32 dataout_timeout_retries;
	u32 default_erl;
	u32 nopin_timeout;		/* seconds, 0: no pings */
	u32 nopin_response_timeout;	/* seconds */
	u32 random_datain_pdu_offsets;
	u32 random_datain_seq_offsets;
	u32 random_r2t_offsets;
};

/* A node ACL; se_nacl comes first, the core allocates node_acl_size bytes. */
struct tiscsi_nacl {
	struct se_node_acl se_nacl;
	struct tiscsi_nacl_attrib attrib;
	struct tiscsi_auth auth;
	struct config_group sess_stats_group;
};

/**
 * struct tiscsi_half_open - connections of a portal that have not logged in
 * @node: among those of all portals
 * @nr: how many
 * @occupied: one bit for each of @levels that is not empty
 * @levels: where they come from, by the number that come from there; the last
 *	one also for more
 * @sources: the same, by address
 */
struct tiscsi_half_open {
	struct list_head node;
	unsigned int nr;
	u64 occupied;
	struct list_head levels[TISCSI_HALF_OPEN_LEVELS];
	struct hlist_head sources[256];
};

/**
 * struct tiscsi_net - a network namespace
 * @nr_socks: sockets of connections in it
 */
struct tiscsi_net {
	atomic_t nr_socks;
};

/**
 * struct tiscsi_portal - a listening socket, shared by portal groups
 * @nps: the portal groups reached through it, under tiscsi_config_lock
 * @net: network namespace it listens in, without a reference; NULL when that is
 *	gone, and the socket with it.  Under tiscsi_config_lock
 * @ns: ours of that; of connections that have a socket it is there
 * @half_open: accepted connections that have not finished their login
 * @closing: no more connections; set before the socket goes
 */
struct tiscsi_portal {
	struct kref ref;
	struct list_head node;		/* tiscsi_portals */
	struct list_head nps;
	struct net *net;
	struct sockaddr_storage addr;
	struct socket *sock;
	struct tiscsi_net *ns;
	struct delayed_work accept_work;
	struct tiscsi_half_open half_open;
	bool closing;
	void (*saved_data_ready)(struct sock *sk);
};

/* A portal in a portal group, np/<addr>:<port> in configfs. */
struct tiscsi_np {
	struct se_tpg_np se_tpg_np;
	struct tiscsi_tpg *tpg;
	struct tiscsi_portal *portal;
	struct list_head tpg_node;
	struct list_head portal_node;
};

/* ------------------------------------------------------------------ */
/* tasks                                                               */
/* ------------------------------------------------------------------ */

/*
 * Life of a task.  Moved only by tiscsi_cmd_set_state(), under sess->lock
 * from TASK_PENDING on.
 */
enum tiscsi_cmd_state {
	TASK_FREE,		/* slot is in the pool */
	TASK_RECV,		/* its request PDU is being received */
	TASK_PENDING,		/* waits for its turn in CmdSN order */
	TASK_DATA,		/* waits for Data-Out, or for its place in order */
	TASK_WAIT,		/* a task management function waits for others */
	TASK_CORE,		/* the target core has it */
	TASK_RESPONSE,		/* answer queued or being sent */
	TASK_KEPT,		/* answered, not acknowledged: see kept.c */
	TASK_DONE,		/* ended; the slot waits for its last reference */
};

/* Immediate requests are bounded by kind, so that each finds a place (C09). */
enum tiscsi_immediate {
	IMMEDIATE_SCSI,
	IMMEDIATE_TMF,
	IMMEDIATE_OTHER,
	IMMEDIATE_NR
};

/* What the transmit side owes for a task: bits of cmd->tx_pending. */
enum tiscsi_tx_what {
	TX_R2T,			/* R2Ts up to MaxOutstandingR2T */
	TX_DATA_AGAIN,		/* read data that a SNACK asked for */
	TX_DATA_IN,		/* read data, status with the last if possible */
	TX_STATUS,		/* SCSI Response */
	TX_TMF,			/* Task Management Function Response */
	TX_NOP_IN,		/* answer to a ping, or our own ping */
	TX_TEXT,
	TX_LOGOUT,
	TX_REJECT,
	TX_ASYNC,		/* Asynchronous Message */
	TX_NR
};

/* cmd->flags, atomic bits */
enum tiscsi_cmd_flag {
	CMD_IMMEDIATE,		/* I bit: outside the CmdSN window */
	CMD_HAS_SE,		/* se_cmd is initialised and not yet released */
	CMD_PREPPED,		/* parsed by the core, not submitted */
	CMD_EARLY_STATUS,	/* failed before its data phase was over */
	CMD_TX_QUEUED,		/* on the connection's transmit list */
	CMD_UNSOLICITED,	/* unsolicited Data-Out PDUs are due */
	CMD_PING,		/* NOP-In of our own */
	CMD_NO_RESPONSE,	/* answer must not be sent any more */
	CMD_COUNTED,		/* occupies a place of the CmdSN window */
	CMD_BOUNDED,		/* counted in conn->nr_immediate */
	CMD_LAST_WORD,		/* the connection closes after its answer */
	CMD_COVERED,		/* a task management function waits for its end */
	CMD_TASK_ABORTED,	/* its initiator is told that it was aborted */
	CMD_NO_LUN,		/* its LUN is not mapped, LUN 0 stands in */
	CMD_PREEMPTED,		/* must not reach the medium any more */
	CMD_IN_LINE,		/* on lu->line */
	CMD_HELD,		/* waits there, and for nothing else */
};

/* How a task that is not in the core is to be ended by its connection. */
enum tiscsi_doom {
	DOOM_NONE,
	DOOM_LUN_GONE,		/* its LUN is being removed: 05/25/00 */
	DOOM_SILENT,		/* ended at once, without an answer */
	DOOM_DRAIN,		/* the same, when the data asked for is here */
	DOOM_TASK_ABORTED,	/* aborted by another nexus, TAS=1 */
	DOOM_LATE,		/* what it waits for does not come */
	DOOM_RECOVER,		/* not ended: its data is asked for again */
};

/* Where a command is in the order of its logical unit: access/order.c. */
enum tiscsi_order {
	ORDER_NONE,		/* there was no order when it entered */
	ORDER_LINE,		/* in line */
	ORDER_FIRST,		/* ORDERED, first in line: has to look ahead */
	ORDER_WAIT,		/* and waits for what was before it */
	ORDER_GO,		/* waits for nobody */
};

/* Sense data of our own. */
struct tiscsi_sense {
	u8 key, asc, ascq;
};

/* How far the Data-In PDUs of a read are. */
struct tiscsi_read_pos {
	u32 offset;		/* bytes sent */
	u32 sn;			/* DataSN that comes next */
	u32 burst;		/* bytes in the current sequence */
};

/* One R2T that waits for its data; MaxOutstandingR2T of them at most. */
struct tiscsi_r2t {
	u32 start;
	u32 offset;		/* next byte expected */
	u32 end;
	u32 ttt;
	u32 sn;			/* R2TSN */
	u32 data_sn;		/* DataSN expected next */
	bool live;
	bool sent;
};

/**
 * struct tiscsi_cmd - a task, or any other request that is answered
 *
 * Slots live in one array a session and are addressed by index, which is also
 * the low half of a Target Transfer Tag.  References: one for the task itself
 * (dropped when it ended or its last answer was sent), one for the target
 * core (dropped in release_cmd), one while on the transmit list.
 *
 * Down to @se_cmd nothing is reset with the slot: any connection of the
 * session may look at it there, under sess->lock.
 */
struct tiscsi_cmd {
	struct tiscsi_sess *sess;
	struct tiscsi_conn *conn;	/* allegiance; holds a reference */
	struct list_head list;		/* of the session: free, pending, ... */
	enum tiscsi_cmd_state state;
	refcount_t ref;
	u16 index;
	u16 ttt_gen;
	u16 dead_end;			/* last TTT generation of a dead task */
	u16 dead_nr;			/* and how many it had */

	struct se_cmd se_cmd;
	unsigned long flags;
	unsigned long tx_pending;
	struct llist_node tx_node;
	struct hlist_node itt_node;	/* sess->itt_hash */
	struct list_head conn_node;	/* conn->tasks */

	/* the request */
	struct iscsi_hdr hdr;
	itt_t itt;
	u32 cmd_sn;
	u8 opcode;
	u64 lun;
	struct tiscsi_itl *itl;		/* NULL: no logical unit of ours */
	bool entered;			/* its processing has begun */
	u8 order;			/* enum tiscsi_order, under lu->lock */
	struct list_head order_node;	/* lu->line */
	/* what the core is not to see the operation code of */
	sense_reason_t (*execute)(struct se_cmd *se_cmd);
	u8 *ecdb;			/* CDB longer than 16 bytes, kmalloc'ed */

	/* data: [0, data_len) goes to or comes from sg */
	u32 edtl;
	u32 bidi_edtl;			/* what a bidirectional command reads */
	u32 data_len;
	u32 received;			/* bytes of EDTL taken so far */
	struct scatterlist *sg;
	struct scatterlist sg_inline;
	u32 sg_nents;
	u32 sg_charged;			/* pages that count against the bound */

	/* Data-Out */
	u32 unsol_end;			/* end of the unsolicited burst */
	u32 unsol_sn;			/* DataSN expected in it */
	u32 r2t_offset;			/* first byte not asked for yet */
	u32 r2t_sn;
	enum tiscsi_doom doom;		/* under sess->lock */
	unsigned long deadline;		/* jiffies; TASK_DATA, TASK_WAIT, a Logout */
	struct tiscsi_r2t r2t[TISCSI_MAX_R2T];

	/* the answer */
	struct tiscsi_read_pos pos;
	u32 residual;
	u8 residual_flag;		/* ISCSI_FLAG_CMD_UNDERFLOW/OVERFLOW */
	u8 scsi_status;
	u8 response;			/* iSCSI, TMF or logout response code */
	u8 reason;			/* Reject reason */
	u16 sense_len;
	u32 ttt;			/* of a text exchange or NOP-In */
	/* text, ping or reject payload; kmalloc'ed */
	void *payload;
	u32 payload_len;
	u32 began;			/* us; 0: is not measured */
	struct tiscsi_wait *wait;	/* what it waits for */
	u8 sense[2 + TRANSPORT_SENSE_BUFFER];
};

/* ------------------------------------------------------------------ */
/* sessions and connections                                            */
/* ------------------------------------------------------------------ */

/* RFC 7143 8.3: states of a session as the target sees them. */
enum tiscsi_sess_state {
#define SESS_STATE(name, ...)		SESS_##name,
#include "state_table.h"
#undef SESS_STATE
};

/* RFC 7143 8.1: states of a connection as the target sees them. */
enum tiscsi_conn_state {
#define CONN_STATE(name, ...)		CONN_##name,
#include "state_table.h"
#undef CONN_STATE
};

/* RFC 7143 8.2: how far the cleanup of a failed connection is. */
enum tiscsi_cleanup_state {
#define CLEANUP_STATE(name, ...)	CLEANUP_##name,
#include "state_table.h"
#undef CLEANUP_STATE
};

/* Why a connection or session ends; for counters, traces and one log line. */
enum tiscsi_close_reason {
	CLOSE_NONE,
	CLOSE_LOGOUT,			/* asked for by the initiator */
	CLOSE_PEER,			/* TCP went away */
	CLOSE_TIMEOUT,			/* login, ping, data or logout timer */
	CLOSE_PROTOCOL,			/* format error, RFC 7143 7.7 */
	CLOSE_DIGEST,			/* header digest, RFC 7143 7.8 */
	CLOSE_LOGIN_FAILED,
	CLOSE_REINSTATED,
	CLOSE_ADMIN,			/* configfs took something away */
	CLOSE_RESET,			/* I_T NEXUS RESET, TARGET COLD RESET */
	CLOSE_NO_MEMORY,
	CLOSE_CROWDED,			/* had to make room for a newer one */
	CLOSE_RECOVERY,			/* logged out for recovery */
	CLOSE_DROPPED,			/* an administrator wants it to fail */
};

struct tiscsi_kept;
struct sess_dir;

/* A connection that failed while its session went on. */
struct tiscsi_lost {
	u16 cid;
	unsigned long until;		/* jiffies; 0: not in use */
};

/**
 * struct tiscsi_sess - an iSCSI session, one I_T nexus
 * @lock: protects CmdSN state, the slots' lists and states, @conns, @state.
 *	Process context only.  Nests inside nothing but tpg->lock.
 * @conns: its connections, and those that have ended but for commands in the
 *	core; @nr_conns does not count the latter
 * @multi: MaxConnections > 1 was agreed on
 * @joiners: logins that wait for a connection to be gone, by conn->wait_node
 * @lost: connections that failed lately, whose CID is still known (row C26)
 * @retain_until: jiffies, in SESS_FAILED: a connection may come back
 * @retain_work: its end; holds a reference while it is queued
 * @cleared: bitmap of LUNs that have lost tasks with a connection (row C25),
 *	NULL as long as there was none; @has_cleared: it is not empty
 * @slots: the command slots, by their index; the first @nr_slots of @max_slots
 *	have been made
 * @kept: above recovery level 0, what @slots need for it, by their index
 * @nr_kept: answers kept whose place in the CmdSN window is free
 * @free: free slots
 * @nr_busy: slots not free
 * @pending: tasks that wait for a CmdSN hole to fill, in CmdSN order
 * @gap_sn: the CmdSN that the first of them waits for, see gap.c
 * @gap_asked: the connections have been pinged because of it
 * @gap_until: jiffies: what is next happens then
 * @due: tasks whose CmdSN is acknowledged and that have not been executed, in
 *	CmdSN order; the first one is to be executed next, by its connection
 * @turn: the connection that executes a task now; only if @multi
 * @logouts: Logouts that wait for another connection to be gone
 * @reassigns: TASK REASSIGNs that wait for the connection that has the task
 * @covers: what task management functions wait for here, struct tiscsi_cover
 * @logout: the Logout that ends the session; holds a reference.  It is
 *	answered when no command of the session is left
 * @left: before the core has let go of it: no unit attention is given to it any
 *	more; under nacl_sess_lock
 * @free_work: runs when the session is closed and nothing but @logout is left
 *	of it
 * @core_work: runs after that, for the core to let go of the session
 * @left_core: @nacl may be gone, and @dynamic and @attrib are what it was and
 *	said; under @lock
 * @dir: its directory in configfs; for this and what follows see sessions_dir.c
 */
struct tiscsi_sess {
	struct se_session *se_session;	/* NULL in discovery */
	struct tiscsi_tpg *tpg;
	struct tiscsi_nacl *nacl;
	struct list_head node;		/* tpg->sessions */
	struct kref ref;
	enum tiscsi_sess_state state;
	enum tiscsi_close_reason close_reason;
	u32 sid;			/* index for configfs and statistics */
	u16 tsih;
	u8 isid[6];
	u8 erl;				/* ErrorRecoveryLevel agreed on */
	bool discovery;
	bool dismissed;			/* no connection may join; under @lock */
	bool freeing;			/* somebody does, or free_work will */
	char initiator_name[TISCSI_NAME_LEN];
	char initiator_alias[TISCSI_ALIAS_LEN];
	char user[TISCSI_SECRET_LEN];	/* CHAP_N, see struct tiscsi_login */
	struct tiscsi_keys keys;	/* negotiated, session wide */
	u64 created;			/* jiffies64 */
	struct tiscsi_nexus *nexus;	/* NULL in discovery */
	bool nexus_lost;		/* the session before this one was */
	/* added to under @lock, read under RCU */
	struct hlist_head itls[TISCSI_ITL_BUCKETS];

	spinlock_t lock;		/* see above */
	struct list_head conns;
	u32 nr_conns;
	bool multi;
	struct list_head joiners;
	struct tiscsi_lost lost[TISCSI_MAX_CONNECTIONS];
	unsigned long retain_until;
	struct delayed_work retain_work;
	unsigned long *cleared;
	bool has_cleared;
	u32 exp_cmd_sn;
	atomic_t max_cmd_sn;
	u32 depth;
	u32 max_slots;
	u32 nr_slots;
	u32 nr_busy;
	struct tiscsi_cmd **slots;
	struct tiscsi_kept *kept;
	u32 nr_kept;
	struct list_head free;
	struct list_head pending;
	struct list_head due;
	u32 gap_sn;
	bool gap_asked;
	unsigned long gap_until;
	struct tiscsi_conn *turn;
	struct list_head logouts;
	struct list_head reassigns;
	struct list_head covers;
	struct hlist_head *itt_hash;
	u32 itt_hash_bits;
	u32 next_ttt;
	bool fences;			/* negotiated, see fence.c */
	bool fence_sent;		/* the fenced response is out */
	u32 fence_due;			/* connections to wait for */
	struct tiscsi_cmd *fence;	/* whose response is fenced; or NULL */
	struct tiscsi_cmd *logout;
	bool left;
	struct work_struct free_work;
	struct rcu_work core_work;
	bool left_core;
	bool dynamic;
	struct tiscsi_nacl_attrib attrib;

	struct sess_dir *dir;
	struct list_head dir_node;
	bool dir_wanted;
	bool dir_over;

	atomic_long_t sg_pages;		/* buffers of its commands */

	/* statistics; written by connections, read by configfs */
	atomic64_t cmd_pdus;
	atomic64_t rsp_pdus;
	atomic64_t tx_octets;
	atomic64_t rx_octets;
	atomic_t conn_digest_errors;
	atomic_t conn_timeout_errors;
};

/* Receive: where the bytes of the current PDU go. */
enum tiscsi_rx_state {
	RX_BHS,				/* 48 bytes, and the digest if no AHS */
	RX_AHS,				/* AHSs and header digest */
	RX_DATA,
	RX_TAIL,			/* padding and data digest */
};

enum tiscsi_rx_sink {
	SINK_NONE,			/* read and drop */
	SINK_SG,			/* into cmd->sg from rx.sg_offset */
	SINK_BUF,			/* into rx.buf */
};

struct tiscsi_rx {
	enum tiscsi_rx_state state;
	u32 off;			/* bytes of this part already here */
	u32 want;			/* bytes of this part in all */
	u32 hdr_len;			/* BHS and AHSs */
	u32 data_len;			/* DataSegmentLength */
	u32 crc;
	enum tiscsi_rx_sink sink;
	u32 sg_offset;			/* where in cmd->sg the data starts */
	u32 sink_len;			/* data beyond this is dropped */
	void *buf;
	struct tiscsi_cmd *cmd;		/* task of this PDU, if any; referenced */
	u8 reject;			/* Reject reason, 0 if all is well */
	u8 bad_data;			/* the same, for a Data-Out of a task */
	bool ended;			/* all of it was seen to, but for the answer */
	u32 await;			/* bytes in the socket that are worth a kick */
	u32 ahead_off;			/* next byte of ahead */
	u32 ahead_len;			/* bytes of ahead not used yet */
	u8 tail[8];
	union {
		struct iscsi_hdr bhs;
		u8 hdr[ISCSI_HDR_LEN + TISCSI_MAX_AHS_LEN + ISCSI_CRC_LEN];
	};
	u8 ahead[TISCSI_RX_AHEAD];	/* received, not looked at */
};

/* Send: the PDU on its way out; only io_work touches it. */
enum tiscsi_tx_part {
	TX_PART_IDLE,
	TX_PART_HDR,			/* header, linear data and tail in one */
	TX_PART_SG,			/* page data by reference */
	TX_PART_TAIL,
};

/* What happens when the PDU is out, besides the end of its task. */
enum tiscsi_tx_then {
	TX_THEN_NOTHING,
	TX_THEN_LOGIN,
	TX_THEN_TEXT,
	TX_THEN_LOGOUT,
	TX_THEN_RESET,			/* the session, or more, ends */
	TX_THEN_DROP,			/* the connection ends */
};

struct tiscsi_tx {
	enum tiscsi_tx_part part;
	struct tiscsi_cmd *cmd;		/* whose PDU this is */
	u32 off;			/* bytes of the part already out */
	u32 hdr_len;
	u32 tail_len;
	u32 sg_offset;
	u32 sg_len;
	const void *data;		/* linear payload */
	u32 data_len;
	bool last;			/* the cmd's last PDU: the task ends */
	bool corked;			/* sent with MSG_MORE */
	u32 stuck_una;			/* what was acknowledged then */
	unsigned long stuck_since;	/* jiffies: the socket is full; or 0 */
	enum tiscsi_tx_then then;
	u8 hdr[ISCSI_HDR_LEN + ISCSI_CRC_LEN];
	u8 tail[ISCSI_PAD_LEN + ISCSI_CRC_LEN];
};

/* Answers to SCSI Commands: [i] those that took less than 2^i us. */
#define TISCSI_LATENCY_BUCKETS	24

struct tiscsi_latency {
	u64 us;				/* in all */
	u64 nr[TISCSI_LATENCY_BUCKETS];
};

/* conn->flags, atomic bits */
enum tiscsi_conn_flag {
	CONN_F_CLOSING,			/* no new work; close_work is queued */
	CONN_F_RX_STOPPED,		/* no request is executed any more (logout) */
	CONN_F_DRAIN,			/* half closed; drop what comes until EOF */
	CONN_F_RX_NO_SLOT,		/* waits for a free command slot */
	CONN_F_TIMER,			/* the timer fired */
	CONN_F_RX_HOLD,			/* a login request is being answered */
	CONN_F_DOOMED,			/* some task has cmd->doom set */
	CONN_F_GO_ON,			/* a task that waited for others can go on */
	CONN_F_TERMINATED,		/* tasks were aborted; under sess->lock */
	CONN_F_FENCE,			/* look at the session's fence */
	CONN_F_ASK,			/* ping the peer */
	CONN_F_DISMISSED,		/* configfs takes something away from it */
	CONN_F_DROPPING,		/* and it did not log out */
	CONN_F_COLD_RESET,		/* all sessions of the target end */
	CONN_F_WAKE_LOGIN,		/* what it was to replace may be gone */
	CONN_F_LEAVING,			/* logs out, or has left its session */
	CONN_F_DETACHED,		/* has left its session */
	CONN_F_SUSPENDED,		/* and keeps its tasks: see reassign.c */
	CONN_F_EXPIRED,			/* which end now */
	CONN_F_HDIGEST,
	CONN_F_DDIGEST,
};

/**
 * struct tiscsi_conn - one TCP connection
 *
 * io_work owns it: it alone receives, parses, executes and sends.  Completions
 * come in through @tx_llist, tasks whose turn another connection brought
 * through sess->due, the rest through @flags and @timer; each ends in queueing
 * io_work.
 */
struct tiscsi_conn {
	struct kref ref;
	bool half_evicted;		/* being closed to make room */
	bool ping_outstanding;
	bool text_busy;			/* the answer of @text is not out yet */
	bool fence_mark;		/* has to set fence_sn; under sess->lock */
	struct socket *sock;
	struct tiscsi_portal *portal;	/* accepted here; holds a reference */
	struct tiscsi_tpg *tpg;		/* holds tpg->users once known */
	struct tiscsi_sess *sess;
	struct list_head node;		/* tiscsi_conns, all connections */
	struct list_head sess_node;	/* sess->conns */
	struct list_head wait_node;	/* tpg->login_waiters, sess->joiners */
	struct list_head half_node;	/* half_source->conns */
	struct tiscsi_source *half_source; /* until logged in or evicted */
	struct list_head tasks;		/* under sess->lock */
	u32 nr_cmds;			/* slots in use, under sess->lock */
	u32 nr_immediate[IMMEDIATE_NR];	/* requests, under sess->lock */
	struct tiscsi_cmd *logout;	/* its Logout, under sess->lock */
	enum tiscsi_conn_state state;
	enum tiscsi_cleanup_state cleanup; /* under sess->lock */
	enum tiscsi_close_reason close_reason;
	u32 nr_kept;			/* answers on @kept to what has no CmdSN */
	unsigned long flags;
	int cpu;
	u16 cid;
	u16 grace;			/* seconds, with CONN_F_DISMISSED */
	struct sockaddr_storage local_addr;
	struct sockaddr_storage peer_addr;

	struct work_struct io_work;
	struct work_struct close_work;
	struct timer_list timer;
	unsigned long deadline;		/* jiffies: login or logout must be over */
	unsigned long accepted;		/* jiffies */
	unsigned long last_rx;		/* jiffies */
	unsigned long ping_sent;	/* jiffies */
	u32 ping_ttt;
	u32 nr_waiting;			/* in TASK_DATA or TASK_WAIT, sess->lock */

	u32 stat_sn;
	u32 exp_stat_sn;
	struct tiscsi_keys keys;	/* negotiated, this connection's */
	u32 max_recv_dsl;		/* ours */
	u32 max_xmit_dsl;		/* what the peer takes */

	struct tiscsi_login *login;	/* until full feature phase */
	struct tiscsi_challenge challenge; /* that it has authenticated with */
	struct tiscsi_text_xchg *text;	/* text exchange in progress */
	struct tiscsi_rx rx;

	struct llist_head tx_llist;
	struct llist_node *tx_batch;	/* taken off tx_llist, in order */
	struct llist_node *tx_held;	/* behind a fence, the last one first */
	u32 fence_sn;			/* ExpStatSN that fence_wait waits for */
	bool fence_wait;
	bool keeps;			/* @kept is not empty */
	bool ack_asked;			/* a ping asks for an ExpStatSN */
	unsigned long kept_since;	/* jiffies: last change of the first one */
	struct list_head kept;		/* in StatSN order, under sess->lock */
	struct tiscsi_tx tx;
	struct tiscsi_latency latency;	/* written by io_work */

	void (*saved_data_ready)(struct sock *sk);
	void (*saved_state_change)(struct sock *sk);
	void (*saved_write_space)(struct sock *sk);
};

/* The slab above it would take twice as much. */
static_assert(IS_ENABLED(CONFIG_DEBUG_SPINLOCK) || IS_ENABLED(CONFIG_UML) ||
	      sizeof(struct tiscsi_conn) <= 2048);

/* ------------------------------------------------------------------ */
/* main.c                                                              */
/* ------------------------------------------------------------------ */

extern struct mutex tiscsi_config_lock;	/* targets, portal groups, portals */
extern struct list_head tiscsi_targets;
extern struct workqueue_struct *tiscsi_io_wq;
extern struct workqueue_struct *tiscsi_close_wq;
extern struct workqueue_struct *tiscsi_pr_wq;
extern struct tiscsi_auth tiscsi_discovery_auth;
extern struct tiscsi_creds *tiscsi_discovery_creds;
extern spinlock_t tiscsi_auth_lock;	/* every struct tiscsi_auth */
extern struct target_core_fabric_ops tiscsi_ops;

int tiscsi_pick_cpu(void);

/* dbroot.c */
void tiscsi_dbroot_learn(void);
void tiscsi_dbroot_prepare(void);
__printf(1, 2)
char *tiscsi_dbroot_path(const char *fmt, ...);
int tiscsi_dbroot_sync(const char *name);

static inline struct tiscsi_tpg *to_tiscsi_tpg(struct se_portal_group *se_tpg)
{
	return container_of(se_tpg, struct tiscsi_tpg, se_tpg);
}

static inline struct tiscsi_nacl *to_tiscsi_nacl(struct se_node_acl *se_nacl)
{
	return container_of(se_nacl, struct tiscsi_nacl, se_nacl);
}

static inline struct tiscsi_target *to_tiscsi_target(struct se_wwn *wwn)
{
	return container_of(wwn, struct tiscsi_target, wwn);
}

/* configfs*.c: attribute tables that main.c puts into the fabric ops */
extern struct configfs_attribute *tiscsi_discovery_attrs[];
extern struct configfs_attribute *tiscsi_wwn_attrs[];
extern struct configfs_attribute *tiscsi_tpg_base_attrs[];
extern struct configfs_attribute *tiscsi_tpg_attrib_attrs[];
extern struct configfs_attribute *tiscsi_tpg_auth_attrs[];
extern struct configfs_attribute *tiscsi_tpg_param_attrs[];
extern struct configfs_attribute *tiscsi_np_attrs[];
extern struct configfs_attribute *tiscsi_nacl_base_attrs[];
extern struct configfs_attribute *tiscsi_nacl_attrib_attrs[];
extern struct configfs_attribute *tiscsi_nacl_auth_attrs[];
extern struct configfs_attribute *tiscsi_nacl_param_attrs[];

void tiscsi_tpg_attrib_init(struct tiscsi_tpg_attrib *attrib);
void tiscsi_nacl_attrib_init(struct tiscsi_nacl_attrib *attrib,
			     const struct tiscsi_tpg *tpg);

/* sessions_cfs.c */
void tiscsi_sessions_add_group(struct tiscsi_target *target);

/* stats.c: fabric_statistics groups and the counters behind them */
void tiscsi_stats_init_target(struct tiscsi_target *target);
void tiscsi_stats_add_target_groups(struct tiscsi_target *target);
void tiscsi_stats_add_nacl_groups(struct tiscsi_nacl *nacl);
void tiscsi_stat_login(struct tiscsi_target *target, u16 status,
		       const struct sockaddr_storage *peer,
		       const char *initiator_name);
void tiscsi_stat_logout(struct tiscsi_target *target, u8 reason);
void tiscsi_stat_sess_err(struct tiscsi_target *target,
			  enum tiscsi_close_reason reason,
			  const char *initiator_name);

/* ------------------------------------------------------------------ */
/* addr.c, portal.c                                                    */
/* ------------------------------------------------------------------ */

int tiscsi_addr_parse(const char *name, struct sockaddr_storage *addr);
bool tiscsi_addr_is_any(const struct sockaddr_storage *addr);
int tiscsi_addr_ifindex(const struct sockaddr_storage *addr);
__be16 tiscsi_addr_port(const struct sockaddr_storage *addr);
bool tiscsi_addr_equal(const struct sockaddr_storage *a,
		       const struct sockaddr_storage *b);
bool tiscsi_addr_reaches(const struct sockaddr_storage *addr,
			 const struct sockaddr_storage *portal);
bool tiscsi_addr_is_here(struct net *net, const struct sockaddr_storage *addr);
void tiscsi_put_address(struct tiscsi_text *out,
			const struct sockaddr_storage *addr, __be16 port,
			int tag);

struct tiscsi_np *tiscsi_np_add(struct tiscsi_tpg *tpg,
				const struct sockaddr_storage *addr);
void tiscsi_np_del(struct tiscsi_np *np);
void tiscsi_portal_put(struct tiscsi_portal *portal);
int tiscsi_portals_init(void);
void tiscsi_portals_exit(void);

/* ------------------------------------------------------------------ */
/* halfopen.c                                                          */
/* ------------------------------------------------------------------ */

void tiscsi_half_open_init(struct tiscsi_half_open *half);
void tiscsi_half_open_exit(struct tiscsi_half_open *half);
int tiscsi_half_open_add(struct tiscsi_conn *conn);
void tiscsi_half_open_del(struct tiscsi_conn *conn);
bool tiscsi_half_open_busy(void);

/* ------------------------------------------------------------------ */
/* conn.c                                                              */
/* ------------------------------------------------------------------ */

int tiscsi_conn_accept(struct tiscsi_portal *portal, struct socket *sock);
void tiscsi_conn_put(struct tiscsi_conn *conn);
void tiscsi_conn_acked(struct tiscsi_conn *conn);
void tiscsi_conn_close(struct tiscsi_conn *conn,
		       enum tiscsi_close_reason reason);
void tiscsi_conn_kick(struct tiscsi_conn *conn);
void tiscsi_conn_look(struct tiscsi_conn *conn, const struct sock *sk);
void tiscsi_conn_arm_timer(struct tiscsi_conn *conn, unsigned long expires);
void tiscsi_conn_finish(struct tiscsi_conn *conn,
			enum tiscsi_close_reason reason);
void tiscsi_conn_logged_in(struct tiscsi_conn *conn);
void tiscsi_conn_dismiss(struct tiscsi_conn *conn, u32 seconds);
void tiscsi_conn_dropped(struct tiscsi_conn *conn);
void tiscsi_conns_close_net(struct tiscsi_net *ns);
void tiscsi_conns_close_all(struct tiscsi_tpg *tpg,
			    struct tiscsi_portal *portal,
			    enum tiscsi_close_reason reason);
void tiscsi_conns_wait_none(void);

static inline void tiscsi_conn_get(struct tiscsi_conn *conn)
{
	kref_get(&conn->ref);
}

/* ------------------------------------------------------------------ */
/* state.c                                                             */
/* ------------------------------------------------------------------ */

const char *tiscsi_conn_state_name(enum tiscsi_conn_state state);
const char *tiscsi_sess_state_name(enum tiscsi_sess_state state);
const char *tiscsi_cleanup_state_name(enum tiscsi_cleanup_state state);
bool tiscsi_conn_may_become(enum tiscsi_conn_state from,
			    enum tiscsi_conn_state to);
bool tiscsi_sess_may_become(enum tiscsi_sess_state from,
			    enum tiscsi_sess_state to);
bool tiscsi_cleanup_may_become(enum tiscsi_cleanup_state from,
			       enum tiscsi_cleanup_state to);
void tiscsi_conn_set_state(struct tiscsi_conn *conn,
			   enum tiscsi_conn_state state);
void tiscsi_sess_set_state(struct tiscsi_sess *sess,
			   enum tiscsi_sess_state state);
void tiscsi_cleanup_set_state(struct tiscsi_conn *conn,
			      enum tiscsi_cleanup_state state);

/* ------------------------------------------------------------------ */
/* pdu_rx.c, pdu_tx.c, digest.c                                        */
/* ------------------------------------------------------------------ */

void tiscsi_rx_init(struct tiscsi_conn *conn);
bool tiscsi_rx_ready(struct tiscsi_conn *conn, struct sock *sk);
int tiscsi_rx(struct tiscsi_conn *conn, int budget);
void tiscsi_rx_abandon(struct tiscsi_conn *conn);

/* What a build function made of a bit of cmd->tx_pending. */
enum tiscsi_built {
	TX_BUILT,			/* a PDU, and that was all */
	TX_BUILT_MORE,			/* a PDU, and there is another */
	TX_BUILT_NOTHING,
};

typedef int (*tiscsi_build_fn)(struct tiscsi_conn *conn,
			       struct tiscsi_cmd *cmd);

enum tiscsi_stamp_kind {
	STAMP_NONE,
	STAMP_NEXT,
	STAMP_STATUS,
};

void tiscsi_tx_queue(struct tiscsi_cmd *cmd, enum tiscsi_tx_what what);
int tiscsi_tx(struct tiscsi_conn *conn, int budget);
void tiscsi_tx_release(struct tiscsi_conn *conn);
bool tiscsi_tx_check_time(struct tiscsi_conn *conn);
struct tiscsi_cmd *tiscsi_tx_take(struct tiscsi_conn *conn);
void tiscsi_tx_purge(struct tiscsi_conn *conn);
void *tiscsi_tx_hdr(struct tiscsi_conn *conn, u8 opcode, u8 flags);
void tiscsi_stamp(struct tiscsi_conn *conn, void *hdr,
		  enum tiscsi_stamp_kind stamp);

u32 tiscsi_crc_start(void);
u32 tiscsi_crc_update(u32 crc, const void *data, u32 len);
u32 tiscsi_crc_finish(u32 crc);
u32 tiscsi_crc_sg(u32 crc, struct scatterlist *sg, u32 offset, u32 len);

/* ------------------------------------------------------------------ */
/* login.c                                                             */
/* ------------------------------------------------------------------ */

/* Status-Class and Status-Detail, RFC 7143 11.13.5 */
enum tiscsi_login_status {
	LOGIN_MOVED_TEMPORARILY		= 0x0101,
	LOGIN_MOVED			= 0x0102,
	LOGIN_INITIATOR_ERROR		= 0x0200,
	LOGIN_AUTH_FAILED		= 0x0201,
	LOGIN_FORBIDDEN			= 0x0202,
	LOGIN_NOT_FOUND			= 0x0203,
	LOGIN_BAD_VERSION		= 0x0205,
	LOGIN_TOO_MANY_CONNS		= 0x0206,
	LOGIN_MISSING_PARAM		= 0x0207,
	LOGIN_CANNOT_INCLUDE		= 0x0208,
	LOGIN_NO_SESSION		= 0x020a,
	LOGIN_INVALID_REQUEST		= 0x020b,
	LOGIN_SERVICE_UNAVAILABLE	= 0x0301,
	LOGIN_NO_RESOURCES		= 0x0302,
};

int tiscsi_login_rx_header(struct tiscsi_conn *conn);
int tiscsi_login_rx_done(struct tiscsi_conn *conn);
void tiscsi_login_resume(struct tiscsi_conn *conn);
bool tiscsi_login_build(struct tiscsi_conn *conn);
void tiscsi_login_sent(struct tiscsi_conn *conn);
void tiscsi_login_free(struct tiscsi_conn *conn);

/* ------------------------------------------------------------------ */
/* request.c, discovery.c                                              */
/* ------------------------------------------------------------------ */

/* Reject reasons by our names, and what is worse than a Reject. */
#define REJECT_INVALID		ISCSI_REASON_BOOKMARK_INVALID
#define REJECT_TASK_IN_PROGRESS	ISCSI_REASON_TASK_IN_PROGRESS
#define REJECT_FORMAT		0x100	/* RFC 7143 7.7: the session ends */

int tiscsi_request_begin(struct tiscsi_conn *conn);
int tiscsi_request_end(struct tiscsi_conn *conn, bool digest_ok);
void tiscsi_request_exec(struct tiscsi_cmd *cmd);
void tiscsi_request_abandon(struct tiscsi_conn *conn);
void tiscsi_request_format_error(struct tiscsi_conn *conn, const char *what);
int tiscsi_request_slot(struct tiscsi_conn *conn, struct tiscsi_cmd **cmdp);
int tiscsi_request_task(struct tiscsi_conn *conn, u32 max);
void tiscsi_request_answer(struct tiscsi_cmd *cmd, enum tiscsi_tx_what what);
int tiscsi_reject(struct tiscsi_conn *conn, u8 reason);
void tiscsi_reject_task(struct tiscsi_cmd *cmd, u8 reason);
int tiscsi_build_reject(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);
u32 tiscsi_new_ttt(struct tiscsi_sess *sess);
int tiscsi_ping_send(struct tiscsi_conn *conn);
void tiscsi_ping_ask(struct tiscsi_conn *conn);
void tiscsi_ping_tell(struct tiscsi_conn *conn);
int tiscsi_build_nop_in(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);

int tiscsi_text_begin(struct tiscsi_conn *conn);
void tiscsi_text_exec(struct tiscsi_cmd *cmd);
int tiscsi_build_text(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);
void tiscsi_text_sent(struct tiscsi_conn *conn);
void tiscsi_text_free(struct tiscsi_conn *conn);

/* ------------------------------------------------------------------ */
/* logout.c                                                            */
/* ------------------------------------------------------------------ */

int tiscsi_logout_begin(struct tiscsi_conn *conn);
void tiscsi_logout_exec(struct tiscsi_cmd *cmd);
void tiscsi_logout_answer(struct tiscsi_cmd *cmd, u8 response);
bool tiscsi_logout_is_recovery(const struct tiscsi_cmd *cmd);
bool tiscsi_logout_give_up(struct tiscsi_conn *conn);
void tiscsi_logout_check_time(struct tiscsi_conn *conn);
int tiscsi_build_logout(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);
void tiscsi_logout_sent(struct tiscsi_conn *conn);

/* ------------------------------------------------------------------ */
/* cmd.c                                                               */
/* ------------------------------------------------------------------ */

static inline struct tiscsi_cmd *to_tiscsi_cmd(struct se_cmd *se_cmd)
{
	return container_of(se_cmd, struct tiscsi_cmd, se_cmd);
}

static inline void tiscsi_cmd_get(struct tiscsi_cmd *cmd)
{
	refcount_inc(&cmd->ref);
}

/**
 * tiscsi_sess_slot - the slot of an index that a peer has sent
 * @sess: the session
 * @index: any number
 *
 * Any context.  Return: the slot, in use or not, or NULL if there is none.
 */
static inline struct tiscsi_cmd *tiscsi_sess_slot(const struct tiscsi_sess *sess,
						  u32 index)
{
	/* Pairs with the release in tiscsi_cmd_add(). */
	return index < smp_load_acquire(&sess->nr_slots) ?
	       sess->slots[index] : NULL;
}

int tiscsi_cmd_cache_init(void);
void tiscsi_cmd_cache_exit(void);
int tiscsi_cmd_pool_init(struct tiscsi_sess *sess, u32 depth);
void tiscsi_cmd_pool_free(struct tiscsi_sess *sess);
struct tiscsi_cmd *tiscsi_cmd_alloc(struct tiscsi_conn *conn);
struct tiscsi_cmd *tiscsi_cmd_alloc_locked(struct tiscsi_conn *conn);
void tiscsi_cmd_put(struct tiscsi_cmd *cmd);
void tiscsi_cmd_set_state(struct tiscsi_cmd *cmd, enum tiscsi_cmd_state state);
struct tiscsi_cmd *tiscsi_cmd_find(struct tiscsi_sess *sess, itt_t itt);
int tiscsi_cmd_hash(struct tiscsi_cmd *cmd);
void tiscsi_cmd_retire(struct tiscsi_cmd *cmd);
void tiscsi_cmd_end(struct tiscsi_cmd *cmd);
void tiscsi_cmd_answered(struct tiscsi_cmd *cmd);
void tiscsi_cmd_revive(struct tiscsi_cmd *cmd);
void tiscsi_cmd_change_conn(struct tiscsi_cmd *cmd, struct tiscsi_conn *to);
bool tiscsi_cmdsn_in_window(struct tiscsi_sess *sess, u32 cmd_sn);
bool tiscsi_cmdsn_arrive(struct tiscsi_cmd *cmd);
void tiscsi_cmdsn_turn_over(struct tiscsi_conn *conn);
bool tiscsi_cmdsn_wait(struct tiscsi_cmd *cmd, unsigned long deadline);
void tiscsi_cmdsn_plug(struct tiscsi_sess *sess, struct tiscsi_cmd *cmd);
struct tiscsi_cmd *tiscsi_cmd_next_exec(struct tiscsi_conn *conn);

/* ------------------------------------------------------------------ */
/* buffer.c                                                            */
/* ------------------------------------------------------------------ */

int tiscsi_buffer_init(void);
void tiscsi_buffer_exit(void);
int tiscsi_sg_alloc(struct tiscsi_cmd *cmd, u32 len, bool bulk);
void tiscsi_sg_free(struct tiscsi_cmd *cmd);
void *tiscsi_sg_at(struct tiscsi_cmd *cmd, u32 offset, u32 max, u32 *len);

/* ------------------------------------------------------------------ */
/* scsi.c, data.c, tmf.c                                               */
/* ------------------------------------------------------------------ */

extern const struct tiscsi_sense tiscsi_sense_unexpected_data;
extern const struct tiscsi_sense tiscsi_sense_data_amount;
extern const struct tiscsi_sense tiscsi_sense_data_crc;
extern const struct tiscsi_sense tiscsi_sense_invalid_field;
extern const struct tiscsi_sense tiscsi_sense_invalid_opcode;
extern const struct tiscsi_sense tiscsi_sense_no_lun;

/**
 * struct tiscsi_ahs - what the additional header segments of a command say
 * @ecdb: bytes of the CDB beyond the sixteenth, NULL if there are none
 * @ecdb_len: how many
 * @has_read_len: there is a bidirectional read length
 * @read_len: what it says
 */
struct tiscsi_ahs {
	const u8 *ecdb;
	u32 ecdb_len;
	bool has_read_len;
	u32 read_len;
};

/* The task attribute of a SCSI command. */
static inline u8 tiscsi_scsi_attr(const struct tiscsi_cmd *cmd)
{
	return cmd->hdr.flags & ISCSI_FLAG_CMD_ATTR_MASK;
}

/* No mapping has this LUN. */
#define TISCSI_LUN_NONE	(~0ULL)

bool tiscsi_ahs_walk(const u8 *pos, u32 left, struct tiscsi_ahs *ahs);
u64 tiscsi_lun_decode(const struct scsi_lun *lun);
int tiscsi_scsi_begin(struct tiscsi_conn *conn);
void tiscsi_scsi_prep(struct tiscsi_cmd *cmd);
void tiscsi_scsi_exec(struct tiscsi_cmd *cmd);
void tiscsi_scsi_ready(struct tiscsi_cmd *cmd);
bool tiscsi_scsi_fail_status(struct tiscsi_cmd *cmd, u8 status);
void tiscsi_scsi_fail(struct tiscsi_cmd *cmd, const struct tiscsi_sense *sense);
void tiscsi_scsi_replace_answer(struct tiscsi_cmd *cmd,
				const struct tiscsi_sense *sense);
void tiscsi_scsi_kill(struct tiscsi_cmd *cmd);

void tiscsi_data_sink(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd,
		      u32 offset);
bool tiscsi_data_due(const struct tiscsi_cmd *cmd);
void tiscsi_data_start(struct tiscsi_cmd *cmd);
void tiscsi_data_next(struct tiscsi_cmd *cmd);
int tiscsi_data_begin(struct tiscsi_conn *conn);
int tiscsi_data_end(struct tiscsi_conn *conn, bool digest_ok);
void tiscsi_data_settle(struct tiscsi_conn *conn);
unsigned long tiscsi_data_patience(const struct tiscsi_sess *sess);
bool tiscsi_data_check_time(struct tiscsi_conn *conn);
void tiscsi_data_touch(struct tiscsi_cmd *cmd);
void tiscsi_data_ask_for(struct tiscsi_cmd *cmd, struct tiscsi_r2t *r2t,
			 u32 start, u32 end);
void tiscsi_data_bury(struct tiscsi_cmd *cmd);
void tiscsi_data_doom(struct tiscsi_cmd *cmd, enum tiscsi_doom doom);
void tiscsi_data_do_doomed(struct tiscsi_conn *conn);
int tiscsi_build_r2t(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);
int tiscsi_build_data_in(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);
int tiscsi_build_data_again(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);
int tiscsi_build_status(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);

/* RFC 7144; not in iscsi_proto.h */
#define TISCSI_TM_QUERY_TASK		9
#define TISCSI_TM_QUERY_TASK_SET	10
#define TISCSI_TM_NEXUS_RESET		11
#define TISCSI_TM_QUERY_ASYNC_EVENT	12

bool tiscsi_tmf_is_there(const struct tiscsi_sess *sess, u8 function);
int tiscsi_tmf_begin(struct tiscsi_conn *conn);
void tiscsi_tmf_exec(struct tiscsi_cmd *cmd);
void tiscsi_tmf_go_on(struct tiscsi_conn *conn);
void tiscsi_tmf_give_up(struct tiscsi_cmd *cmd);
void tiscsi_tmf_core_done(struct tiscsi_cmd *cmd);
int tiscsi_build_tmf(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);
void tiscsi_tmf_sent(struct tiscsi_conn *conn);

/* async.c */
void tiscsi_async_logout(struct tiscsi_conn *conn, u16 seconds);
void tiscsi_async_drop_session(struct tiscsi_conn *conn);
void tiscsi_async_conn_gone(struct tiscsi_conn *gone);
void tiscsi_async_terminated(struct tiscsi_sess *sess, u64 lun);
void tiscsi_async_acked(struct tiscsi_conn *conn, const struct scsi_lun *lun);
int tiscsi_build_async(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd);

/* fence.c */
bool tiscsi_fence_holds(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd,
			enum tiscsi_tx_what what);
void tiscsi_fence_acked(struct tiscsi_conn *conn);
void tiscsi_fence_look(struct tiscsi_conn *conn);
void tiscsi_fence_conn_gone(struct tiscsi_conn *conn);

/* wait.c */
void tiscsi_wait_put(struct tiscsi_wait *wait);
void tiscsi_cover_task_over(struct tiscsi_cmd *cmd, bool ended,
			    struct list_head *done);
void tiscsi_covers_over(struct list_head *done);

/* ------------------------------------------------------------------ */
/* session.c                                                           */
/* ------------------------------------------------------------------ */

struct tiscsi_sess *tiscsi_sess_create(struct tiscsi_conn *conn, int *status);
void tiscsi_sess_put(struct tiscsi_sess *sess);
void tiscsi_sess_close(struct tiscsi_sess *sess,
		       enum tiscsi_close_reason reason);
void tiscsi_sess_dismiss(struct tiscsi_sess *sess, u32 seconds);
void tiscsi_sess_check_drained(struct tiscsi_sess *sess);
void tiscsi_sess_free_if_drained(struct tiscsi_sess *sess);
void tiscsi_sess_end(struct tiscsi_sess *sess, enum tiscsi_close_reason reason,
		     struct tiscsi_conn *spared);
struct tiscsi_sess *tiscsi_sess_find(struct tiscsi_tpg *tpg, const char *name,
				     const u8 *isid);
struct tiscsi_sess **tiscsi_tpg_get_sessions(struct tiscsi_tpg *tpg, u32 *nr);
void tiscsi_tpg_put_sessions(struct tiscsi_sess **sess, u32 nr);
u32 tiscsi_sess_last_sid(void);
bool tiscsi_sess_is_dynamic(const struct tiscsi_sess *sess);
bool tiscsi_sess_get_attrib(struct tiscsi_sess *sess,
			    struct tiscsi_nacl_attrib *attrib);
void tiscsi_sess_for_each(void (*visit)(struct tiscsi_sess *sess, void *arg),
			  void *arg);
int tiscsi_tpg_enable(struct tiscsi_tpg *tpg);
void tiscsi_tpg_disable(struct tiscsi_tpg *tpg);
void tiscsi_tpg_init(struct tiscsi_tpg *tpg);
void tiscsi_tpg_wait_unused(struct tiscsi_tpg *tpg);
bool tiscsi_tpg_get(struct tiscsi_tpg *tpg);
void tiscsi_tpg_put(struct tiscsi_tpg *tpg);
void tiscsi_lun_pre_unlink(struct se_portal_group *se_tpg, struct se_lun *lun);

/* offline.c */
bool tiscsi_tpg_is_offline(struct tiscsi_tpg *tpg);
void tiscsi_watch_start(void);
void tiscsi_watch_stop(void);

/* ------------------------------------------------------------------ */
/* sess_conn.c                                                         */
/* ------------------------------------------------------------------ */

int tiscsi_sess_add_conn(struct tiscsi_sess *sess, struct tiscsi_conn *conn);
int tiscsi_sess_may_join(struct tiscsi_sess *sess, u16 cid);
int tiscsi_sess_join(struct tiscsi_sess *sess, struct tiscsi_conn *conn);
void tiscsi_sess_stop_waiting(struct tiscsi_sess *sess,
			      struct tiscsi_conn *conn);
void tiscsi_sess_wake_joiners(struct tiscsi_sess *sess);
void tiscsi_sess_conn_less(struct tiscsi_conn *conn);
void tiscsi_sess_logout(struct tiscsi_cmd *cmd, bool session);
bool tiscsi_sess_logout_other(struct tiscsi_cmd *cmd, u16 cid);
bool tiscsi_sess_logout_recovery(struct tiscsi_cmd *cmd, u16 cid);
void tiscsi_sess_del_conn(struct tiscsi_conn *conn);
void tiscsi_sess_conn_left(struct tiscsi_conn *conn);
void tiscsi_sess_end_tasks(struct tiscsi_conn *conn, struct tiscsi_cmd *logout);
void tiscsi_sess_want_cleared(struct tiscsi_sess *sess);
void tiscsi_sess_note_cleared(struct tiscsi_cmd *cmd);
unsigned long tiscsi_sess_retain_time(const struct tiscsi_sess *sess);
bool tiscsi_conn_has_failed(const struct tiscsi_conn *conn);
void tiscsi_sess_finish(struct tiscsi_conn *conn,
			enum tiscsi_close_reason reason);
void tiscsi_sess_retain_work(struct work_struct *work);
void tiscsi_sess_report_cleared(struct tiscsi_cmd *cmd);

/* core callbacks, wired up in main.c */
void tiscsi_close_session(struct se_session *se_sess);
int tiscsi_check_stop_free(struct se_cmd *se_cmd);
void tiscsi_release_cmd(struct se_cmd *se_cmd);
int tiscsi_write_pending(struct se_cmd *se_cmd);
int tiscsi_get_cmd_state(struct se_cmd *se_cmd);
int tiscsi_queue_data_in(struct se_cmd *se_cmd);
int tiscsi_queue_status(struct se_cmd *se_cmd);
void tiscsi_queue_tm_rsp(struct se_cmd *se_cmd);
void tiscsi_aborted_task(struct se_cmd *se_cmd);

#endif /* TCM_ISCSI_H */
