// SPDX-License-Identifier: GPL-2.0
/*
 * The door of tcm_iscsi: module load and unload, what the target core calls,
 * and the making and removing of targets, portal groups, portals and ACLs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "access/access.h"
#include "chap.h"
#include "door.h"
#include "latency.h"
#include "sessions.h"

#define TISCSI_INCUMBENT	"iscsi_target_mod"
#define TISCSI_DEFAULT_FABRIC	"iscsi"
/* What the core takes, with its NUL. */
#define TISCSI_FABRIC_NAME_LEN	32

static char *fabric = TISCSI_DEFAULT_FABRIC;
module_param(fabric, charp, 0444);
MODULE_PARM_DESC(fabric, "name of the directory below target/ in configfs (default iscsi)");

/* Targets, portal groups and portals: who is on which list. */
DEFINE_MUTEX(tiscsi_config_lock);
LIST_HEAD(tiscsi_targets);
static DEFINE_IDA(tiscsi_target_ida);
/* Relative target port identifiers, where the core has none of its own. */
static DEFINE_IDA(tiscsi_rtpi_ida);

struct workqueue_struct *tiscsi_io_wq;
struct workqueue_struct *tiscsi_close_wq;
struct workqueue_struct *tiscsi_pr_wq;

/* ------------------------------------------------------------------ */
/* CPUs                                                                */
/* ------------------------------------------------------------------ */

static DEFINE_SPINLOCK(tiscsi_cpus_lock);
static struct cpumask tiscsi_cpus_allowed;	/* under tiscsi_cpus_lock */
static int tiscsi_last_cpu = -1;		/* under tiscsi_cpus_lock */

/**
 * tiscsi_cpus_allowed_get - where connections may run
 * @mask: copied to
 *
 * Process context.
 */
void tiscsi_cpus_allowed_get(struct cpumask *mask)
{
	spin_lock(&tiscsi_cpus_lock);
	cpumask_copy(mask, &tiscsi_cpus_allowed);
	spin_unlock(&tiscsi_cpus_lock);
}

/**
 * tiscsi_cpus_allowed_set - say where new connections may run
 * @mask: not empty; CPUs in it need not be online
 *
 * Connections that are there stay on their CPU.  Process context.
 */
void tiscsi_cpus_allowed_set(const struct cpumask *mask)
{
	spin_lock(&tiscsi_cpus_lock);
	cpumask_copy(&tiscsi_cpus_allowed, mask);
	spin_unlock(&tiscsi_cpus_lock);
}

/* The online CPU of @mask after @last, from the first again after the end. */
static unsigned int tiscsi_next_cpu(int last, const struct cpumask *mask)
{
	unsigned int cpu;

	cpu = cpumask_next_and(last, mask, cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first_and(mask, cpu_online_mask);
	return cpu;
}

/**
 * tiscsi_pick_cpu - CPU of a new connection
 *
 * One after the other of those that are online and in cpus_allowed_list; of
 * all that are online if none is in it.  Process context.
 *
 * Return: its number.  It may go offline at any time: work queued on it then
 * runs elsewhere.
 */
int tiscsi_pick_cpu(void)
{
	unsigned int cpu;

	spin_lock(&tiscsi_cpus_lock);
	cpu = tiscsi_next_cpu(tiscsi_last_cpu, &tiscsi_cpus_allowed);
	if (cpu >= nr_cpu_ids)
		cpu = tiscsi_next_cpu(tiscsi_last_cpu, cpu_online_mask);
	tiscsi_last_cpu = cpu;
	spin_unlock(&tiscsi_cpus_lock);
	return cpu;
}

/* ------------------------------------------------------------------ */
/* targets                                                             */
/* ------------------------------------------------------------------ */

/* Puts a target where logins find it, unless its name is taken. */
static int tiscsi_target_list(struct tiscsi_target *target)
{
	struct tiscsi_target *other;
	int ret = 0;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(other, &tiscsi_targets, node)
		if (!strcmp(other->name, target->name))
			ret = -EEXIST;
	if (!ret)
		list_add_tail(&target->node, &tiscsi_targets);
	mutex_unlock(&tiscsi_config_lock);
	return ret;
}

/*
 * The directory keeps the name it was given; everywhere else the target has
 * its normalised form, which is what initiators are compared with.
 */
static struct se_wwn *tiscsi_make_wwn(struct target_fabric_configfs *tf,
				      struct config_group *group,
				      const char *name)
{
	struct tiscsi_target *target;
	int ret;

	target = kzalloc(sizeof(*target), GFP_KERNEL);
	if (!target)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&target->tpgs);
	tiscsi_stats_init_target(target);

	ret = -EINVAL;
	if (strscpy(target->name, name, sizeof(target->name)) < 0 ||
	    tiscsi_name_normalise(target->name)) {
		tiscsi_refuse(&group->cg_item, name, "is no iSCSI name");
		goto free;
	}
	ret = ida_alloc(&tiscsi_target_ida, GFP_KERNEL);
	if (ret < 0)
		goto free;
	target->index = ret;
	ret = tiscsi_target_list(target);
	if (ret) {
		tiscsi_refuse(&group->cg_item, name,
			      "this target is there already");
		goto free_index;
	}
	return &target->wwn;

free_index:
	ida_free(&tiscsi_target_ida, target->index);
free:
	kfree(target);
	return ERR_PTR(ret);
}

static void tiscsi_add_wwn_groups(struct se_wwn *wwn)
{
	tiscsi_stats_add_target_groups(to_tiscsi_target(wwn));
	tiscsi_sessions_add_group(to_tiscsi_target(wwn));
}

static void tiscsi_drop_wwn(struct se_wwn *wwn)
{
	struct tiscsi_target *target = to_tiscsi_target(wwn);

	tiscsi_latency_set(target, false);
	mutex_lock(&tiscsi_config_lock);
	list_del(&target->node);
	mutex_unlock(&tiscsi_config_lock);
	ida_free(&tiscsi_target_ida, target->index);
	kfree(target);
}

/* ------------------------------------------------------------------ */
/* portal groups                                                       */
/* ------------------------------------------------------------------ */

/* "tpgt_" and a number from 0 to 65535 as printf would write it. */
static int tiscsi_parse_tpgt(const char *name, u16 *tag)
{
	char canonical[sizeof("tpgt_65535")];

	if (strncmp(name, "tpgt_", 5) || kstrtou16(name + 5, 10, tag))
		return -EINVAL;
	snprintf(canonical, sizeof(canonical), "tpgt_%u", *tag);
	return strcmp(name, canonical) ? -EINVAL : 0;
}

static struct se_portal_group *tiscsi_make_tpg(struct se_wwn *wwn,
					       const char *name)
{
	struct tiscsi_target *target = to_tiscsi_target(wwn);
	struct tiscsi_tpg *tpg;
	int ret;
	u16 tag;

	ret = tiscsi_parse_tpgt(name, &tag);
	if (ret) {
		tiscsi_refuse(&wwn->wwn_group.cg_item, name,
			      "is not tpgt_ and a number from 0 to 65535");
		return ERR_PTR(ret);
	}
	tpg = kzalloc(sizeof(*tpg), GFP_KERNEL);
	if (!tpg)
		return ERR_PTR(-ENOMEM);
	tpg->target = target;
	tpg->tag = tag;
	tpg->redirect_policy = REDIRECT_ROUND_ROBIN;
	tpg->sent_by = -1;
	tiscsi_tpg_attrib_init(&tpg->attrib);
	tiscsi_keys_local_defaults(&tpg->param);
	/* Initiators know targets by it, and may have been set up so. */
	strscpy(tpg->alias, "LIO Target", sizeof(tpg->alias));
	tiscsi_tpg_init(tpg);

	ret = ida_alloc_range(&tiscsi_rtpi_ida, 1, U16_MAX, GFP_KERNEL);
	if (ret < 0)
		goto free;
	tpg->rtpi = ret;
	ret = core_tpg_register(wwn, &tpg->se_tpg, SCSI_PROTOCOL_ISCSI);
	if (ret)
		goto free_rtpi;
	/* A symlink(2) that fails can put off fabric_drop_tpg. */
	config_item_get(&wwn->wwn_group.cg_item);
	mutex_lock(&tiscsi_config_lock);
	list_add_tail(&tpg->node, &target->tpgs);
	mutex_unlock(&tiscsi_config_lock);
	return &tpg->se_tpg;

free_rtpi:
	ida_free(&tiscsi_rtpi_ida, tpg->rtpi);
free:
	kfree(tpg);
	return ERR_PTR(ret);
}

static int tiscsi_enable_tpg(struct se_portal_group *se_tpg, bool enable)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(se_tpg);

	if (!enable) {
		tiscsi_tpg_disable(tpg);
		return 0;
	}
	tiscsi_tpg_enforce_auth(tpg);
	return tiscsi_tpg_enable(tpg);
}

/* Portals, LUNs and ACLs are gone: configfs removes no parent before them. */
static void tiscsi_drop_tpg(struct se_portal_group *se_tpg)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(se_tpg);
	struct se_wwn *wwn = &tpg->target->wwn;

	tiscsi_tpg_disable(tpg);
	mutex_lock(&tiscsi_config_lock);
	list_del(&tpg->node);
	mutex_unlock(&tiscsi_config_lock);
	tiscsi_tpg_wait_unused(tpg);
	tiscsi_sess_dirs_unpin(tpg);
	core_tpg_deregister(se_tpg);
	ida_free(&tiscsi_rtpi_ida, tpg->rtpi);
	memzero_explicit(&tpg->auth, sizeof(tpg->auth));
	tiscsi_creds_put(tpg->creds);
	kfree(tpg->redirect);
	kfree(tpg);
	config_item_put(&wwn->wwn_group.cg_item);
}

/* ------------------------------------------------------------------ */
/* portals                                                             */
/* ------------------------------------------------------------------ */

static struct se_tpg_np *tiscsi_make_np(struct se_portal_group *se_tpg,
					struct config_group *group,
					const char *name)
{
	struct sockaddr_storage addr;
	struct tiscsi_np *np;
	int ret;

	ret = tiscsi_addr_parse(name, &addr);
	if (ret) {
		tiscsi_refuse(&group->cg_item, name,
			      "is no <IPv4 address>:<port>, [<IPv6 address>]:<port> or [<IPv6 address>%%<interface>]:<port>");
		return ERR_PTR(ret);
	}
	np = tiscsi_np_add(to_tiscsi_tpg(se_tpg), &addr);
	return IS_ERR(np) ? ERR_CAST(np) : &np->se_tpg_np;
}

static void tiscsi_drop_np(struct se_tpg_np *se_tpg_np)
{
	tiscsi_np_del(container_of(se_tpg_np, struct tiscsi_np, se_tpg_np));
}

/* ------------------------------------------------------------------ */
/* node ACLs                                                           */
/* ------------------------------------------------------------------ */

/*
 * Logins ask for an ACL by the normalised name of the initiator, so that is
 * what the core must compare with, whatever the directory is called.
 */
static int tiscsi_nacl_rename(struct se_node_acl *se_nacl, const char *name)
{
	struct se_portal_group *se_tpg = se_nacl->se_tpg;
	struct se_node_acl *other;
	int ret = 0;

	mutex_lock(&se_tpg->acl_node_mutex);
	list_for_each_entry(other, &se_tpg->acl_node_list, acl_list)
		if (other != se_nacl && !strcmp(other->initiatorname, name))
			ret = -EEXIST;
	if (!ret)
		strscpy(se_nacl->initiatorname, name,
			sizeof(se_nacl->initiatorname));
	mutex_unlock(&se_tpg->acl_node_mutex);
	return ret;
}

static int tiscsi_check_nodeacl(struct se_node_acl *se_nacl, const char *name)
{
	struct config_item *acls = &se_nacl->se_tpg->tpg_acl_group.cg_item;
	char normal[TISCSI_NAME_LEN];
	int ret;

	if (strscpy(normal, name, sizeof(normal)) < 0 ||
	    tiscsi_name_normalise(normal)) {
		tiscsi_refuse(acls, name, "is no iSCSI name");
		return -EINVAL;
	}
	ret = tiscsi_nacl_rename(se_nacl, normal);
	if (ret)
		tiscsi_refuse(acls, name,
			      "this initiator is there already");
	return ret;
}

/* Called last, when the core has listed the ACL already. */
static int tiscsi_init_nodeacl(struct se_node_acl *se_nacl, const char *name)
{
	int ret;

	ret = tiscsi_check_nodeacl(se_nacl, name);
	if (ret) {
		/*
		 * The core frees the ACL without the item in it, which leaks
		 * a name that does not fit into the item.
		 */
		config_item_set_name(&se_nacl->acl_group.cg_item, "refused");
		return ret;
	}
	tiscsi_stats_add_nacl_groups(to_tiscsi_nacl(se_nacl));
	return 0;
}

static void tiscsi_set_default_node_attributes(struct se_node_acl *se_nacl)
{
	tiscsi_nacl_attrib_init(&to_tiscsi_nacl(se_nacl)->attrib,
				to_tiscsi_tpg(se_nacl->se_tpg));
}

/* ------------------------------------------------------------------ */
/* what the core asks about portal groups and sessions                 */
/* ------------------------------------------------------------------ */

static char *tiscsi_tpg_get_wwn(struct se_portal_group *se_tpg)
{
	return to_tiscsi_tpg(se_tpg)->target->name;
}

static u16 tiscsi_tpg_get_tag(struct se_portal_group *se_tpg)
{
	return to_tiscsi_tpg(se_tpg)->tag;
}

static u32 tiscsi_tpg_get_inst_index(struct se_portal_group *se_tpg)
{
	return to_tiscsi_tpg(se_tpg)->target->index;
}

static u32 tiscsi_tpg_get_default_depth(struct se_portal_group *se_tpg)
{
	return READ_ONCE(to_tiscsi_tpg(se_tpg)->attrib.default_cmdsn_depth);
}

#define TPG_CHECK(_check, _attrib)					\
static int tiscsi_tpg_check_##_check(struct se_portal_group *se_tpg)	\
{									\
	return READ_ONCE(to_tiscsi_tpg(se_tpg)->attrib._attrib);	\
}

TPG_CHECK(demo_mode, generate_node_acls)
TPG_CHECK(demo_mode_cache, cache_dynamic_acls)
TPG_CHECK(demo_mode_write_protect, demo_mode_write_protect)
TPG_CHECK(prod_mode_write_protect, prod_mode_write_protect)

static int tiscsi_tpg_check_prot_fabric_only(struct se_portal_group *se_tpg)
{
	struct tiscsi_tpg_attrib *attrib = &to_tiscsi_tpg(se_tpg)->attrib;

	return READ_ONCE(attrib->t10_pi) ?
	       READ_ONCE(attrib->fabric_prot_type) : 0;
}

static u32 tiscsi_sess_get_index(struct se_session *se_sess)
{
	struct tiscsi_sess *sess = se_sess->fabric_sess_ptr;

	return sess->sid;
}

/* The ISID as twelve hex digits, part of the TransportID (SPC-4 7.6.4.6). */
static u32 tiscsi_sess_get_initiator_sid(struct se_session *se_sess,
					 unsigned char *buf, u32 size)
{
	struct tiscsi_sess *sess = se_sess->fabric_sess_ptr;

	return snprintf(buf, size, "%6phN", sess->isid);
}

/* Not const: the name is filled in at load, nothing changes after that. */
static int tiscsi_post_link(struct se_portal_group *se_tpg, struct se_lun *lun)
{
	tiscsi_dbroot_learn();
	tiscsi_dbroot_prepare();
	tiscsi_lun_set_rtpi(lun, to_tiscsi_tpg(se_tpg)->rtpi);
	return tiscsi_lu_link(lun);
}

struct target_core_fabric_ops tiscsi_ops = {
	.module				= THIS_MODULE,
	.node_acl_size			= sizeof(struct tiscsi_nacl),
	.tpg_get_wwn			= tiscsi_tpg_get_wwn,
	.tpg_get_tag			= tiscsi_tpg_get_tag,
	.tpg_get_default_depth		= tiscsi_tpg_get_default_depth,
	.tpg_check_demo_mode		= tiscsi_tpg_check_demo_mode,
	.tpg_check_demo_mode_cache	= tiscsi_tpg_check_demo_mode_cache,
	.tpg_check_demo_mode_write_protect =
		tiscsi_tpg_check_demo_mode_write_protect,
	.tpg_check_prod_mode_write_protect =
		tiscsi_tpg_check_prod_mode_write_protect,
	.tpg_check_prot_fabric_only	= tiscsi_tpg_check_prot_fabric_only,
	.tpg_get_inst_index		= tiscsi_tpg_get_inst_index,
	.check_stop_free		= tiscsi_check_stop_free,
	.release_cmd			= tiscsi_release_cmd,
	.close_session			= tiscsi_close_session,
	.sess_get_index			= tiscsi_sess_get_index,
	.sess_get_initiator_sid		= tiscsi_sess_get_initiator_sid,
	.write_pending			= tiscsi_write_pending,
	.set_default_node_attributes	= tiscsi_set_default_node_attributes,
	.get_cmd_state			= tiscsi_get_cmd_state,
	.queue_data_in			= tiscsi_queue_data_in,
	.queue_status			= tiscsi_queue_status,
	.queue_tm_rsp			= tiscsi_queue_tm_rsp,
	.aborted_task			= tiscsi_aborted_task,
	.fabric_make_wwn		= tiscsi_make_wwn,
	.fabric_drop_wwn		= tiscsi_drop_wwn,
	.add_wwn_groups			= tiscsi_add_wwn_groups,
	.fabric_make_tpg		= tiscsi_make_tpg,
	.fabric_enable_tpg		= tiscsi_enable_tpg,
	.fabric_drop_tpg		= tiscsi_drop_tpg,
	.fabric_post_link		= tiscsi_post_link,
	.fabric_pre_unlink		= tiscsi_lun_pre_unlink,
	.fabric_make_np			= tiscsi_make_np,
	.fabric_drop_np			= tiscsi_drop_np,
	.fabric_init_nodeacl		= tiscsi_init_nodeacl,

	.tfc_discovery_attrs		= tiscsi_discovery_attrs,
	.tfc_wwn_attrs			= tiscsi_wwn_attrs,
	.tfc_tpg_base_attrs		= tiscsi_tpg_base_attrs,
	.tfc_tpg_attrib_attrs		= tiscsi_tpg_attrib_attrs,
	.tfc_tpg_auth_attrs		= tiscsi_tpg_auth_attrs,
	.tfc_tpg_param_attrs		= tiscsi_tpg_param_attrs,
	.tfc_tpg_np_base_attrs		= tiscsi_np_attrs,
	.tfc_tpg_nacl_base_attrs	= tiscsi_nacl_base_attrs,
	.tfc_tpg_nacl_attrib_attrs	= tiscsi_nacl_attrib_attrs,
	.tfc_tpg_nacl_auth_attrs	= tiscsi_nacl_auth_attrs,
	.tfc_tpg_nacl_param_attrs	= tiscsi_nacl_param_attrs,

	.write_pending_must_be_called	= 1,
	TISCSI_COMPAT_SUBMIT_OPS
};

/* ------------------------------------------------------------------ */
/* load and unload                                                     */
/* ------------------------------------------------------------------ */

static bool tiscsi_is_default_fabric(void)
{
	return !strcmp(fabric, TISCSI_DEFAULT_FABRIC);
}

/*
 * As the default fabric the core knows us by the names of the incumbent:
 * what the core keeps on disk stays where it was.
 */
static int tiscsi_set_fabric_name(void)
{
	const char *p;

	for (p = fabric; *p; p++)
		if (!isalnum(*p) && *p != '_' && *p != '-')
			goto bad;
	if (p == fabric || p - fabric >= TISCSI_FABRIC_NAME_LEN)
		goto bad;
	if (tiscsi_is_default_fabric()) {
		tiscsi_ops.fabric_alias = TISCSI_DEFAULT_FABRIC;
		tiscsi_ops.fabric_name = "iSCSI";
		return 0;
	}
	/* "core" is a directory beside; the core tells fabrics by their name. */
	if (!strcmp(fabric, "core") || !strcmp(fabric, "iSCSI"))
		goto bad;
	tiscsi_ops.fabric_alias = fabric;
	tiscsi_ops.fabric_name = fabric;
	return 0;

bad:
	pr_err("fabric=%*pE: not a name of 1 to %d letters, digits, - and _ that is free\n",
	       (int)strnlen(fabric, TISCSI_FABRIC_NAME_LEN), fabric,
	       TISCSI_FABRIC_NAME_LEN - 1);
	return -EINVAL;
}

/*
 * Two fabrics of one name end in a BUG(): the core unregisters the first that
 * has the name, whoever asks.  So the incumbent is kept out while we are the
 * default fabric, and we do not load beside it.
 */
static int tiscsi_module_notify(struct notifier_block *nb, unsigned long state,
				void *data)
{
	struct module *mod = data;

	if (state != MODULE_STATE_COMING || strcmp(mod->name, TISCSI_INCUMBENT))
		return NOTIFY_DONE;
	pr_err_ratelimited("fabric %s is ours, keeping %s out\n", fabric,
			   TISCSI_INCUMBENT);
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block tiscsi_module_nb = {
	.notifier_call = tiscsi_module_notify,
};

static bool tiscsi_incumbent_loaded(void)
{
#ifdef MODULE
	struct kset *modules = THIS_MODULE->mkobj.kobj.kset;
	struct kobject *kobj = kset_find_obj(modules, TISCSI_INCUMBENT);

	kobject_put(kobj);
	return kobj;
#else
	return false;
#endif
}

static int tiscsi_claim_fabric(void)
{
	int ret;

	if (!tiscsi_is_default_fabric())
		return 0;
	ret = register_module_notifier(&tiscsi_module_nb);
	if (ret)
		return ret;
	if (tiscsi_incumbent_loaded()) {
		pr_err("%s is loaded; unload it, or give fabric=NAME\n",
		       TISCSI_INCUMBENT);
		unregister_module_notifier(&tiscsi_module_nb);
		return -EBUSY;
	}
	return 0;
}

static void tiscsi_unclaim_fabric(void)
{
	if (tiscsi_is_default_fabric())
		unregister_module_notifier(&tiscsi_module_nb);
}

static void tiscsi_free_workqueues(void)
{
	if (tiscsi_pr_wq)
		destroy_workqueue(tiscsi_pr_wq);
	if (tiscsi_close_wq)
		destroy_workqueue(tiscsi_close_wq);
	if (tiscsi_io_wq)
		destroy_workqueue(tiscsi_io_wq);
}

/*
 * They carry writeback of file systems on this very host if its initiator is
 * here too, hence WQ_MEM_RECLAIM.  The first has one worker pool a CPU, where
 * a connection stays.  What waits for a backend is on the others: as many
 * as there are sessions ending, and changes of reservations, which sessions
 * that end must not wait for.
 */
static int tiscsi_alloc_workqueues(void)
{
	tiscsi_io_wq = alloc_workqueue("tiscsi_io", WQ_MEM_RECLAIM, 0);
	tiscsi_close_wq = alloc_workqueue("tiscsi_close",
					  WQ_UNBOUND | WQ_MEM_RECLAIM,
					  WQ_MAX_ACTIVE);
	tiscsi_pr_wq = alloc_workqueue("tiscsi_pr", WQ_UNBOUND | WQ_MEM_RECLAIM,
				       0);
	if (tiscsi_io_wq && tiscsi_close_wq && tiscsi_pr_wq)
		return 0;
	tiscsi_free_workqueues();
	return -ENOMEM;
}

static int __init tiscsi_init(void)
{
	int ret;

	cpumask_setall(&tiscsi_cpus_allowed);
	tiscsi_tpg_params_init();
	tiscsi_nacl_params_init();
	tiscsi_access_init();

	ret = tiscsi_set_fabric_name();
	if (ret)
		return ret;
	ret = tiscsi_claim_fabric();
	if (ret)
		return ret;
	ret = tiscsi_buffer_init();
	if (ret)
		goto unclaim;
	ret = tiscsi_cmd_cache_init();
	if (ret)
		goto free_buffers;
	ret = tiscsi_alloc_workqueues();
	if (ret)
		goto free_cmd_cache;
	ret = tiscsi_portals_init();
	if (ret)
		goto free_workqueues;
	tiscsi_chap_setup();
	ret = target_register_template(&tiscsi_ops);
	if (ret)
		goto free;
	return 0;

free:
	tiscsi_chap_teardown();
	tiscsi_portals_exit();
free_workqueues:
	tiscsi_free_workqueues();
free_cmd_cache:
	tiscsi_cmd_cache_exit();
free_buffers:
	tiscsi_buffer_exit();
unclaim:
	tiscsi_unclaim_fabric();
	return ret;
}

/*
 * Everything in configfs holds the module, so nothing is configured any more;
 * connections and sessions may still be on their way out.
 */
static void __exit tiscsi_exit(void)
{
	target_unregister_template(&tiscsi_ops);
	tiscsi_watch_stop();
	tiscsi_conns_wait_none();
	tiscsi_sess_dirs_exit();
	tiscsi_portals_exit();
	tiscsi_free_workqueues();
	tiscsi_cmd_cache_exit();
	tiscsi_access_exit();
	tiscsi_buffer_exit();
	tiscsi_chap_teardown();
	tiscsi_unclaim_fabric();
	ida_destroy(&tiscsi_target_ida);
	ida_destroy(&tiscsi_rtpi_ida);
	memzero_explicit(&tiscsi_discovery_auth, sizeof(tiscsi_discovery_auth));
	tiscsi_creds_put(tiscsi_discovery_creds);
}

module_init(tiscsi_init);
module_exit(tiscsi_exit);

MODULE_DESCRIPTION("iSCSI target fabric for the target core");
MODULE_AUTHOR("The tcm_iscsi developers");
MODULE_VERSION(TISCSI_VERSION);
MODULE_LICENSE("GPL");
/* What the core asks for when target/iscsi is made and no one is there. */
MODULE_ALIAS(TISCSI_INCUMBENT);
