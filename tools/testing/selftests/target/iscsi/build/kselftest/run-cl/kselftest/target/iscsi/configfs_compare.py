#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Compare two records of configfs_record.py.

usage: configfs_compare.py tree|writes|names GOLDEN RECORD DEVIATIONS

Prints every difference that DEVIATIONS does not list and exits 1 if there is
one. A line of DEVIATIONS is

    KIND KEY : OUTCOME

with KIND tree, writes or names, and shell patterns for KEY (a path; a path and
a value; an operation) and for the OUTCOME that is ours instead. "absent" is
the outcome of something that is not there. KIND+ is for additions: what is
not there in GOLDEN. '#' starts a comment line: the reason.
"""
import fnmatch
import sys


def load(kind, path):
    """Outcome by key; an operation that is repeated gets a number."""
    out = {}
    where = ""
    for line in open(path, encoding="utf-8", errors="surrogateescape"):
        line = line.rstrip("\n")
        if kind == "writes" and line.startswith("["):
            where, _, outcome = line.partition(" = ")
            where = where[1:-1]
            key = where + " initially"
        elif kind == "writes" and line.startswith("  (stays) = "):
            key = where + " (stays)"
            outcome = line.partition(" = ")[2]
        elif kind == "tree":
            head, sep, outcome = line.partition(" = ")
            if not sep:
                head, sep, outcome = line.partition(" -> ")
            key = head.split(" ", 2)[2]
            outcome = " ".join(head.split(" ", 2)[:2] + [outcome])
        else:
            key, _, outcome = line.strip().rpartition(" : ")
            if " : " in key:	# an outcome may hold the separator
                key, _, outcome = line.strip().partition(" : ")
            key = f"{where} {key}" if where else key
        base, n = key, 1
        while key in out:
            n += 1
            key = f"{base} #{n}"
        out[key] = outcome
    return out


def load_deviations(kind, path):
    rules = []
    for line in open(path, encoding="utf-8"):
        line = line.strip()
        head, _, rest = line.partition(" ")
        if head.rstrip("+") != kind:
            continue
        key, sep, outcome = rest.rpartition(" : ")
        if not sep:
            sys.exit(f"{path}: not KIND KEY : OUTCOME: {line}")
        rules.append((key, outcome, head.endswith("+")))
    return rules


def matches(text, pattern):
    # Paths are full of brackets: only * is special.
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    kind, golden, record, deviations = sys.argv[1:]
    want = load(kind, golden)
    have = load(kind, record)
    rules = load_deviations(kind, deviations)
    used = set()
    bad = same = 0
    for key in list(want) + [k for k in have if k not in want]:
        ours = have.get(key, "absent")
        theirs = want.get(key, "absent")
        if ours == theirs:
            same += 1
            continue
        hit = [r for r in rules if matches(key, r[0]) and matches(ours, r[1]) and
               (not r[2] or theirs == "absent")]
        used.update(hit)
        if not hit:
            bad += 1
            print(f"{key}\n    golden {theirs}\n    here   {ours}")
    for rule in rules:
        if rule not in used:
            print(f"note: nothing deviates as in: {kind} {rule[0]} : {rule[1]}")
    print(f"{kind}: {same} the same, {bad} different, {len(used)} deviation rules used")
    sys.exit(1 if bad or not same else 0)


main()
