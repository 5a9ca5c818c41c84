#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench/watch.py [BUILD]: what clients lose while a firewall is reloaded and watch runs.

dnsperf asks nsd at a steady rate; in the middle, somebody changes the rules of the host.
What was lost, at that rate, is how long nobody was answered. Each change once more with
watch killed in the middle of it, and started again: everybody has to be answered then.
To be run as root in a mount namespace with a /run of its own:

    unshare --mount --net sh -c 'mount -t tmpfs tmpfs /run; exec bench/watch.py'
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
from dns import start_server
from harness import Namespace, link

BUILD = os.path.abspath(sys.argv[1] if sys.argv[1:] else os.path.join(harness.ROOT, "build"))
NOTRACKCTL = os.path.join(BUILD, "tools", "notrackctl")
RATE, SECONDS, CHANGE_AT = 2000, 6, 1.5

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
        self.others = []

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

    def close(self):
        self.stop_watch(signal.SIGTERM)
        for process in self.others:
            process.terminate()
            process.wait()
        self.server.terminate()
        self.server.wait()
        self.space.close()
        self.client.close()

    def stop_watch(self, number):
        if self.watch:
            self.watch.send_signal(number)
            self.watch.wait()
            self.watch = None


# --- what owners do -----------------------------------------------------------

def with_nft(host):
    host.space("nft", "-f", "-", stdin=NFT % "22")


def with_iptables_nft(host):
    host.space("iptables-nft-restore", stdin=FILTER % "22")


def with_iptables_legacy(host):
    host.space("iptables-legacy-restore", stdin=FILTER % "22")


def with_ufw(host):
    """With a copy of its files, as it keeps its rules there."""
    for path in "/etc/ufw", "/etc/default":
        copy = host.directory + path.replace("/", "-")
        if not os.path.exists(copy):
            shutil.copytree(path, copy, symlinks=True)
            harness.run("mount", "--bind", copy, path)
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
    ("nft flush ruleset", with_nft, lambda host: host.space("nft", "flush", "ruleset")),
    ("iptables-nft-restore of filter", with_iptables_nft,
     lambda host: host.space("iptables-nft-restore", stdin=FILTER % "80")),
    ("iptables-legacy-restore of filter", with_iptables_legacy,
     lambda host: host.space("iptables-legacy-restore", stdin=FILTER % "80")),
    ("ufw reload", with_ufw, lambda host: host.space("ufw", "reload")),
    ("firewall-cmd --reload", with_firewalld,
     lambda host: host.space("firewall-cmd", "--reload")),
)


def measure(given, change, killed):
    """Queries sent and lost, and what is lost after it all."""
    with tempfile.TemporaryDirectory() as directory:
        host = Host(directory)
        try:
            given(host)
            host.start_watch()
            time.sleep(1)
            asking = host.ask(SECONDS)
            time.sleep(CHANGE_AT)
            if killed:
                host.stop_watch(signal.SIGKILL)
            change(host)
            if killed:
                time.sleep(1)
                host.start_watch()
            sent, lost = host.lost(asking)
            late = host.lost(host.ask(2))[1]
        finally:
            host.close()
            for mounted in "/etc/ufw", "/etc/default":
                while harness.run("umount", mounted, ok=False).returncode == 0:
                    pass
        return sent, lost, late


def main():
    print(f"{RATE} queries a second for {SECONDS} seconds, one change after {CHANGE_AT} s")
    print(f"{'':45} {'sent':>6} {'lost':>6} {'share':>7} {'deaf for':>9} {'lost later':>11}")
    failed = False
    for what, given, change in CHANGES:
        if given is with_ufw and not shutil.which("ufw") or \
           given is with_firewalld and not shutil.which("firewalld"):
            print(f"{what:45} not here")
            continue
        for killed in False, True:
            sent, lost, late = measure(given, change, killed)
            failed |= late > 0
            print(f"{what + (', SIGKILL' if killed else ''):45} {sent:6} {lost:6} "
                  f"{lost / sent:7.2%} {1000 * lost / RATE:6.0f} ms {late:11}", flush=True)
    return failed


sys.exit(main())
