#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Just enough of an initiator for the drills: it logs in and out, any number of
times, without the threads that the kernel's initiator makes for a session,
and opens connections that never say what they want.

usage: drill_raw.py hold N ADDR:PORT TARGET
           log in N sessions, print "ready" and their TSIHs, wait for the end
           of standard input, log out
       drill_raw.py churn N ADDR:PORT TARGET
           log in and out N times, one after another; print the number of
           different TSIHs
       drill_raw.py silent N SECONDS ADDR:PORT TARGET
           N connections that are silent or send a byte now and then; discovery
           and login beside them; print how long these took, and when the
           target closed the others
       drill_raw.py stall SECONDS ADDR:PORT TARGET
           begin a login and say no more; print when the target closed it
"""
import select
import socket
import struct
import sys
import time

BHS = 48
INITIATOR = "iqn.2003-01.org.example.drill:raw"
TIMEOUT = 30


class Failed(Exception):
    """The target did something else than what it should have."""


def address(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


class Session:
    """A session of one connection."""

    def __init__(self, portal, number=0):
        self.sock = socket.create_connection(address(portal), TIMEOUT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A target without memory cannot always say that it has closed: ask it.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        # A qualifier of the "random" ISID format, one for each session.
        self.isid = struct.pack(">BBHH", 0x80, number >> 16, number & 0xffff, 1)
        self.tsih = 0
        self.stat_sn = 0

    def receive(self, length):
        data = b""
        while len(data) < length:
            more = self.sock.recv(length - len(data))
            if not more:
                raise Failed("the target closed the connection")
            data += more
        return data

    def request(self, opcode, flags, middle, data=b""):
        """Send an immediate request, return its response."""
        bhs = struct.pack(">BBH", 0x40 | opcode, flags, 0)
        bhs += struct.pack(">I", len(data)) + middle
        self.sock.sendall(bhs.ljust(BHS, b"\0") + data + b"\0" * (-len(data) % 4))
        bhs = self.receive(BHS)
        length = struct.unpack(">I", b"\0" + bhs[5:8])[0]
        data = self.receive(length + -length % 4)[:length]
        if bhs[0] != opcode | 0x20:
            raise Failed(f"opcode {bhs[0]:#x} in answer to {opcode:#x}")
        self.stat_sn = struct.unpack(">I", bhs[24:28])[0] + 1
        return bhs, data

    def login_request(self, flags, **keys):
        """One exchange in the operational stage."""
        keys = {"InitiatorName": INITIATOR, **keys}
        text = "".join(f"{k}={v}\0" for k, v in keys.items()).encode()
        middle = self.isid + struct.pack(">HIHHII", 0, 1, 0, 0, 1, self.stat_sn)
        bhs, _ = self.request(0x03, flags, middle, text)
        if bhs[36] or bhs[37]:
            raise Failed(f"login status {bhs[36]:#04x}{bhs[37]:02x}")
        return bhs

    def login(self, **keys):
        # straight to full feature phase
        bhs = self.login_request(0x87, **keys)
        if bhs[1] & 0x83 != 0x83:
            raise Failed(f"no full feature phase, flags {bhs[1]:#04x}")
        self.tsih = struct.unpack(">H", bhs[14:16])[0]
        return self

    def send_targets(self):
        middle = struct.pack(">QIIII", 0, 2, 0xffffffff, 1, self.stat_sn)
        _, data = self.request(0x04, 0x80, middle, b"SendTargets=All\0")
        return data.decode().split("\0")

    def scsi(self, lun, cdb, out=b"", want=0):
        """Run a command: (status, sense key, data that came)."""
        flags = 0x81 | (0x20 if out else 0) | (0x40 if want else 0)
        bhs = struct.pack(">BBHI", 0x41, flags, 0, len(out))
        bhs += struct.pack(">QIIII", lun << 48, 4, len(out) or want, 1, self.stat_sn)
        self.sock.sendall(bhs + cdb.ljust(16, b"\0") + out + b"\0" * (-len(out) % 4))
        data = b""
        while True:
            bhs = self.receive(BHS)
            length = struct.unpack(">I", b"\0" + bhs[5:8])[0]
            more = self.receive(length + -length % 4)[:length]
            if bhs[0] == 0x20:
                self.pong(bhs)
            elif bhs[0] not in (0x21, 0x25):
                raise Failed(f"opcode {bhs[0]:#x} in answer to a command")
            data += more if bhs[0] == 0x25 else b""
            if bhs[0] == 0x21 or (bhs[0] == 0x25 and bhs[1] & 1):
                self.stat_sn = struct.unpack(">I", bhs[24:28])[0] + 1
                return bhs[3], more[4] & 0xf if bhs[3] == 2 else 0, data

    def pong(self, ping):
        """Answer a ping of the target."""
        if ping[20:24] != b"\xff\xff\xff\xff":
            middle = ping[8:16] + b"\xff" * 4 + ping[20:24] + struct.pack(">II", 1, self.stat_sn)
            self.sock.sendall((struct.pack(">BBHI", 0x40, 0x80, 0, 0) + middle).ljust(BHS, b"\0"))

    def logout(self):
        middle = struct.pack(">QIIII", 0, 3, 0, 1, self.stat_sn)
        bhs, _ = self.request(0x06, 0x80, middle)
        if bhs[2]:
            raise Failed(f"logout response {bhs[2]}")
        self.sock.close()


def hold(count, portal, target):
    sessions = [Session(portal, n).login(TargetName=target) for n in range(int(count))]
    tsihs = sorted(s.tsih for s in sessions)
    if len(set(tsihs)) != len(tsihs) or 0 in tsihs:
        raise Failed(f"the TSIHs are not unique: {tsihs}")
    print("ready", *tsihs, flush=True)
    sys.stdin.read()
    for s in sessions:
        s.logout()


def churn(count, portal, target):
    tsihs = set()
    for n in range(int(count)):
        session = Session(portal, n).login(TargetName=target)
        tsihs.add(session.tsih)
        session.logout()
    print(len(tsihs))


def discover_and_log_in(portal, target):
    begin = time.monotonic()
    session = Session(portal).login(SessionType="Discovery")
    if f"TargetName={target}" not in session.send_targets():
        raise Failed(f"SendTargets does not tell of {target}")
    session.logout()
    session = Session(portal).login(TargetName=target)
    took = time.monotonic() - begin
    session.logout()
    return took


def half_open(portal, number):
    """A connection; every fourth begins a Login Request and goes on slowly."""
    sock = socket.create_connection(address(portal), TIMEOUT)
    trickles = number % 4 == 3
    if trickles:
        sock.sendall(b"\x43\x87")
    return sock, trickles, time.monotonic()


def watch(waiting, limit):
    """Trickle on; return when each was closed, in seconds after its start."""
    ages = []
    pulse = 0
    end = time.monotonic() + limit
    while waiting and time.monotonic() < end:
        ready, _, _ = select.select(list(waiting), [], [], 0.2)
        for sock in ready:
            try:
                if sock.recv(1):
                    raise Failed("the target said something to a silent connection")
            except ConnectionError:
                pass
            ages.append(time.monotonic() - waiting.pop(sock)[1])
            sock.close()
        if time.monotonic() < pulse:
            continue
        pulse = time.monotonic() + 1
        for sock, (trickles, _) in waiting.items():
            if trickles:
                try:
                    sock.send(b"\0")
                except OSError:
                    pass
    return ages


def silent(count, limit, portal, target):
    waiting = {}
    for n in range(int(count)):
        sock, trickles, born = half_open(portal, n)
        waiting[sock] = (trickles, born)
    # One of them may be held up by what else the machine does.
    took = sorted(discover_and_log_in(portal, target) for _ in range(5))[-2]
    print(f"login_ms {took * 1000:.0f}", flush=True)
    ages = watch(waiting, float(limit))
    print(f"open {len(waiting)}")
    if ages:
        print(f"closed_s {min(ages):.1f} {max(ages):.1f}")


def stall(limit, portal, target):
    begin = time.monotonic()
    session = Session(portal)
    session.login_request(0x04, TargetName=target)
    ages = watch({session.sock: (False, begin)}, float(limit))
    if not ages:
        raise Failed(f"still open after {limit} s")
    print(f"closed_s {ages[0]:.1f}")


def main():
    commands = {"hold": hold, "churn": churn, "silent": silent, "stall": stall}
    try:
        commands[sys.argv[1]](*sys.argv[2:])
    except (Failed, OSError) as e:
        print(f"{type(e).__name__}: {e}", flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
