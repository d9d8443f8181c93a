// SPDX-License-Identifier: GPL-2.0
/*
 * Portals: listening sockets, shared by all portal groups that name the same
 * address, and the connections that come in through them.
 *
 * Nothing here waits: the listening socket's data_ready queues accept_work,
 * which takes what is there and hands each socket to a connection of its own.
 *
 * A portal is in the network namespace of the process that made it.  Its sockets
 * hold no reference to that, or it would stay as long as some initiator is
 * logged in: when it goes, they are closed first.  The portal stays in configfs,
 * without effect, until it is removed there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/tcp.h>
#include <linux/wait_bit.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/tcp.h>
#include <net/tcp_states.h>

#include "tcm_iscsi.h"

/* A burst that does not fit in costs its last ones a second: be generous. */
#define TISCSI_BACKLOG		4096
#define TISCSI_ACCEPT_BUDGET	64
/* accept() ran out of memory, or closing is behind: when to look again. */
#define TISCSI_ACCEPT_RETRY	max(HZ / 50, 1)

static LIST_HEAD(tiscsi_portals);	/* under tiscsi_config_lock */
static unsigned int tiscsi_net_id;

static void tiscsi_portal_release(struct kref *ref)
{
	struct tiscsi_portal *portal = container_of(ref, struct tiscsi_portal,
						    ref);

	tiscsi_half_open_exit(&portal->half_open);
	kfree(portal);
}

/**
 * tiscsi_portal_put - drop a reference to a portal
 * @portal: whose socket is closed already if this is the last one
 *
 * Any context.
 */
void tiscsi_portal_put(struct tiscsi_portal *portal)
{
	kref_put(&portal->ref, tiscsi_portal_release);
}

static void tiscsi_accept_work(struct work_struct *work)
{
	struct tiscsi_portal *portal =
		container_of(to_delayed_work(work), struct tiscsi_portal,
			     accept_work);
	struct socket *sock;
	int budget, ret;

	for (budget = TISCSI_ACCEPT_BUDGET; budget; budget--) {
		if (READ_ONCE(portal->closing))
			return;
		if (tiscsi_half_open_busy())
			break;
		ret = kernel_accept(portal->sock, &sock, O_NONBLOCK);
		if (ret == -EAGAIN)
			return;
		if (ret == -ENOMEM || ret == -ENOBUFS || ret == -ENFILE)
			break;
		if (!ret && tiscsi_conn_accept(portal, sock))
			sock_release(sock);
	}
	queue_delayed_work(tiscsi_io_wq, &portal->accept_work,
			   budget ? TISCSI_ACCEPT_RETRY : 0);
}

static void tiscsi_listen_data_ready(struct sock *sk)
{
	struct tiscsi_portal *portal;

	read_lock_bh(&sk->sk_callback_lock);
	portal = sk->sk_user_data;
	if (portal && sk->sk_state == TCP_LISTEN)
		mod_delayed_work(tiscsi_io_wq, &portal->accept_work, 0);
	read_unlock_bh(&sk->sk_callback_lock);
}

static int tiscsi_portal_listen(struct tiscsi_portal *portal)
{
	int len = portal->addr.ss_family == AF_INET6 ?
		  sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int ifindex = tiscsi_addr_ifindex(&portal->addr);
	struct sock *sk;
	int ret;

	ret = sock_create_kern(portal->net, portal->addr.ss_family, SOCK_STREAM,
			       IPPROTO_TCP, &portal->sock);
	if (ret)
		return ret;
	sk = portal->sock->sk;
	sock_set_reuseaddr(sk);
	tcp_sock_set_nodelay(sk);
	/* The address may arrive at this host later (portal reassignment). */
	ip_sock_set_freebind(sk);
	if (ifindex)
		ret = sock_bindtoindex(sk, ifindex, true);
	if (ret)
		goto release;

	ret = kernel_bind(portal->sock, (struct sockaddr *)&portal->addr, len);
	if (ret)
		goto release;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = portal;
	portal->saved_data_ready = sk->sk_data_ready;
	sk->sk_data_ready = tiscsi_listen_data_ready;
	write_unlock_bh(&sk->sk_callback_lock);

	ret = kernel_listen(portal->sock, TISCSI_BACKLOG);
	if (!ret)
		return 0;

release:
	sock_release(portal->sock);
	portal->sock = NULL;
	return ret;
}

/* Ends listening, and being found; its connections are left alone. */
static void tiscsi_portal_close(struct tiscsi_portal *portal)
{
	struct sock *sk = portal->sock->sk;

	lockdep_assert_held(&tiscsi_config_lock);
	list_del(&portal->node);
	portal->net = NULL;
	WRITE_ONCE(portal->closing, true);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = portal->saved_data_ready;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	cancel_delayed_work_sync(&portal->accept_work);
	sock_release(portal->sock);
	portal->sock = NULL;
}

static struct tiscsi_portal *
tiscsi_portal_find(const struct net *net, const struct sockaddr_storage *addr)
{
	struct tiscsi_portal *portal;

	lockdep_assert_held(&tiscsi_config_lock);
	list_for_each_entry(portal, &tiscsi_portals, node)
		if (portal->net == net &&
		    tiscsi_addr_equal(&portal->addr, addr))
			return portal;
	return NULL;
}

static struct tiscsi_portal *
tiscsi_portal_create(struct net *net, const struct sockaddr_storage *addr)
{
	struct tiscsi_portal *portal;
	int ret;

	portal = kzalloc(sizeof(*portal), GFP_KERNEL);
	if (!portal)
		return ERR_PTR(-ENOMEM);
	kref_init(&portal->ref);
	INIT_LIST_HEAD(&portal->nps);
	INIT_DELAYED_WORK(&portal->accept_work, tiscsi_accept_work);
	portal->net = net;
	portal->ns = net_generic(net, tiscsi_net_id);
	portal->addr = *addr;
	tiscsi_half_open_init(&portal->half_open);

	ret = tiscsi_portal_listen(portal);
	if (ret) {
		pr_err_ratelimited("portal %pISpc: cannot listen: %d\n", addr, ret);
		tiscsi_portal_put(portal);
		return ERR_PTR(ret);
	}
	list_add_tail(&portal->node, &tiscsi_portals);
	return portal;
}

/**
 * tiscsi_np_add - put a portal into a portal group
 * @tpg: the portal group
 * @addr: IPv4 or IPv6 address and port
 *
 * The listening socket is made if no portal group uses the address yet, in the
 * network namespace of the process.  Process context; takes tiscsi_config_lock.
 *
 * Return: the new portal, or ERR_PTR: -EEXIST when @tpg or another group of
 * the same target has it already (a login could not tell them apart), -ENOMEM,
 * or what bind() and listen() said.
 */
struct tiscsi_np *tiscsi_np_add(struct tiscsi_tpg *tpg,
				const struct sockaddr_storage *addr)
{
	struct net *net = current->nsproxy->net_ns;
	struct tiscsi_portal *portal;
	struct tiscsi_np *np, *other;
	int ret;

	np = kzalloc(sizeof(*np), GFP_KERNEL);
	if (!np)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&tiscsi_config_lock);
	portal = tiscsi_portal_find(net, addr);
	if (!portal) {
		portal = tiscsi_portal_create(net, addr);
		ret = PTR_ERR_OR_ZERO(portal);
		if (ret)
			goto fail;
	}
	list_for_each_entry(other, &portal->nps, portal_node) {
		if (other->tpg->target == tpg->target) {
			pr_err_ratelimited("portal %pISpc is in tpgt_%u of %s already\n",
					   addr, other->tpg->tag, tpg->target->name);
			ret = -EEXIST;
			goto fail;
		}
	}
	np->tpg = tpg;
	np->portal = portal;
	list_add_tail(&np->portal_node, &portal->nps);
	list_add_tail(&np->tpg_node, &tpg->nps);
	mutex_unlock(&tiscsi_config_lock);
	return np;

fail:
	mutex_unlock(&tiscsi_config_lock);
	kfree(np);
	return ERR_PTR(ret);
}

/**
 * tiscsi_np_del - take a portal out of its portal group
 * @np: freed on return
 *
 * Ends the connections of the portal group that came in through it; closes
 * the socket when no portal group is left on it.  Does not wait for the
 * connections.  Process context; takes tiscsi_config_lock.
 */
void tiscsi_np_del(struct tiscsi_np *np)
{
	struct tiscsi_portal *portal = np->portal;
	bool last;

	mutex_lock(&tiscsi_config_lock);
	list_del(&np->portal_node);
	list_del(&np->tpg_node);
	last = list_empty(&portal->nps);
	if (last && portal->net)
		tiscsi_portal_close(portal);
	mutex_unlock(&tiscsi_config_lock);

	tiscsi_conns_close_all(last ? NULL : np->tpg, portal, CLOSE_ADMIN);
	if (last)
		tiscsi_portal_put(portal);
	kfree(np);
}

/* ------------------------------------------------------------------ */
/* network namespaces                                                  */
/* ------------------------------------------------------------------ */

/*
 * A socket must not outlive its namespace, nor be left to TCP to end: this waits
 * for what connections are executing.
 */
static void __net_exit tiscsi_net_pre_exit(struct net *net)
{
	struct tiscsi_net *ns = net_generic(net, tiscsi_net_id);
	struct tiscsi_portal *portal, *next;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry_safe(portal, next, &tiscsi_portals, node) {
		if (portal->net != net)
			continue;
		pr_info_ratelimited("portal %pISpc: its network namespace is gone\n",
				    &portal->addr);
		tiscsi_portal_close(portal);
	}
	mutex_unlock(&tiscsi_config_lock);
	tiscsi_conns_close_net(ns);
	wait_var_event(&ns->nr_socks, !atomic_read(&ns->nr_socks));
}

static struct pernet_operations tiscsi_net_ops = {
	.pre_exit	= tiscsi_net_pre_exit,
	.id		= &tiscsi_net_id,
	.size		= sizeof(struct tiscsi_net),
};

/**
 * tiscsi_portals_init - be told of network namespaces that go
 *
 * Process context, at module load.
 *
 * Return: 0 or a negative errno.
 */
int tiscsi_portals_init(void)
{
	return register_pernet_subsys(&tiscsi_net_ops);
}

/**
 * tiscsi_portals_exit - undo tiscsi_portals_init()
 *
 * Process context, at module unload; there is no portal any more.
 */
void tiscsi_portals_exit(void)
{
	unregister_pernet_subsys(&tiscsi_net_ops);
}
