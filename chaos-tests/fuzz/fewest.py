"""Picks stored inputs from the control file of a libFuzzer merge: those that reach most for their
length first, until nothing new is reached or the room is used up.

Usage: fewest.py CONTROL_FILE ROOM_BYTES; prints one path a line, and a count on stderr.
"""

import os
import sys

# What a file takes beside its bytes: a few hundred small ones are no small corpus.
FILE_BYTES = 256


def read(control):
    """Paths, and what each reaches: [(path, {feature, ...}), ...]."""
    lines = iter(open(control, encoding="utf-8").read().split("\n"))
    many = int(next(lines))
    next(lines)
    paths = [next(lines) for _ in range(many)]
    reached = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "FT":
            at, *features = rest.split()
            reached[int(at)] = set(features)
    return [(paths[at], features) for at, features in reached.items()]


def main():
    inputs = [(path, reached, os.path.getsize(path)) for path, reached in read(sys.argv[1])]
    room, seen, left = int(sys.argv[2]), set(), inputs
    everything = set().union(*(reached for _, reached, _ in inputs))
    while left:
        path, reached, size = max(left, key=lambda one: len(one[1] - seen) / (FILE_BYTES + one[2]))
        gain = len(reached - seen)
        left = [one for one in left if one[0] != path]
        if gain == 0:
            break
        if FILE_BYTES + size <= room:
            room -= FILE_BYTES + size
            seen |= reached
            print(path)
    print(f"{len(seen)} of {len(everything)} places reached", file=sys.stderr)


main()
