/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Target port groups for tests: two of them on the disk that both portal groups
 * of env.target have as LUN 0.
 */
#ifndef RAW_ALUA_H
#define RAW_ALUA_H

#include "pr.h"

/* Group ids; the first is tpgt_1's, behind env.portal. */
#define G1	11
#define G2	12
#define G3	13	/* of group_create() */

enum aas {
	OPTIMIZED = 0x0, NON_OPTIMIZED = 0x1, STANDBY = 0x2,
	UNAVAILABLE = 0x3, LBA_DEPENDENT = 0x4, OFFLINE = 0xe,
	TRANSITIONING = 0xf,
};

#define ALUA_CHANGED	ATTENTION(0x2a, 6)
#define ALUA_NOT_CHANGED ATTENTION(0x2a, 7)
#define MODE_CHANGED	ATTENTION(0x2a, 1)
#define IN_STANDBY	SENSE(2, 0x04, 0x0b)
#define IN_UNAVAILABLE	SENSE(2, 0x04, 0x0c)
#define IN_TRANSITION	SENSE(2, 0x04, 0x0a)
#define BAD_OPCODE	SENSE(5, 0x20, 0)
#define STPG_FAILED	SENSE(4, 0x67, 0x0a)

/* What REPORT TARGET PORT GROUPS says of one group. */
struct group {
	u8 state;
	bool pref;
	u8 supported;
	u16 id;
	u8 status;
	u8 nr_ports;
	u16 ports[8];
};

void groups_up(void);
void group_create(int group);
void group_set(int group, const char *attribute, const char *value);
int group_try(int group, const char *attribute, const char *value);
void group_get(int group, const char *attribute, char *buf, size_t size);
void group_remove(int group);
void lun_set(int tpgt, const char *attribute, const char *value);
void rtpg_cdb(struct scsi *io, u8 format, u32 alloc, void *buf);
u32 rtpg(struct conn *c, struct group *groups, u32 max);
struct group *group_of(struct group *groups, u32 nr, u16 id);
u8 group_state(struct conn *c, u16 id);
void stpg_cdb(struct scsi *io, const void *list, u32 len);
u32 stpg_list(struct conn *c, const void *list, u32 len);
u32 stpg(struct conn *c, u8 state, u16 id);
void stpg_desc(u8 *desc, u8 state, u16 id);

#endif /* RAW_ALUA_H */
