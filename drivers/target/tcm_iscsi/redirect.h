/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Login redirection.
 */
#ifndef TCM_ISCSI_REDIRECT_H
#define TCM_ISCSI_REDIRECT_H

#include "tcm_iscsi.h"

#define TISCSI_REDIRECT_MAX	16
/* A reason of a refusal: an address and a name of a target, and words. */
#define TISCSI_REDIRECT_WHY	(TISCSI_NAME_LEN + TISCSI_PORTAL_NAME_LEN + 64)

enum tiscsi_dest_kind {
	DEST_PORTAL,			/* of the same target, on this host */
	DEST_REMOTE,			/* on another host */
	DEST_SELF,			/* the initiator stays */
};

/* Where an initiator may be sent. */
struct tiscsi_dest {
	enum tiscsi_dest_kind kind;
	bool tagged;			/* must be of portal group @tag */
	u16 tag;
	struct sockaddr_storage addr;
};

/* All of these of a portal group; never changed, only replaced. */
struct tiscsi_redirect {
	u32 nr;
	struct tiscsi_dest dest[TISCSI_REDIRECT_MAX];
};

int tiscsi_redirect_parse(const char *text, struct tiscsi_redirect *set,
			  char *bad, size_t size);
ssize_t tiscsi_redirect_show(struct tiscsi_tpg *tpg, char *page);
const char *tiscsi_redirect_policy_name(enum tiscsi_redirect_policy policy);
int tiscsi_redirect_policy_parse(const char *text);
int tiscsi_redirect_set(struct tiscsi_tpg *tpg, struct tiscsi_redirect *set,
			char *why, size_t size);
void tiscsi_redirect_warn(struct tiscsi_tpg *tpg);
bool tiscsi_redirect_hides(const struct tiscsi_np *np);
int tiscsi_redirect_choose(struct tiscsi_tpg *tpg, char *initiator,
			   struct sockaddr_storage *addr);
int tiscsi_redirect_rebalance(struct tiscsi_tpg *tpg, u32 seconds);
void tiscsi_redirect_follow(struct tiscsi_tpg *tpg);
void tiscsi_redirect_evacuate(struct tiscsi_tpg *tpg);

#endif /* TCM_ISCSI_REDIRECT_H */
