/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernel versions.
 */
#ifndef TCM_ISCSI_COMPAT_H
#define TCM_ISCSI_COMPAT_H

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/net.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <net/sock.h>
#include <target/target_core_base.h>
#include <target/target_core_fabric.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/*
 * From 6.8 on the core can be told to run commands in the context that
 * submits them; before that it always does.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define TISCSI_COMPAT_SUBMIT_OPS				\
	.default_submit_type		= TARGET_DIRECT_SUBMIT,	\
	.direct_submit_supp		= 1,
#else
#define TISCSI_COMPAT_SUBMIT_OPS
#endif

/**
 * tiscsi_send_page - send part of a (compound) page by reference
 * @sock: connected TCP socket
 * @page: first page
 * @offset: bytes into @page, may lie beyond the first page of a compound one
 * @len: bytes to send
 * @flags: MSG_DONTWAIT, MSG_MORE
 *
 * Process context; does not block with MSG_DONTWAIT.
 *
 * Return: bytes taken by the socket, or a negative errno (-EAGAIN when full).
 */
static inline int tiscsi_send_page(struct socket *sock, struct page *page,
				   u32 offset, u32 len, int flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };
	struct bio_vec bvec;

	bvec_set_page(&bvec, page, len, offset);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bvec, 1, len);
	return sock_sendmsg(sock, &msg);
#else
	if (flags & MSG_MORE)
		flags |= MSG_SENDPAGE_NOTLAST;
	return kernel_sendpage(sock, page, offset, len, flags);
#endif
}

/**
 * tiscsi_sock_hold_net - have TCP see a socket to its end after its release
 * @sk: a socket made by the kernel, about to be released
 *
 * Such sockets hold no reference to their network namespace, and when they are
 * released TCP stops their timers: a FIN that was lost would not be sent again.
 * With a reference they end like any other, which takes TCP a bounded time.
 * Process context.
 *
 * Return: false if the namespace is about to go, and nothing was done.
 */
static inline bool tiscsi_sock_hold_net(struct sock *sk)
{
	struct net *net = maybe_get_net(sock_net(sk));

	if (!net)
		return false;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	__netns_tracker_free(net, &sk->ns_tracker, false);
#endif
	netns_tracker_alloc(net, &sk->ns_tracker, GFP_KERNEL);
	lock_sock(sk);
	sk->sk_net_refcnt = 1;
	sock_inuse_add(net, 1);
	release_sock(sk);
	return true;
}

/**
 * tiscsi_vfs_mkdir - make a directory
 * @path: its parent, as kern_path_create() gave it
 * @dentry: the new entry
 * @mode: permissions
 *
 * Return: 0 or a negative errno. Process context.
 */
static inline int tiscsi_vfs_mkdir(const struct path *path,
				   struct dentry *dentry, umode_t mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return vfs_mkdir(mnt_idmap(path->mnt), d_inode(path->dentry), dentry,
			 mode);
#else
	return vfs_mkdir(mnt_user_ns(path->mnt), d_inode(path->dentry), dentry,
			 mode);
#endif
}

/**
 * tiscsi_lun_rtpi - relative target port identifier of the port of a LUN
 * @lun: a LUN that is linked to a device
 *
 * A number of the target port; before 6.4 one of the port and the device.
 */
static inline u16 tiscsi_lun_rtpi(const struct se_lun *lun)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	return lun->lun_tpg->tpg_rtpi;
#else
	return lun->lun_rtpi;
#endif
}

/**
 * tiscsi_lun_set_rtpi - make the port of a LUN have the number it has elsewhere
 * @lun: just linked to a device
 * @rtpi: number of the portal group among all
 *
 * Row G03, K20: before 6.4 the core counts for each device, in the order in
 * which LUNs are linked.  The number of a port of another fabric is left alone.
 * Process context.
 */
static inline void tiscsi_lun_set_rtpi(struct se_lun *lun, u16 rtpi)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	struct se_device *dev = rcu_dereference_raw(lun->lun_se_dev);
	struct se_lun *other;
	bool taken = false;

	spin_lock(&dev->se_port_lock);
	list_for_each_entry(other, &dev->dev_sep_list, lun_dev_link)
		if (other->lun_rtpi == rtpi &&
		    other->lun_tpg->se_tpg_tfo->module != THIS_MODULE)
			taken = true;
	if (!taken)
		lun->lun_rtpi = rtpi;
	spin_unlock(&dev->se_port_lock);
#endif
}

typedef unsigned long (*tiscsi_shrink_fn)(struct shrinker *shrinker,
					  struct shrink_control *sc);

/**
 * tiscsi_shrinker_register - offer memory to reclaim
 * @count: says how many objects there are
 * @scan: frees some
 * @name: for debugfs
 *
 * Return: the shrinker or NULL. Process context.
 */
static inline struct shrinker *tiscsi_shrinker_register(tiscsi_shrink_fn count,
							tiscsi_shrink_fn scan,
							const char *name)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker_register(shrinker);
	return shrinker;
#else
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
	if (!register_shrinker(shrinker, "%s", name))
		return shrinker;
	kfree(shrinker);
	return NULL;
#endif
}

/**
 * tiscsi_shrinker_unregister - the opposite of tiscsi_shrinker_register()
 * @shrinker: what that returned; freed
 *
 * Process context; waits for a scan that is under way.
 */
static inline void tiscsi_shrinker_unregister(struct shrinker *shrinker)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_free(shrinker);
#else
	unregister_shrinker(shrinker);
	kfree(shrinker);
#endif
}

/* What a backend does for the core, by se_cmd->protocol_data; renamed in 6.4. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define tiscsi_backend_ops exec_cmd_ops
#else
#define tiscsi_backend_ops sbc_ops
#endif

#endif /* TCM_ISCSI_COMPAT_H */
