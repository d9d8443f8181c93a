#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Take things away from configfs, in the order given, and say how long each took.

usage: drill_take.py SECONDS PATH | PATH=VALUE...

A link is unlinked, a directory removed, a file written. One process does it
all, so that what is measured is the kernel's time. Fails if something is
refused, or if all together takes longer than SECONDS.
"""
import os
import stat
import sys
import time


def take(item):
    path, _, value = item.partition("=")
    if value:
        with open(path, "w", encoding="ascii") as f:
            f.write(value)
    elif stat.S_ISLNK(os.lstat(path).st_mode):
        os.unlink(path)
    else:
        os.rmdir(path)


def main():
    limit = float(sys.argv[1])
    begin = time.monotonic()
    failed = False
    for item in sys.argv[2:]:
        start = time.monotonic()
        try:
            take(item)
            error = ""
        except OSError as e:
            error = f" {e.strerror}"
            failed = True
        ms = (time.monotonic() - start) * 1000
        print(f"{ms:6.0f} ms {'/'.join(item.split('/')[-3:])}{error}", flush=True)
    took = time.monotonic() - begin
    if took > limit:
        sys.exit(f"took {took:.1f} s, more than {limit} s")
    sys.exit(failed)


main()
