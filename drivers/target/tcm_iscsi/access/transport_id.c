// SPDX-License-Identifier: GPL-2.0
/*
 * TransportIDs of iSCSI initiator ports (SPC-4 7.6.4.6, rows G10, G11).
 *
 * Byte 0 has the format in bits 7:6 and the protocol, 5, in the others; bytes
 * 2 and 3 the length of what follows.  Format 01b is a name, ",i,0x" and an
 * ISID in hexadecimal, ended by NUL and padded to a multiple of 4.  Format 00b
 * names all ports of an initiator and so no I_T nexus: it is refused.
 */
#include <linux/ctype.h>
#include <linux/string.h>

#include "pr.h"

#define TISCSI_TID_PORT		(0x40 | SCSI_PROTOCOL_ISCSI)
#define TISCSI_TID_HEADER	4
#define TISCSI_TID_MIN		20	/* ADDITIONAL LENGTH */
#define TISCSI_TID_SEPARATOR	",i,0x"
#define TISCSI_ISID_DIGITS	12

/**
 * tiscsi_tid_size - length of the TransportID of an initiator port
 * @nexus: its nexus
 *
 * Return: bytes, a multiple of 4.
 */
u32 tiscsi_tid_size(const struct tiscsi_nexus *nexus)
{
	u32 len = strlen(nexus->initiator) + strlen(TISCSI_TID_SEPARATOR) +
		  TISCSI_ISID_DIGITS + 1;

	return TISCSI_TID_HEADER + max_t(u32, ALIGN(len, 4), TISCSI_TID_MIN);
}

/**
 * tiscsi_tid_put - write a TransportID
 * @buf: zeroed, tiscsi_tid_size() bytes and one
 * @nexus: whose initiator port
 *
 * Return: tiscsi_tid_size().
 */
u32 tiscsi_tid_put(u8 *buf, const struct tiscsi_nexus *nexus)
{
	u32 size = tiscsi_tid_size(nexus);

	buf[0] = TISCSI_TID_PORT;
	put_unaligned_be16(size - TISCSI_TID_HEADER, buf + 2);
	snprintf(buf + TISCSI_TID_HEADER, size - TISCSI_TID_HEADER,
		 "%s" TISCSI_TID_SEPARATOR "%6phN", nexus->initiator,
		 nexus->isid);
	return size;
}

/* Up to twelve digits and a NUL; fewer are the low ones. */
static bool tiscsi_tid_isid(const char *hex, u8 *isid)
{
	size_t len = strlen(hex), i;
	u64 val = 0;

	if (!len || len > TISCSI_ISID_DIGITS)
		return false;
	for (i = 0; i < len; i++) {
		if (!isxdigit(hex[i]))
			return false;
		val = val << 4 | hex_to_bin(hex[i]);
	}
	put_unaligned_be16(val >> 32, isid);
	put_unaligned_be32(val, isid + 2);
	return true;
}

/**
 * tiscsi_tid_parse - read a TransportID
 * @tid: its first byte
 * @left: bytes that there are; nothing beyond is looked at
 * @initiator: TISCSI_NAME_LEN bytes; gets the normalised name
 * @isid: gets six bytes
 *
 * Return: its length, or -EINVAL when it does not name an iSCSI initiator
 * port or does not fit.
 */
int tiscsi_tid_parse(const u8 *tid, u32 left, char *initiator, u8 *isid)
{
	const char *name = tid + TISCSI_TID_HEADER, *sep;
	u32 len;

	if (left < TISCSI_TID_HEADER || tid[0] != TISCSI_TID_PORT)
		return -EINVAL;
	len = get_unaligned_be16(tid + 2);
	if (len < TISCSI_TID_MIN || len % 4 ||
	    len > left - TISCSI_TID_HEADER ||
	    strnlen(name, len) == len)
		return -EINVAL;
	sep = strstr(name, TISCSI_TID_SEPARATOR);
	if (!sep || sep - name >= TISCSI_NAME_LEN)
		return -EINVAL;
	memcpy(initiator, name, sep - name);
	initiator[sep - name] = '\0';
	if (tiscsi_name_normalise(initiator) ||
	    !tiscsi_tid_isid(sep + strlen(TISCSI_TID_SEPARATOR), isid))
		return -EINVAL;
	return TISCSI_TID_HEADER + len;
}
