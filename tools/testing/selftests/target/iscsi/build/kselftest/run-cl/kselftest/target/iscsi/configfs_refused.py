#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
What configfs must refuse: bad names, addresses and values, things that are
there already or in use, from tables. Each refusal is an errno, leaves what was
there as it was, and, where the module is asked at all, is one line in the
kernel's log that names the file or directory and no secret. A flood of them is
not a flood in the log.

TAP; a result is a file, or a directory in which things are made.
"""
import errno
import os
import socket
import subprocess
import sys
import time

CFS = "/sys/kernel/config/target"
FABRIC = CFS + "/iscsi"
HBA = CFS + "/core/rd_mcp_7145"
DEV = HBA + "/refused"
BASE = "iqn.2003-01.org.example"
TARGET = f"{FABRIC}/{BASE}:refused"
TPG = TARGET + "/tpgt_1"
TPG2 = TARGET + "/tpgt_2"
INITIATOR = BASE + ":initiator"
ACL = f"{TPG}/acls/{INITIATOR}"
OURS = "tcm_iscsi: "
SECRET = "this-is-secret-1"

failures = []


class Log:
    """New lines of the kernel's log, in the pace that its limit allows."""
    # The module's limit is 100 lines a second, whenever that second begins.
    LIMIT, SECONDS = 45, 1.5

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        self.start, self.count = time.monotonic(), 0
        self.skip()

    def skip(self):
        os.lseek(self.fd, 0, os.SEEK_END)

    def pace(self):
        """Not more than that many refusals in that time."""
        self.count += 1
        if self.count > self.LIMIT:
            while time.monotonic() < self.start + self.SECONDS:
                time.sleep(0.05)
        if time.monotonic() >= self.start + self.SECONDS:
            self.start, self.count = time.monotonic(), 1

    def lines(self):
        out = []
        while True:
            try:
                line = os.read(self.fd, 8192).decode("latin-1")
            except BlockingIOError:
                return out
            except BrokenPipeError:
                continue
            line = line.partition(";")[2].partition("\n")[0]
            if line.startswith(OURS):
                out.append(line)


log = None


def errname(exc):
    return errno.errorcode.get(exc.errno, str(exc.errno))


def outcome(func, *args):
    try:
        func(*args)
    except OSError as exc:
        return errname(exc)
    return "ok"


def read(path):
    try:
        with open(path, encoding="latin-1") as f:
            return f.read()
    except OSError as exc:
        return "!" + errname(exc)


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode("latin-1"))
    finally:
        os.close(fd)


def put(path, text):
    write(path, text + "\n")


def refused(what, want, lines, named, func, *args):
    """func ends with one of the errnos in want, and with so many lines."""
    log.pace()
    log.skip()
    got = outcome(func, *args)
    said = log.lines()
    if got not in want.split("|"):
        failures.append(f"{what}: {got}, should be {want}")
    if lines is not None and len(said) != lines:
        failures.append(f"{what}: {len(said)} lines in the log, should be {lines}: {said}")
    for line in said:
        if named not in line:
            failures.append(f"{what}: '{named}' is not named in: {line}")
        if SECRET in line:
            failures.append(f"{what}: a secret in the log")


def label(text):
    return repr(text if len(text) < 60 else f"{text[:8]}...*{len(text)}")


def not_made(where, names, want="EINVAL", lines=1):
    for name in names:
        path = f"{where}/{name}"
        there = os.path.isdir(path)
        named = name if name.isascii() and name.isprintable() else ""
        refused(f"mkdir {label(name)}", want, lines, named, os.mkdir, path)
        if os.path.isdir(path) != there:
            failures.append(f"{label(name)} was made")
            if not there:
                os.rmdir(path)


def not_taken(path, values, want="EINVAL|ERANGE", lines=1):
    for value in values:
        before = read(path)
        refused(f"write {label(value)}", want, lines, os.path.basename(path), write, path, value)
        if read(path) != before:
            failures.append(f"{label(value)} changed it: {label(before)} to {label(read(path))}")


# ---- tables ----

NO_NUMBER = ["abc", "\n", " ", "1 2", "0x", "1.5", "9" * 30, str(1 << 32), str(-(1 << 31) - 1),
             "1" + "0" * 300]

# file below TPG: smallest and largest value
TPG_NUMBERS = {
    "authentication": (0, 1), "login_timeout": (5, 30), "netif_timeout": (2, 15),
    "generate_node_acls": (0, 1), "cache_dynamic_acls": (0, 1), "default_cmdsn_depth": (1, 512),
    "demo_mode_write_protect": (0, 1), "prod_mode_write_protect": (0, 1),
    "demo_mode_discovery": (0, 1), "default_erl": (0, 2), "t10_pi": (0, 1),
    "fabric_prot_type": (0, 3), "tpg_enabled_sendtargets": (0, 1), "login_keys_workaround": (0, 1),
}
ACL_NUMBERS = {
    "authentication": (-1, 1), "dataout_timeout": (2, 60), "dataout_timeout_retries": (1, 15),
    "default_erl": (0, 2), "nopin_timeout": (0, 60), "nopin_response_timeout": (3, 60),
    "random_datain_pdu_offsets": (0, 0), "random_datain_seq_offsets": (0, 0),
    "random_r2t_offsets": (0, 0),
}
HOLES = {"fabric_prot_type": ["2"], "nopin_timeout": ["1", "2"]}

# key: values that are none of it, RFC 7143 section 13
YES_NO = ["yes", "Y", "1", "Yes,No", "Reject", "Irrelevant", "NotUnderstood"]
DIGESTS = ["crc32c", "CRC32C,", ",None", "CRC32C,Foo", "Yes", "CRC32C None"]
LENGTHS = ["0", "511", "16777216", "-512", "0x200g", "512~1024"]
TPG_KEYS = {
    "AuthMethod": ["chap", "CHAP,SRP", "Yes", "CHAP,,None"],
    "HeaderDigest": DIGESTS, "DataDigest": DIGESTS,
    "InitialR2T": YES_NO, "ImmediateData": YES_NO,
    "DataPDUInOrder": YES_NO, "DataSequenceInOrder": YES_NO,
    "MaxConnections": ["0", "65536", "-1", "1,2"],
    "MaxOutstandingR2T": ["0", "65536", "-1"],
    "MaxRecvDataSegmentLength": LENGTHS, "MaxXmitDataSegmentLength": LENGTHS,
    "MaxBurstLength": LENGTHS, "FirstBurstLength": LENGTHS,
    "DefaultTime2Wait": ["3601", "-1", "2s"], "DefaultTime2Retain": ["3601", "-1", "2s"],
    "ErrorRecoveryLevel": ["3", "-1", "two"],
    "IFMarker": YES_NO, "OFMarker": YES_NO,
    "IFMarkInt": ["0", "65536", "2~1"], "OFMarkInt": ["0", "65536", "2~1"],
    "TargetAlias": ["a\tb", "a\nb", "a" * 256],
}
# None of the others, either.
NO_KEY = ["\n", "x" * 255, "x" * 256, "x" * 4000]

TARGETS = [
    "foo", "iqn", "iqn.", "iqn.x", "iqn.2003-1.org.example:a", "iqn.200a-01.org.example:a",
    "iqn.2003-01.org.example:a b", "iqn.2003-01.org.example:a\tb",
    "iqn.2003-01.org.example:a\x01", "eui.", "eui.02004567A425678",
    "eui.02004567a425678dd", "eui.02004567a425678g", "naa.1", "naa.52004567ba64678",
    "naa.52004567ba64678d52004567ba64678", "naa.g2004567ba64678d", BASE + ":" + "a" * 200,
]
# tpgt_2's portal is 127.0.0.1:3291
PORTALS = [
    "foo", "foo:3260", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1",
    "127.0.0.1:+1", "127.0.0.1:03292", "127.0.0.1:0x10", "127.0.0.1:3292x", "127.0.0.1:3292 ",
    "127.0.0.1:99999999999999999999", "127.0.0.300:3292", "127.0.0:3292", "127.0.0.1.1:3292",
    "224.0.0.1:3292", "255.255.255.255:3292", "[::1]", "[::1]:", "[::1]3292", "[::1]:0",
    "[::1]:65536", "[::1:3292", "::1:3292", "[x]:3292", "[]:3292", "[ff02::1]:3292",
    "[fe80::1]:3292", "[fe80::1%nowhere]:3292", "[::1%lo]:3292", "[127.0.0.1]:3292", "1" * 100,
    "[" + "0" * 60 + "]:3292",
]
LUNS = ["foo", "lun", "lun1", "lun_", "lun_x", "lun_-1", "lun_99999999999999999999"]


def number_values(low, high, holes):
    return NO_NUMBER + holes + [str(low - 1), str(high + 1), str(1 << 31)]


def test_numbers(where, table):
    for name, (low, high) in table.items():
        yield (f"{where[len(TARGET) + 1:]}/{name}",
               lambda n=name, lo=low, hi=high:
               not_taken(f"{where}/{n}", number_values(lo, hi, HOLES.get(n, []))))


def test_keys():
    for name, values in TPG_KEYS.items():
        extra = NO_KEY if name != "TargetAlias" else ["x" * 4000]
        yield (f"tpgt_1/param/{name}",
               lambda n=name, v=values + extra: not_taken(f"{TPG}/param/{n}", v))


def credentials(where):
    for name in ("userid", "password", "userid_mutual", "password_mutual"):
        path = f"{where}/{name}"
        not_taken(path, ["x" * 256, "x" * 4000, SECRET + "\x07", "a\nb", SECRET * 20])
    for a, b in (("password", "password_mutual"), ("password_mutual", "password")):
        put(f"{where}/{a}", SECRET)
        not_taken(f"{where}/{b}", [SECRET, SECRET + "\n"])
        put(f"{where}/{a}", "NULL")
    refused("authenticate_target", "EACCES|EPERM|EINVAL", 0, "", write,
            f"{where}/authenticate_target", "1")


def others():
    not_taken(FABRIC + "/cpus_allowed_list", ["\n", "x", "-1", "0-", "3-1", "99999", "x" * 4000])
    not_taken(FABRIC + "/discovery_auth/enforce_discovery_auth", NO_NUMBER + ["2", "-1"])
    not_taken(ACL + "/cmdsn_depth", NO_NUMBER + ["513", "-1"])
    not_taken(ACL + "/tag", ["x" * 256, "x" * 4000])
    for name in ("iser", "cxgbit"):
        not_taken(f"{TPG}/np/127.0.0.1:3290/{name}", NO_NUMBER + ["1"])
    # The core answers these without asking the module.
    not_taken(TPG + "/enable", ["abc", "2", "-1"], lines=None)
    not_taken(ACL + "/lun_0/write_protect", ["abc", "2", "-1"], lines=None)


# The core makes EINVAL of every errno of the making of targets and portals.
def doubles():
    not_made(FABRIC, [os.path.basename(TARGET).replace("org", "ORG")])
    not_made(TPG + "/acls", [INITIATOR.upper()], "EEXIST")
    not_made(FABRIC, [os.path.basename(TARGET)], "EEXIST", 0)
    not_made(TARGET, ["tpgt_1"], "EEXIST", 0)
    not_made(TPG + "/np", ["127.0.0.1:3290"], "EEXIST", 0)
    # Another spelling of the group's own portal, and the other group's.
    for name, listed in (("[0:0:0:0:0:0:0:1]:3290", "[::1]:3290"), ("127.0.0.1:3291",) * 2):
        refused(f"mkdir {name}", "EINVAL", 1, f"{listed} is in tpgt_", os.mkdir,
                f"{TPG}/np/{name}")


def portal_taken():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 3293))
        s.listen()
        not_made(TPG + "/np", ["127.0.0.1:3293", "0.0.0.0:3293"])


def unknown():
    for path in (FABRIC, TARGET, TPG, TPG + "/attrib", TPG + "/param", TPG + "/auth", ACL,
                 ACL + "/attrib"):
        refused(path, "ENOENT", 0, "", write, path + "/no_such_file", "1")
        refused(path + " (creat)", "EACCES|EPERM|ENOENT|ENOSYS|EOPNOTSUPP", 0, "",
                lambda p: os.close(os.open(p, os.O_WRONLY | os.O_CREAT)), path + "/no_such_file")
    for path in (TPG + "/attrib", TPG + "/param", TPG + "/np/127.0.0.1:3290", ACL + "/attrib"):
        refused(path + " (mkdir)", "EPERM", 0, "", os.mkdir, path + "/extra")
    for path in (FABRIC + "/lio_version", ACL + "/info", TPG + "/dynamic_sessions",
                 ACL + "/param/MaxBurstLength"):
        refused(path + " (read-only)", "EACCES|EPERM", 0, "", write, path, "1")


def in_use():
    for path in (FABRIC, TARGET, TPG, ACL, TPG + "/lun/lun_0", ACL + "/lun_0", DEV, HBA):
        refused("rmdir " + path, "ENOTEMPTY|EBUSY", 0, "", os.rmdir, path)
        if not os.path.isdir(path):
            failures.append(f"{path} is gone")
    for path in (TPG + "/attrib", TPG + "/param", ACL + "/auth", TARGET + "/fabric_statistics",
                 FABRIC + "/discovery_auth"):
        refused("rmdir " + path, "EPERM|EACCES", 0, "", os.rmdir, path)
    refused("second device", "EEXIST", None, "", os.symlink, DEV, TPG + "/lun/lun_0/second")
    refused("no device", "EFAULT|EINVAL", None, "", os.symlink, TARGET, TPG + "/lun/lun_1/port")
    refused("LUN of nothing", "EINVAL", None, "", os.symlink, TPG + "/lun/lun_1",
            ACL + "/lun_1/mapped")


def flood():
    """Two thousand refusals, at most a hundred lines a second and some more."""
    log.skip()
    start = time.monotonic()
    path, said = TPG + "/attrib/login_timeout", 0
    for _ in range(2000):
        if outcome(write, path, "4") != "EINVAL":
            failures.append("not refused")
        if _ % 100 == 0:
            said += len(log.lines())
    took = time.monotonic() - start
    said += len(log.lines())
    print(f"# {said} lines in {took:.1f} s")
    if not 0 < said <= 100 * (took + 2):
        failures.append(f"{said} lines in {took:.1f} s")


def tests():
    yield "names of targets", lambda: not_made(FABRIC, TARGETS)
    yield "names of portal groups", lambda: not_made(
        TARGET, ["foo", "tpg_1", "tpgt", "tpgt_", "tpgt_x", "tpgt_-1", "tpgt_+1", "tpgt_01",
                 "tpgt_1x", "tpgt_65536", "tpgt_99999999999999999999", "TPGT_1"])
    yield "addresses of portals", lambda: not_made(TPG + "/np", PORTALS)
    yield "names of initiators", lambda: not_made(TPG + "/acls", TARGETS)
    yield "numbers of LUNs", lambda: not_made(TPG + "/lun", LUNS, "EINVAL|ERANGE", None)
    yield "numbers of mapped LUNs", lambda: not_made(ACL, LUNS, "EINVAL|ERANGE", None)
    yield "what is there already", doubles
    yield "a port that another program has", portal_taken
    yield "files that do not exist or cannot be written", unknown
    yield "what is in use", in_use
    yield from test_numbers(TPG + "/attrib", TPG_NUMBERS)
    yield from test_numbers(ACL + "/attrib", ACL_NUMBERS)
    yield from test_keys()
    for where in (FABRIC + "/discovery_auth", TPG + "/auth", ACL + "/auth"):
        yield f"credentials in {where[len(FABRIC) + 1:]}", lambda w=where: credentials(w)
    yield "other files", others
    yield "a flood of refusals", flood


# ---- what they are tried on ----

def build():
    if not os.path.isdir(FABRIC):
        os.mkdir(FABRIC)
    os.makedirs(DEV)
    put(DEV + "/control", "rd_pages=256,rd_nullio=1")
    put(DEV + "/wwn/vpd_unit_serial", "refused")
    put(DEV + "/enable", "1")
    for path in (TPG, TPG2, TPG + "/np/127.0.0.1:3290", TPG + "/np/[::1]:3290",
                 TPG2 + "/np/127.0.0.1:3291", TPG + "/lun/lun_0", TPG + "/lun/lun_1", ACL + "/lun_0",
                 ACL + "/lun_1"):
        os.makedirs(path)
    os.symlink(DEV, TPG + "/lun/lun_0/port")
    os.symlink(TPG + "/lun/lun_0", ACL + "/lun_0/mapped")
    # One secret a directory, so that it could get into the log.
    for where in (FABRIC + "/discovery_auth", TPG + "/auth", ACL + "/auth"):
        put(where + "/userid", "user")


def destroy():
    for where in (FABRIC + "/discovery_auth", TPG + "/auth", ACL + "/auth"):
        outcome(put, where + "/userid", "NULL")
    for func, path in (
            (os.unlink, ACL + "/lun_0/mapped"), (os.unlink, TPG + "/lun/lun_0/port"),
            (os.rmdir, ACL + "/lun_0"), (os.rmdir, ACL + "/lun_1"), (os.rmdir, ACL),
            (os.rmdir, TPG + "/lun/lun_0"), (os.rmdir, TPG + "/lun/lun_1"),
            (os.rmdir, TPG + "/np/127.0.0.1:3290"), (os.rmdir, TPG + "/np/[::1]:3290"),
            (os.rmdir, TPG2 + "/np/127.0.0.1:3291"), (os.rmdir, TPG), (os.rmdir, TPG2),
            (os.rmdir, TARGET), (os.rmdir, DEV), (os.rmdir, HBA)):
        got = outcome(func, path)
        if got != "ok":
            failures.append(f"taking away {path}: {got}")


def main():
    global log
    if os.geteuid():
        print("1..0 # SKIP needs root")
        sys.exit(4)
    # Never what iscsi_target_mod refuses; the core loads it by name.
    subprocess.run(["modprobe", "tcm_iscsi"], check=False)
    if not os.path.isdir("/sys/module/tcm_iscsi") or os.path.isdir("/sys/module/iscsi_target_mod"):
        print("Bail out! tcm_iscsi is not what would be tested")
        sys.exit(1)
    bad = 0
    print("TAP version 13")
    build()
    log = Log()
    table = list(tests()) + [("everything can be taken away", destroy)]
    print(f"1..{len(table)}")
    for n, (name, func) in enumerate(table, 1):
        failures.clear()
        func()
        for line in failures[:20]:
            print("#", line.encode("ascii", "backslashreplace").decode())
        print(f"{'not ok' if failures else 'ok'} {n} {name}", flush=True)
        bad += bool(failures)
    sys.exit(bool(bad))


main()
