// SPDX-License-Identifier: GPL-2.0
/*
 * From where initiators may come: lists of address prefixes, one a portal
 * group.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <net/ipv6.h>

#include "source.h"
#include "tcm_iscsi.h"

/* "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128" */
#define PREFIX_TEXT_MAX		52
#define IPV4_BITS		32
#define IPV6_BITS		128

/**
 * tiscsi_addr_normalise - one form for all addresses
 * @from: IPv4 or IPv6
 * @to: the same without port and scope; IPv4 as a mapped IPv6 address
 *
 * A portal on [::] sees IPv4 peers under mapped addresses.  Any context.
 *
 * Return: whether it is IPv4.
 */
bool tiscsi_addr_normalise(const struct sockaddr_storage *from,
			   struct in6_addr *to)
{
	if (from->ss_family == AF_INET6)
		*to = ((const struct sockaddr_in6 *)from)->sin6_addr;
	else
		ipv6_addr_set_v4mapped(((const struct sockaddr_in *)
					from)->sin_addr.s_addr, to);
	return ipv6_addr_v4mapped(to);
}

/* Length of the prefix of an address with @bits; all of it without "/". */
static int prefix_parse_len(const char *s, u8 bits, u8 *len)
{
	*len = bits;
	if (!s)
		return 0;
	/* kstrtou8() would take a sign. */
	if (!isdigit(*s) || kstrtou8(s, 10, len) || *len > bits)
		return -EINVAL;
	return 0;
}

static bool prefix_has_host_bits(const struct tiscsi_prefix *prefix)
{
	struct in6_addr net;

	ipv6_addr_prefix(&net, &prefix->addr, prefix->len);
	return !ipv6_addr_equal(&net, &prefix->addr);
}

/* "address" or "address/length"; IPv4 counts its length from bit 96. */
static int prefix_parse(char *text, struct tiscsi_prefix *prefix)
{
	char *len = strchr(text, '/');
	__be32 v4;
	int ret;

	if (len)
		*len++ = '\0';
	if (in4_pton(text, -1, (u8 *)&v4, '\0', NULL)) {
		ipv6_addr_set_v4mapped(v4, &prefix->addr);
		ret = prefix_parse_len(len, IPV4_BITS, &prefix->len);
		prefix->len += IPV6_BITS - IPV4_BITS;
		prefix->ipv4 = true;
	} else if (in6_pton(text, -1, prefix->addr.s6_addr, '\0', NULL)) {
		ret = prefix_parse_len(len, IPV6_BITS, &prefix->len);
		prefix->ipv4 = ipv6_addr_v4mapped(&prefix->addr) &&
			       prefix->len >= IPV6_BITS - IPV4_BITS;
	} else {
		return -EINVAL;
	}
	return ret ?: prefix_has_host_bits(prefix) ? -EINVAL : 0;
}

/**
 * tiscsi_sources_parse - read a list of prefixes
 * @text: prefixes, separated by commas or white space; "any" for no limit
 * @sources: set on success
 *
 * Any context.
 *
 * Return: 0; -EINVAL for what is no prefix, or has bits set behind its length;
 * -E2BIG for too many.
 */
int tiscsi_sources_parse(const char *text, struct tiscsi_sources *sources)
{
	static const char gaps[] = ", \t\n";
	char buf[PREFIX_TEXT_MAX];
	size_t len;
	u32 nr = 0;

	for (text += strspn(text, gaps); *text; text += strspn(text, gaps)) {
		len = strcspn(text, gaps);
		if (len >= sizeof(buf))
			return -EINVAL;
		memcpy(buf, text, len);
		buf[len] = '\0';
		text += len;
		if (!strcmp(buf, "any") && !nr && !text[strspn(text, gaps)])
			break;
		if (nr == TISCSI_SOURCES_MAX)
			return -E2BIG;
		if (prefix_parse(buf, &sources->prefix[nr]))
			return -EINVAL;
		nr++;
	}
	sources->nr = nr;
	return 0;
}

static int prefix_show(const struct tiscsi_prefix *prefix, char *page, int at)
{
	u8 bits = prefix->ipv4 ? IPV4_BITS : IPV6_BITS;
	u8 len = prefix->len - (IPV6_BITS - bits);
	int n;

	if (prefix->ipv4)
		n = sysfs_emit_at(page, at, "%pI4",
				  &prefix->addr.s6_addr32[3]);
	else
		n = sysfs_emit_at(page, at, "%pI6c", &prefix->addr);
	if (len < bits)
		n += sysfs_emit_at(page, at + n, "/%u", len);
	return n;
}

/**
 * tiscsi_sources_show - write a list of prefixes as one line
 * @sources: the list
 * @page: where to
 *
 * Any context.
 *
 * Return: bytes.
 */
int tiscsi_sources_show(const struct tiscsi_sources *sources, char *page)
{
	int at = 0;
	u32 i;

	for (i = 0; i < sources->nr; i++) {
		if (i)
			at += sysfs_emit_at(page, at, ",");
		at += prefix_show(&sources->prefix[i], page, at);
	}
	if (!sources->nr)
		at += sysfs_emit_at(page, at, "any");
	return at + sysfs_emit_at(page, at, "\n");
}

/**
 * tiscsi_sources_allow - may an initiator come from this address?
 * @sources: the list
 * @peer: its address
 *
 * Any context.
 *
 * Return: whether one of the prefixes has it, or there is none.
 */
bool tiscsi_sources_allow(const struct tiscsi_sources *sources,
			  const struct sockaddr_storage *peer)
{
	const struct tiscsi_prefix *prefix;
	struct in6_addr addr;
	bool ipv4 = tiscsi_addr_normalise(peer, &addr);
	u32 i;

	for (i = 0; i < sources->nr; i++) {
		prefix = &sources->prefix[i];
		if (prefix->ipv4 == ipv4 &&
		    ipv6_prefix_equal(&addr, &prefix->addr, prefix->len))
			return true;
	}
	return !sources->nr;
}
