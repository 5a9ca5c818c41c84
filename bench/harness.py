# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all measurements share: namespaces, peers that take turns, and the table."""
import mmap
import os
import random
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build-bench")
NOTRACKCTL = os.path.join(BUILD, "tools", "notrackctl")

results = []


def run(*words, stdin=None, ok=True):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True)
    if ok and done.returncode:
        sys.exit(f"bench: {' '.join(words)}: {done.stderr.strip()}")
    return done


class Namespace:
    """A network namespace, with lo up."""
    made = []

    def __init__(self, name):
        self.name = f"bench-{name}"
        run("ip", "netns", "add", self.name)
        Namespace.made.append(self)
        self("ip", "link", "set", "lo", "up")

    def __call__(self, *words, stdin=None, ok=True):
        return run("ip", "netns", "exec", self.name, *words, stdin=stdin, ok=ok)

    def start(self, *words):
        return subprocess.Popen(("ip", "netns", "exec", self.name) + words,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def close(self):
        run("ip", "netns", "del", self.name, ok=False)
        Namespace.made.remove(self)


MADV_POPULATE_WRITE = 23


def touch_memory(size=512 << 20):
    """A virtual machine gets a page from its host when it first touches it, and gives it back
    when it is free: a price that one peer would pay, and the next would not."""
    if not os.fork():      # our own peak memory is that of those we start, too
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
        memory.madvise(MADV_POPULATE_WRITE)
        os._exit(0)
    os.wait()


def report(what, ours, peer, ours_median, peer_median, ratio, unit):
    """One line of the table."""
    results.append({"what": what, "ours": ours, "peer": peer, "ours_median": ours_median,
                    "peer_median": peer_median, "ratio": ratio, "unit": unit})
    print(f"{what:46} {ours_median:12.1f} {unit:5} {peer_median:12.1f}  "
          f"{ratio:6.2f}  {peer}", flush=True)


def compare(what, ours, peer, samples, unit):
    """Medians of two series, and of their ratios round by round."""
    ratio = statistics.median(a / b for a, b in zip(samples[ours], samples[peer]))
    report(what, ours, peer, statistics.median(samples[ours]),
           statistics.median(samples[peer]), ratio, unit)


def addresses(count, seed):
    draw = random.Random(seed)
    found = set()
    while len(found) < count:
        number = draw.getrandbits(32)
        if 0x01000000 <= number < 0x7f000000:      # nobody sends from the rest
            found.add(number)
    return [".".join(str(n >> shift & 255) for shift in (24, 16, 8, 0))
            for n in draw.sample(sorted(found), count)]


def ctl(namespace, *words, backend="legacy", stdin=None, both=False):
    """notrackctl, of IPv4 alone, as its peers; or of both families, as without an option."""
    families = () if both else ("-4",)
    return namespace(NOTRACKCTL, "--backend", backend, *families, *words, stdin=stdin)


def api(namespace, what, times=1, backend="legacy", stdin=""):
    touch_memory()
    lines = namespace(os.path.join(BUILD, "bench", "api"), backend, what, str(times),
                      stdin=stdin).stdout.split()
    return [float(line) for line in lines[:-1]], int(lines[-1]) / 1024


def timed(namespace, *words, stdin_path=os.devnull):
    touch_memory()
    with open(stdin_path, encoding="ascii") as stdin:
        begin = time.monotonic()
        done = subprocess.run(("ip", "netns", "exec", namespace.name) + words, stdin=stdin,
                              capture_output=True, text=True, check=False)
        spent = (time.monotonic() - begin) * 1e3
    if done.returncode:
        sys.exit(f"bench: {' '.join(words)}: {done.stderr.strip()}")
    return spent


def link(server, client):
    run("ip", "link", "add", "veth0", "netns", server.name, "type", "veth", "peer", "name",
        "veth0", "netns", client.name)
    for space, address in ((server, "192.0.2.1/24"), (client, "192.0.2.100/24")):
        space("ip", "address", "add", address, "dev", "veth0")
        space("ip", "link", "set", "veth0", "up")
