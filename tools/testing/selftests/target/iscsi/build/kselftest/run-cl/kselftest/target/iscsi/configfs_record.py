#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Record the configfs interface of whatever iSCSI fabric is registered.

usage: configfs_record.py tree|writes|names|show

tree    builds one fixed configuration and prints every path below
        target/iscsi with its type, mode and content
writes  offers a fixed list of values to every writable attribute of that
        configuration and prints what was accepted and what it became
names   makes and removes objects with good and bad names and in good and bad
        order and prints the outcome
show    prints what is configured now as tree does, and changes nothing

Same configuration, same order, normalised values: two records can be
compared with diff. Leaves nothing behind.
"""
import errno
import os
import re
import sys

TARGET = "/sys/kernel/config/target"
ISCSI = TARGET + "/iscsi"
HBA = TARGET + "/core/rd_mcp_0"
DEV = HBA + "/golden"
IQN = "iqn.2003-01.org.example:golden"
EUI = "eui.02004567a425678d"
NAA = "naa.52004567ba64678d"
INITIATOR = "iqn.1994-05.org.example:initiator"
TPG = f"{ISCSI}/{IQN}/tpgt_1"

# Values that depend on the moment or on what ran before, by the path's end.
NORMALISE = [
    (r"statistics/.*/(inst|indx|dev)$", r"\d+", "N"),
    (r"statistics/.*/(creation_time|last_.*time)$", r"\d+", "N"),
    (r"statistics/.*/port_auth_indx$", r"\d+", "N"),
    (r"statistics/(.*/role|scsi_tgt_port/name)$", r"\d+", "N"),
    (r"^cpus_allowed_list$", r"\d+(-\d+)?", "CPUS"),
]


def err(exc):
    return errno.errorcode.get(exc.errno, str(exc.errno))


def read(path):
    """Content as one printable line, or the errno."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError as exc:
        return "!" + err(exc)
    try:
        data = os.read(fd, 65536)
    except OSError as exc:
        return "!" + err(exc)
    finally:
        os.close(fd)
    return show(data.decode("latin-1"))


def show(text):
    text = text.replace("\\", "\\\\").replace("\0", "\\0")
    return '"' + text.replace("\n", "\\n").replace("\t", "\\t") + '"'


def normalise(path, text):
    path = path[len(ISCSI) + 1:]
    for where, what, by in NORMALISE:
        if re.search(where, path):
            text = re.sub(what, by, text)
    return text


def write(path, text):
    """None if the whole text was taken, else the errno or a short count."""
    data = text.encode("latin-1")
    try:
        fd = os.open(path, os.O_WRONLY)
    except OSError as exc:
        return err(exc)
    try:
        done = os.write(fd, data)
    except OSError as exc:
        return err(exc)
    finally:
        os.close(fd)
    return None if done == len(data) else f"short({done})"


def must(result, what):
    if result:
        sys.exit(f"setting up: {what}: {result}")


def attempt(func, *args):
    try:
        func(*args)
    except OSError as exc:
        return err(exc)
    return None


def build():
    """One of everything that the fabric's tree can hold, portal groups off."""
    os.makedirs(DEV)
    must(write(DEV + "/control", "rd_pages=256,rd_nullio=1\n"), "control")
    must(write(DEV + "/wwn/vpd_unit_serial", "golden\n"), "serial")
    must(write(DEV + "/enable", "1\n"), "enable")
    if not os.path.isdir(ISCSI):
        os.mkdir(ISCSI)
    for name in (IQN, EUI, NAA):
        os.mkdir(f"{ISCSI}/{name}")
        os.mkdir(f"{ISCSI}/{name}/tpgt_1")
    os.mkdir(f"{ISCSI}/{IQN}/tpgt_2")
    os.mkdir(f"{TPG}/np/127.0.0.1:3260")
    os.mkdir(f"{TPG}/np/[::1]:3260")
    os.mkdir(f"{ISCSI}/{IQN}/tpgt_2/np/0.0.0.0:3261")
    os.mkdir(f"{ISCSI}/{EUI}/tpgt_1/np/[::0]:3262")
    os.mkdir(f"{ISCSI}/{NAA}/tpgt_1/np/127.0.0.1:3260")
    os.mkdir(f"{TPG}/lun/lun_0")
    os.symlink(DEV, f"{TPG}/lun/lun_0/port")
    os.mkdir(f"{TPG}/acls/{INITIATOR}")
    os.mkdir(f"{TPG}/acls/{INITIATOR}/lun_0")
    os.symlink(f"{TPG}/lun/lun_0", f"{TPG}/acls/{INITIATOR}/lun_0/mapped")


def destroy(top=ISCSI):
    """Remove what user space made: links first, then directories that let go."""
    for _ in range(8):
        left = False
        for where, dirs, _files in os.walk(top, topdown=False):
            for name in dirs:
                path = f"{where}/{name}"
                if os.path.islink(path):
                    attempt(os.unlink, path)
                else:
                    attempt(os.rmdir, path)
        if top == ISCSI:
            left = any(n.startswith(("iqn.", "eui.", "naa."))
                       for n in os.listdir(ISCSI))
        if not left:
            break
    if left:
        sys.exit("could not remove the configuration")


def cleanup():
    if os.path.isdir(ISCSI):
        destroy()
    attempt(os.rmdir, DEV)
    attempt(os.rmdir, HBA)


def walk(top):
    """Every path below top in a stable order, links not followed."""
    for name in sorted(os.listdir(top)):
        path = f"{top}/{name}"
        yield path
        if os.path.isdir(path) and not os.path.islink(path):
            yield from walk(path)


def tree():
    for path in walk(ISCSI):
        mode = os.lstat(path).st_mode & 0o7777
        rel = path[len(ISCSI) + 1:]
        if os.path.islink(path):
            dest = os.readlink(path)
            dest = os.path.normpath(os.path.join(os.path.dirname(path), dest))
            print(f"l {mode:04o} {rel} -> {dest[len(TARGET) + 1:]}")
        elif os.path.isdir(path):
            print(f"d {mode:04o} {rel}")
        elif mode & 0o444:
            print(f"f {mode:04o} {rel} = {normalise(path, read(path))}")
        else:
            print(f"f {mode:04o} {rel}")


LONG = "x" * 300
NUMBERS = ["", "\n", "0", "1", "2", "-1", "1\n", "01", "0x2", " 1", "1 2", "abc",
           "1abc",
           "3", "4", "5", "10", "14", "15", "16", "30", "31", "60", "61", "64", "255", "256", "512", "513", "65535", "65536", "16777215", "16777216",
           "4294967295", "4294967296", "99999999999999999999", "yes", "Y", "n", LONG]
TEXTS = ["", "\n", "0", "abc", "Yes", "No", "yes", "None", "CHAP", "CHAP,None", "None,CHAP",
         "None,None", "CRC32C", "CRC32C,None", "None,CRC32C", "SHA1", "CHAP,SRP",
         "1", "2", "8192", "262144", "511", "512", "16777215", "16777216", "3600", "3601",
         "65535", "65536", "-1", "Reject", "Irrelevant", "NotUnderstood", "a,b",
         "a=b", "x" * 200, "x" * 255, "x" * 256, LONG]


# Only one attribute of each kind: a second target or portal group has the same
# ones, and a TPG's attributes are offered while it is disabled.
def writable():
    skip = (f"{ISCSI}/{EUI}", f"{ISCSI}/{NAA}", f"{ISCSI}/{IQN}/tpgt_2")
    for path in walk(ISCSI):
        if path.startswith(skip) or os.path.islink(path) or os.path.isdir(path):
            continue
        if os.lstat(path).st_mode & 0o222:
            yield path


def values_for(path):
    if "/param/" in path or "/auth/" in path or "discovery_auth" in path or \
       path.endswith(("/tag", "cpus_allowed_list", "lio_version")):
        return TEXTS
    if "/lun_0/alua" in path:
        return ["", "0", "1", "2", "3", "4", "-1", "abc", "default_tg_pt_gp", "NULL"]
    return NUMBERS


def label(text):
    """Long values by their length, so that lines stay readable."""
    return show(text) if len(text) < 80 else f"{text[0]}*{len(text)}"


def shorten(text):
    return re.sub(r"(x)\1{40,}", lambda m: f"x*{len(m.group(0))}", text)


def offer(path, before, value):
    result = write(path, value)
    after = normalise(path, read(path))
    if result is None:
        print(f"  {label(value)} : ok = {shorten(after)}")
    elif after != before:
        print(f"  {label(value)} : {result} = {shorten(after)}")
    else:
        print(f"  {label(value)} : {result}")


def restore(path, before):
    """Back to the first value; True when that worked."""
    if before.startswith("!"):
        return True
    text = before[1:-1].replace("\\n", "\n")
    if normalise(path, read(path)) == before:
        return True
    write(path, text)
    if normalise(path, read(path)) == before:
        return True
    write(path, text.rstrip("\n"))
    if normalise(path, read(path)) == before:
        return True
    if write(path, "NULL") is None and normalise(path, read(path)) == before:
        return True
    return False


def writes():
    for path in writable():
        before = normalise(path, read(path))
        rel = path[len(ISCSI) + 1:]
        print(f"[{rel}] = {shorten(before)}")
        for value in values_for(path):
            offer(path, before, value)
            if not restore(path, before):
                now = normalise(path, read(path))
                print(f"  (stays) = {shorten(now)}")
                before = now


def act(what, func, *args):
    print(f"{what} : {attempt(func, *args) or 'ok'}")


def try_name(where, name, keep=False):
    path = f"{ISCSI}/{where}/{name}" if where else f"{ISCSI}/{name}"
    text = label(name)
    result = attempt(os.mkdir, path)
    print(f"mkdir {where or '.'} {text} : {result or 'ok'}")
    if result is None and not keep:
        print(f"rmdir {where or '.'} {text} : {attempt(os.rmdir, path) or 'ok'}")


def target_names():
    for name in ("iqn.2003-01.org.example:ok", "iqn.2003-01.org.example", "iqn.", "iqn", "iqnx", "foo",
                 "eui.02004567A425678D", "eui.02004567A425678", "eui.zzzz", "naa.52004567BA64678D",
                 "naa.52004567BA64678D52004567BA64678D", "naa.1", "IQN.2003-01.org.example:up",
                 "iqn.2003-01.org.example:UP", "iqn.2003-01.org.example:sp ace",
                 "iqn.2003-01.org.example:under_score", "iqn.2003-01.org.example:\xc3\xa4",
                 "iqn.2003-99.org.example:x", "iqn.2003-01.org.example:" + "a" * 199,
                 "iqn.2003-01.org.example:" + "a" * 200, "iqn.2003-01.org.example:" + "a" * 230,
                 "discovery_auth", IQN):
        try_name("", name)


def group_names():
    for name in ("tpgt_0", "tpgt_3", "tpgt_65535", "tpgt_65536", "tpgt_-1", "tpgt_x", "tpgt_",
                 "tpgt_1x", "tpgt_01", "tpg_1", "foo", "tpgt_1"):
        try_name(IQN, name)


def portal_names():
    for name in ("127.0.0.1:3270", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65535",
                 "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:abc", "127.0.0.1:3270x", "127.0.0.300:3270",
                 "127.0.0:3270", "192.0.2.1:3270", "foo:3270", "foo", "0.0.0.0:3270", "0.0.0.0:3260",
                 "[::1]:3270", "[::1]", "[::1]3270", "[::1]:", "[::1]:65536", "::1:3270", "[::0]:3270", "[::]:3270",
                 "[::1:3270", "[fe80::1]:3270", "[fe80::1%lo]:3270", "[2001:db8::1]:3270", "[x]:3270",
                 "127.0.0.1:3260", "[::1]:3260", "127.0.0.1:3261", "1" * 100):
        try_name(f"{IQN}/tpgt_1/np", name)
    # The same portal under a second group of the target, and of another target.
    for where in (f"{IQN}/tpgt_2/np", f"{EUI}/tpgt_1/np"):
        try_name(where, "127.0.0.1:3260")


def other_names():
    for name in ("iqn.1994-05.org.example:two", "iqn.x", "foo", "iqn.1994-05.org.example:UP",
                 "iqn.1994-05.org.example:" + "a" * 199, "iqn.1994-05.org.example:" + "a" * 200,
                 "iqn.1994-05.org.example:" + "a" * 230, INITIATOR):
        try_name(f"{IQN}/tpgt_1/acls", name)
    for name in ("lun_1", "lun_01", "lun_255", "lun_256", "lun_16383", "lun_16384", "lun_65535", "lun_65536",
                 "lun_4294967296", "lun_-1", "lun_x", "lun_", "lun1", "foo", "lun_0"):
        try_name(f"{IQN}/tpgt_1/lun", name)
        try_name(f"{IQN}/tpgt_1/acls/{INITIATOR}", name)
    for where in ("", f"{IQN}/tpgt_1/attrib", f"{IQN}/tpgt_1/np/127.0.0.1:3260", f"{IQN}/tpgt_1/lun/lun_0",
                  f"{IQN}/tpgt_1/acls/{INITIATOR}/lun_0", f"{IQN}/param", f"{IQN}/fabric_statistics"):
        try_name(where, "extra")


def order():
    lun = f"{TPG}/lun/lun_0"
    acl = f"{TPG}/acls/{INITIATOR}"
    act("symlink lun_0 second", os.symlink, DEV, f"{lun}/port2")
    act("symlink lun_0 not-a-device", os.symlink, TPG, f"{lun}/port3")
    act("symlink mapped second", os.symlink, lun, f"{acl}/lun_0/mapped2")
    os.mkdir(f"{TPG}/lun/lun_1")
    act("symlink lun_1 hba", os.symlink, HBA, f"{TPG}/lun/lun_1/port")
    os.mkdir(f"{acl}/lun_1")
    act("symlink mapped empty-lun", os.symlink, f"{TPG}/lun/lun_1", f"{acl}/lun_1/mapped")
    attempt(os.unlink, f"{acl}/lun_1/mapped")
    os.rmdir(f"{acl}/lun_1")
    act("symlink lun_1 same device", os.symlink, DEV, f"{TPG}/lun/lun_1/port")
    act("symlink mapped lun_1 under two numbers", os.mkdir, f"{acl}/lun_7")
    act("symlink mapped lun_7", os.symlink, f"{TPG}/lun/lun_1", f"{acl}/lun_7/mapped")
    act("unlink lun_1 while mapped", os.unlink, f"{TPG}/lun/lun_1/port")
    act("rmdir lun_1 while mapped", os.rmdir, f"{TPG}/lun/lun_1")
    act("unlink mapped lun_7", os.unlink, f"{acl}/lun_7/mapped")
    act("rmdir mapped lun_7", os.rmdir, f"{acl}/lun_7")
    attempt(os.unlink, f"{TPG}/lun/lun_1/port")
    act("rmdir lun_1", os.rmdir, f"{TPG}/lun/lun_1")
    act("rmdir device in use", os.rmdir, DEV)
    act("enable", must_write, f"{TPG}/enable", "1\n")
    act("enable again", must_write, f"{TPG}/enable", "1\n")
    act("rmdir portal while enabled", os.rmdir, f"{TPG}/np/[::1]:3260")
    act("mkdir portal while enabled", os.mkdir, f"{TPG}/np/[::1]:3260")
    act("mkdir acl while enabled", os.mkdir, f"{TPG}/acls/iqn.1994-05.org.example:two")
    act("rmdir acl while enabled", os.rmdir, f"{TPG}/acls/iqn.1994-05.org.example:two")
    act("rmdir acl with mapped lun", os.rmdir, acl)
    act("rmdir group with children", os.rmdir, TPG)
    act("rmdir target with children", os.rmdir, f"{ISCSI}/{IQN}")
    act("rmdir fabric with targets", os.rmdir, ISCSI)
    act("disable", must_write, f"{TPG}/enable", "0\n")
    act("disable again", must_write, f"{TPG}/enable", "0\n")
    act("unlink mapped", os.unlink, f"{acl}/lun_0/mapped")
    act("unlink lun", os.unlink, f"{lun}/port")
    act("enable without lun", must_write, f"{TPG}/enable", "1\n")
    act("enable without portal", must_write, f"{ISCSI}/{IQN}/tpgt_2/enable", "1\n")
    act("rmdir enabled group without children", os.rmdir, f"{ISCSI}/{IQN}/tpgt_2")


def must_write(path, text):
    result = write(path, text)
    if result:
        raise OSError(getattr(errno, result, errno.EIO), result)


def names():
    target_names()
    group_names()
    portal_names()
    other_names()
    order()


def main():
    what = {"tree": tree, "writes": writes, "names": names, "show": tree}
    if len(sys.argv) != 2 or sys.argv[1] not in what:
        sys.exit(__doc__)
    if sys.argv[1] == "show":
        tree()
        return
    cleanup()
    build()
    try:
        what[sys.argv[1]]()
    finally:
        sys.stdout.flush()
        cleanup()


main()
