// SPDX-License-Identifier: GPL-2.0
/*
 * PERSISTENT RESERVE IN (SPC-4 6.15).  The allocation length cuts what is
 * sent and changes nothing in it (rows I02, K11).
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <target/target_core_backend.h>

#include "pr.h"

/* READ FULL STATUS: a descriptor without its TransportID. */
#define PR_FULL_STATUS_LEN	24
#define PR_FULL_ALL_TG_PT	0x02
#define PR_FULL_HOLDER		0x01

/* REPORT CAPABILITIES, row I05 */
#define PR_CAP_CRH		0x10
#define PR_CAP_SIP_C		0x08
#define PR_CAP_ATP_C		0x04
#define PR_CAP_PTPL_C		0x01
#define PR_CAP_TMV		0x80
#define PR_CAP_ALLOW_TUR	0x10
#define PR_CAP_PTPL_A		0x01
#define PR_CAP_TYPES		0xea01

static void tiscsi_pr_put_header(struct tiscsi_answer *ans,
				 const struct tiscsi_pr *pr, u32 additional)
{
	__be32 header[2] = { cpu_to_be32(pr->generation),
			     cpu_to_be32(additional) };

	tiscsi_answer_put(ans, header, sizeof(header));
}

/* Row I03. */
static void tiscsi_pr_read_keys(struct tiscsi_answer *ans,
				struct tiscsi_lu *lu,
				const struct tiscsi_pr *pr)
{
	__be64 key;
	u32 i;

	tiscsi_pr_put_header(ans, pr, pr->nr * sizeof(key));
	for (i = 0; i < pr->nr; i++) {
		key = cpu_to_be64(pr->regs[i].key);
		tiscsi_answer_put(ans, &key, sizeof(key));
	}
}

/* Row I04: of the types "all registrants", the key is 0. */
static void tiscsi_pr_read_reservation(struct tiscsi_answer *ans,
				       struct tiscsi_lu *lu,
				       const struct tiscsi_pr *pr)
{
	const struct tiscsi_pr_reg *holder;
	u8 desc[16] = { };

	tiscsi_pr_put_header(ans, pr, pr->type ? sizeof(desc) : 0);
	if (!pr->type)
		return;
	holder = tiscsi_pr_find((struct tiscsi_pr *)pr, pr->holder);
	put_unaligned_be64(holder ? holder->key : 0, desc);
	desc[13] = pr->type;
	tiscsi_answer_put(ans, desc, sizeof(desc));
}

/* Row I05. */
static void tiscsi_pr_report_capabilities(struct tiscsi_answer *ans,
					  struct tiscsi_lu *lu,
					  const struct tiscsi_pr *pr)
{
	u8 cap[8] = { };

	put_unaligned_be16(sizeof(cap), cap);
	cap[2] = PR_CAP_CRH | PR_CAP_SIP_C | PR_CAP_ATP_C;
	if (tiscsi_pr_store_possible(lu))
		cap[2] |= PR_CAP_PTPL_C;
	cap[3] = PR_CAP_TMV | PR_CAP_ALLOW_TUR;
	if (pr->aptpl)
		cap[3] |= PR_CAP_PTPL_A;
	put_unaligned_be16(PR_CAP_TYPES, cap + 4);
	tiscsi_answer_put(ans, cap, sizeof(cap));
}

static void tiscsi_pr_put_status(struct tiscsi_answer *ans,
				 struct tiscsi_lu *lu,
				 const struct tiscsi_pr *pr,
				 const struct tiscsi_pr_reg *reg, u8 *desc)
{
	const struct tiscsi_nexus *nexus = reg->nexus;
	u32 size = tiscsi_tid_size(nexus);

	memset(desc, 0, PR_FULL_STATUS_LEN + size);
	put_unaligned_be64(reg->key, desc);
	if (reg->all_tg_pt)
		desc[12] |= PR_FULL_ALL_TG_PT;
	if (tiscsi_pr_is_holder(pr, nexus)) {
		desc[12] |= PR_FULL_HOLDER;
		desc[13] = pr->type;
	}
	put_unaligned_be16(tiscsi_lu_rtpi(lu->dev, nexus->target, nexus->tpgt),
			   desc + 18);
	put_unaligned_be32(size, desc + 20);
	tiscsi_tid_put(desc + PR_FULL_STATUS_LEN, nexus);
	tiscsi_answer_put(ans, desc, PR_FULL_STATUS_LEN + size);
}

/* Row I06. */
static void tiscsi_pr_read_full_status(struct tiscsi_answer *ans,
				       struct tiscsi_lu *lu,
				       const struct tiscsi_pr *pr)
{
	u8 desc[PR_FULL_STATUS_LEN + TISCSI_NAME_LEN + 32];
	u32 i, len = 0;

	for (i = 0; i < pr->nr; i++)
		len += PR_FULL_STATUS_LEN + tiscsi_tid_size(pr->regs[i].nexus);
	tiscsi_pr_put_header(ans, pr, len);
	for (i = 0; i < pr->nr && ans->len < ans->size; i++)
		tiscsi_pr_put_status(ans, lu, pr, &pr->regs[i], desc);
}

static void (*const tiscsi_pr_in[])(struct tiscsi_answer *ans,
				    struct tiscsi_lu *lu,
				    const struct tiscsi_pr *pr) = {
	[PRI_READ_KEYS]			= tiscsi_pr_read_keys,
	[PRI_READ_RESERVATION]		= tiscsi_pr_read_reservation,
	[PRI_REPORT_CAPABILITIES]	= tiscsi_pr_report_capabilities,
	[PRI_READ_FULL_STATUS]		= tiscsi_pr_read_full_status,
};

/**
 * tiscsi_execute_pr_in - PERSISTENT RESERVE IN
 * @se_cmd: in the core's hands
 *
 * In place of the core's execute_cmd.  Any nexus may (row I01), but for a
 * RESERVE of SPC-2 (row I36).
 *
 * Return: 0, or what the core is to answer.
 */
sense_reason_t tiscsi_execute_pr_in(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);
	u32 action = se_cmd->t_task_cdb[1] & 0x1f;
	struct tiscsi_lu *lu = cmd->itl->lu;
	struct tiscsi_answer ans;
	const struct tiscsi_pr *pr;
	bool spc2;

	if (action >= ARRAY_SIZE(tiscsi_pr_in))
		return TCM_INVALID_CDB_FIELD;
	if (tiscsi_answer_init(&ans, se_cmd->data_length))
		return TCM_OUT_OF_RESOURCES;
	rcu_read_lock();
	pr = rcu_dereference(lu->pr);
	spc2 = pr->spc2;
	if (!spc2)
		tiscsi_pr_in[action](&ans, lu, pr);
	rcu_read_unlock();
	if (spc2) {
		kvfree(ans.data);
		return TCM_RESERVATION_CONFLICT;
	}
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}
