# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to bring clients into the kernel, many at once and one by one."""
import os
import statistics
import subprocess
import time

from harness import NOTRACKCTL, Namespace, addresses, api, compare, ctl, report, timed


def timed_ctl(space, *words, backend="legacy"):
    return timed(space, NOTRACKCTL, "--backend", backend, "-4", *words)


def limit_words(client):
    return ("limit", "dns", client, "--above", "10/sec", "--burst", "20")


def saved_rules(clients, path):
    """The very rules that we make, for iptables-legacy-restore."""
    space = Namespace("save")
    api(space, "bulk", stdin="\n".join(clients))
    with open(path, "w", encoding="ascii") as out:
        out.write(space("iptables-legacy-save", "-t", "filter").stdout)
    space.close()


def measure_bulk(count, rounds, directory):
    print(f"\n{count} clients at once (ms)")
    clients, others = addresses(count, 1), addresses(count, 2)
    rules = os.path.join(directory, "rules")
    other_rules = os.path.join(directory, "other-rules")
    saved_rules(clients, rules)
    saved_rules(others, other_rules)
    samples = {name: [] for name in ("empty", "over", "floor", "restore empty", "restore itself",
                                     "restore different", "memory")}
    for _ in range(rounds):
        space = Namespace("bulk")
        spent, memory = api(space, "bulk", stdin="\n".join(clients))
        samples["empty"] += spent
        samples["memory"].append(memory)
        samples["over"] += api(space, "bulk", stdin="\n".join(others))[0]
        samples["floor"] += api(space, "floor")[0]
        first, space = space, Namespace("restore")
        samples["restore empty"].append(timed(space, "iptables-legacy-restore", stdin_path=rules))
        samples["restore itself"].append(timed(space, "iptables-legacy-restore", stdin_path=rules))
        samples["restore different"].append(
            timed(space, "iptables-legacy-restore", stdin_path=other_rules))
        first.close()
        space.close()
        time.sleep(1)       # the kernel takes its time to undo such tables
    names = {"restore empty": "iptables-legacy-restore", "restore itself":
             "iptables-legacy-restore over itself", "restore different":
             "iptables-legacy-restore over others", "floor": "GET_ENTRIES and SET_REPLACE"}
    for ours, peer in (("empty", "restore empty"), ("over", "restore itself"),
                       ("over", "restore different"), ("over", "floor")):
        labelled = {"ours": samples[ours], names[peer]: samples[peer]}
        compare(f"apply {count}, into {'nothing' if ours == 'empty' else 'others'}", "ours",
                names[peer], labelled, "ms")
    report(f"apply {count}, peak memory", "ours", "300 MB", statistics.median(samples["memory"]),
           300, statistics.median(samples["memory"]) / 300, "MB")


def measure_one(count, rounds):
    print(f"\nOne client among {count} (ms)")
    space = Namespace("one")
    clients = addresses(count, 1)
    api(space, "bulk", stdin="\n".join(clients))
    names = ("load", "own floor", "ctl", "unctl", "iptables -A")
    samples = {name: [] for name in names}
    rows, _ = api(space, "one", 3 * rounds)
    for i, name in enumerate(("add", "floor", "libiptc", "remove")):
        samples[name] = rows[i::4]
    for turn in range(rounds):
        # a process of its own, whose heap nobody has prepared
        samples["own floor"] += api(space, "floor")[0]
        samples["load"] += api(space, "load")[0]
        samples["ctl"].append(timed_ctl(space, *limit_words(f"198.51.100.{turn}")))
        samples["iptables -A"].append(timed(space, "iptables-legacy", "-A", "FORWARD", "-s",
                                            f"198.51.100.{turn}", "-j", "ACCEPT"))
        samples["unctl"].append(timed_ctl(space, "unlimit", "dns", f"198.51.100.{turn}"))
    space.close()
    own, prepared = "GET_ENTRIES and SET_REPLACE", "the same in a prepared heap"
    labels = {"own floor": own, "floor": prepared, "libiptc": "iptc_init and iptc_commit alone",
              "iptables -A": "iptables-legacy -A"}
    for ours, peer, what in (("add", "own floor", "add, API call"), ("add", "floor",
                             "add, API call"), ("add", "libiptc", "add, API call"),
                             ("libiptc", "floor", "libiptc alone"),
                             ("remove", "own floor", "remove, API call"),
                             ("load", "own floor", "load, API call"),
                             ("ctl", "iptables -A", "notrackctl limit"),
                             ("unctl", "iptables -A", "notrackctl unlimit")):
        compare(f"{what}, among {count}", "ours", labels[peer],
                {"ours": samples[ours], labels[peer]: samples[peer]}, "ms")


def saved_table(clients, path):
    """The very table that we make, for nft -f."""
    space = Namespace("save")
    api(space, "bulk", backend="nft", stdin="\n".join(clients))
    with open(path, "w", encoding="ascii") as out:
        out.write("table inet libnotrack\ndelete table inet libnotrack\n")
        out.write(space("nft", "list", "table", "inet", "libnotrack").stdout)
    space.close()


def measure_nft_bulk(count, rounds, directory):
    print(f"\nnft: {count} clients at once (ms)")
    clients, others = addresses(count, 1), addresses(count, 2)
    table, other_table = os.path.join(directory, "table"), os.path.join(directory, "other-table")
    saved_table(clients, table)
    saved_table(others, other_table)
    samples = {name: [] for name in ("load", "replace", "counters", "memory", "nft -f",
                                     "nft -f over others", "nft list map")}
    for _ in range(rounds):
        space, peer = Namespace("bulk"), Namespace("nft")
        spent, memory = api(space, "bulk", backend="nft", stdin="\n".join(clients))
        samples["load"] += spent
        samples["memory"].append(memory)
        samples["nft -f"].append(timed(peer, "nft", "-f", table))
        samples["replace"] += api(space, "bulk", backend="nft", stdin="\n".join(others))[0]
        samples["nft -f over others"].append(timed(peer, "nft", "-f", other_table))
        samples["counters"] += api(space, "counters", backend="nft")[0]
        samples["nft list map"].append(timed(space, "nft", "list", "set", "inet", "libnotrack",
                                             "clients4-32-dns"))
        space.close()
        peer.close()
    for what, ours, peer in (("load", "load", "nft -f"), ("replace by others", "replace",
                             "nft -f over others"), ("counters", "counters", "nft list map")):
        compare(f"nft: {what}, {count}", ours, peer, samples, "ms")
    report(f"nft: load {count}, peak memory", "ours", "100 MB",
           statistics.median(samples["memory"]), 100, statistics.median(samples["memory"]) / 100,
           "MB")


def measure_nft_one(count, rounds):
    """One more by nftables, beside nft(8), and beside the same through the legacy tables."""
    print(f"\nnft: one client among {count} (ms)")
    spaces = {backend: Namespace(f"one{backend}") for backend in ("nft", "legacy")}
    for backend, space in spaces.items():
        api(space, "bulk", backend=backend, stdin="\n".join(addresses(count, 1)))
    names = ("add", "remove", "nft", "legacy", "nft add element", "nft delete element")
    samples = {name: [] for name in names}
    rows, _ = api(spaces["nft"], "one", 3 * rounds, backend="nft")
    samples["add"], samples["remove"] = rows[::4], rows[3::4]
    for turn in range(rounds):
        client = f"198.51.100.{turn}"
        for backend, space in spaces.items():
            samples[backend].append(timed_ctl(space, *limit_words(client), backend=backend))
            timed_ctl(space, "unlimit", "dns", client, backend=backend)
        for verb in ("add", "delete"):
            samples[f"nft {verb} element"].append(
                timed(spaces["nft"], "nft", verb, "element", "inet", "libnotrack",
                      "clients4-32-dns", f"{{ {client} }}"))
    for space in spaces.values():
        space.close()
    compare(f"nft: add, API call, among {count}", "add", "nft add element", samples, "ms")
    compare(f"nft: remove, API call, among {count}", "remove", "nft delete element", samples, "ms")
    compare(f"nft: notrackctl limit, among {count}", "nft", "legacy", samples, "ms")


def peak_memory(count, directory):
    """Of a model, for each client; and of notrackctl, with prefixes on standard input."""
    space = Namespace("memory")
    per_client = api(space, "model", stdin="\n".join(addresses(count, 1)))[0][0] * 1024 / count
    report(f"model of {count} clients, memory a client", "ours", "32 bytes", per_client, 32,
           per_client / 32, "bytes")
    space.close()
    path = os.path.join(directory, "clients")
    with open(path, "w", encoding="ascii") as out:
        out.write("\n".join(addresses(count, 1)))
    for backend, most in (("legacy", 300), ("nft", 100)):
        memory = command_memory(path, backend)
        report(f"notrackctl limit, {count} on stdin, memory, {backend}", "ours", f"{most} MB",
               memory, most, memory / most, "MB")


def command_memory(path, backend):
    space = Namespace("memory")
    ctl(space, "add", "dns", backend=backend)
    with open(path, encoding="ascii") as stdin:
        child = subprocess.Popen(("ip", "netns", "exec", space.name, NOTRACKCTL, "--backend",
                                  backend, "-4", "limit", "dns", "-", "--above", "10/sec"),
                                 stdin=stdin)
        _, _, usage = os.wait4(child.pid, 0)
    space.close()
    return usage.ru_maxrss / 1024
