// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section A: framing, opcodes, AHS, digests, format errors.
 */
#include "harness.h"

#define LUN0	lun_peripheral(0)

#define WITH_DIGESTS(h, d) \
	"HeaderDigest=" h " DataDigest=" d " MaxRecvDataSegmentLength=65536 " \
	"InitialR2T=No ImmediateData=Yes"

TEST(A01_ping_padding)
{
	struct conn *c = login_default();
	u32 len;

	for (len = 1; len <= 8; len++)
		ping_data(c, "padding!", len);
	ping(c);
	logout(c);
}

TEST(A02_reserved_bits_ignored)
{
	struct conn *c = login_default();
	struct pdu p;

	pdu_nop(c, &p, "ping", 4);
	pdu_immediate(c, &p);
	p.bhs[0] |= 0x80;
	p.bhs[1] |= 0x7f;
	memset(p.bhs + 2, 0xff, 2);
	memset(p.bhs + 32, 0xff, 16);
	conn_send(c, &p);
	ASSERT_EQ(4, recv_op(c, OP_NOP_IN)->data_len);
	ASSERT_EQ(pdu32(&p, BHS_ITT), pdu32(&c->rx, BHS_ITT));
	ping(c);
}

TEST(A02_reserved_logout_reason)
{
	struct conn *c = login_default();
	struct pdu p;

	pdu_logout(c, &p, 3, 0);
	conn_send(c, &p);
	recv_reject(c, REJ(PROTOCOL) | REJ(INVALID_FIELD) | REJ(UNSUPPORTED));
	ping(c);
}

TEST(A02_reserved_snack_type)
{
	struct conn *c = login_default();
	struct pdu p;

	pdu_init(c, &p, OP_SNACK);
	p.bhs[BHS_FLAGS] = F_FINAL | 4;
	pdu_set32(&p, BHS_ITT, NO_TAG);
	pdu_set32(&p, BHS_TTT, NO_TAG);
	conn_send(c, &p);
	recv_reject(c, REJ(SNACK) | REJ(PROTOCOL) | REJ(INVALID_FIELD));
	ping(c);
}

/* Bytes come as TCP likes; where it cuts them means nothing. */
static void send_in_pieces(const char *digests, u32 alone)
{
	static u8 out[48 * 1024], in[sizeof(out)], echo[1021];
	struct conn *c = login_keys(digests);
	struct scsi write, read;
	bool ended = false;
	u32 i, echoed = 0;
	struct pdu p;

	fill_pattern(out, sizeof(out), alone + c->hdigest * 2 + c->ddigest);
	fill_pattern(echo, sizeof(echo), 5);
	clear_unit_attentions(c, 0);
	conn_cork(c);
	scsi_rw(&write, true, 0, 0, sizeof(out), out);
	write.immediate = true;
	scsi_send(c, &write);
	for (i = 0; i < 12; i++) {
		pdu_nop(c, &p, echo, i * 92);
		conn_send(c, &p);
	}
	conn_uncork_in_pieces(c, alone);
	for (i = 0; i < 13; i++) {
		const struct pdu *got = recv_any(c);

		if (pdu_op(got) != OP_NOP_IN)
			ended |= scsi_input(c, &write, got);
		else if (memcmp(got->data, echo, got->data_len))
			die("ping of %u bytes comes back changed",
			    got->data_len);
		else
			echoed += got->data_len;
	}
	if (!ended || write.status || echoed != 11 * 12 / 2 * 92)
		die("status %u, %u bytes echoed", write.status, echoed);
	scsi_rw(&read, false, 0, 0, sizeof(in), in);
	scsi_run(c, &read);
	if (memcmp(in, out, sizeof(in)))
		die("what was written in pieces is not what is read");
	conn_close(c);
}

TEST(A01_pdus_in_any_pieces)
{
	u32 alone;

	for (alone = 0; alone <= 40; alone += 40) {
		send_in_pieces(WITH_DIGESTS("None", "None"), alone);
		send_in_pieces(WITH_DIGESTS("CRC32C", "None"), alone);
		send_in_pieces(WITH_DIGESTS("None", "CRC32C"), alone);
		send_in_pieces(WITH_DIGESTS("CRC32C", "CRC32C"), alone);
	}
}

TEST(A03_pad_bytes_may_be_anything)
{
	struct conn *c = login_keys(WITH_DIGESTS("None", "CRC32C"));
	struct pdu p;
	u32 len;

	ASSERT_TRUE(c->ddigest);
	for (len = 1; len <= 3; len++) {
		pdu_nop(c, &p, "abc", len);
		p.pad = 0xaa;
		conn_send(c, &p);
		ASSERT_EQ(len, recv_op(c, OP_NOP_IN)->data_len);
	}
	ping(c);
}

TEST(A04_no_digest_of_no_data)
{
	struct conn *c = login_keys(WITH_DIGESTS("None", "CRC32C"));
	struct pdu p;
	int i;

	ASSERT_TRUE(c->ddigest);
	conn_cork(c);
	for (i = 0; i < 3; i++) {
		pdu_nop(c, &p, NULL, 0);
		conn_send(c, &p);
	}
	conn_uncork(c);
	for (i = 0; i < 3; i++) {
		recv_op(c, OP_NOP_IN);
		ASSERT_EQ(0, c->rx.data_len);
	}
	ping_data(c, "after", 5);
}

/* An AHS where the layout has none: format error, or at least refused. */
TEST(A05_ahs_only_on_scsi_commands)
{
	static const u8 ops[] = { OP_TEXT, OP_NOP_OUT, OP_TMF, OP_LOGOUT };
	struct text t = {};
	struct pdu p;
	u32 i;

	text_add(&t, "X-org.example.a=1");
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		struct conn *c = login_default();

		pdu_init(c, &p, ops[i]);
		pdu_immediate(c, &p);
		if (ops[i] == OP_TMF)
			p.bhs[BHS_FLAGS] |= TMF_LUN_RESET;
		if (ops[i] == OP_TEXT || ops[i] == OP_NOP_OUT)
			pdu_set32(&p, BHS_TTT, NO_TAG);
		if (ops[i] == OP_TEXT)
			pdu_data(&p, t.buf, t.len);
		pdu_add_ahs(&p, 0, 1, "", 1);
		conn_send(c, &p);
		if (!expect_drop_or_reject(c, REJ(INVALID_FIELD)))
			ping(c);
		conn_close(c);
	}
}

/* Every kind of PDU that a target sends here, for the checks in check.c. */
TEST(A06_target_pdus_are_well_formed)
{
	static const u8 kinds[] = {
		OP_NOP_IN, OP_SCSI_RSP, OP_TMF_RSP, OP_LOGIN_RSP, OP_TEXT_RSP,
		OP_DATA_IN, OP_LOGOUT_RSP, OP_R2T, OP_REJECT,
	};
	struct conn *c = login_default();
	struct text t = {};
	struct scsi io;
	struct pdu p;
	u8 buf[8192];
	u32 i;

	fill_pattern(buf, sizeof(buf), 6);
	scsi_rw(&io, true, LUN0, 0, sizeof(buf), buf);
	io.held = true;
	scsi_run(c, &io);
	ASSERT_EQ(0, io.status);
	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	scsi_cdb6(&io, LUN0, 0xff, 0, NULL);
	scsi_run(c, &io);
	ASSERT_EQ(2, io.status);
	tmf(c, TMF_ABORT_TASK, LUN0, 0xdead0000, 0);
	text_add(&t, "X-org.example.a=1");
	pdu_text(c, &p, F_FINAL, &t);
	conn_send(c, &p);
	recv_op(c, OP_TEXT_RSP);
	pdu_init(c, &p, 0x1c);
	pdu_immediate(c, &p);
	conn_send(c, &p);
	recv_reject(c, REJ_ANY);
	ping_data(c, "x", 1);
	logout(c);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		ASSERT_TRUE(c->seen & 1ULL << kinds[i]) {
			TH_LOG("opcode %02x not seen", kinds[i]);
		}
	}
}

TEST(A07_unknown_opcode_rejected)
{
	static const u8 ops[] = { 0x07, 0x0f, 0x1c, 0x1f, 0x21, 0x31 };
	struct conn *c = login_default();
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		pdu_init(c, &p, ops[i]);
		pdu_immediate(c, &p);
		conn_send(c, &p);
		recv_reject(c, REJ(UNSUPPORTED) |
			    (ops[i] & 0x20 ? REJ(PROTOCOL) : 0));
		ping(c);
	}
}

TEST(A08_login_in_full_feature_phase)
{
	struct conn *c = login_default();
	struct text t = {};
	struct pdu p;

	login_names(LOGIN(), &t);
	text_add(&t, "MaxBurstLength=512");
	pdu_login(c, &p, STAGE(OPERATIONAL, FULL_FEATURE), &t);
	conn_send(c, &p);
	if (!expect_drop_or_reject(c, REJ(PROTOCOL))) {
		u8 buf[8192];

		/* One sequence: MaxBurstLength is what it was. */
		scsi_read(c, LUN0, 0, buf, sizeof(buf));
		ping(c);
	}
}

static void ext_cdb(struct scsi *io, struct pdu *p, struct conn *c,
		    const u8 *cdb, u32 len)
{
	u8 specific[256] = {};

	memcpy(io->cdb, cdb, 16);
	scsi_pdu(c, io, p);
	memcpy(specific + 1, cdb + 16, len - 16);
	pdu_add_ahs(p, 1, len - 15, specific, len - 15);
}

/*
 * WRITE SAME(32), if the target core has it; cut off at 16 bytes it would
 * write elsewhere.
 */
TEST(A09_extended_cdb)
{
	struct conn *c = login_default();
	struct scsi io = { .lun = LUN0, .flags = F_WRITE, .edtl = BLOCK };
	u8 cdb[32] = { 0x7f, [7] = 24, [9] = 0x0d }, want[BLOCK], got[BLOCK];
	struct pdu p;

	fill_pattern(want, BLOCK, 9);
	memset(got, 0, BLOCK);
	scsi_write(c, LUN0, 77, got, BLOCK);
	put_be32(cdb + 16, 77);
	put_be32(cdb + 28, 1);
	io.out = want;
	ext_cdb(&io, &p, c, cdb, sizeof(cdb));
	conn_send(c, &p);
	scsi_wait(c, &io);
	if (io.status) {
		ASSERT_EQ(0x05, io.key);
		ASSERT_TRUE(io.asc == 0x20 || io.asc == 0x24);
	}
	scsi_read(c, LUN0, 77, got, BLOCK);
	ASSERT_EQ(!io.status, !memcmp(got, want, BLOCK));
	ping(c);
}

TEST(A09_extended_cdb_too_long_for_opcode)
{
	struct conn *c = login_default();
	struct scsi io = { .lun = LUN0 };
	u8 cdb[20] = { 0xa8 };
	struct pdu p;

	ext_cdb(&io, &p, c, cdb, sizeof(cdb));
	conn_send(c, &p);
	if (!expect_drop_or_reject(c, REJ(INVALID_FIELD)))
		ping(c);
}

TEST(A10_bidirectional_without_read_length)
{
	struct conn *c = login_default();
	struct scsi io = { .lun = LUN0, .flags = F_READ | F_WRITE,
			   .edtl = BLOCK, .cdb = { 0x53 } };
	struct pdu p;

	scsi_pdu(c, &io, &p);
	conn_send(c, &p);
	if (!expect_drop_or_reject(c, REJ(INVALID_FIELD)))
		ping(c);
}

TEST(A10_bidirectional_with_other_command)
{
	struct conn *c = login_default();
	struct scsi io = { .lun = LUN0, .flags = F_READ | F_WRITE,
			   .edtl = BLOCK, .cdb = { 0x28, [8] = 1 } };
	u8 buf[BLOCK] = {};
	struct pdu p;

	io.out = buf;
	io.in = buf;
	scsi_pdu(c, &io, &p);
	pdu_add_ahs(&p, 2, 5, "\0\0\0\2\0", 5);
	conn_send(c, &p);
	if (pdu_op(recv_any(c)) != OP_REJECT) {
		while (!scsi_input(c, &io, &c->rx))
			recv_any(c);
		ASSERT_NE(0, io.status | io.response);
	}
	ping(c);
}

/* Lengths and types that do not fit TotalAHSLength. */
TEST(A11_malformed_ahs)
{
	static const struct {
		const char *what;
		u8 words;
		u8 ahs[32];
	} cases[] = {
		{ "type 1, length 0", 1, { 0, 0, 1 } },
		{ "type 1, length 65535", 1, { 0xff, 0xff, 1 } },
		{ "type 1, one word too long", 1, { 0, 2, 1 } },
		{ "type 1, length wraps when rounded", 2, { 0xff, 0xfe, 1 } },
		{ "type 5", 1, { 0, 1, 5 } },
		{ "type 0", 1, { 0, 1, 0 } },
		{ "type 63", 2, { 0, 5, 63 } },
		{ "two of type 1", 4,
		  { 0, 5, 1, 0, 0, 0, 0, 0, 0, 5, 1 } },
		{ "two of type 2", 4,
		  { 0, 5, 2, 0, 0, 0, 2, 0, 0, 5, 2, 0, 0, 0, 2, 0 } },
		{ "type 2, length 4", 2, { 0, 4, 2 } },
		{ "leftover word", 3, { 0, 5, 2, 0, 0, 0, 2, 0 } },
	};
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conn *c = login_default();
		struct scsi io = { .lun = LUN0, .flags = F_READ,
				   .edtl = BLOCK, .cdb = { 0x7f, [7] = 8 } };

		TH_LOG("%s", cases[i].what);
		scsi_pdu(c, &io, &p);
		p.ahs_len = cases[i].words * 4;
		memcpy(p.ahs, cases[i].ahs, p.ahs_len);
		conn_send(c, &p);
		if (!expect_drop_or_reject(c, REJ(INVALID_FIELD)))
			ping(c);
		conn_close(c);
	}
	ping(login_default());
}

TEST(A12_cdb_longer_than_supplied)
{
	struct conn *c = login_default();
	struct scsi io = { .lun = LUN0, .cdb = { 0x7f, [7] = 0xf8, [9] = 0x0d } };

	scsi_send(c, &io);
	if (pdu_op(recv_any(c)) != OP_REJECT) {
		ASSERT_TRUE(scsi_input(c, &io, &c->rx));
		ASSERT_EQ(2, io.status);
		ASSERT_EQ(0x05, io.key);
		ASSERT_EQ(0x24, io.asc);
	}
	ping(c);
}

/*
 * The login itself shows that its PDUs have no digests, the last one too: the
 * first ping would be out of step otherwise.
 */
TEST(A13_digests_start_with_full_feature_phase)
{
	struct conn *c = login_keys(WITH_DIGESTS("CRC32C", "CRC32C"));
	struct pdu p;
	int i;

	ASSERT_TRUE(c->hdigest);
	ASSERT_TRUE(c->ddigest);
	ping_data(c, "with digests", 12);
	conn_close(c);

	c = login(LOGIN(.keys = WITH_DIGESTS("CRC32C", "None"), .no_ua_check = true));
	conn_cork(c);
	for (i = 0; i < 2; i++) {
		pdu_nop(c, &p, NULL, 0);
		p.flaw = FLAW_NO_DIGESTS;
		conn_send(c, &p);
	}
	conn_uncork(c);
	expect_closed(c);
}

/* RFC 7143 appendix A.4; the bytes are those on the wire. */
TEST(A14_crc32c_vectors)
{
	static const u8 wire[3][4] = {
		{ 0xaa, 0x36, 0x91, 0x8a }, { 0x43, 0xab, 0xa8, 0x62 },
		{ 0x4e, 0x79, 0xdd, 0x46 },
	};
	struct conn *c = login_keys(WITH_DIGESTS("None", "CRC32C"));
	u8 data[3][32];
	int i;

	memset(data[0], 0, 32);
	memset(data[1], 0xff, 32);
	for (i = 0; i < 32; i++)
		data[2][i] = i;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(htole32(crc32c(0, data[i], 32)),
			  *(const u32 *)wire[i]);
		ping_data(c, data[i], 32);
		ASSERT_EQ(0, memcmp(c->rx.ddigest, wire[i], 4));
	}
}

TEST(A15_digest_combinations)
{
	static const char *const keys[] = {
		WITH_DIGESTS("None", "None"), WITH_DIGESTS("CRC32C", "None"),
		WITH_DIGESTS("None", "CRC32C"),
		WITH_DIGESTS("CRC32C", "CRC32C"),
	};
	u8 out[9 * BLOCK], in[9 * BLOCK], cdb[32] = { 0x7f, [7] = 24 };
	struct scsi io;
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		struct conn *c = login_keys(keys[i]);

		ASSERT_EQ(i & 1, c->hdigest);
		ASSERT_EQ(i >> 1, c->ddigest);
		ping_data(c, "ping", 3);
		fill_pattern(out, sizeof(out), i);
		scsi_write(c, LUN0, 100, out, sizeof(out));
		scsi_rw(&io, true, LUN0, 109, sizeof(out), out);
		io.held = true;
		scsi_run(c, &io);
		ASSERT_EQ(0, io.status);
		scsi_read(c, LUN0, 100, in, sizeof(in));
		ASSERT_EQ(0, memcmp(in, out, sizeof(in)));
		scsi_read(c, LUN0, 109, in, sizeof(in));
		ASSERT_EQ(0, memcmp(in, out, sizeof(in)));
		/* The header digest covers the AHS. */
		io = (struct scsi) { .lun = LUN0 };
		ext_cdb(&io, &p, c, cdb, sizeof(cdb));
		conn_send(c, &p);
		scsi_wait(c, &io);
		ASSERT_EQ(0x05, io.key);
		logout(c);
		conn_close(c);
	}
}

TEST(A16_header_digest_error_closes)
{
	struct conn *c = login_keys(WITH_DIGESTS("CRC32C", "None"));
	struct pdu p;

	pdu_nop(c, &p, NULL, 0);
	p.flaw = FLAW_HDIGEST;
	conn_send(c, &p);
	expect_closed(c);
}

TEST(A17_data_digest_reject)
{
	static const char *const keys[] = {
		WITH_DIGESTS("None", "CRC32C"),
		WITH_DIGESTS("CRC32C", "CRC32C"),
	};
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		struct conn *c = login_keys(keys[i]);

		pdu_nop(c, &p, "ping", 4);
		pdu_immediate(c, &p);
		p.flaw = FLAW_DDIGEST;
		conn_send(c, &p);
		recv_reject(c, REJ(DIGEST));
		ASSERT_EQ(0, memcmp(c->rx.data, p.bhs, BHS_LEN));
		ping_data(c, "ping", 4);
		conn_close(c);
	}
}

/* Only the header is sent: the answer must not wait for the data. */
TEST(A18_data_segment_too_long)
{
	u32 i, len[2] = { 0, 0xffffff };
	struct pdu p;

	for (i = 0; i < 2; i++) {
		struct conn *c = login_default();
		u64 start;

		if (!len[i])
			len[i] = c->max_send + 1;
		pdu_nop(c, &p, NULL, 0);
		p.flaw = FLAW_LENGTHS;
		pdu_set32(&p, BHS_AHS_WORDS, len[i]);
		conn_send(c, &p);
		start = now_ms();
		if (!expect_drop_or_reject(c, REJ(INVALID_FIELD) |
					   REJ(PROTOCOL)))
			expect_closed(c);
		ASSERT_LT(now_ms() - start, bound_ms(5000));
		conn_close(c);
	}
}

/* conn_recv() refuses any PDU that is longer than declared. */
TEST(A19_max_recv_data_segment_length_kept)
{
	struct conn *c = login_keys("MaxRecvDataSegmentLength=512");
	u8 buf[16 * BLOCK], ping_buf[2048];
	struct scsi io;
	u32 len, nr;

	scsi_rw(&io, false, LUN0, 0, sizeof(buf), buf);
	scsi_run(c, &io);
	ASSERT_EQ(0, io.status);
	ASSERT_EQ(16, io.nr_data_in);
	fill_pattern(ping_buf, sizeof(ping_buf), 1);
	ping_data(c, ping_buf, sizeof(ping_buf));
	ASSERT_EQ(512, c->rx.data_len);
	conn_close(c);

	c = login(LOGIN(.discovery = true, .keys = "MaxRecvDataSegmentLength=512"));
	free(send_targets(c, "All", &len, &nr));
	ASSERT_GT(len, 512);
	ASSERT_GT(nr, 1);
	conn_close(c);

	c = login_keys("");
	ASSERT_EQ(DEFAULT_MRDSL, c->max_recv);
	scsi_rw(&io, false, LUN0, 0, sizeof(buf), buf);
	io.edtl = 32 * BLOCK;
	io.in = NULL;
	put_be16(io.cdb + 7, 32);
	scsi_run(c, &io);
	ASSERT_EQ(32 * BLOCK, io.in_len);
}

TEST(A20_empty_data_out)
{
	struct conn *c = login_default();
	u8 buf[4 * BLOCK], back[4 * BLOCK];
	struct scsi io;
	struct pdu p;
	u32 ttt, last;

	/* In the middle of a burst, and as its last PDU. */
	for (last = 0; last < 2; last++) {
		fill_pattern(buf, sizeof(buf), last);
		scsi_rw(&io, true, LUN0, 200, sizeof(buf), buf);
		io.held = true;
		scsi_send(c, &io);
		ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
		ASSERT_EQ(sizeof(buf), pdu32(&c->rx, BHS_DDTL));
		pdu_data_out(c, &p, &io, ttt, 0, 0, 1024);
		p.bhs[BHS_FLAGS] = 0;
		conn_send(c, &p);
		pdu_data_out(c, &p, &io, ttt, last ? 2 : 1,
			     last ? sizeof(buf) : 1024, 0);
		p.bhs[BHS_FLAGS] = last ? F_FINAL : 0;
		if (!last)
			conn_send(c, &p);
		pdu_data_out(c, &p, &io, ttt, last ? 1 : 2, 1024, 1024);
		p.bhs[BHS_FLAGS] = last ? 0 : F_FINAL;
		conn_send(c, &p);
		if (last) {
			pdu_data_out(c, &p, &io, ttt, 2, sizeof(buf), 0);
			conn_send(c, &p);
		}
		scsi_wait(c, &io);
		ASSERT_EQ(0, io.status);
		scsi_read(c, LUN0, 200, back, sizeof(back));
		ASSERT_EQ(0, memcmp(buf, back, sizeof(buf)));
	}
}

TEST(A21_format_error_ends_session)
{
	struct conn *c = login_default();
	struct scsi io;
	struct pdu p;

	/* No write, and yet more PDUs to come. */
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_pdu(c, &io, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	if (!expect_drop_or_reject(c, REJ(INVALID_FIELD)))
		expect_closed(c);
	conn_close(c);
	ping(login_default());
}

/* Data-Out of no task. */
static void provoke_invalid_field(struct conn *c)
{
	u8 buf[BLOCK] = {};
	struct scsi io;
	struct pdu p;

	scsi_rw(&io, true, LUN0, 0, BLOCK, buf);
	io.itt = 0xdead0000;
	pdu_data_out(c, &p, &io, 0x7eadbeef, 0, 0, BLOCK);
	conn_send(c, &p);
}

TEST(A22_unknown_transfer_tag)
{
	struct conn *c = login_default();

	provoke_invalid_field(c);
	recv_reject(c, REJ(INVALID_FIELD));
	ping(c);
}

TEST(A23_reserved_task_tag)
{
	static const u8 ops[] = { OP_SCSI, OP_TMF, OP_TEXT, OP_LOGOUT };
	struct conn *c = login_default();
	u8 zero[BLOCK] = {}, back[BLOCK];
	struct text t = {};
	struct scsi io;
	struct pdu p;
	u32 i;

	text_add(&t, "X-org.example.a=1");
	fill_pattern(back, BLOCK, 23);
	scsi_write(c, LUN0, 23, back, BLOCK);
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		pdu_init(c, &p, ops[i]);
		pdu_immediate(c, &p);
		if (ops[i] == OP_SCSI) {
			scsi_rw(&io, true, LUN0, 23, BLOCK, zero);
			memcpy(p.bhs + BHS_CDB, io.cdb, 16);
			p.bhs[BHS_FLAGS] |= F_WRITE;
			pdu_set32(&p, BHS_EDTL, BLOCK);
			pdu_data(&p, zero, BLOCK);
		} else if (ops[i] == OP_TMF) {
			p.bhs[BHS_FLAGS] |= TMF_LUN_RESET;
		} else if (ops[i] == OP_TEXT) {
			pdu_set32(&p, BHS_TTT, NO_TAG);
			pdu_data(&p, t.buf, t.len);
		}
		pdu_set32(&p, BHS_ITT, NO_TAG);
		conn_send(c, &p);
		recv_reject(c, REJ(INVALID_FIELD) | REJ(PROTOCOL));
		ping(c);
	}
	scsi_read(c, LUN0, 23, zero, BLOCK);
	ASSERT_EQ(0, memcmp(zero, back, BLOCK));
}

TEST(A24_data_where_there_is_none)
{
	static const u8 ops[] = { OP_TMF, OP_LOGOUT, OP_SNACK };
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		struct conn *c = login_default();

		if (ops[i] == OP_TMF) {
			pdu_tmf(c, &p, TMF_LUN_RESET, LUN0, NO_TAG, 0);
		} else if (ops[i] == OP_LOGOUT) {
			pdu_logout(c, &p, 0, 0);
		} else {
			pdu_init(c, &p, OP_SNACK);
			pdu_set32(&p, BHS_ITT, NO_TAG);
			pdu_set32(&p, BHS_TTT, NO_TAG);
		}
		pdu_data(&p, "data", 4);
		conn_send(c, &p);
		if (!expect_drop_or_reject(c, REJ(INVALID_FIELD) |
					   REJ(PROTOCOL) | REJ(SNACK)))
			ping(c);
		conn_close(c);
	}
}

TEST(A25_reject_carries_the_header)
{
	struct conn *c = login_default();
	struct pdu p;
	u32 sn;

	ping(c);
	sn = pdu32(&c->rx, BHS_STAT_SN);
	pdu_init(c, &p, 0x1c);
	pdu_immediate(c, &p);
	memset(p.bhs + 32, 0x5a, 16);
	conn_send(c, &p);
	recv_reject(c, REJ(UNSUPPORTED));
	ASSERT_LE(BHS_LEN, c->rx.data_len);
	ASSERT_EQ(0, memcmp(c->rx.data, p.bhs, BHS_LEN));
	ASSERT_EQ(sn + 1, pdu32(&c->rx, BHS_STAT_SN));
	ping(c);
	ASSERT_EQ(sn + 2, pdu32(&c->rx, BHS_STAT_SN));
}

/* ---- F27: one provocation for each reason ---- */

static void provoke_digest(struct conn *c)
{
	struct pdu p;

	pdu_nop(c, &p, "spoilt", 6);
	pdu_immediate(c, &p);
	p.flaw = FLAW_DDIGEST;
	conn_send(c, &p);
}

/* At level 0 there is nothing to be had by a SNACK. */
static void provoke_snack(struct conn *c)
{
	struct pdu p;

	pdu_snack(c, &p, SNACK_STATUS, NO_TAG, 0, 0);
	conn_send(c, &p);
}

static void provoke_protocol(struct conn *c)
{
	struct text t = {};
	struct pdu p;

	login_names(LOGIN(), &t);
	pdu_login(c, &p, STAGE(OPERATIONAL, FULL_FEATURE), &t);
	conn_send(c, &p);
	free(t.buf);
}

static void provoke_unsupported(struct conn *c)
{
	struct pdu p;

	pdu_init(c, &p, 0x1c);
	pdu_immediate(c, &p);
	conn_send(c, &p);
}

/* The first eight wait for their data. */
static void provoke_immediate(struct conn *c)
{
	static u8 buf[2 * BLOCK];
	struct scsi io;
	u32 i;

	for (i = 0; i < 9; i++) {
		scsi_rw(&io, true, LUN0, 2 * i, sizeof(buf), buf);
		io.held = true;
		io.immediate = true;
		scsi_send(c, &io);
		if (i < 8)
			recv_r2t(c, &io);
	}
}

static void provoke_in_progress(struct conn *c)
{
	static u8 buf[2 * BLOCK];
	struct scsi io;
	struct pdu p;

	stall_write(c, &io, LUN0, 0, buf, sizeof(buf));
	pdu_nop(c, &p, NULL, 0);
	pdu_immediate(c, &p);
	pdu_set32(&p, BHS_ITT, io.itt);
	conn_send(c, &p);
}

static void provoke_data_ack(struct conn *c)
{
	struct pdu p;

	pdu_snack(c, &p, SNACK_DATA_ACK, NO_TAG, 0, 0);
	pdu_set32(&p, BHS_TTT, 0x7eadbeef);
	conn_send(c, &p);
}

/* A request of more text than a target can keep: 64 KiB. */
static void provoke_resources(struct conn *c)
{
	static char text[8192];
	struct pdu p;
	u32 i;

	memset(text, 'a', sizeof(text));
	for (i = 0; i < 9; i++) {
		pdu_init(c, &p, OP_TEXT);
		pdu_immediate(c, &p);
		p.bhs[BHS_FLAGS] = F_CONTINUE;
		pdu_set32(&p, BHS_ITT, 0x7e47);
		pdu_set32(&p, BHS_TTT, i ? pdu32(&c->rx, BHS_TTT) : NO_TAG);
		pdu_data(&p, text, sizeof(text));
		conn_send(c, &p);
		if (i < 8)
			recv_op(c, OP_TEXT_RSP);
	}
}

/*
 * Exactly this reason, the header of what was rejected, and a session that is
 * none the worse. check.c sees that no PDU of any test has another reason; that
 * 0Ch is not needed is C33's.
 */
TEST(F27_one_provocation_for_each_reason)
{
	static const char level0[] = "DataDigest=CRC32C ImmediateData=No InitialR2T=Yes";
	static const char level1[] = "ErrorRecoveryLevel=1";
	static const struct {
		enum reject_reason reason;
		enum opcode op;
		void (*provoke)(struct conn *c);
		const char *keys;
	} cases[] = {
		{ REJ_DIGEST, OP_NOP_OUT, provoke_digest, level0 },
		{ REJ_SNACK, OP_SNACK, provoke_snack, level0 },
		{ REJ_PROTOCOL, OP_LOGIN, provoke_protocol, level0 },
		{ REJ_UNSUPPORTED, 0x1c, provoke_unsupported, level0 },
		{ REJ_IMMEDIATE, OP_SCSI, provoke_immediate, level0 },
		{ REJ_IN_PROGRESS, OP_NOP_OUT, provoke_in_progress, level0 },
		{ REJ_DATA_ACK, OP_SNACK, provoke_data_ack, level1 },
		{ REJ_INVALID_FIELD, OP_DATA_OUT, provoke_invalid_field, level0 },
		{ REJ_RESOURCES, OP_TEXT, provoke_resources, level0 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conn *c = login_keys(cases[i].keys);
		struct pdu *p;

		cases[i].provoke(c);
		p = recv_reject(c, 1U << cases[i].reason);
		ASSERT_LE(BHS_LEN, p->data_len);
		ASSERT_EQ(cases[i].op, *(const u8 *)p->data & OP_MASK);
		ping(c);
		conn_close(c);
	}
}

RAW_TEST_MAIN
