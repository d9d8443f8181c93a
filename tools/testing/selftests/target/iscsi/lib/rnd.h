/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RAW_RND_H
#define RAW_RND_H

#include "raw.h"

struct rnd {
	u64 state;
};

void rnd_seed(struct rnd *r, u64 seed, u64 number);
u32 rnd32(struct rnd *r);
u32 rnd_below(struct rnd *r, u32 n);
bool one_in(struct rnd *r, u32 n);
u32 rnd_value(struct rnd *r, u32 now);

#endif /* RAW_RND_H */
