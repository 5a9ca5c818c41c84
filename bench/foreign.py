# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to look at a host's own rules, however many there are."""
import os

from harness import BUILD, NOTRACKCTL, Namespace, compare, ctl, timed

DUMP = os.path.join(BUILD, "bench", "dump")
TEXTBOOK = (("established,related", "-m conntrack --ctstate ESTABLISHED,RELATED",
             "ct state established,related"),
            ("questions", "-p udp --dport 53 -m conntrack --ctstate NEW",
             "udp dport 53 ct state new"))


def ban(number):
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def groups(count, chains):
    """Bans, a list for each chain; each list is of one prefix of 24 bits."""
    size = count // chains
    return [(chain, [ban(256 * chain + i) for i in range(size)]) for chain in range(chains)]


def legacy_rules(count, chains):
    lines = ["*filter"] + [f":bans{chain} - [0:0]" for chain in range(chains or 0)]
    if not chains:
        lines += [f"-A INPUT -s {ban(i)} -j DROP" for i in range(count)]
    for chain, bans in groups(count, chains) if chains else ():
        lines.append(f"-A INPUT -s {ban(256 * chain)}/24 -j bans{chain}")
        lines += [f"-A bans{chain} -s {address} -j DROP" for address in bans]
    lines += [f"-A INPUT {rule} -j ACCEPT" for _, rule, _ in TEXTBOOK]
    return "\n".join(lines + ["COMMIT", ""])


def nft_rules(count, chains):
    lines = ["table ip others {"]
    for chain, bans in groups(count, chains) if chains else ():
        lines.append(f"chain bans{chain} {{")
        lines += [f"ip saddr {address} counter drop" for address in bans] + ["}"]
    lines.append("chain input {\ntype filter hook input priority 0;")
    if not chains:
        lines += [f"ip saddr {ban(i)} counter drop" for i in range(count)]
    lines += [f"ip saddr {ban(256 * chain)}/24 jump bans{chain}" for chain in range(chains or 0)]
    lines += [f"{rule} accept" for _, _, rule in TEXTBOOK]
    return "\n".join(lines + ["}", "}", ""])


def measure_one(backend, count, chains, rounds):
    space = Namespace("foreign")
    if backend == "legacy":
        space("iptables-legacy-restore", stdin=legacy_rules(count, chains))
    else:
        space("nft", "-f", "-", stdin=nft_rules(count, chains))
    ctl(space, "add", "dns", backend=backend)
    ctl(space, "limit", "dns", "192.0.2.0/24", "--above", "10/sec", backend=backend)
    names = ("verify", "add, which the guard looks at", "one client more")
    words = (("verify",), ("add", "dns"),
             ("limit", "dns", "198.51.100.1", "--above", "10/sec"))
    floor = "the kernel's dump, unread"
    library, reading = (("libiptc, which reads it", "iptc") if backend == "legacy" else
                        ("libnftnl, which reads it", "nftnl"))
    samples = {name: [] for name in names + (floor, library)}
    for _ in range(rounds):
        samples[floor].append(timed(space, DUMP, backend))
        samples[library].append(timed(space, DUMP, reading))
        for name, command in zip(names, words):
            samples[name].append(timed(space, NOTRACKCTL, "--backend", backend, "-4", *command))
        ctl(space, "unlimit", "dns", "198.51.100.1", backend=backend)
    space.close()
    among = f"{count} in {chains} chains" if chains else f"{count} in one chain"
    for name in names:
        compare(f"{backend}: {name}, {among}", name, floor, samples, "ms")
        compare(f"{backend}: {name}, {among}", name, library, samples, "ms")
    compare(f"{library}, {among}", library, floor, samples, "ms")


def measure_foreign(quick, rounds):
    print("\nA host's own rules (ms)")
    scale = 10 if quick else 1
    measure_one("legacy", 100000 // scale, 0, rounds)
    measure_one("legacy", 100000 // scale, 1000 // scale, rounds)
    measure_one("nft", 10000 // scale, 0, rounds)
    measure_one("nft", 100000 // scale, 1000 // scale, rounds)
