# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to see who fills the connection tracking table."""
import os
import sys
import time

from harness import BUILD, NOTRACKCTL, Namespace, api, compare, link, report, timed

# Protocol and server port of each entry, counted: what top --by port does.
BY_HAND = ("conntrack -L 2>/dev/null | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^dport=/) {"
           " count[$1 \" \" substr($i, 7)]++; break } }"
           " END { for (key in count) print key, count[key] }' | sort -rnk3")


def fill_conntrack(host, client, count):
    """Nine in ten of them are DNS, of a tenth as many sources."""
    host("iptables-legacy", "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT")
    host("sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=600")
    for space in (host, client):
        space("ip", "route", "add", "10.0.0.0/8", "dev", "veth0")
    flows = os.path.join(BUILD, "bench", "flows")
    client(flows, str(count * 9 // 10), "53", "192.0.2.1", "10.1.0.0", str(count // 10))
    client(flows, str(count // 10), "123", "192.0.2.1", "10.9.0.0", str(count // 10))
    while True:
        there = int(host("conntrack", "-C").stdout)
        if there >= count:
            return
        if there == fill_conntrack.before:
            sys.exit(f"bench: {there} of {count} entries: is nf_conntrack_max above that?")
        fill_conntrack.before = there
        time.sleep(0.5)


fill_conntrack.before = -1


def measure_usage(count, rounds):
    print(f"\nWho fills a conntrack table of {count} entries (ms)")
    host, client = Namespace("host"), Namespace("client")
    link(host, client)
    fill_conntrack(host, client, count)
    ours = host(NOTRACKCTL, "top", "--raw", "--noheadings", "-o",
                "PROTOCOL,PORT,ENTRIES").stdout.split()
    if ours != host("sh", "-c", BY_HAND).stdout.split():
        sys.exit("bench: notrackctl top and conntrack -L do not agree")
    names = ("ours", "conntrack -L | awk | sort", "conntrack -L >/dev/null",
             "the kernel's dump, unread")
    samples = {name: [] for name in names}
    for _ in range(rounds):
        samples["ours"].append(timed(host, NOTRACKCTL, "top"))
        samples[names[1]].append(timed(host, "sh", "-c", BY_HAND))
        samples[names[2]].append(timed(host, "sh", "-c", names[2]))
        samples[names[3]].append(timed(host, os.path.join(BUILD, "bench", "dump")))
    for peer in names[1:]:
        compare(f"top, {count} entries", "ours", peer, samples, "ms")
    _, memory = api(host, "usage")
    report(f"usage by source, {count} entries, memory", "ours", "20 MB", memory, 20, memory / 20,
           "MB")
    host.close()
    client.close()
