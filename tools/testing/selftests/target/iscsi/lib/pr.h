/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PERSISTENT RESERVE IN and OUT for tests.
 */
#ifndef RAW_PR_H
#define RAW_PR_H

#include "raw.h"

enum pr_in { READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS };

enum pr_out {
	REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT,
	REGISTER_AND_IGNORE, REGISTER_AND_MOVE,
};

/* Types of persistent reservations. */
enum pr_type { WE = 1, EA = 3, WE_RO = 5, EA_RO = 6, WE_AR = 7, EA_AR = 8 };

/* Byte 20 of the parameter list. */
enum pr_flag { PR_APTPL = 0x01, PR_ALL_TG_PT = 0x04, PR_SPEC_I_PT = 0x08 };

/* How a command ended: 0, a status, or sense key, ASC and ASCQ in one. */
#define GOOD			0
#define CONFLICT		0x18
#define SENSE(key, asc, ascq)	((key) << 16 | (asc) << 8 | (ascq))
#define BAD_CDB			SENSE(5, 0x24, 0)
#define BAD_LENGTH		SENSE(5, 0x1a, 0)
#define BAD_PARAMETER		SENSE(5, 0x26, 0)
#define BAD_RELEASE		SENSE(5, 0x26, 4)
#define NO_ROOM			SENSE(5, 0x55, 4)
#define ATTENTION(asc, ascq)	SENSE(6, asc, ascq)
#define PREEMPTED		ATTENTION(0x2a, 3)
#define RELEASED		ATTENTION(0x2a, 4)
#define UNREGISTERED		ATTENTION(0x2a, 5)

/* What READ FULL STATUS says of one registration. */
struct pr_status {
	u64 key;
	bool all_tg_pt;
	bool holder;
	u8 type;
	u16 rtpi;
	char id[256];		/* name,i,0xISID */
};

u32 outcome(const struct scsi *io);
u32 run_cdb(struct conn *c, u64 lun, const u8 *cdb, u32 len, u32 in_len,
	    void *in);
u32 pr_out_list(struct conn *c, u64 lun, u8 action, u8 scope_type,
		const void *list, u32 len);
u32 pr_out(struct conn *c, u64 lun, u8 action, u8 type, u64 key, u64 sark,
	   u8 flags);
u32 pr_in(struct conn *c, u64 lun, u8 action, u16 alloc, void *buf, u32 *len);
u32 pr_generation(struct conn *c, u64 lun);
u32 pr_keys(struct conn *c, u64 lun, u64 *keys, u32 max);
u8 pr_reservation(struct conn *c, u64 lun, u64 *key);
u32 pr_full_status(struct conn *c, u64 lun, struct pr_status *st, u32 max);
u32 pr_tid(u8 *buf, const char *name, const u8 *isid);
u32 attention(struct conn *c, u64 lun);
void pr_wipe(struct conn *c, u64 lun);

#endif /* RAW_PR_H */
