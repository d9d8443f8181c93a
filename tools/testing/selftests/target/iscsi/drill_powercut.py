#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Reservations and states of target port groups whose disk loses its power.

Sessions of an initiator send PERSISTENT RESERVE OUT and SET TARGET PORT
GROUPS one after another, each with the effect that its result must survive.
Each is first sent to another logical unit, that keeps nothing; so what the state
will be is known, and written to a journal, before there is anything to lose.
After a power cut the state must be the one of the last command that was
answered, or of the one that was not answered yet.

usage: drill_powercut.py write SEED COUNT JOURNAL [DM]
           make the units and send COUNT commands; DM is a device of log-writes
           that is told of each
       drill_powercut.py boot SEED JOURNAL N CUTS
           when a machine has booted for the Nth time, after a power cut each
           time but the first: make the units anew, nothing else may have been
           kept of them than what the journal allows; then write, until the power
           is cut again, or end if that has happened CUTS times
       drill_powercut.py cuts SEED COUNT JOURNAL LOG IMAGE
           COUNT times, make the disk that was IMAGE as it would be if the power
           had been cut somewhere in LOG, mount it on dbroot, and verify

The units go through portal groups 1 and 2 of TARGET.
"""
import fcntl
import json
import os
import random
import struct
import subprocess
import sys

from drill_raw import Failed, Session

TARGET = "iqn.2003-01.org.example.drill:powercut"
PORTAL = "127.0.0.1:3260"
CONFIGFS = "/sys/kernel/config/target"
HBA = f"{CONFIGFS}/core/rd_mcp_7144"
KEPT, REFERENCE = 0, 1	# LUNs
GROUPS = {31: (0, 1), 32: (0, 1, 2, 3)}	# what nobody uses may be anything
NR_SESSIONS = 12	# so that what is kept does not fit into a block
GOOD, CHECK, CONFLICT = 0, 2, 0x18
REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, REGISTER_IGNORE = 0, 1, 2, 3, 4, 6


def parameters(key, new, flags):
    """Of PERSISTENT RESERVE OUT."""
    return struct.pack(">QQIBBH", key, new, 0, flags, 0, 0)


def set_groups(states):
    """Parameters of SET TARGET PORT GROUPS."""
    return b"\0" * 4 + b"".join(struct.pack(">BBH", s, 0, g) for g, s in states)


def put(path, text):
    with open(path, "w") as f:
        f.write(text)


class Unit:
    """A disk in both portal groups, each a target port group."""

    def __init__(self, lun):
        self.dev = f"{HBA}/powercut{lun}"
        self.luns = [f"{CONFIGFS}/iscsi/{TARGET}/tpgt_{t}/lun/lun_{lun}" for t in (1, 2)]
        # Of groups that an administrator may change nothing is kept.
        self.access_type = "2" if lun == KEPT else "3"

    def make(self):
        os.makedirs(self.dev)
        put(f"{self.dev}/control", "rd_pages=64")
        put(f"{self.dev}/wwn/vpd_unit_serial", os.path.basename(self.dev))
        put(f"{self.dev}/enable", "1")
        for group, lun in zip(GROUPS, self.luns):
            path = f"{self.dev}/alua/g{group}"
            os.mkdir(path)
            put(f"{path}/tg_pt_gp_id", str(group))
            put(f"{path}/alua_access_type", self.access_type)
            os.makedirs(lun, exist_ok=True)
            os.symlink(self.dev, f"{lun}/disk")
            put(f"{lun}/alua_tg_pt_gp", f"g{group}")

    def unmake(self):
        for lun in self.luns:
            os.unlink(f"{lun}/disk")
            os.rmdir(lun)
        for group in GROUPS:
            os.rmdir(f"{self.dev}/alua/g{group}")
        os.rmdir(self.dev)


class Initiator:
    """Its sessions, which differ in their ISIDs."""

    def __init__(self, count):
        self.sessions = [Session(PORTAL, n).login(TargetName=TARGET) for n in range(count)]

    def run(self, session, lun, cdb, out=b"", want=0):
        """A command, after all unit attentions: (status, data)."""
        for _ in range(10):
            status, key, data = self.sessions[session].scsi(lun, cdb, out, want)
            if status != CHECK or key != 6:
                return status, data
        raise Failed("unit attentions do not end")

    def must(self, *args, **kwargs):
        status, data = self.run(*args, **kwargs)
        if status != GOOD:
            raise Failed(f"status {status:#x} for {args}")
        return data

    def state(self, lun):
        """What can be kept of a unit."""
        cdb = struct.pack(">BB5xHB", 0x5e, 3, 4096, 0)
        data = self.must(0, lun, cdb, want=4096)
        regs, pos = [], 8
        while pos < len(data):
            key, flags, kind, rtpi, more = struct.unpack(">Q4xBB4xHI", data[pos:pos + 24])
            name = data[pos + 28:pos + 24 + more].rstrip(b"\0").decode()
            regs.append([f"{key:#x}", name, rtpi, flags, kind])
            pos += 24 + more
        return {"registrations": sorted(regs), "groups": self.groups(lun)}

    def groups(self, lun):
        cdb = struct.pack(">BBIIH", 0xa3, 0x0a, 0, 1024, 0)
        data = self.must(0, lun, cdb, want=1024)
        states, pos = {}, 4
        while pos < len(data):
            states[str(struct.unpack(">H", data[pos + 2:pos + 4])[0])] = data[pos] & 0xf
            pos += 8 + 4 * data[pos + 7]
        return {g: s for g, s in states.items() if int(g) in GROUPS}

    def end(self):
        for session in self.sessions:
            session.logout()


class Commands:
    """What is sent, at random."""

    def __init__(self, initiator, seed):
        self.initiator = initiator
        self.random = random.Random(seed)
        self.keys = [0] * NR_SESSIONS
        self.aptpl = False

    def choose(self):
        """(session, CDB, parameter list, what it is)"""
        rnd = self.random
        who = rnd.randrange(NR_SESSIONS)
        if rnd.random() < 0.2:
            group = rnd.choice(list(GROUPS))
            what = [(group, rnd.choice(GROUPS[group]))]
            if rnd.random() < 0.3:
                what = [(g, rnd.choice(s)) for g, s in GROUPS.items()]
            out = set_groups(what)
            return who, struct.pack(">BBIIH", 0xa4, 0x0a, 0, len(out), 0), out, what
        action = rnd.choices((REGISTER_IGNORE, REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT),
                             (40, 10, 25, 8, 2, 15))[0]
        new = rnd.randrange(1, 1 << 64)
        if action == PREEMPT:
            new = rnd.choice(self.keys)
        elif action == REGISTER and rnd.random() < 0.4:
            new = 0
        # Now and then one registers that wants nothing to survive.
        flags = 1
        if action in (REGISTER, REGISTER_IGNORE) and rnd.random() < 0.1:
            flags = 0
        kind = rnd.choice((1, 3, 5, 6, 7, 8)) if action in (RESERVE, PREEMPT) else 5
        if action == RELEASE:
            kind = self.held()
        key = self.keys[who] if action != REGISTER_IGNORE else 0
        out = parameters(key, new, flags)
        cdb = struct.pack(">BBBHIB", 0x5f, action, kind, 0, len(out), 0)
        return who, cdb, out, (action, kind, f"{new:#x}", flags)

    def held(self):
        for reg in self.initiator.state(REFERENCE)["registrations"]:
            if reg[3] & 1:
                return reg[4]
        return 5

    def foresee(self):
        """Send the next one to the reference: (it, its status, what is to be kept)."""
        command = self.choose()
        who, cdb, out, what = command
        reserve = cdb[0] == 0x5f
        there = out[:20] + bytes(4) if reserve else out
        status, _ = self.initiator.run(who, REFERENCE, cdb, there)
        if status == GOOD and reserve and cdb[1] in (REGISTER, REGISTER_IGNORE):
            self.aptpl = bool(what[3])
        state = self.initiator.state(REFERENCE)
        self.learn(state)
        if not self.aptpl:
            state["registrations"] = []
        return command, status, state

    def learn(self, state):
        """What key each session has."""
        for n, session in enumerate(self.initiator.sessions):
            mine = f",i,0x{session.isid.hex()}"
            self.keys[n] = next((int(r[0], 16) for r in state["registrations"]
                                 if r[1].endswith(mine)), 0)


# ---- the journal ----

def read_journal(path):
    """The states, by number, and the number of the last command answered."""
    states, done = {}, -1
    with open(path) as f:
        for line in f:
            if not line.endswith("\n"):
                break
            word, number, rest = line.split(" ", 2)
            if word == "sent":
                states[int(number)] = json.loads(rest)
            else:
                done = int(number)
    return states, done


def mark(dm, text):
    """Have log-writes note it between the writes."""
    message = struct.pack("Q", 0) + f"mark {text}".encode() + b"\0"
    size = 312 + len(message)
    head = struct.pack("3I2IIiIIIQ128s129s7x", 4, 0, 0, size, 312, 0, 0, 0, 0, 0, 0,
                       dm.encode(), b"")
    with open("/dev/mapper/control", "rb") as control:
        fcntl.ioctl(control, 0xc138fd0e, bytearray(head + message))	# DM_TARGET_MSG


def start(initiator):
    """Nothing is reserved, nobody is registered, all groups are as made."""
    for lun in KEPT, REFERENCE:
        for action, key, new in ((REGISTER_IGNORE, 0, 0xdead), (CLEAR, 0xdead, 0)):
            out = parameters(key, new, 0)
            initiator.must(0, lun, struct.pack(">BBBHIB", 0x5f, action, 0, 0, len(out), 0), out)
        out = set_groups([(g, 0) for g in GROUPS])
        initiator.must(0, lun, struct.pack(">BBIIH", 0xa4, 0x0a, 0, len(out), 0), out)
    return initiator.state(KEPT)


def write(seed, count, journal, dm=None):
    units = [Unit(KEPT), Unit(REFERENCE)]
    for unit in units:
        unit.make()
    initiator = Initiator(NR_SESSIONS)
    first = 0
    if os.path.exists(journal):
        first = max(read_journal(journal)[0], default=-1) + 1
    commands = Commands(initiator, f"{seed} {first}")
    # Each line is one write, so that a cut leaves whole ones.
    with open(journal, "ab", buffering=0) as log:
        def note(word, n, text="-"):
            log.write(f"{word} {n} {text}\n".encode())
            if dm:
                mark(dm, f"{word}-{n}")

        state = json.dumps(start(initiator))
        note("sent", first, state)
        note("done", first)
        for n in range(first + 1, first + 1 + int(count)):
            (who, cdb, out, what), status, state = commands.foresee()
            note("sent", n, json.dumps(state))
            got, _ = initiator.run(who, KEPT, cdb, out)
            if got != status:
                raise Failed(f"status {got:#x}, of the reference {status:#x}: {what}")
            note("done", n)
    initiator.end()
    for unit in units:
        unit.unmake()
    print(f"{count} commands")


# ---- power cuts ----

def boot(seed, journal, number, count):
    cut = int(number) - 1
    if cut:
        states, done = read_journal(journal)
        sent = max(states)
        found = look(states, done, sent)
        if found == sent != done:
            print("# the command under way had been carried out")
        print(f"ok {cut} I17, H24: nothing is lost in power cut {cut}", flush=True)
    if cut < int(count):
        write(seed, 1000000, journal)


def look(states, done, sent):
    """Make the unit as after a power cut; which of the two states has it?"""
    unit = Unit(KEPT)
    unit.make()
    initiator = Initiator(1)
    state = initiator.state(KEPT)
    initiator.end()
    unit.unmake()
    for n in sent, done:
        if state == states[n]:
            return n
    raise Failed(f"kept was {state}, answered last {done} {states[done]}, "
                 f"in flight {sent} {states[sent]}")


class Entry:
    """What the log of log-writes has of a write, or a mark."""

    def __init__(self, sector, flags, data):
        self.sector, self.data = sector, data
        self.flush, self.fua, self.is_mark = flags & 1, flags & 2, flags & 8

    def blocks(self):
        """Disks write 4 KiB, or what is less, whole or not at all."""
        for pos in range(0, len(self.data), 4096):
            yield self.sector * 512 + pos, self.data[pos:pos + 4096]


def read_log(path):
    entries = []
    with open(path, "rb") as f:
        magic, _, count, size = struct.unpack("<QQQI", f.read(28))
        if magic != 0x6a736677736872 or size != 512:
            raise Failed("not a log of log-writes")
        f.seek(512)
        for _ in range(count):
            head = f.read(512)
            sector, sectors, flags, length = struct.unpack("<4Q", head[:32])
            if flags & 8:
                data = head[32:32 + length].decode()
            else:
                data = bytes(512 * sectors) if flags & 4 else f.read(512 * sectors)
            entries.append(Entry(sector, flags, data))
    return entries


class Cut:
    """The power is cut when the log has its first @at entries."""

    def __init__(self, entries, at, rnd):
        self.entries, self.at, self.rnd = entries, at, rnd
        self.flushed = max((i for i in range(at) if entries[i].flush), default=-1) + 1

    def disk(self):
        """(offset, data) of all that is on the disk since the log began.

        Whatever a flush has ended for is, and what was written around the
        cache. While a flush is under way any of what it is about may be.
        """
        for entry in self.entries[:self.flushed]:
            if not entry.is_mark:
                yield from entry.blocks()
        for entry in self.entries[self.flushed:self.at]:
            if entry.fua:
                yield from entry.blocks()
        sure, unsure = self.under_way()
        for entry in sure:
            yield from entry.blocks()
        for entry in unsure:
            share = self.rnd.choice((0, 0.5, 1))
            for block in entry.blocks():
                if self.rnd.random() < share:
                    yield block

    def under_way(self):
        """Writes that are on the disk by now, and those that may be.

        The log has what a flush is about in one piece before that.
        """
        def cached(entry):
            return not entry.is_mark and not entry.fua and not entry.flush

        now = self.entries[self.at]
        if now.fua and not now.flush:
            return [], [now]
        end = self.at
        while cached(self.entries[end]):
            end += 1
        if not self.entries[end].flush:
            return [], []
        begin = end
        while begin > self.flushed and cached(self.entries[begin - 1]):
            begin -= 1
        # A flush that writes, too, does so when the rest is there.
        if self.at == end and now.data and self.rnd.random() < 0.5:
            return self.entries[begin:end], [now]
        return [], self.entries[begin:end]

    def allowed(self):
        """Numbers of the last command answered and of the last one sent."""
        last = {"done": 0, "sent": 0}
        for entry in self.entries[:self.at]:
            if entry.is_mark and "-" in entry.data:
                word, n = entry.data.split("-", 1)
                if word in last:
                    last[word] = int(n)
        return last["done"], last["sent"]


def cuts(seed, count, journal, log, image):
    """IMAGE is the disk before it was written to."""
    rnd = random.Random(f"{seed} cuts")
    states, _ = read_journal(journal)
    entries = read_log(log)
    begin = 1 + next(i for i, e in enumerate(entries) if e.is_mark and e.data == "done-0")
    end = next(i for i, e in enumerate(entries) if e.is_mark and e.data == f"done-{max(states)}")
    with open(f"{CONFIGFS}/dbroot") as f:
        dbroot = f.read().strip()
    answered = in_flight = changed = 0
    for n in range(int(count)):
        cut = Cut(entries, rnd.randrange(begin, end), rnd)
        done, sent = cut.allowed()
        now = f"{image}.cut"
        subprocess.run(["cp", "--sparse=always", image, now], check=True)
        with open(now, "r+b") as f:
            for offset, data in cut.disk():
                f.seek(offset)
                f.write(data)
        try:
            subprocess.run(["mount", "-o", "loop", now, dbroot], check=True)
            try:
                found = look(states, done, sent)
            finally:
                subprocess.run(["umount", dbroot], check=True)
        except (Failed, OSError, subprocess.SubprocessError):
            print(f"cut {n} of seed {seed}, at {cut.at} of {len(entries)} entries")
            raise
        if states[done] != states[sent]:
            changed += 1
            in_flight += found == sent
            answered += found == done
    print(f"{count} cuts at {begin} to {end} of {len(entries)} entries of the log")
    print(f"{changed} of them in mid-change, the new state was found {in_flight} times, "
          f"the old one {answered} times")


def main():
    commands = {"write": write, "boot": boot, "cuts": cuts}
    try:
        commands[sys.argv[1]](*sys.argv[2:])
    except (Failed, OSError, subprocess.SubprocessError) as e:
        print(f"{type(e).__name__}: {e}", flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
