/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "managers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

static bool is_root(void)
{
	unsigned int inside, outside = 1;

	sscanf(read_file("/proc/self/uid_map"), "%u %u", &inside, &outside);
	return outside == 0;
}

/* A copy of a folder in place of it, for this test alone. */
static void copy_folder(const char *path)
{
	char *copy = format_text("/run/copy%s", path);

	must("mkdir -p %s", copy);
	must("cp -a %s/. %s", path, copy);
	must("mount --bind %s %s", copy, path);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_msg(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

/* --- rules ------------------------------------------------------------ */

/* Without counters and comments; a legacy table that says nothing is as good as none. */
static const char plain[] =
	"sed -e '/^#/d' -e 's/\\[[0-9]*:[0-9]*\\]//' -e 's/packets [0-9]* bytes [0-9]*//' | "
	"awk '/^\\*/ { held = \"\"; says = 0; in_table = 1 } in_table { held = held $0 \"\\n\"; "
	"says = says || /^-A/ || /^:.* (DROP|-) / } /^COMMIT/ { if (says) printf \"%s\", held; in_table = 0; next } "
	"!in_table'";

char *managers_rules(void)
{
	static const char *const commands[] = {
		"nft list ruleset 2>/dev/null", "iptables-legacy-save", "ip6tables-legacy-save",
	};
	char *all = format_text("%s", "");

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		all = format_text("%s%s", all, must_as(&(struct how){ .input = format_text("%s | %s\n", commands[i],
					  plain) }, "sh").out);
	return all;
}

/* Rules of a file of tests/managers, which has @REFUSED@ where a source stands. */
static void restore(const char *program, const char *name, const char *refused)
{
	must("sh -c 'sed s/@REFUSED@/%s/ %s/%s | %s'", refused, getenv("NOTRACK_MANAGERS"), name, program);
}

static bool given_both(const char *kind, const char *name)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		restore(format_text("ip%stables-%s-restore", i ? "6" : "", kind), name, families[i].limited);
	return true;
}

static void forward(void)
{
	must("sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'");
}

/* --- rules by hand ---------------------------------------------------- */

bool given_textbook_nft(void)
{
	return given_both("nft", "textbook.rules");
}

bool given_textbook_legacy(void)
{
	return given_both("legacy", "textbook.rules");
}

bool given_zones_nft(void)
{
	return given_both("nft", "zones.rules");
}

bool given_zones_legacy(void)
{
	return given_both("legacy", "zones.rules");
}

bool given_nftables_conf(void)
{
	if (!program_is_there("nft"))
		return false;
	must("nft -f %s/by-hand.nft", getenv("NOTRACK_MANAGERS"));
	return true;
}

/* --- ufw -------------------------------------------------------------- */

bool given_ufw(void)
{
	if (!program_is_there("ufw") || !is_root())
		return false;
	copy_folder("/etc/ufw");
	copy_folder("/etc/default");
	must("ufw --force reset");
	must("ufw deny from 192.0.2.10");
	must("ufw deny from 2001:db8:1::/64");
	must("ufw allow 22/tcp");
	must("ufw allow 53");
	must("ufw --force enable");
	return true;
}

/* --- Shorewall -------------------------------------------------------- */

/* Debian has each family in a package of its own. */
static void write_shorewall(const char *folder, const char *family, const char *refused)
{
	const char *const files[][2] = {
		{ "zones", format_text("fw firewall\nnet ipv%s\n", family) },
		{ "interfaces", "?FORMAT 2\nnet veth0\n" },
		{ "policy", "fw net ACCEPT\nnet all DROP\nall all REJECT\n" },
		{ "rules", format_text("?SECTION NEW\nDROP net:%s fw\nACCEPT net fw udp,tcp 53\n",
				       refused) },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		write_file(format_text("%s/%s", folder, files[i][0]), files[i][1]);
}

bool given_shorewall(void)
{
	if (!program_is_there("shorewall") || !program_is_there("shorewall6") || !is_root())
		return false;
	copy_folder("/etc/shorewall");
	copy_folder("/etc/shorewall6");
	copy_folder("/var/lib/shorewall");
	copy_folder("/var/lib/shorewall6");
	write_shorewall("/etc/shorewall", "4", "192.0.2.10");
	write_shorewall("/etc/shorewall6", "6", "<2001:db8:1::10>");
	must("shorewall start");
	must("shorewall6 start");
	return true;
}

/* --- firewalld -------------------------------------------------------- */

static bool comes_true(const char *command)
{
	unsigned int waits = 0;

	while (run("%s", command).code)
		if (!wait_a_little(&waits))
			return false;
	return true;
}

bool given_firewalld(void)
{
	if (!program_is_there("firewalld") || !program_is_there("dbus-daemon") || !is_root())
		return false;
	copy_folder("/etc/firewalld");
	must("mkdir -p /run/dbus");
	start(HOST, "/run/dbus.log", "dbus-daemon --system --nofork --nopidfile");
	ck_assert(comes_true("test -S /run/dbus/system_bus_socket"));
	start(HOST, "/run/firewalld.log", "firewalld --nofork --nopid");
	ck_assert_msg(comes_true("firewall-cmd --state"), "%s", read_file("/run/firewalld.log"));
	must("firewall-cmd --permanent --add-service=dns");
	must("firewall-cmd --permanent --zone=drop --add-source=192.0.2.10");
	must("firewall-cmd --permanent --zone=drop --add-source=2001:db8:1::10");
	must("firewall-cmd --reload");
	return true;
}

/* --- Fail2Ban --------------------------------------------------------- */

/* Two jails without a log to read, one for each action that bans; ban() is by hand. */
static const char jails[] =
	"[DEFAULT]\nbackend = polling\nusedns = no\nbantime = 1h\nlogpath = /run/fail2ban/log\n"
	"filter = none\nenabled = true\n"
	"[iptables]\naction = iptables-allports[name=iptables, protocol=\"tcp,udp\"]\n"
	"[nftables]\naction = nftables-allports[name=nftables, protocol=\"tcp,udp\"]\n";

bool given_fail2ban(void)
{
	if (!program_is_there("fail2ban-server") || !is_root())
		return false;
	copy_folder("/etc/fail2ban");
	must("sh -c 'rm -rf /etc/fail2ban/jail.d /etc/fail2ban/jail.local; mkdir -p /run/fail2ban; "
	     ": >/run/fail2ban/log'");
	write_file("/etc/fail2ban/jail.conf", jails);
	write_file("/etc/fail2ban/filter.d/none.conf", "[Definition]\nfailregex = ^none <HOST>$\n");
	write_file("/etc/fail2ban/fail2ban.local", "[DEFAULT]\nlogtarget = /run/fail2ban/out\n"
		   "dbfile = :memory:\n");
	start(HOST, "/run/fail2ban.log", "fail2ban-server -f");
	ck_assert_msg(comes_true("fail2ban-client status nftables"), "%s",
		      read_file("/run/fail2ban.log"));
	return true;
}

/* --- containers ------------------------------------------------------- */

static bool given_docker(const char *kind)
{
	forward();
	must("ip link add docker0 type bridge");
	must("ip addr add 172.17.0.1/16 dev docker0");
	must("ip link set docker0 up");
	restore(format_text("iptables-%s-restore", kind), "docker.rules", "");
	return true;
}

bool given_docker_nft(void)
{
	return given_docker("nft");
}

bool given_docker_legacy(void)
{
	return given_docker("legacy");
}

/* The same node without NodeLocal DNSCache: its questions to the cluster's DNS are translated. */
bool given_kube_proxy_legacy(void)
{
	forward();
	must("sh -c 'sed /NodeLocal/d %s/kubernetes.rules | iptables-legacy-restore'",
	     getenv("NOTRACK_MANAGERS"));
	return true;
}

static bool given_kubernetes(const char *kind)
{
	forward();
	must("ip link add nodelocaldns type bridge");	/* where a dummy would be, which not all kernels have */
	must("ip addr add 169.254.20.10/32 dev nodelocaldns");
	must("ip addr add 10.96.0.10/32 dev nodelocaldns");
	restore(format_text("iptables-%s-restore", kind), "kubernetes.rules", "");
	return true;
}

bool given_kubernetes_nft(void)
{
	return given_kubernetes("nft");
}

bool given_kubernetes_legacy(void)
{
	return given_kubernetes("legacy");
}

bool given_kube_proxy(void)
{
	if (!program_is_there("nft"))
		return false;
	forward();
	must("nft -f %s/kube-proxy.nft", getenv("NOTRACK_MANAGERS"));
	return true;
}

bool given_calico(void)
{
	static const char *const sets[] = {
		"cali40masq-ipam-pools", "cali40all-ipam-pools", "cali40all-hosts-net",
	};

	if (!program_is_there("ipset"))
		return false;
	forward();
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		must("ipset create %s hash:net", sets[i]);
	must("ipset add cali40masq-ipam-pools 10.244.0.0/16");
	must("ipset add cali40all-ipam-pools 10.244.0.0/16");
	restore("iptables-legacy-restore", "calico.rules", "");
	return true;
}
