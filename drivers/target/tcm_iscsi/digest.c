// SPDX-License-Identifier: GPL-2.0
/*
 * Header and data digests: CRC32C as RFC 7143 13.1 and appendix A.4 have it.
 */
#include <linux/crc32c.h>

#include "tcm_iscsi.h"

/**
 * tiscsi_crc_start - begin a digest
 *
 * Return: the initial value of the running CRC (row A14). Any context.
 */
u32 tiscsi_crc_start(void)
{
	return ~0U;
}

/**
 * tiscsi_crc_update - add bytes to a running digest
 * @crc: running value
 * @data: bytes in the order they have on the wire
 * @len: how many
 *
 * Return: the new running value. Any context.
 */
u32 tiscsi_crc_update(u32 crc, const void *data, u32 len)
{
	return crc32c(crc, data, len);
}

/**
 * tiscsi_crc_finish - end a digest
 * @crc: running value
 *
 * Return: the digest as a number; it travels least significant byte first
 * (row A14), so store it with put_unaligned_le32(). Any context.
 */
u32 tiscsi_crc_finish(u32 crc)
{
	return ~crc;
}

/**
 * tiscsi_crc_sg - add part of a scatterlist to a running digest
 * @crc: running value
 * @sg: scatterlist of lowmem pages
 * @offset: bytes to skip
 * @len: bytes to add; @offset + @len must lie inside the list
 *
 * Return: the new running value. Any context.
 */
u32 tiscsi_crc_sg(u32 crc, struct scatterlist *sg, u32 offset, u32 len)
{
	for (; len; sg = sg_next(sg)) {
		u32 n;

		if (offset >= sg->length) {
			offset -= sg->length;
			continue;
		}
		n = min(len, sg->length - offset);
		crc = crc32c(crc, sg_virt(sg) + offset, n);
		len -= n;
		offset = 0;
	}
	return crc;
}
