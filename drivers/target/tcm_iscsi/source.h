/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From where initiators may come: a list of address prefixes.
 */
#ifndef TCM_ISCSI_SOURCE_H
#define TCM_ISCSI_SOURCE_H

#include <linux/in6.h>
#include <linux/socket.h>
#include <linux/types.h>

/* So that the longest of them fit into a page. */
#define TISCSI_SOURCES_MAX	64

/**
 * struct tiscsi_prefix - an address prefix
 * @addr: zeros behind @len; IPv4 as a mapped IPv6 address
 * @len: bits of @addr that count, of 128 also for IPv4
 * @ipv4: it is for IPv4
 */
struct tiscsi_prefix {
	struct in6_addr addr;
	u8 len;
	bool ipv4;
};

/* No prefix at all: from everywhere. */
struct tiscsi_sources {
	u32 nr;
	struct tiscsi_prefix prefix[TISCSI_SOURCES_MAX];
};

bool tiscsi_addr_normalise(const struct sockaddr_storage *from,
			   struct in6_addr *to);
int tiscsi_sources_parse(const char *text, struct tiscsi_sources *sources);
int tiscsi_sources_show(const struct tiscsi_sources *sources, char *page);
bool tiscsi_sources_allow(const struct tiscsi_sources *sources,
			  const struct sockaddr_storage *peer);

#endif /* TCM_ISCSI_SOURCE_H */
