/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: the lives of tasks, connections and sessions, which are the moves
 * of their one setter each, and the PDUs that come and go.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tcm_iscsi

#if !defined(TCM_ISCSI_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TCM_ISCSI_TRACE_H

#include <linux/tracepoint.h>

#include "tcm_iscsi.h"

/* The values behind the names, for user space's parsers. */
TRACE_DEFINE_ENUM(TASK_FREE);
TRACE_DEFINE_ENUM(TASK_RECV);
TRACE_DEFINE_ENUM(TASK_PENDING);
TRACE_DEFINE_ENUM(TASK_DATA);
TRACE_DEFINE_ENUM(TASK_WAIT);
TRACE_DEFINE_ENUM(TASK_CORE);
TRACE_DEFINE_ENUM(TASK_RESPONSE);
TRACE_DEFINE_ENUM(TASK_KEPT);
TRACE_DEFINE_ENUM(TASK_DONE);
TRACE_DEFINE_ENUM(CONN_FREE);
TRACE_DEFINE_ENUM(CONN_XPT_UP);
TRACE_DEFINE_ENUM(CONN_IN_LOGIN);
TRACE_DEFINE_ENUM(CONN_LOGGED_IN);
TRACE_DEFINE_ENUM(CONN_IN_LOGOUT);
TRACE_DEFINE_ENUM(CONN_LOGOUT_REQUESTED);
TRACE_DEFINE_ENUM(CONN_CLEANUP_WAIT);
TRACE_DEFINE_ENUM(SESS_FREE);
TRACE_DEFINE_ENUM(SESS_ACTIVE);
TRACE_DEFINE_ENUM(SESS_LOGGED_IN);
TRACE_DEFINE_ENUM(SESS_FAILED);
TRACE_DEFINE_ENUM(SESS_IN_CONTINUE);
TRACE_DEFINE_ENUM(CLEANUP_NONE);
TRACE_DEFINE_ENUM(CLEANUP_WAIT);
TRACE_DEFINE_ENUM(CLEANUP_BEGUN);
TRACE_DEFINE_ENUM(CLEANUP_OVER);

#define tiscsi_show_task_state(value)					\
	__print_symbolic(value,						\
		{ TASK_FREE, "free" },					\
		{ TASK_RECV, "receive" },				\
		{ TASK_PENDING, "pending" },				\
		{ TASK_DATA, "data" },					\
		{ TASK_WAIT, "wait" },					\
		{ TASK_CORE, "execute" },				\
		{ TASK_RESPONSE, "respond" },				\
		{ TASK_KEPT, "keep" },					\
		{ TASK_DONE, "done" })

#define tiscsi_show_conn_state(value)					\
	__print_symbolic(value,						\
		{ CONN_FREE, "FREE" },					\
		{ CONN_XPT_UP, "XPT_UP" },				\
		{ CONN_IN_LOGIN, "IN_LOGIN" },				\
		{ CONN_LOGGED_IN, "LOGGED_IN" },			\
		{ CONN_IN_LOGOUT, "IN_LOGOUT" },			\
		{ CONN_LOGOUT_REQUESTED, "LOGOUT_REQUESTED" },		\
		{ CONN_CLEANUP_WAIT, "CLEANUP_WAIT" })

#define tiscsi_show_sess_state(value)					\
	__print_symbolic(value,						\
		{ SESS_FREE, "FREE" },					\
		{ SESS_ACTIVE, "ACTIVE" },				\
		{ SESS_LOGGED_IN, "LOGGED_IN" },			\
		{ SESS_FAILED, "FAILED" },				\
		{ SESS_IN_CONTINUE, "IN_CONTINUE" })

#define tiscsi_show_cleanup_state(value)				\
	__print_symbolic(value,						\
		{ CLEANUP_NONE, "NONE" },				\
		{ CLEANUP_WAIT, "WAIT" },				\
		{ CLEANUP_BEGUN, "BEGUN" },				\
		{ CLEANUP_OVER, "OVER" })

#define tiscsi_show_opcode(value)					\
	__print_symbolic(value,						\
		{ ISCSI_OP_NOOP_OUT, "NOP-Out" },			\
		{ ISCSI_OP_SCSI_CMD, "SCSI-Command" },			\
		{ ISCSI_OP_SCSI_TMFUNC, "TMF-Request" },		\
		{ ISCSI_OP_LOGIN, "Login-Request" },			\
		{ ISCSI_OP_TEXT, "Text-Request" },			\
		{ ISCSI_OP_SCSI_DATA_OUT, "Data-Out" },			\
		{ ISCSI_OP_LOGOUT, "Logout-Request" },			\
		{ ISCSI_OP_SNACK, "SNACK" },				\
		{ ISCSI_OP_NOOP_IN, "NOP-In" },				\
		{ ISCSI_OP_SCSI_CMD_RSP, "SCSI-Response" },		\
		{ ISCSI_OP_SCSI_TMFUNC_RSP, "TMF-Response" },		\
		{ ISCSI_OP_LOGIN_RSP, "Login-Response" },		\
		{ ISCSI_OP_TEXT_RSP, "Text-Response" },			\
		{ ISCSI_OP_SCSI_DATA_IN, "Data-In" },			\
		{ ISCSI_OP_LOGOUT_RSP, "Logout-Response" },		\
		{ ISCSI_OP_R2T, "R2T" },				\
		{ ISCSI_OP_ASYNC_EVENT, "Async" },			\
		{ ISCSI_OP_REJECT, "Reject" })

TRACE_EVENT(tiscsi_task,
	TP_PROTO(const struct tiscsi_cmd *cmd, enum tiscsi_cmd_state state),
	TP_ARGS(cmd, state),
	TP_STRUCT__entry(
		__field(u32, sid)
		__field(u16, cid)
		__field(u16, slot)
		__field(u32, itt)
		__field(u32, cmd_sn)
		__field(u64, lun)
		__field(u32, edtl)
		__field(u8, opcode)
		__field(u8, cdb0)
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		__entry->sid = cmd->sess->sid;
		__entry->cid = cmd->conn->cid;
		__entry->slot = cmd->index;
		__entry->itt = be32_to_cpu((__force __be32)cmd->itt);
		__entry->cmd_sn = cmd->cmd_sn;
		__entry->lun = cmd->lun;
		__entry->edtl = cmd->edtl;
		__entry->opcode = cmd->opcode;
		__entry->cdb0 = ((const struct iscsi_scsi_req *)&cmd->hdr)->cdb[0];
		__entry->from = cmd->state;
		__entry->to = state;
	),
	TP_printk("sid=%u cid=%u slot=%u itt=%08x cmdsn=%08x %s cdb=%02x lun=%llu edtl=%u %s->%s",
		  __entry->sid, __entry->cid, __entry->slot, __entry->itt,
		  __entry->cmd_sn,
		  tiscsi_show_opcode(__entry->opcode),
		  __entry->cdb0, __entry->lun, __entry->edtl,
		  tiscsi_show_task_state(__entry->from),
		  tiscsi_show_task_state(__entry->to))
);

TRACE_EVENT(tiscsi_conn,
	TP_PROTO(const struct tiscsi_conn *conn, enum tiscsi_conn_state state),
	TP_ARGS(conn, state),
	TP_STRUCT__entry(
		__field(u32, sid)
		__field(u16, cid)
		__field(u8, from)
		__field(u8, to)
		__field(u8, reason)
		__array(u8, peer, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->sid = conn->sess ? conn->sess->sid : 0;
		__entry->cid = conn->cid;
		__entry->from = conn->state;
		__entry->to = state;
		__entry->reason = conn->close_reason;
		memcpy(__entry->peer, &conn->peer_addr,
		       sizeof(struct sockaddr_in6));
	),
	TP_printk("sid=%u cid=%u peer=%pISpc %s->%s close_reason=%u",
		  __entry->sid, __entry->cid, __entry->peer,
		  tiscsi_show_conn_state(__entry->from),
		  tiscsi_show_conn_state(__entry->to),
		  __entry->reason)
);

TRACE_EVENT(tiscsi_sess,
	TP_PROTO(const struct tiscsi_sess *sess, enum tiscsi_sess_state state),
	TP_ARGS(sess, state),
	TP_STRUCT__entry(
		__field(u32, sid)
		__field(u32, conns)
		__field(u8, from)
		__field(u8, to)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->sid = sess->sid;
		__entry->conns = sess->nr_conns;
		__entry->from = sess->state;
		__entry->to = state;
		__entry->reason = sess->close_reason;
	),
	TP_printk("sid=%u conns=%u %s->%s close_reason=%u",
		  __entry->sid, __entry->conns,
		  tiscsi_show_sess_state(__entry->from),
		  tiscsi_show_sess_state(__entry->to),
		  __entry->reason)
);

TRACE_EVENT(tiscsi_cleanup,
	TP_PROTO(const struct tiscsi_conn *conn,
		 enum tiscsi_cleanup_state state),
	TP_ARGS(conn, state),
	TP_STRUCT__entry(
		__field(u32, sid)
		__field(u16, cid)
		__field(u8, from)
		__field(u8, to)
		__field(u32, cmds)
	),
	TP_fast_assign(
		__entry->sid = conn->sess->sid;
		__entry->cid = conn->cid;
		__entry->from = conn->cleanup;
		__entry->to = state;
		__entry->cmds = conn->nr_cmds;
	),
	TP_printk("sid=%u cid=%u cmds=%u %s->%s",
		  __entry->sid, __entry->cid, __entry->cmds,
		  tiscsi_show_cleanup_state(__entry->from),
		  tiscsi_show_cleanup_state(__entry->to))
);

DECLARE_EVENT_CLASS(tiscsi_pdu,
	TP_PROTO(const struct tiscsi_conn *conn, const struct iscsi_hdr *hdr),
	TP_ARGS(conn, hdr),
	TP_STRUCT__entry(
		__field(u32, sid)
		__field(u16, cid)
		__field(u8, opcode)
		__field(u8, flags)
		__field(u32, itt)
		__field(u32, len)
		__field(u32, word6)
		__field(u32, word7)
		__field(u32, word9)
	),
	TP_fast_assign(
		const __be32 *word = (const __be32 *)hdr;

		__entry->sid = conn->sess ? conn->sess->sid : 0;
		__entry->cid = conn->cid;
		__entry->opcode = hdr->opcode & ISCSI_OPCODE_MASK;
		__entry->flags = hdr->flags;
		__entry->itt = be32_to_cpu(word[4]);
		__entry->len = ntoh24(hdr->dlength);
		__entry->word6 = be32_to_cpu(word[6]);
		__entry->word7 = be32_to_cpu(word[7]);
		__entry->word9 = be32_to_cpu(word[9]);
	),
	TP_printk("sid=%u cid=%u %s flags=%02x itt=%08x len=%u words 6,7,9=%08x,%08x,%08x",
		  __entry->sid, __entry->cid,
		  tiscsi_show_opcode(__entry->opcode),
		  __entry->flags, __entry->itt, __entry->len, __entry->word6,
		  __entry->word7, __entry->word9)
);

DEFINE_EVENT(tiscsi_pdu, tiscsi_rx_pdu,
	TP_PROTO(const struct tiscsi_conn *conn, const struct iscsi_hdr *hdr),
	TP_ARGS(conn, hdr));

DEFINE_EVENT(tiscsi_pdu, tiscsi_tx_pdu,
	TP_PROTO(const struct tiscsi_conn *conn, const struct iscsi_hdr *hdr),
	TP_ARGS(conn, hdr));

#endif /* TCM_ISCSI_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
