#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench/watch.py [BUILD [ROUNDS [CHANGE]]]: what clients lose while a firewall is reloaded and
watch runs; of CHANGE alone, if one is named by a word of it.

dnsperf asks nsd at a steady rate; in the middle, somebody changes the rules of the host. What
was lost, at that rate, is how long nobody was answered; other questions, 5 ms apart, tell how
long it took from the first unanswered one to the last. Afterwards the rules of others are compared with what their owner
gets without us. Then the same change ROUNDS times (20), with watch killed at a random moment
after it, and started again: everybody has to be answered then.
To be run as root in a mount namespace with a /run of its own:

    unshare --mount --net sh -c 'mount -t tmpfs tmpfs /run; exec bench/watch.py'
"""
import ctypes
import difflib
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import harness
from dns import start_server
from harness import Namespace, link

BUILD = os.path.abspath(sys.argv[1] if sys.argv[1:] else os.path.join(harness.ROOT, "build"))
NOTRACKCTL = os.path.join(BUILD, "tools", "notrackctl")
ROUNDS = int(sys.argv[2]) if sys.argv[2:] else 20
ONLY = sys.argv[3] if sys.argv[3:] else ""
RATE, SECONDS, CHANGE_AT = 2000, 6, 1.5
PAUSE = 0.005               # from one question of ours to the next
KILL_WITHIN = 0.01          # after watch was seen to work

NFT = """flush ruleset
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    ip protocol icmp accept
    tcp dport %s accept
    udp dport 53 ct state new accept
  }
  chain output { type filter hook output priority filter; policy accept; }
}
"""

FILTER = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport %s -j ACCEPT
-A INPUT -p udp -m udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""


class Asker(threading.Thread):
    """Questions 5 ms apart, from one port after another, and which of them were answered."""
    QUESTION = b"\x03www\x05bench\x07example\x00\x00\x01\x00\x01"

    def __init__(self, space):
        super().__init__(daemon=True)
        self.sockets = [space_socket(space) for _ in range(100)]
        self.asked, self.answered, self.ended = [], set(), False
        self.start()

    def run(self):
        while not self.ended:
            number = len(self.asked) & 0xffff
            asking = self.sockets[number % len(self.sockets)]
            self.asked.append(time.monotonic())
            try:
                asking.sendto(struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + self.QUESTION,
                              ("192.0.2.1", 53))
            except OSError:     # an ICMP error from before
                pass
            self.take(self.asked[-1] + PAUSE)
        self.take(time.monotonic() + 0.2)
        for each in self.sockets:
            each.close()

    def take(self, until):
        while (left := until - time.monotonic()) > 0:
            for ready in select.select(self.sockets, (), (), left)[0]:
                try:
                    self.answered.add(struct.unpack("!H", ready.recv(512)[:2])[0])
                except OSError:
                    pass

    def end(self):
        """How long it was from the first unanswered question to the last, in seconds. Ids come
        again after five minutes."""
        self.ended = True
        self.join()
        lost = [at for number, at in enumerate(self.asked) if number not in self.answered]
        return lost[-1] + PAUSE - lost[0] if lost else 0


def space_socket(space):
    """A socket lives in the namespace in which it was made."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", encoding="ascii") as ours, \
         open(f"/run/netns/{space.name}", encoding="ascii") as theirs:
        for into in theirs, ours:
            if libc.setns(into.fileno(), 0):
                sys.exit(f"setns: {os.strerror(ctypes.get_errno())}")
            if into is theirs:
                made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


class Host:
    """A host with a name server, its client, and what its owner does to its rules."""

    def __init__(self, directory):
        self.directory = directory
        self.space, self.client = Namespace("host"), Namespace("client")
        link(self.space, self.client)
        self.queries = os.path.join(directory, "queries")
        with open(self.queries, "w", encoding="ascii") as out:
            out.write("www.bench.example A\n")
        self.server = start_server(self.space, directory)
        self.config = os.path.join(directory, "notrack.conf")
        with open(self.config, "w", encoding="ascii") as out:
            out.write("[service dns]\nroles = inbound\n")
        os.chmod(self.config, 0o644)
        self.log = os.path.join(directory, "watch.log")
        self.watch = None
        self.others, self.bound = [], []

    def start_watch(self):
        with open(self.log, "w", encoding="utf-8") as out:
            self.watch = subprocess.Popen(("ip", "netns", "exec", self.space.name, NOTRACKCTL,
                                           "watch", self.config), stdout=out, stderr=out)
        for _ in range(200):
            if "in force" in self.told() or "no rule of ours" in self.told():
                return
            time.sleep(0.05)
        sys.exit(f"watch does not begin: {self.told()}")

    def told(self):
        with open(self.log, encoding="utf-8") as text:
            return text.read()

    def works(self):
        """How long it has been on a processor, in ns."""
        with open(f"/proc/{self.watch.pid}/schedstat", encoding="ascii") as text:
            return int(text.read().split()[0])

    def kill_watch_at_work(self, change):
        """In the middle of what it does about a change, or shortly before, or after."""
        changing = threading.Thread(target=change, args=(self,))
        before, deadline = self.works(), time.monotonic() + 5
        changing.start()
        # on time, however busy the host is
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        while self.works() < before + 200_000 and time.monotonic() < deadline:
            time.sleep(0.0002)
        time.sleep(random.random() ** 3 * KILL_WITHIN)      # more often soon
        self.stop_watch(signal.SIGKILL)
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        changing.join()

    def is_answered(self):
        """A few questions from ports that nobody used before."""
        made = [space_socket(self.client) for _ in range(5)]
        for number, asking in enumerate(made):
            asking.sendto(struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + Asker.QUESTION,
                          ("192.0.2.1", 53))
        deadline, answered = time.monotonic() + 0.3, set()
        while len(answered) < len(made) and time.monotonic() < deadline:
            for ready in select.select(made, (), (), 0.05)[0]:
                try:
                    ready.recv(512)
                    answered.add(ready)
                except OSError:
                    pass
        for asking in made:
            asking.close()
        return len(answered) == len(made)

    def rules(self):
        """All there are, without counters and the moment."""
        text = self.space("nft", "-s", "list", "ruleset").stdout
        for family in "iptables", "ip6tables":
            text += re.sub(r" \[\d+:\d+\]", "", self.space(f"{family}-legacy-save").stdout)
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    def ask(self, seconds):
        return subprocess.Popen(("ip", "netns", "exec", self.client.name, "dnsperf", "-s",
                                 "192.0.2.1", "-d", self.queries, "-c", "200", "-q", "20000", "-Q",
                                 str(RATE), "-l", str(seconds), "-t", "1"),
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def lost(self, asking):
        """Queries sent, and those lost."""
        told = asking.communicate()[0]
        sent = int(re.search(r"Queries sent:\s+(\d+)", told)[1])
        return sent, int(re.search(r"Queries lost:\s+(\d+)", told)[1])

    def bind(self, path):
        """A copy of a folder in its place, until close()."""
        copy = self.directory + path.replace("/", "-")
        shutil.copytree(path, copy, symlinks=True)
        harness.run("mount", "--bind", copy, path)
        self.bound.append(path)

    def close(self):
        self.stop_watch(signal.SIGTERM)
        for process in self.others:
            process.terminate()
            process.wait()
        self.server.terminate()
        self.server.wait()
        self.space.close()
        self.client.close()
        for path in self.bound:
            harness.run("umount", path)

    def stop_watch(self, number):
        if self.watch:
            self.watch.send_signal(number)
            self.watch.wait()
            self.watch = None


# --- what owners do -----------------------------------------------------------

def with_nft(host):
    host.space("nft", "-f", "-", stdin=NFT % "22")


def flush_nft(host):
    host.space("nft", "flush", "ruleset")


def be_at_home_in_nft(host):
    """Started on a host without rules, ours are legacy ones, which no flush takes away."""
    with_nft(host)
    host.space(NOTRACKCTL, "--backend", "nft", "apply", host.config)
    time.sleep(0.5)     # watch has a look at that


def with_persistent(host):
    """With a copy of its files, as with ufw."""
    host.bind("/etc/iptables")
    with open("/etc/iptables/rules.v4", "w", encoding="ascii") as out:
        out.write(FILTER % "22")
    host.space("netfilter-persistent", "reload")


def reload_persistent(host):
    with open("/etc/iptables/rules.v4", "w", encoding="ascii") as out:
        out.write(FILTER % "80")
    host.space("netfilter-persistent", "reload")


def with_iptables_nft(host):
    host.space("iptables-nft-restore", stdin=FILTER % "22")


def with_iptables_legacy(host):
    host.space("iptables-legacy-restore", stdin=FILTER % "22")


def with_ufw(host):
    """With a copy of its files, as it keeps its rules there."""
    host.bind("/etc/ufw")
    host.bind("/etc/default")
    host.space("ufw", "--force", "enable")
    host.space("ufw", "allow", "53/udp")


def with_firewalld(host):
    os.makedirs("/run/dbus", exist_ok=True)
    host.others.append(host.space.start("dbus-daemon", "--system", "--nofork", "--nopidfile"))
    time.sleep(0.5)
    host.others.append(host.space.start("firewalld", "--nofork", "--nopid"))
    for _ in range(100):
        if host.space("firewall-cmd", "--state", ok=False).returncode == 0:
            break
        time.sleep(0.1)
    host.space("firewall-cmd", "--permanent", "--add-service=dns")
    host.space("firewall-cmd", "--reload")


CHANGES = (
    ("nft -f of a changed file", with_nft,
     lambda host: host.space("nft", "-f", "-", stdin=NFT % "{ 22, 80 }")),
    ("nft flush ruleset", with_nft, flush_nft),
    ("iptables-nft-restore of filter", with_iptables_nft,
     lambda host: host.space("iptables-nft-restore", stdin=FILTER % "80")),
    ("iptables-legacy-restore of filter", with_iptables_legacy,
     lambda host: host.space("iptables-legacy-restore", stdin=FILTER % "80")),
    ("ufw reload", with_ufw, lambda host: host.space("ufw", "reload")),
    ("firewall-cmd --reload", with_firewalld,
     lambda host: host.space("firewall-cmd", "--reload")),
    ("netfilter-persistent reload", with_persistent, reload_persistent),
)


def is_here(given):
    needs = {with_ufw: "/usr/sbin/ufw", with_firewalld: "/usr/sbin/firewalld",
             with_persistent: "/usr/share/netfilter-persistent/plugins.d/15-ip4tables"}
    return os.path.exists(needs.get(given, "/"))


# --- what came of it ------------------------------------------------------------

def without_ours(rules):
    """Of tables that others made: what they made of them."""
    left, ours = [], False
    for line in rules:
        if line.startswith("table inet libnotrack") or line.startswith("\tchain NOTRACK-"):
            ours = "\t}" if line.startswith("\t") else "}"
        if not ours and "NOTRACK" not in line:
            left.append(line)
        ours = ours if line != ours else False
    return left


def compare_rules(host, change):
    """What differs from what the owner gets without us: a list of words, empty as it should be."""
    with_ours = host.rules()
    host.stop_watch(signal.SIGTERM)
    host.space(NOTRACKCTL, "clear")
    cleared = host.rules()
    change(host)
    wanted = host.rules()
    differs = []
    if without_ours(with_ours) != wanted:
        differs.append("with ours beside them")
    if cleared != wanted:
        differs.append("after clear")
    for found in (without_ours(with_ours), cleared) if differs else ():
        sys.stderr.writelines(line + "\n" for line in difflib.unified_diff(wanted, found, lineterm=""))
    return differs


def reload_once(host, change):
    """Queries sent, those lost, how long it took until all were answered again, and what is lost
    after it all."""
    asking, asker = host.ask(SECONDS), Asker(host.client)
    time.sleep(CHANGE_AT)
    change(host)
    sent, lost = host.lost(asking)
    back = asker.end()
    return sent, lost, back, host.lost(host.ask(2))[1]


def kill_often(host, change):
    """How often it left something to do for the next start, how often nobody was answered until
    then, and how often not even then."""
    unfinished = until_start = after_start = 0
    for _ in range(ROUNDS):
        if change is flush_nft:
            be_at_home_in_nft(host)
        host.kill_watch_at_work(change)
        until_start += not host.is_answered()
        host.start_watch()
        unfinished += "force: 0 rules added, 0 removed" not in host.told()
        after_start += not (host.is_answered() and
                            host.space(NOTRACKCTL, "verify", ok=False).returncode == 0)
    return unfinished, until_start, after_start


def measure(given, change):
    with tempfile.TemporaryDirectory() as directory:
        host = Host(directory)
        try:
            given(host)
            host.start_watch()
            time.sleep(1)
            sent, lost, back, late = reload_once(host, change)
            load = host.ask(3600)
            killed = kill_often(host, change)
            load.send_signal(signal.SIGINT)
            load.communicate()
            differs = compare_rules(host, change)
        finally:
            host.close()
    return sent, lost, back, late, killed, differs


def main():
    print(f"{RATE} queries a second for {SECONDS} seconds, one change after {CHANGE_AT} s; then "
          f"{ROUNDS} changes, each with SIGKILL within {KILL_WITHIN * 1000:.0f} ms of work")
    print(f"{'':34} {'sent':>6} {'lost':>6} {'share':>7} {'deaf for':>9} {'back after':>10} "
          f"{'lost later':>10} | {'killed: unfinished':>18} {'deaf':>4} {'for good':>8} | rules of "
          "others")
    failed = False
    for what, given, change in CHANGES:
        if ONLY not in what:
            continue
        if not is_here(given):
            print(f"{what:34} not here")
            continue
        sent, lost, back, late, killed, differs = measure(given, change)
        limit = 2 if "legacy" in what else 1
        failed |= late > 0 or killed[2] > 0 or bool(differs) or back > limit
        print(f"{what:34} {sent:6} {lost:6} {lost / sent:7.2%} {1000 * lost / RATE:6.0f} ms "
              f"{1000 * back:7.0f} ms {late:10} | {killed[0]:18} {killed[1]:4} {killed[2]:8} | "
              f"{'differ ' + ', '.join(differs) if differs else 'the same'}", flush=True)
    return failed


sys.exit(main())
