#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Use a target while allocations in the kernel fail.

usage: drill_faults.py io SECONDS SEED LIMIT ADDR:PORT TARGET
           log in, read, write, manage tasks and log out again and again; what
           fails is counted, what takes more than LIMIT seconds is an error
       drill_faults.py configfs FABRIC TARGET BACKSTORE ADDR:PORT
           make and remove each object of a target with the first, the second,
           and so on allocation of that system call failing
"""
import collections
import os
import random
import struct
import sys
import threading
import time

import drill_raw
from drill_raw import BHS, Failed, Session

SCSI_CMD, TMF, DATA_OUT = 0x01, 0x02, 0x05
SCSI_RSP, TMF_RSP, DATA_IN, R2T, REJECT = 0x21, 0x22, 0x25, 0x31, 0x3f
BLOCK = 512
MOST_FAULTS = 2000		# one system call never allocates that often


class Slow(Exception):
    """Something hung."""


# ---- commands ----

class Initiator(Session):
    """A session that moves data."""

    def __init__(self, portal, number):
        super().__init__(portal, number)
        self.cmd_sn = 1
        self.itt = 100

    def send(self, opcode, flags, middle, data=b""):
        bhs = struct.pack(">BBHI", opcode, flags, 0, len(data)) + middle
        self.sock.sendall(bhs.ljust(BHS, b"\0") + data + b"\0" * (-len(data) % 4))

    def answer(self):
        bhs = self.receive(BHS)
        length = struct.unpack(">I", b"\0" + bhs[5:8])[0]
        return bhs, self.receive(length + -length % 4)[:length]

    def command(self, write, block, blocks):
        """A READ(10) or WRITE(10); returns its status."""
        length = blocks * BLOCK
        self.itt += 1
        cdb = struct.pack(">BBIBHB", 0x2a if write else 0x28, 0, block, 0, blocks, 0)
        data = bytes(min(length, 8192)) if write else b""
        flags = 0x80 | (0x20 if write else 0x40)
        self.send(SCSI_CMD, flags, struct.pack(
            ">QIIII", 0, self.itt, length, self.cmd_sn, self.stat_sn) + cdb, data)
        self.cmd_sn += 1
        while True:
            bhs, _ = self.answer()
            opcode = bhs[0] & 0x3f
            if opcode == R2T:
                self.data_out(bhs)
            elif opcode == SCSI_RSP or opcode == DATA_IN and bhs[1] & 1:
                self.stat_sn = struct.unpack(">I", bhs[24:28])[0] + 1
                return bhs[3]
            elif opcode != DATA_IN:
                raise Failed(f"opcode {opcode:#x} in answer to a command")

    def data_out(self, r2t):
        itt, ttt = struct.unpack(">II", r2t[16:24])
        offset, length = struct.unpack(">II", r2t[40:48])
        sn = 0
        while length:
            n = min(length, 8192)
            self.send(DATA_OUT, 0x80 if n == length else 0, struct.pack(
                ">QIIIIIIII", 0, itt, ttt, 0, self.stat_sn, 0, sn, offset, 0)[:40], bytes(n))
            offset, length, sn = offset + n, length - n, sn + 1

    def manage(self, function):
        """An immediate task management function on LUN 0; its response."""
        self.itt += 1
        self.send(0x40 | TMF, 0x80 | function, struct.pack(
            ">QIIIII", 0, self.itt, self.itt - 1, self.cmd_sn, self.stat_sn, self.cmd_sn))
        bhs, _ = self.answer()
        self.stat_sn = struct.unpack(">I", bhs[24:28])[0] + 1
        return bhs[2]

    def leave(self):
        self.send(0x46, 0x80, struct.pack(">QIIII", 0, self.itt + 1, 0, self.cmd_sn, self.stat_sn))
        self.answer()


def one_round(rnd, portal, target, number, seen):
    session = Initiator(portal, number)
    try:
        session.login(TargetName=target)
        seen["logins"] += 1
        for _ in range(rnd.randrange(1, 12)):
            pick = rnd.random()
            if pick < 0.1:
                session.manage(rnd.choice((1, 2, 5)))
                seen["functions"] += 1
            else:
                status = session.command(pick < 0.5, rnd.randrange(1024), rnd.choice((1, 8, 128)))
                seen[f"status {status:#04x}"] += 1
        session.leave()
        seen["logouts"] += 1
    finally:
        session.sock.close()


def initiator(number, end, seed, limit, args, seen, hung):
    rnd = random.Random(seed * 7 + number)
    while time.monotonic() < end and not hung:
        begin = time.monotonic()
        try:
            one_round(rnd, *args, number, seen)
        except TimeoutError:
            hung.append(f"initiator {number}: no answer in {limit} s; seen: {dict(seen)}")
        except (Failed, OSError) as e:
            seen[f"ended: {str(e)[:60]}"] += 1
        if time.monotonic() - begin > limit:
            hung.append(f"initiator {number}: a round took {time.monotonic() - begin:.1f} s")


def io(seconds, seed, limit, portal, target):
    drill_raw.TIMEOUT = float(limit)
    seen, hung = collections.Counter(), []
    end = time.monotonic() + float(seconds)
    threads = [threading.Thread(target=initiator, args=(
        n, end, int(seed), float(limit), (portal, target), seen, hung)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for what, times in sorted(seen.items()):
        print(f"{times:6} {what}")
    if hung:
        raise Slow("; ".join(hung))
    if not seen["logins"]:
        raise Failed("not one login succeeded: too many faults to show anything")


# ---- configfs ----

def with_fault(nth, action):
    """Whether action succeeded, and whether the fault was reached."""
    path = f"/proc/self/task/{threading.get_native_id()}/fail-nth"
    fd = os.open(path, os.O_RDWR)
    try:
        os.write(fd, b"%d" % nth)
        try:
            action()
            done = True
        except (OSError, MemoryError):
            done = False
        # The fault may hit these two calls: then it was not reached before.
        try:
            reached = os.pread(fd, 16, 0).strip(b"\0\n") == b"0"
        except OSError:
            reached = False
        try:
            os.write(fd, b"0")
        except OSError:
            os.write(fd, b"0")
    finally:
        os.close(fd)
    return done, reached


def writer(path, value):
    """A write to a file that is open already: one system call, no more."""
    def write():
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    return write


def steps(fabric, target, backstore, portal):
    tpg = f"{fabric}/{target}/tpgt_1"
    lun = f"{tpg}/lun/lun_0"
    acl = f"{tpg}/acls/iqn.2003-01.org.example.drill:faults"
    np = f"{tpg}/np/{portal}"

    def directory(path):
        return path, lambda: os.mkdir(path), lambda: os.rmdir(path)

    def link(what, path):
        return path, lambda: os.symlink(what, path), lambda: os.unlink(path)

    return [
        directory(f"{fabric}/{target}"), directory(tpg), directory(np), directory(lun),
        link(backstore, f"{lun}/disk"), directory(acl), directory(f"{acl}/lun_0"),
        link(lun, f"{acl}/lun_0/lun"),
        (f"{acl}/auth", writer(f"{acl}/auth/userid", "someone"), writer(f"{acl}/auth/userid", "NULL")),
        (f"{tpg}/param", writer(f"{tpg}/param/MaxBurstLength", "65536"),
         writer(f"{tpg}/param/MaxBurstLength", "262144")),
        (f"{tpg}/enable", writer(f"{tpg}/enable", "1"), writer(f"{tpg}/enable", "0")),
    ]


def explore(name, do, undo):
    """Every place where one of the two can fail for want of memory."""
    for nth in range(1, MOST_FAULTS):
        done, reached = with_fault(nth, do)
        if done:
            undone, also = with_fault(nth, undo)
            if not undone:
                undo()
            reached = reached or also
        if not reached:
            print(f"{nth - 1:6} faults in {name}")
            return nth - 1
    raise Failed(f"{name}: more than {MOST_FAULTS} allocations")


def configfs(fabric, target, backstore, portal):
    made, faults = [], 0
    for name, do, undo in steps(fabric, target, backstore, portal):
        faults += explore(os.path.relpath(name, fabric), do, undo)
        do()
        made.append(undo)
    for undo in reversed(made):
        undo()
    if faults < len(made):
        raise Failed(f"only {faults} faults: they are not being injected")


def main():
    try:
        {"io": io, "configfs": configfs}[sys.argv[1]](*sys.argv[2:])
    except (Failed, Slow, OSError) as e:
        print(f"{type(e).__name__}: {e}", flush=True)
        sys.exit(1)


main()
