# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the rules of all hooks cost a question and its answer."""
import os
import re
import time

from harness import BUILD, Namespace, compare, ctl, link, run

STATEFUL = """*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp --dport 53 -m conntrack --ctstate NEW -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED,NEW -j ACCEPT
COMMIT
"""


EMPTY = {
    "raw": "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
    "filter": "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
}


SERVED = (("--dport", "--sport"),)                        # of what comes in, and goes out
BOTH = SERVED + (("--sport", "--dport"),)
SERVICES = {"dns": ("53", ("udp", "tcp"), BOTH), "https": ("443", ("tcp",), SERVED),
            "ntp": ("123", ("udp",), BOTH), "syslog": ("514", ("udp",), SERVED)}


def classic(services):
    """The rules as an operator writes them by hand, the most used ones first."""
    rules = ""
    for table, hook_in, target in (("raw", "PREROUTING", "NOTRACK"), ("filter", "INPUT", "ACCEPT")):
        rules += f"*{table}\n"
        number = 0
        for port, protocols, roles in (SERVICES[name] for name in services):
            for protocol in protocols:
                for comes, goes in roles:
                    number += 1
                    rules += (f"-I {hook_in} {number} -p {protocol} {comes} {port} -j {target}\n"
                              f"-I OUTPUT {number} -p {protocol} {goes} {port} -j {target}\n")
        rules += "COMMIT\n"
    return rules


NFT_STATEFUL = """table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    udp dport 53 ct state new accept
    tcp dport 53 ct state new accept
  }
  chain output {
    type filter hook output priority filter; policy drop;
    ct state established,related,new accept
  }
}
"""


def nft_classic(services):
    """The same rules by hand in nft, with a counter each, as iptables has."""
    raw = {"prerouting": "", "output": ""}
    accepts = []
    for port, protocols, roles in (SERVICES[name] for name in services):
        for protocol in protocols:
            for comes, goes in roles:
                for chain, hook, side in (("prerouting", "input", comes),
                                          ("output", "output", goes)):
                    match = f"{protocol} {side[2:]} {port} counter"
                    raw[chain] += f"    {match} notrack\n"
                    accepts.append(f"insert rule inet filter {hook} {match} accept\n")
    return "table inet raw {\n" + "".join(
        f"  chain {chain} {{\n    type filter hook {chain} priority raw;\n{rules}  }}\n"
        for chain, rules in raw.items()) + "}\n" + "".join(reversed(accepts))


def nft_firewall(space, kind, services=("dns",)):
    """In place of what there was."""
    space("nft", "flush", "ruleset")
    if kind == "no firewall":
        return
    space("nft", "-f", "-", stdin=NFT_STATEFUL)
    if kind == "classic by hand":
        space("nft", "-f", "-", stdin=nft_classic(services))
    elif kind == "ours":
        for service in services:
            ctl(space, "add", service, backend="nft")


def firewall(space, kind, services=("dns",)):
    """In place of what there was."""
    for table in ("raw", "filter"):
        space("iptables-legacy-restore", stdin=EMPTY[table])
    if kind == "no firewall":
        return
    space("iptables-legacy-restore", stdin=STATEFUL)
    if kind == "classic by hand":
        space("iptables-legacy-restore", "--noflush", stdin=classic(services))
    elif kind == "ours":
        for service in services:
            ctl(space, "add", service)


def start_server(space, directory):
    zone = os.path.join(directory, "zone")
    with open(zone, "w", encoding="ascii") as out:
        out.write("$ORIGIN bench.example.\n$TTL 60\n@ SOA ns root 1 60 60 60 60\n@ NS ns\n"
                  "ns A 192.0.2.1\nwww A 192.0.2.2\n")
    config = os.path.join(directory, f"{space.name}.conf")
    with open(config, "w", encoding="ascii") as out:
        out.write(f'server:\n server-count: 1\n ip-address: 192.0.2.1\n rrl-ratelimit: 0\n username: ""\n'
                  f' chroot: ""\n zonesdir: "{directory}"\n pidfile: "{config}.pid"\n'
                  f' database: ""\n logfile: "{config}.log"\n xfrdfile: "{config}.xfrd"\n'
                  f' zonelistfile: "{config}.list"\n cookie-secret-file: ""\n'
                  f'remote-control:\n control-enable: no\n'
                  f'zone:\n name: bench.example\n zonefile: "{zone}"\n')
    return space.start("nsd", "-d", "-c", config)


def ask(client, queries, seconds):
    told = client("dnsperf", "-s", "192.0.2.1", "-d", queries, "-c", "1000", "-q", "1000", "-l",
                  str(seconds), "-t", "1").stdout
    return float(re.search(r"Queries per second:\s+([\d.]+)", told).group(1))


def measure_exchanges(rounds, services, backend="legacy"):
    """A question and its answer through the rules of all hooks, and nothing but these differs."""
    kinds = ("no firewall", "stateful", "classic by hand", "ours")
    what = "a DNS question and its answer" + (f", {len(services)} services" if services[1:] else "")
    if backend == "nft":
        what = f"nft: {what}"
    spaces = []
    for kind in kinds:
        pair = [Namespace(f"host{len(spaces)}"), Namespace(f"client{len(spaces)}")]
        link(*pair)
        (nft_firewall if backend == "nft" else firewall)(pair[0], kind, services)
        spaces += pair
    lines = run(os.path.join(BUILD, "bench", "exchange"), str(rounds),
                *(space.name for space in spaces)).stdout.splitlines()
    columns = zip(*([float(word) for word in line.split()] for line in lines))
    samples = dict(zip(kinds, map(list, columns)))
    for kind in kinds[:-1]:
        compare(what, "ours", kind, samples, "ns")
    for space in spaces:
        space.close()


def measure_dns(rounds, seconds, directory):
    """One server and one client, whose firewall changes: two of the same would differ by more
    than two firewalls do."""
    print("\nDNS answered per second, nsd and dnsperf over veth, 1,000 client sockets")
    kinds = ("no firewall", "stateful", "classic by hand", "ours")
    queries = os.path.join(directory, "queries")
    with open(queries, "w", encoding="ascii") as out:
        out.write("www.bench.example A\n")
    samples = {kind: [] for kind in kinds}
    host, client = Namespace("server"), Namespace("client")
    link(host, client)
    server = start_server(host, directory)
    time.sleep(1)
    ask(client, queries, 1)
    for turn in range(rounds):
        for kind in kinds if turn % 2 else kinds[::-1]:
            firewall(host, kind)
            samples[kind].append(ask(client, queries, seconds))
    server.terminate()
    server.wait()
    for kind in kinds[:-1]:
        compare("DNS answered per second, strict rules", "ours", kind, samples, "q/s")
    for space in (host, client):
        space.close()
