/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Target port groups: what the core has no public names for.
 */
#ifndef TCM_ISCSI_ALUA_H
#define TCM_ISCSI_ALUA_H

#include "access.h"

/* tg_pt_gp_alua_access_type: bits of the TPGS field of INQUIRY data. */
#define TPGS_IMPLICIT		0x10
#define TPGS_EXPLICIT		0x20

/* tg_pt_gp_alua_supported_states, as REPORT TARGET PORT GROUPS has them. */
#define AAS_SUP_TRANSITIONING	0x80
#define AAS_SUP_OFFLINE		0x40

/* tg_pt_gp_alua_access_status */
#define AAS_STATUS_EXPLICIT	0x01

/**
 * struct tiscsi_stpg_want - a state that is asked for
 * @id: of a group, or a port's relative identifier if @state is offline
 * @state: enum tiscsi_aas
 */
struct tiscsi_stpg_want {
	u16 id;
	u8 state;
};

bool tiscsi_alua_is_ours(const struct se_device *dev);
u8 tiscsi_alua_type(struct tiscsi_lu *lu, const struct t10_alua_tg_pt_gp *gp);
bool tiscsi_alua_is_kept(struct tiscsi_lu *lu,
			 const struct t10_alua_tg_pt_gp *gp);
int tiscsi_alua_store(struct tiscsi_lu *lu, const struct tiscsi_stpg_want *want,
		      u32 nr);
bool tiscsi_alua_is_explicit(const struct se_lun *lun);

#endif /* TCM_ISCSI_ALUA_H */
