/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The access room: logical units, I_T nexuses, unit attentions, reservations,
 * target port groups.
 *
 *   session n-1 nexus (names); session 1-n itl n-1 logical unit (se_device)
 *   logical unit 1-n registration n-1 nexus
 *
 * An itl is what a session has on one logical unit.  Everything that a command
 * has to know before it may run is in its attention word: which classes of
 * commands a reservation keeps it from, which unit attentions are pending, and
 * whether the state of its port forbids anything.  So the I/O path looks at one
 * word, which is 0 as long as nothing happened.
 */
#ifndef TCM_ISCSI_ACCESS_H
#define TCM_ISCSI_ACCESS_H

#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>
#include <scsi/scsi_proto.h>

#include "../tcm_iscsi.h"

/* ------------------------------------------------------------------ */
/* nexus.c                                                             */
/* ------------------------------------------------------------------ */

/**
 * struct tiscsi_nexus - the name of an I_T nexus (row G12)
 * @node: among all of them
 * @lost: among those whose session was lost and did not come back
 * @initiator: iSCSI name, normalised
 * @target: iSCSI name, normalised
 *
 * One object a name: two pointers are equal if the names are.  Held by
 * sessions and registrations, none of which needs the other.
 */
struct tiscsi_nexus {
	refcount_t ref;
	struct hlist_node node;
	struct list_head lost;
	u16 tpgt;
	u8 isid[6];
	char initiator[TISCSI_NAME_LEN];
	char target[TISCSI_NAME_LEN];
};

struct tiscsi_nexus *tiscsi_nexus_get(const char *initiator, const u8 *isid,
				      const char *target, u16 tpgt);
void tiscsi_nexus_put(struct tiscsi_nexus *nexus);
void tiscsi_nexus_lose(struct tiscsi_nexus *nexus);
bool tiscsi_nexus_was_lost(struct tiscsi_nexus *nexus);
void tiscsi_nexus_forget_lost(void);

/* ------------------------------------------------------------------ */
/* lu.c                                                                */
/* ------------------------------------------------------------------ */

struct tiscsi_pr;

/* Row I18: it is not served before what is kept of it was read. */
enum tiscsi_lu_state {
	LU_READING,
	LU_READY,
	LU_FAILED,
};

/**
 * struct tiscsi_lu - a logical unit: a se_device that this fabric exports
 * @node: tiscsi_lus, under tiscsi_lus_lock
 * @state: under tiscsi_lus_lock
 * @lock: protects @itls and their attention, the moment that @pr changes, and
 *	@line.  Leaf.  Process context.
 * @pr_lock: one change of @pr at a time; outside of @lock
 * @pr: not NULL when LU_READY; see pr.h
 * @store_seq: of the last state written, under @pr_lock
 * @line: commands that have to keep an order, by cmd->order_node
 * @nr_ordered: those with the ORDERED attribute in @line
 * @alua_seen: by group id, the states of its target port groups that nexuses
 *	know of or have an attention about, with marks, see alua.c; under
 *	dev->t10_alua.tg_pt_gps_lock
 * @alua_kept: by group id, states from the disk that were not restored yet;
 *	the same
 * @alua_seq: of the states written last, under tiscsi_alua_lock
 */
struct tiscsi_lu {
	struct kref ref;
	struct list_head node;
	struct se_device *dev;
	enum tiscsi_lu_state state;
	spinlock_t lock;		/* see above */
	struct list_head itls;
	struct mutex pr_lock;		/* see above */
	struct tiscsi_pr __rcu *pr;
	u64 store_seq;
	struct list_head line;
	u32 nr_ordered;
	struct xarray alua_seen;
	struct xarray alua_kept;
	u64 alua_seq;
};

/* itl->attention: a bit for each unit attention, the most important first. */
enum tiscsi_ua {
	UA_POWER_ON,
	UA_RESET,
	UA_NEXUS_LOSS,
	UA_COMMANDS_CLEARED,
	UA_RESERVATION_PREEMPTED,
	UA_RESERVATION_RELEASED,
	UA_REGISTRATION_PREEMPTED,
	UA_ALUA_CHANGED,
	UA_ALUA_FAILED,
	UA_MODE_CHANGED,
	UA_CAPACITY_CHANGED,
	UA_PREVIOUS_CONFLICT,
	UA_INQUIRY_CHANGED,
	UA_LUNS_CHANGED,
	UA_OTHER,
	UA_NR
};

/* And which commands must not run: the classes of pr.h, shifted. */
#define DENY_SHIFT		24
#define DENY_READ		BIT(DENY_SHIFT)
#define DENY_WRITE		BIT(DENY_SHIFT + 1)
#define DENY_SPC2		BIT(DENY_SHIFT + 2)
#define DENY_MASK		(DENY_READ | DENY_WRITE | DENY_SPC2)
#define UA_MASK			(BIT(UA_NR) - 1)
/* And whether there is an ORDERED command: see order.c. */
#define ITL_LINE		BIT(DENY_SHIFT - 1)

/* The port may be in a state in which not every command runs: see alua.c. */
#define HOLD_ALUA		BIT(27)

/**
 * struct tiscsi_itl - a session on a logical unit (I_T_L nexus)
 * @sess_node: sess->itls, where it stays until the session ends
 * @lu_node: lu->itls, under lu->lock
 * @dev: NULL when the unit is gone
 * @attention: bits of enum tiscsi_ua, DENY_*, ITL_LINE and HOLD_ALUA; written
 *	under lu->lock
 * @look_at: jiffies; when the states of port groups are looked at again
 */
struct tiscsi_itl {
	struct hlist_node sess_node;
	struct list_head lu_node;
	struct tiscsi_lu *lu;
	struct tiscsi_sess *sess;
	struct se_device *dev;
	u64 lun;
	u32 attention;
	unsigned long look_at;
};

int tiscsi_lu_link(struct se_lun *lun);
void tiscsi_lu_unlink(struct se_lun *lun);
struct tiscsi_lu *tiscsi_lu_find(struct se_device *dev);
const struct tiscsi_sense *tiscsi_lu_why_not(struct se_device *dev);
void tiscsi_lu_put(struct tiscsi_lu *lu);
void tiscsi_lu_attend(struct tiscsi_lu *lu, enum tiscsi_ua ua,
		      const struct tiscsi_sess *sess);
void tiscsi_lu_attend_others(struct tiscsi_lu *lu, u32 bits,
			     const struct tiscsi_sess *sess);
void tiscsi_lu_for_each(void (*fn)(struct tiscsi_lu *lu, void *arg),
			void *arg);
bool tiscsi_lun_is_ours(const struct se_lun *lun);
bool tiscsi_lu_is_foreign(struct se_device *dev);
u16 tiscsi_lu_rtpi(struct se_device *dev, const char *target, u16 tpgt);
bool tiscsi_lu_port(struct se_device *dev, u16 rtpi, char *target, u16 *tpgt);
u32 tiscsi_lu_ports(struct se_device *dev, const char *target, u16 *tpgts,
		    u32 max);

/* ------------------------------------------------------------------ */
/* ua.c                                                                */
/* ------------------------------------------------------------------ */

bool tiscsi_ua_core_pending(struct tiscsi_cmd *cmd);
void tiscsi_ua_harvest(struct tiscsi_cmd *cmd);
void tiscsi_ua_drop_reset(struct se_device *dev);
void tiscsi_ua_forget_luns(struct tiscsi_sess *sess);
bool tiscsi_ua_take(struct tiscsi_itl *itl, struct tiscsi_sense *sense);
u32 tiscsi_ua_peek(struct tiscsi_sess *sess, u64 lun,
		   struct tiscsi_sense *sense);
void tiscsi_ua_raise(struct tiscsi_itl *itl, enum tiscsi_ua ua);
sense_reason_t tiscsi_execute_request_sense(struct se_cmd *se_cmd);

/* ------------------------------------------------------------------ */
/* alua.c: states of target ports; alua_cmd.c: the commands about them  */
/* ------------------------------------------------------------------ */

/* How often a nexus at work looks for changes of groups that it is not in. */
#define TISCSI_ALUA_INTERVAL	(HZ / 100 + 1)

/* Asymmetric access states, SPC-4 6.37. */
enum tiscsi_aas {
	AAS_OPTIMIZED		= 0x0,
	AAS_NON_OPTIMIZED	= 0x1,
	AAS_STANDBY		= 0x2,
	AAS_UNAVAILABLE		= 0x3,
	AAS_LBA_DEPENDENT	= 0x4,
	AAS_OFFLINE		= 0xe,
	AAS_TRANSITIONING	= 0xf,
};

/**
 * struct tiscsi_alua_view - what an initiator gets through a portal group
 * @nr: LUNs
 * @lost: those that are unavailable or offline there
 * @offline: those of them that are offline
 * @cost: how far the others are from optimized and preferred
 */
struct tiscsi_alua_view {
	u32 nr;
	u32 lost;
	u32 offline;
	u32 cost;
};

enum tiscsi_aas tiscsi_alua_state(struct se_lun *lun);
int tiscsi_alua_view(struct tiscsi_tpg *tpg, char *initiator,
		     struct tiscsi_alua_view *view);
void tiscsi_alua_look(struct tiscsi_lu *lu);
u32 tiscsi_alua_see(struct tiscsi_lu *lu, struct t10_alua_tg_pt_gp *gp);
bool tiscsi_alua_is_implicit(struct tiscsi_lu *lu, bool now);
bool tiscsi_alua_let_implicit(struct tiscsi_lu *lu, bool allow);
void tiscsi_alua_refresh(struct tiscsi_cmd *cmd);
bool tiscsi_alua_allows(struct tiscsi_cmd *cmd, struct tiscsi_sense *sense);
void tiscsi_alua_pass(struct tiscsi_cmd *cmd);
void tiscsi_alua_attach(struct tiscsi_cmd *cmd);
void tiscsi_alua_load(struct tiscsi_lu *lu);

/* store.c: files that outlive a restart */
char *tiscsi_store_path(struct tiscsi_lu *lu, const char *what, u32 slot);
u32 tiscsi_store_crc(const void *buf, u32 len, __be32 *crc);
int tiscsi_store_write(const char *path, const void *buf, u32 len);
ssize_t tiscsi_store_read(struct tiscsi_lu *lu, const char *what, u32 slot,
			  void *buf, size_t size);

/* ------------------------------------------------------------------ */
/* answer.c: data for an initiator                                      */
/* ------------------------------------------------------------------ */

/**
 * struct tiscsi_answer - what a command returns, as it is made
 * @data: @size bytes, zeros at first
 * @len: bytes written, and counted where they did not fit
 */
struct tiscsi_answer {
	u8 *data;
	u32 size;
	u32 len;
};

int tiscsi_answer_init(struct tiscsi_answer *ans, u32 size);
void tiscsi_answer_put(struct tiscsi_answer *ans, const void *data, u32 len);
void tiscsi_answer_send(struct tiscsi_answer *ans, struct se_cmd *se_cmd);
u32 tiscsi_sense_build(struct se_device *dev, u8 *buf,
		       const struct tiscsi_sense *sense);
void tiscsi_answer_fail(struct se_cmd *se_cmd,
			const struct tiscsi_sense *sense);
sense_reason_t tiscsi_answer_sense(struct se_cmd *se_cmd,
				   const struct tiscsi_sense *sense);

/* ------------------------------------------------------------------ */
/* inquiry.c, luns.c, opcodes.c, mode.c                                 */
/* ------------------------------------------------------------------ */

void tiscsi_inquiry_attach(struct tiscsi_cmd *cmd);
sense_reason_t tiscsi_execute_inquiry_no_lun(struct se_cmd *se_cmd);
bool tiscsi_opcodes_are_asked(const u8 *cdb);
void tiscsi_opcodes_attach(struct tiscsi_cmd *cmd);
void tiscsi_verify_attach(struct tiscsi_cmd *cmd);
void tiscsi_mode_attach(struct tiscsi_cmd *cmd);
bool tiscsi_dev_has_fua(struct se_device *dev);
bool tiscsi_dev_has_long_sense(struct se_device *dev);
u64 tiscsi_luns_stand_in(struct tiscsi_cmd *cmd);
bool tiscsi_luns_reserved_by_core(struct tiscsi_sess *sess);
void tiscsi_luns_attach_none(struct tiscsi_cmd *cmd);
sense_reason_t tiscsi_execute_report_luns(struct se_cmd *se_cmd);

/* ------------------------------------------------------------------ */
/* check.c: what the session room calls                                */
/* ------------------------------------------------------------------ */

void tiscsi_access_init(void);
void tiscsi_access_exit(void);
int tiscsi_access_join(struct tiscsi_sess *sess);
void tiscsi_access_leave(struct tiscsi_sess *sess);
void tiscsi_access_attach(struct tiscsi_cmd *cmd);
void tiscsi_access_slow(struct tiscsi_cmd *cmd);
void tiscsi_access_lun_reset(struct se_device *dev);

u8 *tiscsi_access_stand_in(struct tiscsi_cmd *cmd, u64 *lun, u8 *cdb);

/* ------------------------------------------------------------------ */
/* order.c                                                             */
/* ------------------------------------------------------------------ */

void tiscsi_order_enter(struct tiscsi_cmd *cmd);
bool tiscsi_order_holds(struct tiscsi_cmd *cmd);
void tiscsi_order_leave(struct tiscsi_cmd *cmd);
void tiscsi_order_go_on(struct tiscsi_conn *conn);

/**
 * tiscsi_order_concerns - is a command one that has to keep an order?
 * @cmd: the command
 *
 * Any context.
 *
 * Return: false nearly always.
 */
static inline bool tiscsi_order_concerns(const struct tiscsi_cmd *cmd)
{
	u8 attr = tiscsi_scsi_attr(cmd);

	if (!cmd->itl)
		return false;
	if (unlikely(READ_ONCE(cmd->itl->attention) & ITL_LINE))
		return attr != ISCSI_ATTR_HEAD_OF_QUEUE;
	return unlikely(attr == ISCSI_ATTR_ORDERED);
}

/* pr_cfs.c: for the door */
ssize_t tiscsi_pr_show(struct tiscsi_tpg *tpg, char *page);
int tiscsi_pr_store_attr(struct tiscsi_tpg *tpg, const char *page);

/**
 * tiscsi_access_is_special - may the core refuse what is answered here
 * @cdb: of a command that it has not seen yet
 *
 * Any context.
 *
 * Return: whether tiscsi_access_stand_in() is to be asked.
 */
static inline bool tiscsi_access_is_special(const u8 *cdb)
{
	return cdb[0] == INQUIRY || cdb[0] == REPORT_LUNS ||
	       cdb[0] == REQUEST_SENSE || cdb[0] == MAINTENANCE_IN;
}

/**
 * tiscsi_access_enter - a command's processing begins: may it run?
 * @cmd: parsed by the core, its turn has come
 *
 * Rows I37, G14: a reservation conflict first, then a unit attention, then the
 * state of the port; what is decided here is not looked at again.  The command
 * that may not run has an early status afterwards.
 *
 * A command that did not see a reservation here is seen to have entered by who
 * made the reservation and then waited for a grace period of RCU, which is a
 * barrier on every CPU: see fence.c.  io_work.
 */
static inline void tiscsi_access_enter(struct tiscsi_cmd *cmd)
{
	struct tiscsi_itl *itl = cmd->itl;

	if (!itl)
		return;
	WRITE_ONCE(cmd->entered, true);
	if (unlikely(READ_ONCE(itl->attention)) ||
	    unlikely(time_after_eq(jiffies, READ_ONCE(itl->look_at))) ||
	    unlikely(tiscsi_ua_core_pending(cmd)))
		tiscsi_access_slow(cmd);
}

#endif /* TCM_ISCSI_ACCESS_H */
