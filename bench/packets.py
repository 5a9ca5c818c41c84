# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a packet costs among many clients."""
import os
import random
import re
import statistics

from harness import BUILD, Namespace, addresses, compare, ctl, report

FAST = ["--above", "1000000/sec", "--burst", "1000000"]   # a limit that nobody meets
NOBODY = "203.0.113.200"                                  # a source that is no client


def drop_behind_filter(namespace):
    """What filter lets through ends in the next table: no socket, no answer.  Comes last: ours
    would be opened ahead of a drop that is there before it."""
    namespace("iptables-legacy", "-t", "security", "-A", "INPUT", "-p", "udp",
              "--dport", "53", "-j", "DROP")


def limit_rule(name):
    return (f"-m hashlimit --hashlimit-above 1000000/sec --hashlimit-burst 1000000 "
            f"--hashlimit-mode srcip --hashlimit-name {name} -j DROP")


def setup_ours(namespace, clients, backend="legacy", both=False):
    ctl(namespace, "limit", "dns", "-", *FAST, stdin="\n".join(clients), backend=backend, both=both)


def setup_both(namespace, clients):
    setup_ours(namespace, clients, both=True)


def setup_both_nft(namespace, clients):
    setup_ours(namespace, clients, backend="nft", both=True)


def setup_linear(namespace, clients):
    rules = "".join(f"-A CLIENTS -s {client} -j LIMIT\n" for client in clients)
    namespace("iptables-legacy-restore", "--noflush",
              stdin=f"*filter\n:CLIENTS - [0:0]\n:LIMIT - [0:0]\n-A LIMIT {limit_rule('lin')}\n"
                    f"{rules}-I INPUT -p udp --dport 53 -j CLIENTS\nCOMMIT\n")


def setup_ipset(namespace, clients):
    adds = "".join(f"add clients {client}\n" for client in clients)
    namespace("ipset", "restore",
              stdin=f"create clients hash:net maxelem {max(len(clients), 65536)}\n{adds}")
    namespace("iptables-legacy-restore", "--noflush",
              stdin=f"*filter\n:LIMIT - [0:0]\n-A LIMIT {limit_rule('set')}\n"
                    "-I INPUT -p udp --dport 53 -m set --match-set clients src -j LIMIT\nCOMMIT\n")


def setup_nft(namespace, clients):
    elements = ", ".join(clients)
    namespace("nft", "-f", "-", stdin=f"""
table ip bench {{
  set clients {{ type ipv4_addr; elements = {{ {elements} }} }}
  set rates {{ type ipv4_addr; size 65535; flags dynamic; timeout 60s; }}
  chain input {{
    type filter hook input priority filter - 1;
    udp dport 53 ip saddr @clients update @rates {{ ip saddr limit rate over 1000000/second burst 1000000 packets }} drop
  }}
}}
""")


def setup_nft_by_hand(namespace, clients):
    """One map and one meter, each client counted, as ours is."""
    elements = ", ".join(f"{client} counter : goto over" for client in clients)
    namespace("nft", "-f", "-", stdin=f"""
table ip bench {{
  set rates {{ type ipv4_addr; size 65536; flags dynamic, timeout; timeout 2s; }}
  chain over {{
    update @rates {{ ip saddr limit rate 1000000/second burst 1000000 packets }} return
    counter drop
  }}
  map clients {{ type ipv4_addr : verdict; counter; elements = {{ {elements} }} }}
  chain input {{
    type filter hook input priority filter - 1;
    udp dport 53 ip saddr vmap @clients
  }}
}}
""")


def setup_nothing(namespace, clients):
    """Nobody is limited, and nothing of ours is there: the packet as it is."""


SETUPS = {"ours": setup_ours, "linear -s rules": setup_linear, "ipset hash:net": setup_ipset,
          "nft set": setup_nft}

# Through nftables, and beside it: each with NOTRACK by the same backend, for both families, as
# one table of nftables has them.
NFT_SETUPS = {"nft": ("nft", setup_both_nft), "by hand": ("nft", setup_nft_by_hand),
              "legacy": ("legacy", setup_both), "bare": (None, setup_nothing)}


def packet_ns(namespace, source, milliseconds):
    return float(namespace(os.path.join(BUILD, "bench", "packet"), source,
                           str(milliseconds)).stdout)


def measure_in_turn(spaces, clients, rounds, milliseconds):
    """Each packet from another client, so that nothing of the list is in the caches."""
    samples = {peer: [] for peer in SETUPS}
    draw = random.Random(3)
    for _ in range(rounds):
        sources = "\n".join(draw.sample(clients, min(len(clients), 20000))) + "\n"
        for peer in SETUPS:
            done = spaces[peer](os.path.join(BUILD, "bench", "packet"), "-", str(milliseconds),
                                stdin=sources)
            samples[peer].append(float(done.stdout))
    for peer in list(SETUPS)[1:]:
        compare(f"packet, {len(clients)} clients, in turn", "ours", peer, samples, "ns")


def measure_packets(counts, rounds, milliseconds):
    print("\nA packet through PREROUTING and INPUT (ns)")
    one = None
    for count in counts:
        clients = addresses(count, 1)
        spaces = {}
        for peer, setup in SETUPS.items():
            space = spaces[peer] = Namespace(re.sub(r"\W", "", peer))
            ctl(space, "add", "dns")
            setup(space, clients)
            drop_behind_filter(space)
        if one is None:
            one = spaces["one"] = Namespace("one")
            ctl(one, "add", "dns")
            setup_ours(one, clients[:1])
            drop_behind_filter(one)
            first_client = clients[0]
        for place, source in (("first", clients[0]), ("last", clients[-1]), ("no match", NOBODY)):
            samples = {peer: [] for peer in SETUPS}
            samples["one client"] = []
            for _ in range(rounds):
                for peer in SETUPS:
                    samples[peer].append(packet_ns(spaces[peer], source, milliseconds))
                samples["one client"].append(
                    packet_ns(one, NOBODY if place == "no match" else first_client, milliseconds))
            for peer in list(SETUPS)[1:] + ["one client"]:
                compare(f"packet, {count} clients, {place}", "ours", peer, samples, "ns")
        if count >= 10000:
            measure_in_turn(spaces, clients, rounds, 2 * milliseconds)
        for space in spaces.values():
            if space is not one:
                space.close()
    one.close()


def measure_nft_packets(count, rounds, milliseconds):
    """What ours costs over a packet that meets no rule but the one that drops it."""
    print("\nnft: a packet's cost over a bare drop (ns)")
    clients = addresses(count, 1)
    spaces = {}
    for name, (backend, setup) in NFT_SETUPS.items():
        space = spaces[name] = Namespace(re.sub(r"\W", "", name))
        if backend:
            ctl(space, "add", "dns", backend=backend, both=True)
        setup(space, clients)
        drop_behind_filter(space)
    draw = random.Random(3)
    for what in ("hot", "cold"):
        samples = {name: [] for name in NFT_SETUPS}
        for _ in range(rounds):
            sources = draw.sample(clients, 1 if what == "hot" else min(count, 20000))
            for name, space in spaces.items():
                samples[name].append(float(space(
                    os.path.join(BUILD, "bench", "packet"), "-", str(milliseconds),
                    stdin="\n".join(sources) + "\n").stdout))
        over = {name: [cost - bare for cost, bare in zip(samples[name], samples["bare"])]
                for name in ("nft", "by hand", "legacy")}
        medians = {name: statistics.median(costs) for name, costs in over.items()}
        for peer in ("legacy", "by hand"):      # ratios of single differences are mostly noise
            report(f"nft: packet over a bare drop, {count}, {what}", "nft", peer, medians["nft"],
                   medians[peer], medians["nft"] / medians[peer], "ns")
    for space in spaces.values():
        space.close()
