#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write src/core/pattern/casefold_table.c from the Unicode data that Python carries.

Run it by hand when a newer Unicode is wanted; the result is kept in the tree.
"""
import unicodedata


def canonical(text):
    return "".join(low for c in text for l in c.lower() for u in l.upper() for low in u.lower())


def scalars():
    return (chr(i) for i in range(0x80, 0x110000) if not 0xD800 <= i < 0xE000)


def main():
    runs, special = [], []
    for c in scalars():
        upper, lower = c.upper(), c.lower()
        if upper == c and lower == c:
            continue
        assert canonical(upper) == canonical(lower) == canonical(c)
        if len(upper) > 1 or len(lower) > 1:
            special.append((c, upper, lower))
            continue
        deltas = (ord(upper) - ord(c), ord(lower) - ord(c))
        if runs and runs[-1][3] == deltas:
            first, last, step, _ = runs[-1]
            gap = ord(c) - last
            if gap <= 2 and (first == last or step == gap):
                runs[-1] = (first, ord(c), gap, deltas)
                continue
        runs.append((ord(c), ord(c), 1, deltas))
    # Pairs that alternate (upper, lower, upper ...) make two interleaved runs.
    runs = merge(runs)
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print(f"/* Made by scripts/gen-casemap.py from Unicode {unicodedata.unidata_version}. */")
    print('#include "core/pattern/casefold.h"\n')
    print("const struct casemap_run casemap_runs[] = {")
    for first, last, step, (up, low) in runs:
        print(f"\t{{0x{first:x}, 0x{last:x}, {step}, {up}, {low}}},")
    print("};\n\nconst size_t casemap_run_count = COUNT_OF(casemap_runs);\n")
    print("const struct casemap_special casemap_specials[] = {")
    for c, upper, lower in special:
        print(f"\t{{0x{ord(c):x}, {literal(upper)}, {literal(lower)}}},")
    print("};\n\nconst size_t casemap_special_count = COUNT_OF(casemap_specials);")


def merge(runs):
    """Join runs of one character that continue an earlier run two characters before."""
    out = []
    for run in runs:
        for other in out[-2:]:
            first, last, step, deltas = other
            if deltas == run[3] and run[0] == run[1] and run[0] - last == 2 and (
                    first == last or step == 2):
                out[out.index(other)] = (first, run[1], 2, deltas)
                break
        else:
            out.append(run)
    return out


def literal(text):
    return '"' + "".join(f"\\x{b:02x}" for b in text.encode()) + '"'


if __name__ == "__main__":
    main()
