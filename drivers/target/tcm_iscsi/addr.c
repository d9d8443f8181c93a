// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of portals: their spelling, and what they say of each other.
 */
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/kstrtox.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "tcm_iscsi.h"

/* 1 to 65535 in decimal, without sign or leading zero. */
static bool tiscsi_port_valid(const char *port)
{
	u16 val;

	return isdigit(port[0]) && port[0] != '0' && !strchr(port, '\n') &&
	       !kstrtou16(port, 10, &val);
}

/*
 * A zone must name an interface, which inet_pton_with_scope() looks at for
 * link-local addresses only.  With the wildcard, it is all addresses there.
 */
static bool tiscsi_zone_valid(struct net *net, const char *ip,
			      struct sockaddr_in6 *addr)
{
	const char *zone = strchr(ip, '%');
	struct net_device *dev;

	if (!zone)
		return true;
	if (ipv6_addr_any(&addr->sin6_addr)) {
		rcu_read_lock();
		dev = dev_get_by_name_rcu(net, zone + 1);
		addr->sin6_scope_id = dev ? dev->ifindex : 0;
		rcu_read_unlock();
	}
	return addr->sin6_scope_id && strlen(zone + 1) < IFNAMSIZ;
}

static bool tiscsi_addr_unicast(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)addr;

	if (addr->ss_family == AF_INET6)
		return !ipv6_addr_is_multicast(&sin6->sin6_addr);
	return !ipv4_is_multicast(sin->sin_addr.s_addr) &&
	       !ipv4_is_lbcast(sin->sin_addr.s_addr);
}

/**
 * tiscsi_addr_parse - take the text of a portal's address
 * @name: "a.b.c.d:port", "[v6]:port" or "[v6%interface]:port", where v6 is
 *	link-local or the wildcard
 * @addr: where it goes
 *
 * The interface is one of the network namespace of the process.  Process
 * context.
 *
 * Return: 0 or -EINVAL.
 */
int tiscsi_addr_parse(const char *name, struct sockaddr_storage *addr)
{
	struct net *net = current->nsproxy->net_ns;
	char buf[TISCSI_PORTAL_NAME_LEN];
	char *ip = buf, *port, *p;
	int family = AF_INET;

	memset(addr, 0, sizeof(*addr));
	if (strscpy(buf, name, sizeof(buf)) < 0)
		return -EINVAL;
	for (p = buf; *p; p++)
		if (!isgraph(*p))
			return -EINVAL;
	if (buf[0] == '[') {
		family = AF_INET6;
		ip++;
		port = strstr(buf, "]:");
		if (!port)
			return -EINVAL;
		*port++ = '\0';
	} else {
		port = strchr(buf, ':');
		if (!port)
			return -EINVAL;
	}
	*port++ = '\0';

	if (!tiscsi_port_valid(port) ||
	    inet_pton_with_scope(net, family, ip, port, addr) ||
	    !tiscsi_zone_valid(net, ip, (struct sockaddr_in6 *)addr) ||
	    !tiscsi_addr_unicast(addr))
		return -EINVAL;
	return 0;
}

/**
 * tiscsi_addr_is_any - is this the wildcard address?
 * @addr: IPv4 or IPv6
 *
 * Any context.
 *
 * Return: whether it is.
 */
bool tiscsi_addr_is_any(const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET6)
		return ipv6_addr_any(&((struct sockaddr_in6 *)addr)->sin6_addr);
	return ((struct sockaddr_in *)addr)->sin_addr.s_addr ==
	       htonl(INADDR_ANY);
}

/**
 * tiscsi_addr_ifindex - the interface that a wildcard address is limited to
 * @addr: IPv4 or IPv6
 *
 * Any context.
 *
 * Return: its index, or 0 for none.
 */
int tiscsi_addr_ifindex(const struct sockaddr_storage *addr)
{
	if (addr->ss_family != AF_INET6 || !tiscsi_addr_is_any(addr))
		return 0;
	return ((struct sockaddr_in6 *)addr)->sin6_scope_id;
}

/**
 * tiscsi_addr_port - the TCP port of an address
 * @addr: IPv4 or IPv6
 *
 * Any context.
 *
 * Return: the port.
 */
__be16 tiscsi_addr_port(const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET6)
		return ((struct sockaddr_in6 *)addr)->sin6_port;
	return ((struct sockaddr_in *)addr)->sin_port;
}

/**
 * tiscsi_addr_equal - compare addresses, port and scope included
 * @a: one
 * @b: the other
 *
 * Any context.
 *
 * Return: whether they are the same.
 */
bool tiscsi_addr_equal(const struct sockaddr_storage *a,
		       const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6, *b6;
	const struct sockaddr_in *a4, *b4;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET6) {
		a6 = (const struct sockaddr_in6 *)a;
		b6 = (const struct sockaddr_in6 *)b;
		return a6->sin6_port == b6->sin6_port &&
		       a6->sin6_scope_id == b6->sin6_scope_id &&
		       ipv6_addr_equal(&a6->sin6_addr, &b6->sin6_addr);
	}
	a4 = (const struct sockaddr_in *)a;
	b4 = (const struct sockaddr_in *)b;
	return a4->sin_port == b4->sin_port &&
	       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

/**
 * tiscsi_addr_reaches - does who connects to an address come to a portal?
 * @addr: the address
 * @portal: what the portal listens on; maybe the wildcard
 *
 * Any context.
 *
 * Return: whether it does.
 */
bool tiscsi_addr_reaches(const struct sockaddr_storage *addr,
			 const struct sockaddr_storage *portal)
{
	if (tiscsi_addr_equal(addr, portal))
		return true;
	return tiscsi_addr_is_any(portal) &&
	       tiscsi_addr_port(addr) == tiscsi_addr_port(portal) &&
	       (addr->ss_family == portal->ss_family ||
		portal->ss_family == AF_INET6);
}

/**
 * tiscsi_addr_is_here - has this host an address now?
 * @net: network namespace
 * @addr: IPv4 or IPv6
 *
 * Portals may listen on an address that is elsewhere at present.  Process
 * context.
 *
 * Return: whether it is an address of this host, in that namespace.
 */
bool tiscsi_addr_is_here(struct net *net, const struct sockaddr_storage *addr)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)addr;

	if (addr->ss_family == AF_INET)
		return inet_addr_type(net, a4->sin_addr.s_addr) == RTN_LOCAL;
	return IS_ENABLED(CONFIG_IPV6) &&
	       ipv6_chk_addr(net, &a6->sin6_addr, NULL, 0);
}

/**
 * tiscsi_put_address - add a TargetAddress to a text
 * @out: the text
 * @addr: address, IPv4 or IPv6, without its port
 * @port: the port
 * @tag: of the portal group, or -1 for none
 *
 * Any context.
 */
void tiscsi_put_address(struct tiscsi_text *out,
			const struct sockaddr_storage *addr, __be16 port,
			int tag)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)addr;
	char end[sizeof(",65535")] = "";

	if (tag >= 0)
		snprintf(end, sizeof(end), ",%u", (u16)tag);
	if (addr->ss_family != AF_INET6)
		tiscsi_text_printf(out, "TargetAddress", "%pI4:%u%s",
				   &a4->sin_addr, be16_to_cpu(port), end);
	else if (ipv6_addr_v4mapped(&a6->sin6_addr))
		tiscsi_text_printf(out, "TargetAddress", "%pI4:%u%s",
				   &a6->sin6_addr.s6_addr32[3],
				   be16_to_cpu(port), end);
	else
		tiscsi_text_printf(out, "TargetAddress", "[%pI6c]:%u%s",
				   &a6->sin6_addr, be16_to_cpu(port), end);
}
