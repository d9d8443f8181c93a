/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The conflict table: what a reservation keeps other nexuses from (rows
 * I20-I24, I36; SPC-4 PR.1 tables 65 and 66, SBC-3, SPC-2 5.5).
 *
 * Included where PR_TYPE() or PR_COMMAND() means something: the check makes
 * its tables of it, and scripts/pr-table the documentation.  One row a line.
 *
 * PR_TYPE(code, name, registrants, others): the classes of commands that
 * conflict for a registered nexus which does not hold the reservation, and for
 * one that is not registered.  The holder may do everything; of the types
 * "all registrants", every registrant is a holder.
 *
 * PR_COMMAND(operation code, service action or PR_ANY, class, spc2, name): the
 * class is PR_NONE for what may always run, PR_READ for what does not change
 * the medium or the device, PR_WRITE for the rest.  spc2 says whether it
 * conflicts with a RESERVE(6) or (10) of another nexus.  A row with a service
 * action goes before the one with PR_ANY.  What is not listed is PR_WRITE and
 * conflicts.
 */
#ifdef PR_TYPE
PR_TYPE(1, "Write Exclusive", PR_WRITE, PR_WRITE)
PR_TYPE(3, "Exclusive Access", PR_READ | PR_WRITE, PR_READ | PR_WRITE)
PR_TYPE(5, "Write Exclusive, Registrants Only", PR_NONE, PR_WRITE)
PR_TYPE(6, "Exclusive Access, Registrants Only", PR_NONE, PR_READ | PR_WRITE)
PR_TYPE(7, "Write Exclusive, All Registrants", PR_NONE, PR_WRITE)
PR_TYPE(8, "Exclusive Access, All Registrants", PR_NONE, PR_READ | PR_WRITE)
#endif

#ifdef PR_COMMAND
PR_COMMAND(0x00, PR_ANY, PR_NONE, true, "TEST UNIT READY")
PR_COMMAND(0x03, PR_ANY, PR_NONE, false, "REQUEST SENSE")
PR_COMMAND(0x04, PR_ANY, PR_WRITE, true, "FORMAT UNIT")
PR_COMMAND(0x07, PR_ANY, PR_WRITE, true, "REASSIGN BLOCKS")
PR_COMMAND(0x08, PR_ANY, PR_READ, true, "READ(6)")
PR_COMMAND(0x0a, PR_ANY, PR_WRITE, true, "WRITE(6)")
PR_COMMAND(0x12, PR_ANY, PR_NONE, false, "INQUIRY")
PR_COMMAND(0x15, PR_ANY, PR_WRITE, true, "MODE SELECT(6)")
PR_COMMAND(0x16, PR_ANY, PR_NONE, false, "RESERVE(6)")
PR_COMMAND(0x17, PR_ANY, PR_NONE, false, "RELEASE(6)")
PR_COMMAND(0x1a, PR_ANY, PR_READ, true, "MODE SENSE(6)")
PR_COMMAND(0x1b, PR_START, PR_NONE, false, "START STOP UNIT, start")
PR_COMMAND(0x1b, PR_ANY, PR_WRITE, true, "START STOP UNIT, other")
PR_COMMAND(0x1c, PR_ANY, PR_READ, true, "RECEIVE DIAGNOSTIC RESULTS")
PR_COMMAND(0x1d, PR_ANY, PR_WRITE, true, "SEND DIAGNOSTIC")
PR_COMMAND(0x1e, PR_ALLOW, PR_NONE, false, "PREVENT ALLOW MEDIUM REMOVAL, allow")
PR_COMMAND(0x1e, PR_ANY, PR_WRITE, true, "PREVENT ALLOW MEDIUM REMOVAL, prevent")
PR_COMMAND(0x25, PR_ANY, PR_NONE, false, "READ CAPACITY(10)")
PR_COMMAND(0x28, PR_ANY, PR_READ, true, "READ(10)")
PR_COMMAND(0x2a, PR_ANY, PR_WRITE, true, "WRITE(10)")
PR_COMMAND(0x2e, PR_ANY, PR_WRITE, true, "WRITE AND VERIFY(10)")
PR_COMMAND(0x2f, PR_ANY, PR_READ, true, "VERIFY(10)")
PR_COMMAND(0x34, PR_ANY, PR_READ, true, "PRE-FETCH(10)")
PR_COMMAND(0x35, PR_ANY, PR_WRITE, true, "SYNCHRONIZE CACHE(10)")
PR_COMMAND(0x37, PR_ANY, PR_READ, true, "READ DEFECT DATA(10)")
PR_COMMAND(0x3b, PR_ANY, PR_WRITE, true, "WRITE BUFFER")
PR_COMMAND(0x3c, PR_ANY, PR_READ, true, "READ BUFFER")
PR_COMMAND(0x3e, PR_ANY, PR_READ, true, "READ LONG(10)")
PR_COMMAND(0x3f, PR_ANY, PR_WRITE, true, "WRITE LONG(10)")
PR_COMMAND(0x41, PR_ANY, PR_WRITE, true, "WRITE SAME(10)")
PR_COMMAND(0x42, PR_ANY, PR_WRITE, true, "UNMAP")
PR_COMMAND(0x4c, PR_ANY, PR_WRITE, true, "LOG SELECT")
PR_COMMAND(0x4d, PR_ANY, PR_NONE, false, "LOG SENSE")
PR_COMMAND(0x55, PR_ANY, PR_WRITE, true, "MODE SELECT(10)")
PR_COMMAND(0x56, PR_ANY, PR_NONE, false, "RESERVE(10)")
PR_COMMAND(0x57, PR_ANY, PR_NONE, false, "RELEASE(10)")
PR_COMMAND(0x5a, PR_ANY, PR_READ, true, "MODE SENSE(10)")
PR_COMMAND(0x5e, PR_ANY, PR_NONE, true, "PERSISTENT RESERVE IN")
PR_COMMAND(0x5f, PR_ANY, PR_NONE, true, "PERSISTENT RESERVE OUT")
PR_COMMAND(0x7f, PR_ANY, PR_WRITE, true, "32-byte commands")
PR_COMMAND(0x83, PR_ANY, PR_WRITE, true, "EXTENDED COPY")
PR_COMMAND(0x84, PR_ANY, PR_READ, true, "RECEIVE COPY RESULTS")
PR_COMMAND(0x88, PR_ANY, PR_READ, true, "READ(16)")
PR_COMMAND(0x89, PR_ANY, PR_WRITE, true, "COMPARE AND WRITE")
PR_COMMAND(0x8a, PR_ANY, PR_WRITE, true, "WRITE(16)")
PR_COMMAND(0x8c, PR_ANY, PR_READ, true, "READ ATTRIBUTE")
PR_COMMAND(0x8d, PR_ANY, PR_WRITE, true, "WRITE ATTRIBUTE")
PR_COMMAND(0x8e, PR_ANY, PR_WRITE, true, "WRITE AND VERIFY(16)")
PR_COMMAND(0x8f, PR_ANY, PR_READ, true, "VERIFY(16)")
PR_COMMAND(0x90, PR_ANY, PR_READ, true, "PRE-FETCH(16)")
PR_COMMAND(0x91, PR_ANY, PR_WRITE, true, "SYNCHRONIZE CACHE(16)")
PR_COMMAND(0x93, PR_ANY, PR_WRITE, true, "WRITE SAME(16)")
PR_COMMAND(0x9e, 0x10, PR_NONE, false, "READ CAPACITY(16)")
PR_COMMAND(0x9e, PR_ANY, PR_READ, true, "SERVICE ACTION IN(16), other")
PR_COMMAND(0xa0, PR_ANY, PR_NONE, false, "REPORT LUNS")
PR_COMMAND(0xa2, PR_ANY, PR_READ, true, "SECURITY PROTOCOL IN")
PR_COMMAND(0xa3, 0x05, PR_NONE, true, "REPORT IDENTIFYING INFORMATION")
PR_COMMAND(0xa3, 0x0a, PR_NONE, false, "REPORT TARGET PORT GROUPS")
PR_COMMAND(0xa3, 0x0b, PR_NONE, true, "REPORT ALIASES")
PR_COMMAND(0xa3, 0x0e, PR_NONE, true, "REPORT PRIORITY")
PR_COMMAND(0xa3, 0x0f, PR_NONE, true, "REPORT TIMESTAMP")
PR_COMMAND(0xa3, PR_ANY, PR_READ, true, "MAINTENANCE IN, other")
PR_COMMAND(0xa4, PR_ANY, PR_WRITE, true, "MAINTENANCE OUT (SET TARGET PORT GROUPS)")
PR_COMMAND(0xa8, PR_ANY, PR_READ, true, "READ(12)")
PR_COMMAND(0xaa, PR_ANY, PR_WRITE, true, "WRITE(12)")
PR_COMMAND(0xab, 0x01, PR_NONE, true, "READ MEDIA SERIAL NUMBER")
PR_COMMAND(0xab, PR_ANY, PR_READ, true, "SERVICE ACTION IN(12), other")
PR_COMMAND(0xae, PR_ANY, PR_WRITE, true, "WRITE AND VERIFY(12)")
PR_COMMAND(0xaf, PR_ANY, PR_READ, true, "VERIFY(12)")
PR_COMMAND(0xb5, PR_ANY, PR_WRITE, true, "SECURITY PROTOCOL OUT")
PR_COMMAND(0xb7, PR_ANY, PR_READ, true, "READ DEFECT DATA(12)")
#endif
