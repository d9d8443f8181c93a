// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section I: persistent reservations and those of SPC-2.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "pr.h"

#define LUN0	lun_peripheral(0)

#define KA	0xaaaaULL
#define KB	0xbbbbULL
#define KC	0xccccULL

#define ADD_LEN	4	/* where the additional length is */

static const u8 types[] = { WE, EA, WE_RO, EA_RO, WE_AR, EA_AR };

static bool all_regs(u8 type)
{
	return type == WE_AR || type == EA_AR;
}

static bool regs_only(u8 type)
{
	return type == WE_RO || type == EA_RO;
}

static bool exclusive_access(u8 type)
{
	return type == EA || type == EA_RO || type == EA_AR;
}

FIXTURE(pr) {
	struct conn *a;		/* initiator 1 */
	struct conn *b;		/* the same, its ISID differs in one bit */
	struct conn *c;		/* initiator 2 */
};

FIXTURE_SETUP(pr)
{
	self->a = login(LOGIN(.isid = 0x9000));
	self->b = login(LOGIN(.isid = 0x9001));
	self->c = login(LOGIN(.initiator = env.initiator2, .isid = 0x9000));
	pr_wipe(self->a, LUN0);
	clear_unit_attentions(self->b, LUN0);
	clear_unit_attentions(self->c, LUN0);
}

FIXTURE_TEARDOWN(pr)
{
}

static void reg(struct conn *c, u64 key)
{
	u32 ret = pr_out(c, LUN0, REGISTER_AND_IGNORE, 0, 0, key, 0);

	if (ret)
		die("cannot register: %x", ret);
}

static void reserve(struct conn *c, u8 type, u64 key)
{
	u32 ret = pr_out(c, LUN0, RESERVE, type, key, 0, 0);

	if (ret)
		die("no reservation: %x", ret);
}

static u32 rw(struct conn *c, bool write)
{
	static u8 buf[BLOCK];
	struct scsi io;

	scsi_rw(&io, write, LUN0, 100, BLOCK, buf);
	scsi_run(c, &io);
	return outcome(&io);
}

/* ---- PERSISTENT RESERVE IN ---- */

TEST_F(pr, I01_reserved_actions_and_strangers)
{
	u8 buf[64];
	u32 i;

	for (i = 4; i < 0x20; i++)
		ASSERT_EQ(BAD_CDB, pr_in(self->a, LUN0, i, 64, buf, NULL));
	reg(self->a, KA);
	reserve(self->a, EA, KA);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(GOOD, pr_in(self->c, LUN0, i, 64, buf, NULL));
}

TEST_F(pr, I02_allocation_length_only_cuts)
{
	static const u32 cuts[] = { 0, 1, 4, 7, 8, 9, 23, 24, 25 };
	u8 all[1024], cut[1024];
	u32 action, i, k, len, got;

	reg(self->a, KA);
	reg(self->b, KB);
	reserve(self->a, WE, KA);
	for (action = 0; action < 4; action++) {
		ASSERT_EQ(GOOD, pr_in(self->a, LUN0, action, sizeof(all), all,
				      &len));
		for (i = 0; i < ARRAY_SIZE(cuts) + 16; i++) {
			k = i < ARRAY_SIZE(cuts) ? cuts[i] :
						   len - (i - ARRAY_SIZE(cuts));
			if (k > len)
				continue;
			ASSERT_EQ(GOOD, pr_in(self->a, LUN0, action, k, cut,
					      &got));
			ASSERT_EQ(k, got);
			ASSERT_EQ(0, memcmp(all, cut, k));
		}
	}
}

TEST_F(pr, I03_one_key_for_each_nexus)
{
	u64 keys[8];

	ASSERT_EQ(0, pr_keys(self->a, LUN0, keys, 8));
	reg(self->a, KA);
	reg(self->b, KA);
	reg(self->c, KC);
	ASSERT_EQ(3, pr_keys(self->c, LUN0, keys, 8));
	ASSERT_EQ(KA, keys[0]);
	ASSERT_EQ(KA, keys[1]);
	ASSERT_EQ(KC, keys[2]);
}

TEST_F(pr, I04_I20_read_reservation_of_each_type)
{
	u64 key;
	u32 i;

	reg(self->a, KA);
	reg(self->b, KB);
	ASSERT_EQ(0, pr_reservation(self->a, LUN0, &key));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		reserve(self->a, types[i], KA);
		ASSERT_EQ(types[i], pr_reservation(self->c, LUN0, &key));
		ASSERT_EQ(all_regs(types[i]) ? 0 : KA, key);
		ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, types[i], KA,
				       0, 0));
		clear_unit_attentions(self->b, LUN0);
	}
}

TEST_F(pr, I05_capabilities_tell_the_truth)
{
	u8 buf[64] = {};
	u32 len;

	ASSERT_EQ(GOOD, pr_in(self->a, LUN0, REPORT_CAPABILITIES, 64, buf,
			      &len));
	ASSERT_EQ(8, len);
	ASSERT_EQ(8, get_be16(buf));
	/* CRH, SIP_C, ATP_C, PTPL_C; no RLR_C */
	ASSERT_EQ(0x1d, buf[2]);
	/* TMV; PTPL not active */
	ASSERT_EQ(0x80, buf[3] & 0x81);
	ASSERT_EQ(0xea, buf[4]);
	ASSERT_EQ(0x01, buf[5]);
}

TEST_F(pr, G10_I06_full_status)
{
	struct pr_status st[4];
	char want[256];
	u32 i, k;

	reg(self->a, KA);
	reg(self->b, KB);
	reg(self->c, KC);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		reserve(self->b, types[i], KB);
		ASSERT_EQ(3, pr_full_status(self->a, LUN0, st, 4));
		ASSERT_EQ(KA, st[0].key);
		ASSERT_EQ(KB, st[1].key);
		ASSERT_EQ(KC, st[2].key);
		for (k = 0; k < 3; k++) {
			bool holder = k == 1 || all_regs(types[i]);

			ASSERT_EQ(holder, st[k].holder);
			ASSERT_EQ(holder ? types[i] : 0, st[k].type);
			ASSERT_FALSE(st[k].all_tg_pt);
			ASSERT_NE(0, st[k].rtpi);
			ASSERT_EQ(st[0].rtpi, st[k].rtpi);
		}
		ASSERT_EQ(GOOD, pr_out(self->b, LUN0, RELEASE, types[i], KB,
				       0, 0));
		clear_unit_attentions(self->a, LUN0);
		clear_unit_attentions(self->c, LUN0);
	}
	snprintf(want, sizeof(want), "%s,i,0x%02x%02x%02x%02x9001",
		 env.initiator, self->b->sess->isid[0],
		 self->b->sess->isid[1], self->b->sess->isid[2],
		 self->b->sess->isid[3]);
	ASSERT_STREQ(want, st[1].id);
}

/* ---- PERSISTENT RESERVE OUT: what is refused ---- */

TEST_F(pr, I07_list_lengths)
{
	static const u32 lens[] = { 0, 1, 23, 25, 28, 48, 255 };
	u8 list[512] = {};
	u32 i, action;

	for (action = 0; action < 7; action++)
		for (i = 0; i < ARRAY_SIZE(lens); i++)
			ASSERT_EQ(BAD_LENGTH,
				  pr_out_list(self->a, LUN0, action, WE, list,
					      lens[i]));
	/* SPEC_I_PT and MOVE: the lengths in the list must match. */
	list[15] = 1;
	list[20] = PR_SPEC_I_PT;
	ASSERT_EQ(BAD_LENGTH, pr_out_list(self->a, LUN0, REGISTER, 0, list,
					  24));
	put_be32(list + 24, 28);
	ASSERT_EQ(BAD_LENGTH, pr_out_list(self->a, LUN0, REGISTER, 0, list,
					  28));
	put_be32(list + 24, 0xfffffffc);
	ASSERT_EQ(BAD_LENGTH, pr_out_list(self->a, LUN0, REGISTER, 0, list,
					  56));
	memset(list, 0, sizeof(list));
	put_be32(list + 20, 0xffffffe0);
	ASSERT_EQ(BAD_LENGTH, pr_out_list(self->a, LUN0, REGISTER_AND_MOVE, 0,
					  list, 56));
	ASSERT_EQ(0, pr_keys(self->a, LUN0, NULL, 0));
}

TEST_F(pr, I08_reserved_actions_types_and_scopes)
{
	u32 i, gen;

	reg(self->a, KA);
	gen = pr_generation(self->a, LUN0);
	for (i = 8; i < 0x20; i++)
		ASSERT_EQ(BAD_CDB, pr_out(self->a, LUN0, i, WE, KA, 0, 0));
	for (i = 0; i < 16; i++) {
		if (memchr(types, i, sizeof(types)))
			continue;
		ASSERT_EQ(BAD_CDB, pr_out(self->a, LUN0, RESERVE, i, KA, 0,
					  0));
		ASSERT_EQ(BAD_CDB, pr_out(self->a, LUN0, PREEMPT, i, KA, KA,
					  0));
	}
	for (i = 1; i < 16; i++)
		ASSERT_EQ(BAD_CDB, pr_out(self->a, LUN0, RESERVE, i << 4 | WE,
					  KA, 0, 0));
	ASSERT_EQ(0, pr_reservation(self->a, LUN0, NULL));
	ASSERT_EQ(gen, pr_generation(self->a, LUN0));
}

TEST_F(pr, I09_I10_key_of_the_sender)
{
	static const u8 actions[] = { RESERVE, RELEASE, CLEAR, PREEMPT,
				      PREEMPT_AND_ABORT };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(actions); i++)
		ASSERT_EQ(CONFLICT, pr_out(self->a, LUN0, actions[i], WE, 0,
					   0, 0));
	reg(self->a, KA);
	reg(self->b, KB);
	reserve(self->a, WE, KA);
	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		ASSERT_EQ(CONFLICT, pr_out(self->a, LUN0, actions[i], WE, KB,
					   KA, 0));
		ASSERT_EQ(CONFLICT, pr_out(self->b, LUN0, actions[i], WE, KA,
					   KB, 0));
		ASSERT_EQ(CONFLICT, pr_out(self->c, LUN0, actions[i], WE, KA,
					   KA, 0));
	}
	ASSERT_EQ(CONFLICT, pr_out(self->a, LUN0, REGISTER, 0, KB, KC, 0));
	ASSERT_EQ(2, pr_keys(self->a, LUN0, NULL, 0));
	ASSERT_EQ(WE, pr_reservation(self->a, LUN0, NULL));
}

/* ---- REGISTER ---- */

TEST_F(pr, I11_register)
{
	u64 key;

	ASSERT_EQ(CONFLICT, pr_out(self->a, LUN0, REGISTER, 0, KA, KA, 0));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, 0, 0, 0));
	ASSERT_EQ(0, pr_keys(self->a, LUN0, &key, 1));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, 0, KA, 0));
	ASSERT_EQ(1, pr_keys(self->a, LUN0, &key, 1));
	ASSERT_EQ(KA, key);
	ASSERT_EQ(CONFLICT, pr_out(self->a, LUN0, REGISTER, 0, 0, KB, 0));
	ASSERT_EQ(CONFLICT, pr_out(self->a, LUN0, REGISTER, 0, KB, 0, 0));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, KA, KB, 0));
	ASSERT_EQ(1, pr_keys(self->a, LUN0, &key, 1));
	ASSERT_EQ(KB, key);
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, KB, 0, 0));
	ASSERT_EQ(0, pr_keys(self->a, LUN0, &key, 1));
}

TEST_F(pr, I12_register_and_ignore)
{
	u64 key;

	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER_AND_IGNORE, 0, KC, 0,
			       0));
	ASSERT_EQ(0, pr_keys(self->a, LUN0, &key, 1));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER_AND_IGNORE, 0, KC, KA,
			       0));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER_AND_IGNORE, 0, KC, KB,
			       0));
	ASSERT_EQ(1, pr_keys(self->a, LUN0, &key, 1));
	ASSERT_EQ(KB, key);
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER_AND_IGNORE, 0, KC, 0,
			       0));
	ASSERT_EQ(0, pr_keys(self->a, LUN0, &key, 1));
}

TEST_F(pr, I12_spec_i_pt_is_for_register_alone)
{
	u8 list[28] = {};
	u32 action;

	list[15] = 1;
	list[20] = PR_SPEC_I_PT;
	for (action = RESERVE; action <= REGISTER_AND_IGNORE; action++)
		ASSERT_EQ(BAD_PARAMETER,
			  pr_out_list(self->a, LUN0, action, WE, list,
				      sizeof(list)));
	ASSERT_EQ(0, pr_keys(self->a, LUN0, NULL, 0));
}

TEST_F(pr, G12_I13_a_nexus_is_all_of_the_isid)
{
	u64 keys[4], key;

	reg(self->a, KA);
	reserve(self->a, WE, KA);
	/* One bit of the ISID, and the same initiator's name (K1, K2). */
	ASSERT_EQ(CONFLICT, rw(self->b, true));
	ASSERT_EQ(CONFLICT, pr_out(self->b, LUN0, RELEASE, WE, KA, 0, 0));
	/* The same ISID, and another name. */
	ASSERT_EQ(CONFLICT, rw(self->c, true));
	reg(self->b, KB);
	ASSERT_EQ(CONFLICT, rw(self->b, true));
	ASSERT_EQ(GOOD, rw(self->a, true));
	/* A new key, still the holder; nobody else has another. */
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, KA, KC, 0));
	ASSERT_EQ(WE, pr_reservation(self->a, LUN0, &key));
	ASSERT_EQ(KC, key);
	ASSERT_EQ(2, pr_keys(self->a, LUN0, keys, 4));
	ASSERT_EQ(KB, keys[1]);
	ASSERT_EQ(GOOD, rw(self->a, true));
	/* Who leaves takes nobody along. */
	ASSERT_EQ(GOOD, pr_out(self->b, LUN0, REGISTER, 0, KB, 0, 0));
	ASSERT_EQ(1, pr_keys(self->a, LUN0, keys, 4));
	ASSERT_EQ(WE, pr_reservation(self->a, LUN0, NULL));
}

/* ---- SPEC_I_PT, ALL_TG_PT ---- */

struct spec {
	u8 list[4096];
	u32 len;
};

static void spec_init(struct spec *s, u64 key, u64 sark)
{
	memset(s, 0, sizeof(*s));
	put_be64(s->list, key);
	put_be64(s->list + 8, sark);
	s->list[20] = PR_SPEC_I_PT;
	s->len = 28;
}

static void spec_add(struct spec *s, const char *name, const u8 *isid)
{
	s->len += pr_tid(s->list + s->len, name, isid);
	put_be32(s->list + 24, s->len - 28);
}

static u32 spec_send(struct conn *c, struct spec *s)
{
	return pr_out_list(c, LUN0, REGISTER, 0, s->list, s->len);
}

TEST_F(pr, I14_spec_i_pt_registers_all_or_none)
{
	const u8 isid[6] = { 0x40, 0, 0, 1, 2, 3 };
	struct pr_status st[4];
	struct spec s;

	spec_init(&s, 0, KA);
	spec_add(&s, env.initiator2, self->c->sess->isid);
	spec_add(&s, "iqn.2003-01.org.example:nobody-yet", isid);
	ASSERT_EQ(GOOD, spec_send(self->a, &s));
	ASSERT_EQ(3, pr_full_status(self->a, LUN0, st, 4));
	ASSERT_STREQ("iqn.2003-01.org.example:nobody-yet,i,0x400000010203",
		     st[2].id);
	ASSERT_EQ(KA, st[2].key);
	/* It is a registration as any other. */
	reserve(self->c, WE_RO, KA);
	ASSERT_EQ(GOOD, rw(self->a, true));
	ASSERT_EQ(CONFLICT, rw(self->b, true));
	/* The sender is registered. */
	ASSERT_EQ(CONFLICT, spec_send(self->a, &s));
	spec_init(&s, KA, KB);
	spec_add(&s, "iqn.2003-01.org.example:nobody-yet2", isid);
	ASSERT_EQ(BAD_PARAMETER, spec_send(self->a, &s));
	/* One of the list is: none is registered. */
	spec_init(&s, 0, KB);
	spec_add(&s, "iqn.2003-01.org.example:nobody-yet2", isid);
	spec_add(&s, env.initiator2, self->c->sess->isid);
	ASSERT_EQ(BAD_PARAMETER, spec_send(self->b, &s));
	ASSERT_EQ(3, pr_full_status(self->a, LUN0, st, 4));
}

/* K9, K11: nothing is read past the list, nothing is changed. */
TEST_F(pr, G10_G11_I07_I14_bad_transport_ids)
{
	const u8 isid[6] = { 0x40, 0, 0, 1, 2, 4 };
	struct spec good, s;
	u32 i, at, round;

	spec_init(&good, 0, KA);
	spec_add(&good, env.initiator2, isid);
	for (round = 0; round < 10; round++) {
		/* Formats and protocols that are none of ours. */
		for (i = 0; i < 256; i++) {
			if (i == 0x45 || (round && i % 37))
				continue;
			s = good;
			s.list[28] = i;
			ASSERT_EQ(BAD_PARAMETER, spec_send(self->a, &s));
		}
		/* Lengths that do not fit, are too short or odd. */
		for (i = 0; i < 8; i++) {
			static const u16 lens[] = { 0, 1, 16, 19, 21, 0x100,
						    0xfffc, 0xffff };
			s = good;
			put_be16(s.list + 30, lens[i]);
			ASSERT_EQ(BAD_PARAMETER, spec_send(self->a, &s));
		}
		/* No NUL, to the very end of a page and beyond. */
		for (at = 4096 - 8; at <= 4096; at += 4) {
			s = good;
			s.len = at;
			memset(s.list + 32, 'a', at - 32);
			put_be16(s.list + 30, at - 32);
			put_be32(s.list + 24, at - 28);
			ASSERT_EQ(BAD_PARAMETER, spec_send(self->a, &s));
			memcpy(s.list + at - 6, ",i,0x1", 6);
			ASSERT_EQ(BAD_PARAMETER, spec_send(self->a, &s));
		}
		/* No name, no ISID, ISID too long or not in hexadecimal. */
		for (i = 0; i < 5; i++) {
			static const char *const ids[] = {
				",i,0x400000010204", "iqn.2003-01.org.example:x",
				"iqn.2003-01.org.example:x,i,0x",
				"iqn.2003-01.org.example:x,i,0x4000000102045",
				"iqn.2003-01.org.example:x,i,0x40000001020g",
			};
			s = good;
			s.len = 28 + 4 + 48;
			memset(s.list + 32, 0, 48);
			strcpy((char *)s.list + 32, ids[i]);
			put_be16(s.list + 30, 48);
			put_be32(s.list + 24, 52);
			ASSERT_EQ(BAD_PARAMETER, spec_send(self->a, &s));
		}
		/* G11: a name alone is no port. */
		spec_init(&s, 0, KA);
		spec_add(&s, env.initiator2, NULL);
		ASSERT_EQ(BAD_PARAMETER, spec_send(self->a, &s));
	}
	ASSERT_EQ(0, pr_keys(self->a, LUN0, NULL, 0));
	ASSERT_EQ(GOOD, spec_send(self->a, &good));
	ASSERT_EQ(2, pr_keys(self->a, LUN0, NULL, 0));
}

/*
 * K9, K11: parameter lists and answers that end with a page, as often. The core
 * reads past the one and writes past the other.
 */
TEST_F(pr, G10_I06_I14_lists_that_fill_a_page)
{
	u8 isid[6] = { 0x40, 0, 0, 2, 0, 0 };
	struct spec s, bad;
	u32 i, len, rounds = soak_or(1000, 100);
	u8 buf[4096];

	spec_init(&s, 0, KA);
	while (s.len < 3900 && isid[5] < 60) {
		isid[5]++;
		spec_add(&s, env.initiator2, isid);
	}
	ASSERT_EQ(GOOD, spec_send(self->a, &s));
	spec_init(&bad, 0, KB);
	bad.len = 4096;
	memset(bad.list + 28, 'a', 4096 - 28);
	bad.list[28] = 0x45;
	put_be16(bad.list + 30, 4096 - 32);
	put_be32(bad.list + 24, 4096 - 28);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(BAD_PARAMETER, spec_send(self->b, &bad));
		ASSERT_EQ(GOOD, pr_in(self->a, LUN0, READ_FULL_STATUS,
				      4096 - i % 64, buf, &len));
		ASSERT_EQ(4096 - i % 64, len);
		ASSERT_LE(4096, get_be32(buf + ADD_LEN));
	}
	ASSERT_EQ(isid[5] + 1, pr_keys(self->a, LUN0, NULL, 0));
}

TEST_F(pr, G10_upper_case_and_short_isid)
{
	struct pr_status st[4];
	struct spec s;

	spec_init(&s, 0, KA);
	s.len = 28 + 4 + 48;
	strcpy((char *)s.list + 32, "iqn.2003-01.org.example:X,i,0xAB");
	s.list[28] = 0x45;
	put_be16(s.list + 30, 48);
	put_be32(s.list + 24, 52);
	ASSERT_EQ(GOOD, spec_send(self->a, &s));
	ASSERT_EQ(2, pr_full_status(self->a, LUN0, st, 4));
	ASSERT_STREQ("iqn.2003-01.org.example:x,i,0x0000000000ab", st[1].id);
}

TEST_F(pr, I15_all_target_ports)
{
	struct conn *other = login(LOGIN(.portal = env.portal2,
					 .isid = 0x9000));
	struct pr_status st[4];

	clear_unit_attentions(other, LUN0);
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, 0, KA,
			       PR_ALL_TG_PT));
	ASSERT_EQ(2, pr_full_status(self->a, LUN0, st, 4));
	ASSERT_TRUE(st[0].all_tg_pt && st[1].all_tg_pt);
	ASSERT_STREQ(st[0].id, st[1].id);
	ASSERT_NE(st[0].rtpi, st[1].rtpi);
	reserve(other, WE_RO, KA);
	ASSERT_EQ(GOOD, rw(self->a, true));
	ASSERT_EQ(CONFLICT, rw(self->b, true));
	/* Again, with a new key: one registration a port, no more. */
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, KA, KB,
			       PR_ALL_TG_PT));
	ASSERT_EQ(2, pr_full_status(self->a, LUN0, st, 4));
	ASSERT_TRUE(st[0].key == KB && st[1].key == KB);
	/* One of them leaves alone, the other stays. */
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, KB, 0, 0));
	ASSERT_EQ(1, pr_keys(self->a, LUN0, NULL, 0));
	ASSERT_EQ(WE_RO, pr_reservation(self->a, LUN0, NULL));
	ASSERT_EQ(GOOD, pr_out(other, LUN0, CLEAR, 0, KB, 0, 0));
}

/* Fills up to the limit; then one too many changes nothing. */
TEST_F(pr, I16_as_many_as_promised_and_no_more)
{
	static u8 list[60000];
	u32 nr = 0, n, len, ret = GOOD, gen;
	struct conn *by = self->a;
	u8 isid[6] = { 0x40 };

	reg(self->c, KC);
	while (ret == GOOD) {
		memset(list, 0, 28);
		put_be64(list + 8, KA);
		list[20] = PR_SPEC_I_PT;
		for (n = 0, len = 28; n < 800; n++) {
			put_be32(isid + 2, ++nr);
			len += pr_tid(list + len, "iqn.2003-01.org.example:n",
				      isid);
		}
		put_be32(list + 24, len - 28);
		gen = pr_generation(by, LUN0);
		ret = pr_out_list(by, LUN0, REGISTER, 0, list, len);
		if (ret == GOOD)
			reg(by, 0);
		ASSERT_TRUE(nr < 10000);
	}
	ASSERT_EQ(NO_ROOM, ret);
	ASSERT_EQ(gen, pr_generation(by, LUN0));
	n = pr_keys(by, LUN0, NULL, 0);
	ASSERT_TRUE(n >= 1025);
	ASSERT_EQ(0, n % 800 - 1);
	/* Each of them counts. */
	reserve(self->c, WE_RO, KC);
	ASSERT_EQ(CONFLICT, rw(self->a, true));
	ASSERT_EQ(GOOD, pr_out(self->c, LUN0, PREEMPT, WE_RO, KC, KA, 0));
	ASSERT_EQ(1, pr_keys(by, LUN0, NULL, 0));
}

/* ---- RESERVE, RELEASE, CLEAR ---- */

TEST_F(pr, I19_I20_reserve)
{
	u32 i, k;

	reg(self->a, KA);
	reg(self->b, KB);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		reserve(self->a, types[i], KA);
		for (k = 0; k < ARRAY_SIZE(types); k++) {
			ASSERT_EQ(i == k ? GOOD : CONFLICT,
				  pr_out(self->a, LUN0, RESERVE, types[k], KA,
					 0, 0));
			ASSERT_EQ(i == k && all_regs(types[i]) ? GOOD :
				  CONFLICT,
				  pr_out(self->b, LUN0, RESERVE, types[k], KB,
					 0, 0));
		}
		ASSERT_EQ(CONFLICT, pr_out(self->c, LUN0, RESERVE, types[i],
					   0, 0, 0));
		ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, types[i], KA,
				       0, 0));
		clear_unit_attentions(self->b, LUN0);
	}
}

TEST_F(pr, I26_release)
{
	u32 i, told;

	reg(self->a, KA);
	reg(self->b, KB);
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, WE, KA, 0, 0));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		reserve(self->a, types[i], KA);
		ASSERT_EQ(BAD_RELEASE,
			  pr_out(self->a, LUN0, RELEASE,
				 types[i] == WE ? EA : WE, KA, 0, 0));
		ASSERT_EQ(BAD_RELEASE,
			  pr_out(self->a, LUN0, RELEASE, 0x10 | types[i], KA,
				 0, 0));
		if (!all_regs(types[i]))
			ASSERT_EQ(GOOD, pr_out(self->b, LUN0, RELEASE,
					       types[i], KB, 0, 0));
		ASSERT_EQ(types[i], pr_reservation(self->a, LUN0, NULL));
		ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, types[i], KA,
				       0, 0));
		ASSERT_EQ(0, pr_reservation(self->a, LUN0, NULL));
		told = regs_only(types[i]) || all_regs(types[i]) ? RELEASED :
								    GOOD;
		ASSERT_EQ(told, attention(self->b, LUN0));
		ASSERT_EQ(GOOD, attention(self->b, LUN0));
		ASSERT_EQ(GOOD, attention(self->a, LUN0));
		ASSERT_EQ(GOOD, attention(self->c, LUN0));
	}
	ASSERT_EQ(2, pr_keys(self->a, LUN0, NULL, 0));
}

TEST_F(pr, I27_unregister_of_the_holder)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		reg(self->a, KA);
		reg(self->b, KB);
		reserve(self->a, types[i], KA);
		ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, KA, 0, 0));
		if (all_regs(types[i])) {
			ASSERT_EQ(types[i], pr_reservation(self->c, LUN0,
							   NULL));
			ASSERT_EQ(GOOD, attention(self->b, LUN0));
			ASSERT_EQ(CONFLICT, rw(self->a, true));
			ASSERT_EQ(GOOD, pr_out(self->b, LUN0, REGISTER, 0, KB,
					       0, 0));
		} else {
			ASSERT_EQ(regs_only(types[i]) ? RELEASED : GOOD,
				  attention(self->b, LUN0));
		}
		ASSERT_EQ(0, pr_reservation(self->c, LUN0, NULL));
		ASSERT_EQ(GOOD, attention(self->b, LUN0));
		reg(self->b, 0);
	}
}

TEST_F(pr, I28_clear)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		reg(self->a, KA);
		reg(self->b, KB);
		reg(self->c, KC);
		reserve(self->a, types[i], KA);
		/* Any registrant may. */
		ASSERT_EQ(GOOD, pr_out(self->c, LUN0, CLEAR, 0, KC, 0, 0));
		ASSERT_EQ(0, pr_keys(self->c, LUN0, NULL, 0));
		ASSERT_EQ(0, pr_reservation(self->c, LUN0, NULL));
		ASSERT_EQ(PREEMPTED, attention(self->a, LUN0));
		ASSERT_EQ(GOOD, attention(self->a, LUN0));
		ASSERT_EQ(PREEMPTED, attention(self->b, LUN0));
		ASSERT_EQ(GOOD, attention(self->c, LUN0));
		ASSERT_EQ(GOOD, rw(self->b, true));
	}
}

/* ---- PREEMPT ---- */

TEST_F(pr, I29_preempt_the_holder)
{
	u64 key;
	u32 i, k;

	for (i = 0; i < 4; i++) {
		for (k = 0; k < ARRAY_SIZE(types); k++) {
			reg(self->a, KA);
			reg(self->b, KB);
			reg(self->c, KC);
			reserve(self->a, types[i], KA);
			ASSERT_EQ(GOOD, pr_out(self->b, LUN0, PREEMPT,
					       types[k], KB, KA, 0));
			ASSERT_EQ(types[k], pr_reservation(self->b, LUN0,
							   &key));
			ASSERT_EQ(all_regs(types[k]) ? 0 : KB, key);
			ASSERT_EQ(2, pr_keys(self->b, LUN0, NULL, 0));
			ASSERT_EQ(UNREGISTERED, attention(self->a, LUN0));
			ASSERT_EQ(GOOD, attention(self->a, LUN0));
			ASSERT_EQ(GOOD, attention(self->b, LUN0));
			ASSERT_EQ(i == k ? GOOD : RELEASED,
				  attention(self->c, LUN0));
			ASSERT_EQ(GOOD, attention(self->c, LUN0));
			ASSERT_EQ(CONFLICT, rw(self->a, true));
			ASSERT_EQ(GOOD, pr_out(self->b, LUN0, CLEAR, 0, KB, 0,
					       0));
			clear_unit_attentions(self->c, LUN0);
		}
	}
}

TEST_F(pr, I30_preempt_registrations)
{
	u32 i, gen;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		reg(self->a, KA);
		reg(self->b, KB);
		reg(self->c, KC);
		reserve(self->a, types[i], KA);
		gen = pr_generation(self->a, LUN0);
		ASSERT_EQ(CONFLICT, pr_out(self->b, LUN0, PREEMPT, WE, KB,
					   0x1234, 0));
		if (!all_regs(types[i]))
			ASSERT_EQ(BAD_PARAMETER, pr_out(self->b, LUN0, PREEMPT,
							WE, KB, 0, 0));
		ASSERT_EQ(gen, pr_generation(self->a, LUN0));
		ASSERT_EQ(GOOD, pr_out(self->b, LUN0, PREEMPT, WE, KB, KC, 0));
		ASSERT_EQ(types[i], pr_reservation(self->b, LUN0, NULL));
		ASSERT_EQ(2, pr_keys(self->b, LUN0, NULL, 0));
		ASSERT_EQ(UNREGISTERED, attention(self->c, LUN0));
		ASSERT_EQ(GOOD, attention(self->a, LUN0));
		if (all_regs(types[i])) {
			ASSERT_EQ(GOOD, pr_out(self->b, LUN0, PREEMPT, EA, KB,
					       0, 0));
			ASSERT_EQ(1, pr_keys(self->b, LUN0, NULL, 0));
			ASSERT_EQ(EA, pr_reservation(self->b, LUN0, NULL));
			ASSERT_EQ(UNREGISTERED, attention(self->a, LUN0));
		}
		ASSERT_EQ(GOOD, pr_out(self->b, LUN0, CLEAR, 0, KB, 0, 0));
		clear_unit_attentions(self->a, LUN0);
	}
}

TEST_F(pr, I30_preempt_without_a_reservation)
{
	reg(self->a, KA);
	reg(self->b, KB);
	reg(self->c, KB);
	ASSERT_EQ(BAD_PARAMETER, pr_out(self->a, LUN0, PREEMPT, WE, KA, 0, 0));
	ASSERT_EQ(CONFLICT, pr_out(self->a, LUN0, PREEMPT, WE, KA, KC, 0));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, PREEMPT, WE, KA, KB, 0));
	ASSERT_EQ(1, pr_keys(self->a, LUN0, NULL, 0));
	ASSERT_EQ(0, pr_reservation(self->a, LUN0, NULL));
	ASSERT_EQ(UNREGISTERED, attention(self->b, LUN0));
	ASSERT_EQ(UNREGISTERED, attention(self->c, LUN0));
}

/* K7, a use after free of the core: a thousand times in a long run. */
TEST_F(pr, I31_preempt_of_oneself)
{
	u32 i, rounds = soak_or(1000, 100);

	for (i = 0; i < rounds; i++) {
		u8 action = i % 2 ? PREEMPT : PREEMPT_AND_ABORT;

		reg(self->a, KA);
		reg(self->b, KB);
		reserve(self->a, WE, KA);
		/* The holder: another type, and still there. */
		ASSERT_EQ(GOOD, pr_out(self->a, LUN0, action, EA, KA, KA, 0));
		ASSERT_EQ(RELEASED, attention(self->b, LUN0));
		/* Another: its registration goes, and nothing else. */
		ASSERT_EQ(GOOD, pr_out(self->b, LUN0, action, WE, KB, KB, 0));
		if (i % 20 == 0) {
			ASSERT_EQ(EA, pr_reservation(self->c, LUN0, NULL));
			ASSERT_EQ(1, pr_keys(self->c, LUN0, NULL, 0));
			ASSERT_EQ(CONFLICT, rw(self->b, false));
			ASSERT_EQ(GOOD, attention(self->b, LUN0));
		}
		ASSERT_EQ(GOOD, pr_out(self->a, LUN0, CLEAR, 0, KA, 0, 0));
	}
}

static u32 held_write(struct conn *c, struct scsi *io, u32 lba, u8 *buf)
{
	scsi_rw(io, true, LUN0, lba, BLOCK, buf);
	io->held = true;
	scsi_send(c, io);
	return pdu32(recv_r2t(c, io), BHS_TTT);
}

/* K4a: the commands of who was preempted, and no others. */
TEST_F(pr, I32_preempt_and_abort)
{
	u8 new[BLOCK], zero[BLOCK] = {}, back[BLOCK];
	struct scsi io[3];
	struct conn *c[3] = { self->a, self->b, self->c };
	u32 ttt[3], i;

	fill_pattern(new, BLOCK, 32);
	for (i = 0; i < 3; i++)
		scsi_write(self->a, LUN0, 200 + i, zero, BLOCK);
	reg(self->a, KA);
	reg(self->b, KB);
	reg(self->c, KC);
	reserve(self->a, WE_RO, KA);
	for (i = 0; i < 3; i++)
		ttt[i] = held_write(c[i], &io[i], 200 + i, new);
	/* C is only a registrant; its commands go, those of B stay. */
	{
		struct conn *d = login(LOGIN(.isid = 0x9004));

		clear_unit_attentions(d, LUN0);
		reg(d, 0xdddd);
		ASSERT_EQ(GOOD, pr_out(d, LUN0, PREEMPT_AND_ABORT, WE_RO,
				       0xdddd, KC, 0));
	}
	for (i = 0; i < 3; i++) {
		scsi_data_out(c[i], &io[i], ttt[i], 0, BLOCK);
		scsi_wait(c[i], &io[i]);
	}
	ASSERT_EQ(GOOD, io[0].status);
	ASSERT_EQ(GOOD, io[1].status);
	ASSERT_EQ(0x40, io[2].status);	/* TAS=1 */
	for (i = 0; i < 3; i++) {
		scsi_read(self->a, LUN0, 200 + i, back, BLOCK);
		ASSERT_EQ(0, memcmp(back, i == 2 ? zero : new, BLOCK));
	}
	ASSERT_EQ(CONFLICT, rw(self->c, true));
	ASSERT_EQ(UNREGISTERED, attention(self->c, LUN0));
}

/* ---- REGISTER AND MOVE ---- */

static u32 move(struct conn *c, u64 key, u64 sark, bool unreg, u16 rtpi,
		const char *name, const u8 *isid)
{
	u8 list[400] = {};
	u32 len;

	put_be64(list, key);
	put_be64(list + 8, sark);
	list[17] = unreg ? 2 : 0;
	put_be16(list + 18, rtpi);
	len = pr_tid(list + 24, name, isid);
	put_be32(list + 20, len);
	return pr_out_list(c, LUN0, REGISTER_AND_MOVE, 0, list, 24 + len);
}

TEST_F(pr, I33_register_and_move)
{
	const u8 *to = self->c->sess->isid, *own = self->a->sess->isid;
	struct pr_status st[4];
	u64 key;
	u16 rtpi;

	ASSERT_EQ(CONFLICT, move(self->a, KA, KC, false, 1, env.initiator2,
				 to));
	reg(self->a, KA);
	reg(self->b, KB);
	ASSERT_EQ(2, pr_full_status(self->a, LUN0, st, 4));
	rtpi = st[0].rtpi;
	ASSERT_EQ(BAD_CDB, move(self->a, KA, KC, false, rtpi, env.initiator2,
				to));
	reserve(self->a, WE_AR, KA);
	ASSERT_EQ(CONFLICT, move(self->a, KA, KC, false, rtpi, env.initiator2,
				 to));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, WE_AR, KA, 0, 0));
	clear_unit_attentions(self->b, LUN0);
	reserve(self->a, WE, KA);
	ASSERT_EQ(CONFLICT, move(self->a, KB, KC, false, rtpi, env.initiator2,
				 to));
	ASSERT_EQ(CONFLICT, move(self->b, KB, KC, false, rtpi, env.initiator2,
				 to));
	ASSERT_EQ(BAD_PARAMETER, move(self->a, KA, 0, false, rtpi,
				      env.initiator2, to));
	ASSERT_EQ(BAD_PARAMETER, move(self->a, KA, KC, false, rtpi,
				      env.initiator, own));
	ASSERT_EQ(BAD_PARAMETER, move(self->a, KA, KC, false, 0x7fff,
				      env.initiator2, to));
	ASSERT_EQ(BAD_PARAMETER, move(self->a, KA, KC, false, rtpi,
				      env.initiator2, NULL));
	ASSERT_EQ(GOOD, move(self->a, KA, KC, false, rtpi, env.initiator2,
			     to));
	ASSERT_EQ(WE, pr_reservation(self->b, LUN0, &key));
	ASSERT_EQ(KC, key);
	ASSERT_EQ(3, pr_keys(self->b, LUN0, NULL, 0));
	ASSERT_EQ(CONFLICT, rw(self->a, true));
	ASSERT_EQ(GOOD, rw(self->c, true));
	/* Back to one that is registered: a new key; the sender leaves. */
	ASSERT_EQ(GOOD, move(self->c, KC, 0x77, true, rtpi, env.initiator,
			     own));
	ASSERT_EQ(2, pr_keys(self->b, LUN0, NULL, 0));
	ASSERT_EQ(WE, pr_reservation(self->b, LUN0, &key));
	ASSERT_EQ(0x77, key);
	ASSERT_EQ(CONFLICT, rw(self->c, true));
	ASSERT_EQ(GOOD, rw(self->a, true));
}

TEST_F(pr, I34_generation)
{
	u32 gen = pr_generation(self->a, LUN0);

	reg(self->a, KA);
	ASSERT_EQ(++gen, pr_generation(self->a, LUN0));
	ASSERT_EQ(GOOD, pr_out(self->b, LUN0, REGISTER, 0, 0, KB,
			       PR_ALL_TG_PT));
	ASSERT_EQ(++gen, pr_generation(self->a, LUN0));
	reserve(self->a, WE, KA);
	ASSERT_EQ(gen, pr_generation(self->a, LUN0));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, WE, KA, 0, 0));
	ASSERT_EQ(gen, pr_generation(self->a, LUN0));
	ASSERT_EQ(CONFLICT, pr_out(self->a, LUN0, REGISTER, 0, KC, KA, 0));
	ASSERT_EQ(gen, pr_generation(self->a, LUN0));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, PREEMPT, WE, KA, KB, 0));
	ASSERT_EQ(++gen, pr_generation(self->a, LUN0));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, REGISTER, 0, KA, 0, 0));
	ASSERT_EQ(++gen, pr_generation(self->a, LUN0));
	reg(self->a, KA);
	ASSERT_EQ(++gen, pr_generation(self->a, LUN0));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, CLEAR, 0, KA, 0, 0));
	ASSERT_EQ(++gen, pr_generation(self->a, LUN0));
}

TEST_F(pr, I35_kept_over_reset_and_logout)
{
	u64 key;

	reg(self->a, KA);
	reserve(self->a, WE, KA);
	ASSERT_EQ(TMF_DONE, tmf(self->c, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	clear_unit_attentions(self->b, LUN0);
	clear_unit_attentions(self->c, LUN0);
	clear_unit_attentions(self->a, LUN0);
	ASSERT_EQ(WE, pr_reservation(self->b, LUN0, &key));
	logout(self->a);
	ASSERT_EQ(WE, pr_reservation(self->b, LUN0, &key));
	ASSERT_EQ(KA, key);
	ASSERT_EQ(CONFLICT, rw(self->b, true));
	/* Another nexus of the initiator is not registered. */
	self->a = login(LOGIN(.isid = 0x9005));
	ASSERT_EQ(CONFLICT, rw(self->a, true));
	self->a = login(LOGIN(.isid = 0x9000));
	ASSERT_EQ(GOOD, rw(self->a, true));
	ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, WE, KA, 0, 0));
	/* Through another portal group it is another nexus. */
	reserve(self->a, WE, KA);
	self->b = login(LOGIN(.portal = env.portal2, .isid = 0x9000));
	ASSERT_EQ(CONFLICT, rw(self->b, true));
}

/* ---- the conflict table ---- */

enum cls { ALWAYS, READS, WRITES };

static const struct {
	const char *name;
	enum cls cls;
	u8 cdb[16];
	u32 in;		/* bytes that it reads */
	u32 out;
} commands[] = {
	{ "TEST UNIT READY", ALWAYS, { 0x00 }, 0, 0 },
	{ "REQUEST SENSE", ALWAYS, { 0x03, 0, 0, 0, 18 }, 18, 0 },
	{ "INQUIRY", ALWAYS, { 0x12, 0, 0, 0, 36 }, 36, 0 },
	{ "READ CAPACITY(10)", ALWAYS, { 0x25 }, 8, 0 },
	{ "READ CAPACITY(16)", ALWAYS,
	  { 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32 }, 32, 0 },
	{ "REPORT LUNS", ALWAYS, { 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64 }, 64, 0 },
	{ "REPORT TARGET PORT GROUPS", ALWAYS,
	  { 0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 64 }, 64, 0 },
	{ "START STOP UNIT, start", ALWAYS, { 0x1b, 0, 0, 0, 1 }, 0, 0 },
	{ "READ KEYS", ALWAYS, { 0x5e, 0, 0, 0, 0, 0, 0, 0, 64 }, 64, 0 },
	{ "READ(10)", READS, { 0x28, 0, 0, 0, 0, 1, 0, 0, 1 }, BLOCK, 0 },
	{ "READ(16)", READS,
	  { 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1 }, BLOCK, 0 },
	{ "MODE SENSE(6)", READS, { 0x1a, 0, 0x3f, 0, 64 }, 64, 0 },
	{ "MODE SENSE(10)", READS, { 0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 64 }, 64,
	  0 },
	{ "WRITE(10)", WRITES, { 0x2a, 0, 0, 0, 0, 1, 0, 0, 1 }, 0, BLOCK },
	{ "WRITE(16)", WRITES,
	  { 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1 }, 0, BLOCK },
	{ "COMPARE AND WRITE", WRITES,
	  { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1 }, 0, 2 * BLOCK },
	{ "SYNCHRONIZE CACHE(10)", WRITES, { 0x35 }, 0, 0 },
	{ "SYNCHRONIZE CACHE(16)", WRITES, { 0x91 }, 0, 0 },
	{ "START STOP UNIT, stop", WRITES, { 0x1b }, 0, 0 },
};

/* Is it refused?  What else a command may end with is not looked at. */
static bool refused(struct conn *c, u32 n)
{
	static u8 buf[2 * BLOCK];
	struct scsi io = { .lun = LUN0, .flags = ATTR_SIMPLE };

	memcpy(io.cdb, commands[n].cdb, sizeof(io.cdb));
	io.edtl = commands[n].in + commands[n].out;
	if (commands[n].in) {
		io.flags |= F_READ;
		io.in = buf;
	} else if (commands[n].out) {
		io.flags |= F_WRITE;
		io.out = buf;
		memset(buf, 0, sizeof(buf));
	}
	scsi_run(c, &io);
	return outcome(&io) == CONFLICT;
}

static bool must_be_refused(u8 type, enum cls cls, bool registered)
{
	if (cls == ALWAYS || (cls == READS && !exclusive_access(type)))
		return false;
	return !registered || type == WE || type == EA;
}

TEST_F(pr, I20_I21_I22_I23_I24_conflict_table)
{
	u32 i, n;

	reg(self->a, KA);
	reg(self->b, KB);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		reserve(self->a, types[i], KA);
		for (n = 0; n < ARRAY_SIZE(commands); n++) {
			ASSERT_FALSE(refused(self->a, n)) {
				TH_LOG("holder, type %u: %s", types[i],
				       commands[n].name);
			}
			ASSERT_EQ(must_be_refused(types[i], commands[n].cls,
						  true), refused(self->b, n)) {
				TH_LOG("registrant, type %u: %s", types[i],
				       commands[n].name);
			}
			ASSERT_EQ(must_be_refused(types[i], commands[n].cls,
						  false), refused(self->c, n)) {
				TH_LOG("stranger, type %u: %s", types[i],
				       commands[n].name);
			}
		}
		ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, types[i], KA,
				       0, 0));
		clear_unit_attentions(self->b, LUN0);
	}
}

TEST_F(pr, I23_refused_write_does_not_land)
{
	u8 old[BLOCK], new[BLOCK], back[BLOCK];
	struct scsi io;

	fill_pattern(old, BLOCK, 1);
	fill_pattern(new, BLOCK, 2);
	scsi_write(self->a, LUN0, 300, old, BLOCK);
	reg(self->a, KA);
	reserve(self->a, WE, KA);
	scsi_rw(&io, true, LUN0, 300, BLOCK, new);
	scsi_run(self->c, &io);
	ASSERT_EQ(CONFLICT, outcome(&io));
	scsi_read(self->c, LUN0, 300, back, BLOCK);
	ASSERT_EQ(0, memcmp(back, old, BLOCK));
}

TEST_F(pr, I25_actions_under_a_foreign_reservation)
{
	u32 i;

	for (i = 0; i < 4; i++) {
		reg(self->a, KA);
		reg(self->b, KB);
		reserve(self->a, types[i], KA);
		ASSERT_EQ(CONFLICT, pr_out(self->b, LUN0, RESERVE, types[i],
					   KB, 0, 0));
		ASSERT_EQ(CONFLICT, move(self->b, KB, KC, false, 1,
					 env.initiator2,
					 self->c->sess->isid));
		ASSERT_EQ(GOOD, pr_out(self->b, LUN0, RELEASE, types[i], KB,
				       0, 0));
		ASSERT_EQ(types[i], pr_reservation(self->c, LUN0, NULL));
		/* A stranger may register, and nothing else. */
		ASSERT_EQ(CONFLICT, pr_out(self->c, LUN0, CLEAR, 0, 0, 0, 0));
		ASSERT_EQ(GOOD, pr_out(self->c, LUN0, REGISTER, 0, 0, KC, 0));
		ASSERT_EQ(GOOD, pr_out(self->c, LUN0, REGISTER, 0, KC, 0, 0));
		ASSERT_EQ(GOOD, pr_out(self->b, LUN0, PREEMPT, WE, KB, KA, 0));
		ASSERT_EQ(GOOD, pr_out(self->b, LUN0, CLEAR, 0, KB, 0, 0));
		clear_unit_attentions(self->a, LUN0);
	}
}

/* ---- SPC-2 ---- */

static u32 spc2(struct conn *c, u8 op)
{
	const u8 cdb[10] = { op };

	return run_cdb(c, LUN0, cdb, op < 0x20 ? 6 : 10, 0, NULL);
}

TEST_F(pr, I36_reserve_and_release)
{
	static const u8 ops[2][2] = { { 0x16, 0x17 }, { 0x56, 0x57 } };
	u8 buf[64];
	u32 i, n;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(GOOD, spc2(self->a, ops[i][0]));
		ASSERT_EQ(GOOD, spc2(self->a, ops[i][0]));
		/* Another ISID of the initiator is another nexus (K1). */
		ASSERT_EQ(CONFLICT, spc2(self->b, ops[i][0]));
		ASSERT_EQ(CONFLICT, spc2(self->c, ops[i][0]));
		ASSERT_EQ(CONFLICT, rw(self->b, false));
		ASSERT_EQ(CONFLICT, rw(self->c, true));
		ASSERT_EQ(CONFLICT, attention(self->c, LUN0));
		ASSERT_EQ(GOOD, rw(self->a, true));
		for (n = 0; n < 2; n++) {
			struct conn *c = n ? self->c : self->a;

			ASSERT_EQ(CONFLICT, pr_in(c, LUN0, READ_KEYS, 64, buf,
						  NULL));
			ASSERT_EQ(CONFLICT, pr_out(c, LUN0, REGISTER, 0, 0,
						   KA, 0));
		}
		ASSERT_FALSE(refused(self->c, 1));	/* REQUEST SENSE */
		ASSERT_FALSE(refused(self->c, 2));	/* INQUIRY */
		ASSERT_FALSE(refused(self->c, 5));	/* REPORT LUNS */
		/* Not the holder: no effect. */
		ASSERT_EQ(GOOD, spc2(self->b, ops[i][1]));
		ASSERT_EQ(CONFLICT, rw(self->b, false));
		ASSERT_EQ(GOOD, spc2(self->a, ops[i][1]));
		ASSERT_EQ(GOOD, rw(self->b, true));
	}
}

TEST_F(pr, I36_ends_with_reset_and_session)
{
	ASSERT_EQ(GOOD, spc2(self->a, 0x16));
	ASSERT_EQ(TMF_DONE, tmf(self->c, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	clear_unit_attentions(self->c, LUN0);
	ASSERT_EQ(GOOD, rw(self->c, true));
	clear_unit_attentions(self->a, LUN0);
	ASSERT_EQ(GOOD, spc2(self->a, 0x16));
	logout(self->a);
	clear_unit_attentions(self->b, LUN0);
	ASSERT_EQ(GOOD, rw(self->b, true));
	ASSERT_EQ(GOOD, spc2(self->b, 0x16));
	conn_reset(self->b);
	{
		u64 end = now_ms() + DEADLINE_MS;

		while (rw(self->c, true) == CONFLICT)
			ASSERT_TRUE(now_ms() < end);
	}
	self->a = login(LOGIN(.isid = 0x9000));
}

/* Another fabric exports the disk, or no longer: then the core reserves it. */
#define BESIDE	"../loopback", "naa.6001405000007143", "tpgt_1", "lun/lun_0"

static int export_beside(bool on)
{
	static const char *const dirs[] = { BESIDE };
	char path[PATH_MAX], link[PATH_MAX + 8], disk[PATH_MAX];
	char made[ARRAY_SIZE(dirs)][PATH_MAX];
	u32 i, len = snprintf(path, sizeof(path), "%s", env.configfs);

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		len += snprintf(path + len, sizeof(path) - len, "/%s", dirs[i]);
		if (on && mkdir(path, 0755) && errno != EEXIST)
			return errno;
		snprintf(made[i], sizeof(made[i]), "%s", path);
	}
	snprintf(link, sizeof(link), "%s/disk0", path);
	snprintf(disk, sizeof(disk), "%s/../core/rd_mcp_7143/disk0",
		 env.configfs);
	if (on ? symlink(disk, link) : unlink(link))
		die("%s: %s", link, strerror(errno));
	/* The directory of the fabric itself may be somebody else's. */
	for (i = ARRAY_SIZE(dirs); !on && i-- > 1;)
		if (rmdir(made[i]))
			die("%s: %s", made[i], strerror(errno));
	return 0;
}

TEST_F(pr, I36_that_the_core_has_ends_with_the_session)
{
	u32 i, with_owner, after[2];
	int err = export_beside(true);

	if (err == ENOENT || err == EINVAL)
		SKIP(return, "no tcm_loop: %s", strerror(err));
	ASSERT_EQ(0, err);
	for (i = 0; i < 20; i++) {
		after[0] = spc2(self->a, 0x16);
		with_owner = spc2(self->c, 0x16);
		/* Whoever is told that it is over finds it over. */
		logout(self->a);
		after[1] = spc2(self->c, 0x16);
		spc2(self->c, 0x17);
		self->a = login(LOGIN(.isid = 0x9000));
		if (after[0] != GOOD || with_owner != CONFLICT ||
		    after[1] != GOOD)
			break;
	}
	export_beside(false);
	ASSERT_EQ(GOOD, after[0]);
	ASSERT_EQ(CONFLICT, with_owner);
	ASSERT_EQ(GOOD, after[1]);
}

TEST_F(pr, I36_compatible_with_persistent_reservations)
{
	u32 i;

	reg(self->a, KA);
	ASSERT_EQ(CONFLICT, spc2(self->a, 0x16));
	ASSERT_EQ(CONFLICT, spc2(self->c, 0x16));
	ASSERT_EQ(CONFLICT, spc2(self->c, 0x17));
	reg(self->b, KB);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		u32 other = regs_only(types[i]) || all_regs(types[i]) ?
			    GOOD : CONFLICT;

		reserve(self->a, types[i], KA);
		ASSERT_EQ(GOOD, spc2(self->a, 0x16));
		ASSERT_EQ(other, spc2(self->b, 0x16));
		ASSERT_EQ(CONFLICT, spc2(self->c, 0x16));
		ASSERT_EQ(GOOD, spc2(self->a, 0x17));
		ASSERT_EQ(other, spc2(self->b, 0x17));
		/* It had no effect. */
		ASSERT_EQ(types[i], pr_reservation(self->c, LUN0, NULL));
		ASSERT_EQ(GOOD, pr_out(self->a, LUN0, RELEASE, types[i], KA,
				       0, 0));
		clear_unit_attentions(self->b, LUN0);
	}
}

TEST_F(pr, I37_checked_once_and_before_attentions)
{
	u8 new[BLOCK], back[BLOCK];
	struct scsi io;
	u32 ttt;

	fill_pattern(new, BLOCK, 37);
	/* A write that has begun is not undone. */
	ttt = held_write(self->c, &io, 310, new);
	reg(self->a, KA);
	reserve(self->a, EA, KA);
	scsi_data_out(self->c, &io, ttt, 0, BLOCK);
	scsi_wait(self->c, &io);
	ASSERT_EQ(GOOD, outcome(&io));
	scsi_read(self->a, LUN0, 310, back, BLOCK);
	ASSERT_EQ(0, memcmp(back, new, BLOCK));
	/* A conflict does not use up a unit attention. */
	ASSERT_EQ(TMF_DONE, tmf(self->a, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	ASSERT_EQ(CONFLICT, rw(self->c, false));
	ASSERT_EQ(CONFLICT, rw(self->c, true));
	ASSERT_EQ(ATTENTION(0x29, 3), attention(self->c, LUN0));
	clear_unit_attentions(self->a, LUN0);
}

/* ---- commands that the backend has ---- */

#define LUN8	lun_peripheral(8)
#define DELAY	1500	/* milliseconds that the backend takes to write */

static int slow_unit(const char *what)
{
	char cmd[2048];

	snprintf(cmd, sizeof(cmd),
		 "core=/sys/kernel/config/target/core\n"
		 "dev=$core/iblock_7145/slow lun=%s/%s/tpgt_2/lun/lun_8\n"
		 "make() { set -e; modprobe brd rd_nr=1 rd_size=16384 || exit 4\n"
		 "  modprobe dm-delay || exit 4\n"
		 "  echo '0 32768 delay /dev/ram0 0 0 /dev/ram0 0 %u' |\n"
		 "    dmsetup create tslow || exit 4\n"
		 "  mkdir -p $dev; echo udev_path=/dev/mapper/tslow >$dev/control\n"
		 "  echo 7145-slow >$dev/wwn/vpd_unit_serial; echo 1 >$dev/enable\n"
		 "  mkdir $lun; ln -s $dev $lun/port; }\n"
		 "unmake() { rm -f $lun/port; rmdir $lun $dev ${dev%%/*}\n"
		 "  dmsetup remove tslow; rmmod brd; }\n"
		 "tas() { set -e; rm $lun/port\n"
		 "  echo $1 >$dev/attrib/emulate_tas; ln -s $dev $lun/port; }\n"
		 "%s\n", env.configfs, env.target, DELAY, what);
	return system(cmd) >> 8;
}

FIXTURE(slow) {
	struct conn *a, *b, *c;
	bool made;
};

static struct conn *login8(u16 isid, u64 key)
{
	struct conn *c = login(LOGIN(.portal = env.portal2, .isid = isid,
				     .no_ua_check = true));

	clear_unit_attentions(c, LUN8);
	if (pr_out(c, LUN8, REGISTER, 0, 0, key, 0))
		die("cannot register");
	return c;
}

FIXTURE_SETUP(slow)
{
	int rc = slow_unit("make");

	if (rc == 4)
		SKIP(return, "no dm-delay");
	ASSERT_EQ(0, rc);
	self->made = true;
}

FIXTURE_TEARDOWN(slow)
{
	if (self->made)
		slow_unit("unmake");
}

/* K4a: nothing of B lands once the command has ended; C goes on. */
TEST_F(slow, I32_preempt_and_abort_waits_for_the_backend)
{
	u8 new[BLOCK], other[BLOCK], back[BLOCK];
	struct scsi io[2], again;
	int tas;

	if (!self->made)
		return;
	fill_pattern(new, BLOCK, 1);
	fill_pattern(other, BLOCK, 2);
	for (tas = 1; tas >= 0; tas--) {
		u64 start;

		/* Changed only while nothing is linked to the device. */
		ASSERT_EQ(0, slow_unit(tas ? "tas 1" : "tas 0"));
		self->a = login8(0x9800, KA);
		self->b = login8(0x9801, KB);
		self->c = login8(0x9802, KC);
		ASSERT_EQ(GOOD, pr_out(self->a, LUN8, RESERVE, WE_RO, KA, 0,
				       0));
		start = now_ms();
		scsi_rw(&io[0], true, LUN8, 8, BLOCK, new);
		scsi_send(self->b, &io[0]);
		scsi_rw(&io[1], true, LUN8, 9, BLOCK, new);
		scsi_send(self->c, &io[1]);
		/* After these the backend has them. */
		ping(self->b);
		ping(self->c);
		ASSERT_EQ(GOOD, pr_out(self->a, LUN8, PREEMPT_AND_ABORT,
				       WE_RO, KA, KB, 0));
		ASSERT_TRUE(now_ms() - start >= DELAY - 100);
		scsi_wait(self->c, &io[1]);
		ASSERT_EQ(GOOD, outcome(&io[1]));
		if (tas) {
			scsi_wait(self->b, &io[0]);
			ASSERT_EQ(0x40, io[0].status);
		}
		scsi_write(self->a, LUN8, 8, other, BLOCK);
		scsi_rw(&again, true, LUN8, 8, BLOCK, new);
		scsi_run(self->b, &again);
		ASSERT_EQ(CONFLICT, outcome(&again));
		if (!tas)
			ASSERT_EQ(ATTENTION(0x2f, 0),
				  attention(self->b, LUN8));
		ASSERT_EQ(UNREGISTERED, attention(self->b, LUN8));
		ASSERT_EQ(GOOD, attention(self->b, LUN8));
		scsi_read(self->a, LUN8, 8, back, BLOCK);
		ASSERT_EQ(0, memcmp(back, other, BLOCK));
	}
}

/* ---- what survives a power loss ---- */

#define LUN7	lun_peripheral(7)

/* A device of its own, which loses all its LUNs as by a power loss. */
static void unit(const char *what)
{
	char cmd[4096];

	snprintf(cmd, sizeof(cmd),
		 "set -e; core=/sys/kernel/config/target/core\n"
		 "dev=$core/rd_mcp_7144/aptpl lun=%s/%s/tpgt_2/lun/lun_7\n"
		 "pr=$(cat /sys/kernel/config/target/dbroot)/pr\n"
		 "f=$pr/tiscsi_7144-aptpl\n"
		 "make() { rm -rf $f.0 $f.1; mkdir -p $dev\n"
		 "  echo rd_pages=64 >$dev/control\n"
		 "  echo 7144-aptpl >$dev/wwn/vpd_unit_serial\n"
		 "  echo 1 >$dev/enable; mkdir $lun; ln -s $dev $lun/port; }\n"
		 "drop() { rm $lun/port; }\n"
		 "link() { ln -s $dev $lun/port; }\n"
		 "unmake() { [ ! -p $f.0 ] || release\n"
		 "  [ ! -d ${lun}7 ] || unlink7; rm -f $lun/port\n"
		 "  rmdir $lun $dev ${dev%%/*}\n"
		 "  rm -rf $f.0 $f.1; }\n"
		 "release() { : <>$f.0; timeout 10 sh -c \\\n"
		 "  \"until [ -L $lun/port ]; do sleep 0.1; done\"; }\n"
		 "link7() { mkdir ${lun}7; ln -s $dev ${lun}7/port; }\n"
		 "unlink7() { rm ${lun}7/port; rmdir ${lun}7; }\n"
		 "stall() { rm $f.0; mkfifo $f.0; }\n"
		 "feed() { cat $f.save >$f.0; rm $f.0; load 0; }\n"
		 "break0() { rm -f $f.0; mkdir $f.0; }\n"
		 "break1() { rm -f $f.1; mkdir $f.1; }\n"
		 "mend() { rmdir $f.0 $f.1 2>/dev/null || :; }\n"
		 "cut() { dd if=$f.$1 of=$f.x bs=$2 count=1 2>/dev/null\n"
		 "  mv $f.x $f.$1; }\n"
		 "flip() { printf X | dd of=$f.$1 bs=1 seek=$2 conv=notrunc 2>/dev/null; }\n"
		 "save() { cp $f.$1 $f.save; }\n"
		 "load() { cp $f.save $f.$1; rm $f.save; }\n"
		 "%s\n", env.configfs, env.target, what);
	if (system(cmd))
		die("%s failed", what);
}

static struct conn *login7(u16 isid)
{
	struct conn *c = login(LOGIN(.portal = env.portal2, .isid = isid,
				     .no_ua_check = true));

	clear_unit_attentions(c, LUN7);
	return c;
}

static u32 reg7(struct conn *c, u64 key, u8 flags)
{
	return pr_out(c, LUN7, REGISTER_AND_IGNORE, 0, 0, key, flags);
}

FIXTURE(aptpl) {
};

FIXTURE_SETUP(aptpl)
{
	unit("make");
}

FIXTURE_TEARDOWN(aptpl)
{
	unit("unmake");
}

TEST_F(aptpl, I17_I34_kept_if_asked_for)
{
	struct conn *a = login7(0x9700), *b = login7(0x9701);
	struct pr_status st[4];
	u8 cap[8], buf[BLOCK];
	struct scsi io;
	u64 key;

	ASSERT_EQ(GOOD, reg7(a, KA, PR_APTPL));
	ASSERT_EQ(GOOD, reg7(b, KB, PR_APTPL));
	ASSERT_EQ(GOOD, pr_out(a, LUN7, RESERVE, WE_RO, KA, 0, 0));
	ASSERT_EQ(GOOD, pr_in(a, LUN7, REPORT_CAPABILITIES, 8, cap, NULL));
	ASSERT_EQ(1, cap[3] & 1);
	unit("drop; link");
	a = login7(0x9700);
	b = login7(0x9702);
	ASSERT_EQ(0, pr_generation(a, LUN7));
	ASSERT_EQ(2, pr_full_status(a, LUN7, st, 4));
	ASSERT_TRUE(st[0].key == KA && st[0].holder);
	ASSERT_TRUE(st[1].key == KB && !st[1].holder);
	ASSERT_EQ(WE_RO, pr_reservation(a, LUN7, &key));
	ASSERT_EQ(KA, key);
	scsi_rw(&io, true, LUN7, 0, BLOCK, buf);
	scsi_run(b, &io);
	ASSERT_EQ(CONFLICT, outcome(&io));
	scsi_rw(&io, true, LUN7, 0, BLOCK, buf);
	scsi_run(a, &io);
	ASSERT_EQ(GOOD, outcome(&io));
	ASSERT_EQ(GOOD, pr_in(a, LUN7, REPORT_CAPABILITIES, 8, cap, NULL));
	ASSERT_EQ(1, cap[3] & 1);
	/* The last one that registers decides for all. */
	ASSERT_EQ(GOOD, reg7(b, KC, 0));
	ASSERT_EQ(GOOD, pr_in(a, LUN7, REPORT_CAPABILITIES, 8, cap, NULL));
	ASSERT_EQ(0, cap[3] & 1);
	ASSERT_EQ(3, pr_keys(a, LUN7, NULL, 0));
	unit("drop; link");
	a = login7(0x9700);
	ASSERT_EQ(0, pr_keys(a, LUN7, NULL, 0));
	ASSERT_EQ(0, pr_reservation(a, LUN7, NULL));
}

/* A write that was cut short or spoilt anywhere: the state before counts. */
TEST_F(aptpl, I17_the_last_whole_state_counts)
{
	struct conn *a = login7(0x9700);
	char what[256];
	u32 at;

	ASSERT_EQ(GOOD, reg7(a, KA, PR_APTPL));		/* to file 1 */
	ASSERT_EQ(GOOD, pr_out(a, LUN7, RESERVE, WE, KA, 0, 0));	/* 0 */
	unit("save 0");
	for (at = 1; at < 800; at += at < 60 ? 7 : 97) {
		snprintf(what, sizeof(what),
			 "drop; cp $f.save $f.0; %s 0 %u; link",
			 at % 2 ? "cut" : "flip", at);
		unit(what);
		a = login7(0x9700);
		ASSERT_EQ(1, pr_keys(a, LUN7, NULL, 0)) {
			TH_LOG("%s", what);
		}
		ASSERT_EQ(0, pr_reservation(a, LUN7, NULL)) {
			TH_LOG("%s", what);
		}
	}
	unit("drop; load 0; link");
	a = login7(0x9700);
	ASSERT_EQ(WE, pr_reservation(a, LUN7, NULL));
}

TEST_F(aptpl, I17_a_failed_write_fails_who_asked_for_it)
{
	struct conn *a = login7(0x9700), *b = login7(0x9701);

	unit("break0; break1");
	ASSERT_EQ(SENSE(4, 0x44, 0), reg7(a, KA, PR_APTPL));
	ASSERT_EQ(0, pr_keys(a, LUN7, NULL, 0));
	/* Others do without. */
	ASSERT_EQ(GOOD, reg7(b, KB, 0));
	ASSERT_EQ(GOOD, pr_out(b, LUN7, RESERVE, WE, KB, 0, 0));
	ASSERT_EQ(GOOD, pr_out(b, LUN7, CLEAR, 0, KB, 0, 0));
	unit("mend");
	ASSERT_EQ(GOOD, reg7(a, KA, PR_APTPL));
	unit("break0");
	ASSERT_EQ(SENSE(4, 0x44, 0), pr_out(a, LUN7, RESERVE, WE, KA, 0, 0));
	ASSERT_EQ(0, pr_reservation(a, LUN7, NULL));
	unit("mend");
	ASSERT_EQ(GOOD, pr_out(a, LUN7, RESERVE, WE, KA, 0, 0));
}

#define BECOMING_READY	SENSE(2, 4, 1)
#define INTERVENTION	SENSE(2, 4, 3)
#define NO_LUN		SENSE(5, 0x25, 0)

/* Row I18: what is served before the state is there, and what is not. */
static const struct {
	u8 cdb[16];
	u32 edtl;
	bool served;
} early[] = {
	{ { 0x12, [4] = 36 }, 36, true },		/* INQUIRY */
	{ { 0x12, 1, 0x83, 1, 0 }, 256, true },
	{ { 0xa0, [9] = 64 }, 64, true },		/* REPORT LUNS */
	{ { 0xa3, 0x0a, [9] = 64 }, 64, true },		/* RTPG */
	{ { 0x1b, 1, [4] = 1 }, 0, true },		/* START STOP UNIT */
	{ { 0x1b, 1, [4] = 0 }, 0, false },
	{ { 0x00 }, 0, false },				/* TEST UNIT READY */
	{ { 0x28, [8] = 1 }, BLOCK, false },		/* READ(10) */
	{ { 0x25 }, 8, false },				/* READ CAPACITY(10) */
	{ { 0x1a, 0, 0x3f, 0, 192 }, 192, false },	/* MODE SENSE(6) */
	{ { 0x16 }, 0, false },				/* RESERVE(6) */
	{ { 0x35 }, 0, false },				/* SYNCHRONIZE CACHE */
	{ { 0x5e, 0, [8] = 8 }, 8, false },		/* PR IN */
	{ { 0xa3, 0x0c, [9] = 64 }, 64, false },	/* RSOC */
};

static void check_early(struct conn *c, u32 refused)
{
	u8 buf[BLOCK], sense[6] = { 0x03, [4] = 18 };
	size_t i;
	u32 got;

	for (i = 0; i < ARRAY_SIZE(early); i++) {
		got = run_cdb(c, LUN7, early[i].cdb, 16, early[i].edtl, buf);
		if (got != (early[i].served ? GOOD : refused))
			die("%02x %02x: %06x", early[i].cdb[0],
			    early[i].cdb[1], got);
	}
	/* REQUEST SENSE tells why. */
	if (run_cdb(c, LUN7, sense, 6, 18, buf) ||
	    (u32)SENSE(buf[2] & 0xf, buf[12], buf[13]) != refused)
		die("sense %x/%02x/%02x", buf[2] & 0xf, buf[12], buf[13]);
	if (reg7(c, KC, 0) != refused)
		die("REGISTER was served");
}

static u32 write7(struct conn *c)
{
	u8 buf[BLOCK] = {};
	struct scsi io;

	scsi_rw(&io, true, LUN7, 0, BLOCK, buf);
	scsi_run(c, &io);
	return outcome(&io);
}

/* Writes until the answer is another one than @while_it_is. */
static u32 write7_after(struct conn *c, u32 while_it_is)
{
	u64 end = now_ms() + DEADLINE_MS;
	u32 got;

	do {
		got = write7(c);
	} while (got == while_it_is && now_ms() < end);
	return got;
}

static struct conn *login7_raw(u16 isid)
{
	return login(LOGIN(.portal = env.portal2, .isid = isid,
			   .no_ua_check = true));
}

/* The file that counts, 0, is a pipe that nobody writes to yet. */
TEST_F(aptpl, I18_nothing_is_served_before_the_state_is_read)
{
	struct conn *a = login7(0x9700), *b;

	ASSERT_EQ(GOOD, reg7(a, KA, PR_APTPL));
	ASSERT_EQ(GOOD, pr_out(a, LUN7, RESERVE, WE, KA, 0, 0));
	unit("save 0; drop; stall; link &");
	b = login7_raw(0x9718);
	ASSERT_EQ(BECOMING_READY, write7_after(b, NO_LUN));
	check_early(b, BECOMING_READY);
	unit("feed");
	/* The first write that is not refused for that reason conflicts. */
	ASSERT_EQ(CONFLICT, write7_after(b, BECOMING_READY));
	ASSERT_EQ(ATTENTION(0x29, 0), attention(b, LUN7));
	a = login7(0x9700);
	ASSERT_EQ(GOOD, write7(a));
}

TEST_F(aptpl, I18_a_state_that_cannot_be_read_is_not_taken_for_none)
{
	struct conn *a = login7(0x9700), *b;

	ASSERT_EQ(GOOD, reg7(a, KA, PR_APTPL));
	ASSERT_EQ(GOOD, pr_out(a, LUN7, RESERVE, WE, KA, 0, 0));
	/* The older file is whole. */
	unit("save 0; drop; break0; link");
	b = login7_raw(0x9701);
	ASSERT_EQ(INTERVENTION, write7(b));
	check_early(b, INTERVENTION);
	/* Another LUN tries again, and is not needed after that. */
	unit("rmdir $f.0; load 0; link7");
	ASSERT_EQ(CONFLICT, write7(b));
	unit("unlink7");
	ASSERT_EQ(CONFLICT, write7(b));
	a = login7(0x9700);
	ASSERT_EQ(GOOD, write7(a));
	ASSERT_EQ(WE, pr_reservation(a, LUN7, NULL));
}

/* Whatever the order in which they were made. */
TEST(reservations_are_listed_by_the_numbers_of_luns)
{
	char path[512], text[4096], *line, *next = text;
	int number, last = -1, nr = 0;

	snprintf(path, sizeof(path), "%s/tpgt_1/reservations", env.target);
	ASSERT_EQ(0, configfs_read(path, text, sizeof(text)));
	while ((line = strsep(&next, "\n"))) {
		if (sscanf(line, "lun_%d ", &number) != 1)
			continue;
		ASSERT_LT(last, number);
		last = number;
		nr++;
	}
	ASSERT_LE(2, nr);
}

TEST_F(aptpl, I28_an_administrator_may_clear)
{
	struct conn *a = login7(0x9700);
	char path[512], line[4096];

	ASSERT_EQ(GOOD, reg7(a, KA, PR_APTPL));
	ASSERT_EQ(GOOD, pr_out(a, LUN7, RESERVE, WE, KA, 0, 0));
	snprintf(path, sizeof(path), "%s/tpgt_2/reservations", env.target);
	ASSERT_EQ(0, configfs_read(path, line, sizeof(line)));
	ASSERT_NE(NULL, strstr(line, "lun_7 type=1 \"Write Exclusive\""));
	ASSERT_NE(NULL, strstr(line, "aptpl=1 registrations=1\n"));
	ASSERT_NE(NULL, strstr(line, "key=0x000000000000aaaa holder=1"));
	configfs_write(path, "clear lun_7\n");
	ASSERT_EQ(PREEMPTED, attention(a, LUN7));
	ASSERT_EQ(0, pr_keys(a, LUN7, NULL, 0));
	unit("drop; link");
	a = login7(0x9700);
	ASSERT_EQ(0, pr_keys(a, LUN7, NULL, 0));
}

RAW_TEST_MAIN
