/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reservations of a logical unit: persistent ones, and those of SPC-2.
 *
 * The state is one object that is never changed while others can see it.  A
 * command that changes it works on a copy; when all has gone well, the copy
 * in the store included, the copy takes its place.  So whatever goes wrong on
 * the way has changed nothing (rows I14, I16), and who only reads needs no
 * lock.
 */
#ifndef TCM_ISCSI_PR_H
#define TCM_ISCSI_PR_H

#include "access.h"

/* Registrations of a logical unit, row I16. */
#define TISCSI_PR_MAX_REGS	2048
/* PERSISTENT RESERVE OUT parameter data; more is a length error. */
#define TISCSI_PR_MAX_LIST	(64U << 10)

/* Service actions of PERSISTENT RESERVE IN and OUT, SPC-4 6.15.1 and 6.16.2. */
enum tiscsi_pr_in_action {
	PRI_READ_KEYS,
	PRI_READ_RESERVATION,
	PRI_REPORT_CAPABILITIES,
	PRI_READ_FULL_STATUS,
};

enum tiscsi_pr_out_action {
	PRO_REGISTER,
	PRO_RESERVE,
	PRO_RELEASE,
	PRO_CLEAR,
	PRO_PREEMPT,
	PRO_PREEMPT_AND_ABORT,
	PRO_REGISTER_AND_IGNORE,
	PRO_REGISTER_AND_MOVE,
};

/* Classes of commands that conflict; what DENY_* in access.h has shifted. */
#define PR_NONE			0
#define PR_READ			BIT(0)
#define PR_WRITE		BIT(1)

/**
 * struct tiscsi_pr_reg - a registration
 * @nexus: holds a reference
 * @gone: removed by the command at work
 * @abort: so are the commands of the nexus
 * @ua: bits of enum tiscsi_ua that the nexus gets when the command is done
 */
struct tiscsi_pr_reg {
	struct tiscsi_nexus *nexus;
	u64 key;
	bool all_tg_pt;
	bool gone;
	bool abort;
	u32 ua;
};

/**
 * struct tiscsi_pr - the reservations of a logical unit
 * @generation: PRGENERATION
 * @type: of the persistent reservation, 0 for none
 * @aptpl: kept over a power loss
 * @holder: registered; NULL for the types "all registrants"
 * @spc2: who has the unit by RESERVE(6) or (10); holds a reference
 * @nr: of @regs, in the order of registration
 */
struct tiscsi_pr {
	struct rcu_head rcu;
	u32 generation;
	u8 type;
	bool aptpl;
	struct tiscsi_nexus *holder;
	struct tiscsi_nexus *spc2;
	u32 nr;
	u32 max;
	struct tiscsi_pr_reg regs[];
};

/* How a command ends; by this the status and sense are found. */
enum tiscsi_pr_result {
	PR_GOOD,
	PR_CONFLICT,
	PR_BAD_CDB,
	PR_BAD_LENGTH,
	PR_BAD_PARAMETER,
	PR_BAD_RELEASE,
	PR_NO_ROOM,
	PR_NO_MEMORY,
	PR_STORE_FAILED,
	PR_NR_RESULTS
};

/**
 * struct tiscsi_pr_request - a PERSISTENT RESERVE OUT command, taken apart
 * @nexus: who sends it
 * @list: all of the parameter data, @list_len bytes
 * @key: RESERVATION KEY
 * @sark: SERVICE ACTION RESERVATION KEY
 */
struct tiscsi_pr_request {
	struct tiscsi_lu *lu;
	struct tiscsi_nexus *nexus;
	u8 action;
	u8 scope;
	u8 type;
	bool spec_i_pt;
	bool all_tg_pt;
	bool aptpl;
	bool unreg;
	u16 rtpi;
	u64 key;
	u64 sark;
	const u8 *list;
	u32 list_len;
};

static inline bool tiscsi_pr_all_regs(u8 type)
{
	return type == 7 || type == 8;
}

static inline bool tiscsi_pr_regs_only(u8 type)
{
	return type == 5 || type == 6;
}

/* pr.c: the state and what may be done with it */
struct tiscsi_pr *tiscsi_pr_alloc(u32 max);
struct tiscsi_pr *tiscsi_pr_copy(const struct tiscsi_pr *pr, u32 more);
void tiscsi_pr_free(struct tiscsi_pr *pr);
struct tiscsi_pr_reg *tiscsi_pr_find(struct tiscsi_pr *pr,
				     const struct tiscsi_nexus *nexus);
enum tiscsi_pr_result tiscsi_pr_add(struct tiscsi_pr *pr,
				    struct tiscsi_nexus *nexus, u64 key,
				    bool all_tg_pt);
void tiscsi_pr_publish(struct tiscsi_lu *lu, struct tiscsi_pr *next);
u32 tiscsi_pr_deny(const struct tiscsi_pr *pr,
		   const struct tiscsi_nexus *nexus);
bool tiscsi_pr_is_holder(const struct tiscsi_pr *pr,
			 const struct tiscsi_nexus *nexus);
bool tiscsi_pr_type_valid(u8 type);

/* pr_out.c: the service actions of PERSISTENT RESERVE OUT */
void tiscsi_pr_empty(struct tiscsi_pr *pr, const struct tiscsi_nexus *me);
enum tiscsi_pr_result tiscsi_pr_out(struct tiscsi_pr *pr,
				    const struct tiscsi_pr_request *req);
bool tiscsi_pr_out_valid(u8 action);
bool tiscsi_pr_out_uses_type(u8 action);

/* pr_cmd.c: the commands */
bool tiscsi_pr_is_ours(struct tiscsi_lu *lu);
void tiscsi_pr_attach(struct tiscsi_cmd *cmd);
u32 tiscsi_pr_class(const u8 *cdb);
void tiscsi_pr_table_init(void);
void tiscsi_pr_drop_spc2(struct tiscsi_lu *lu,
			 const struct tiscsi_nexus *nexus);

enum tiscsi_pr_result tiscsi_pr_clear_all(struct tiscsi_lu *lu);

/* pr_in.c */
sense_reason_t tiscsi_execute_pr_in(struct se_cmd *se_cmd);

/* transport_id.c */
u32 tiscsi_tid_size(const struct tiscsi_nexus *nexus);
u32 tiscsi_tid_put(u8 *buf, const struct tiscsi_nexus *nexus);
int tiscsi_tid_parse(const u8 *tid, u32 left, char *initiator, u8 *isid);

/* fence.c */
void tiscsi_fence(struct tiscsi_lu *lu, struct tiscsi_nexus *nexus);

/* pr_store.c */
bool tiscsi_pr_store_possible(struct tiscsi_lu *lu);
int tiscsi_pr_store(struct tiscsi_lu *lu, const struct tiscsi_pr *pr);
int tiscsi_pr_load(struct tiscsi_lu *lu, struct tiscsi_pr **pr);

#endif /* TCM_ISCSI_PR_H */
