// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers that can be had again.
 */
#include "rnd.h"

/**
 * rnd_seed() - start a sequence
 * @r: the sequence
 * @seed: of the run
 * @number: which sequence of it
 */
void rnd_seed(struct rnd *r, u64 seed, u64 number)
{
	r->state = seed * 0x9e3779b97f4a7c15ULL + number * 0xd1342543de82ef95ULL;
	rnd32(r);
}

/**
 * rnd32() - 32 random bits (splitmix64)
 * @r: the sequence
 */
u32 rnd32(struct rnd *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31) >> 16;
}

/**
 * rnd_below() - a number from 0 to below @n
 * @r: the sequence
 * @n: more than 0
 */
u32 rnd_below(struct rnd *r, u32 n)
{
	return (u64)rnd32(r) * n >> 32;
}

/**
 * one_in() - true once in @n times
 * @r: the sequence
 * @n: more than 0
 */
bool one_in(struct rnd *r, u32 n)
{
	return !rnd_below(r, n);
}

/**
 * rnd_value() - a number that programs trip over
 * @r: the sequence
 * @now: the right one; it, or one near it, may come out
 */
u32 rnd_value(struct rnd *r, u32 now)
{
	static const u32 edges[] = {
		0, 1, 3, 4, 5, 511, 512, 513, 8191, 8192, 8193, 0x7fff, 0x8000,
		0xffff, 0x10000, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000,
		0xfffffe00, 0xfffffffe, 0xffffffff,
	};

	switch (rnd_below(r, 6)) {
	case 0:
		return edges[rnd_below(r, ARRAY_SIZE(edges))];
	case 1:
		return now + rnd_below(r, 9) - 4;
	case 2:
		return now ^ 1U << rnd_below(r, 32);
	case 3:
		return now + (rnd_below(r, 9) - 4) * BLOCK;
	case 4:
		return now + (1U << rnd_below(r, 32));
	default:
		return rnd32(r);
	}
}
