#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print etc/man/postrider-metrics.7 from include/app/metrics/metrics_table.h."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "include/app/metrics/metrics_table.h"
FAMILY = re.compile(r'METRIC\(\w+, (\w+), "(\w+)", "([^"]*)", \d+, "((?:[^"\\]|\\.)*)"\)')

HEAD = r'''.\" SPDX-License-Identifier: Apache-2.0
.\" Written by scripts/gen-metrics-page.py; do not edit.
.Dd November 24, 2026
.Dt POSTRIDER-METRICS 7
.Os
.Sh NAME
.Nm postrider-metrics
.Nd what Prometheus can read of a daemon
.Sh DESCRIPTION
.Xr postrider 1
serves its metrics at
.Pa /metrics
of
.Ic admin.listen ,
in Prometheus's text format.
Gauges are taken once a second; a scrape asks nothing of the loops that deliver.
.Pp
The values of labels come from the configuration and from the names of topics, never from
an event.
A lane is a consumer and, unless they share one, a destination:
.Ql shop.billing .
What a reload or a rebalance has taken away is no longer shown; should it come back, its
counters go on where they were.
.Pp
Histograms are in seconds, from 1 ms to an hour.
Alert rules with what to do, and a dashboard, come with Postrider:
.Pa prometheus/postrider.rules.yml
and
.Pa grafana/postrider.json
beside its samples.
'''

TAIL = r'''.Sh SEE ALSO
.Xr postrider 1 ,
.Xr postrider.cfg 5 ,
.Xr postrider-messages 7
'''


def escaped(text: str) -> str:
    text = text.replace('\\"', '"').replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in ".'" else text


def main() -> None:
    out = [HEAD]
    is_open = False
    for line in TABLE.read_text().splitlines():
        if section := re.match(r"/\* ([A-Z][^,.]*)[^:]*\. \*/$", line):
            if is_open:
                out.append(".El\n")
            out.append(f".Sh {section[1].upper()}\n.Bl -tag -width Ds\n")
            is_open = True
        if family := FAMILY.match(line):
            kind, name, labels, text = family.groups()
            of = "".join(f' {label} ,' for label in labels.split())[:-2]
            out.append(f".It Ic {name}" + (f" Brq Ar{of}" if labels else "") + "\n")
            out.append(f".Pq {kind.lower()}\n{escaped(text)}\n")
    out.append(".El\n" + TAIL)
    sys.stdout.write("".join(out))


main()
