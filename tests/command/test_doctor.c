/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What doctor says of this host, and of another network namespace. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "run.h"
#include "tables.h"

static json_t *check_named(json_t *root, const char *name)
{
	json_t *check;
	size_t i;

	json_array_foreach(json_object_get(root, "checks"), i, check)
		if (!strcmp(json_string_value(json_object_get(check, "check")), name))
			return check;
	ck_abort_msg("no check %s: %s", name, json_dumps(root, 0));
}

static void has(json_t *root, const char *name, const char *status, const char *says)
{
	json_t *check = check_named(root, name);
	const char *text = json_string_value(json_object_get(check, "text"));

	ck_assert_msg(!strcmp(json_string_value(json_object_get(check, "status")), status) &&
		      strstr(text, says), "%s: %s", name, json_dumps(check, 0));
}

START_TEST(a_host_that_has_all_passes)
{
	json_t *root = must_json("notrackctl --json doctor");

	ck_assert(json_is_true(json_object_get(root, "ok")));
	has(root, "backend", "ok", ": ");
	if (suite_is_nft())
		has(root, "nftables", "ok", "has all that rules and limits take");
	else
		has(root, "hashlimit (IPv6)", "ok", "revision");
	has(root, "lock", "ok", "free");
	has(root, "conntrack table", "ok", "0 of ");
	has(root, "nftables of others", "ok", "no tables");
	check_named(root, "kernel log");
	has(root, "NAT", "ok", "no rule");
	has(root, "marks", "ok", "no rule");
	has(root, "forwarding", "ok", "off");
	has(root, "tables that may not be edited", "ok", "none");
	has(root, "firewalld", "ok", "does not run");
	has(root, "ufw", "ok", "does not run");
	has(root, "watch", "ok", "does not run");
}
END_TEST

/* The rules are told by their places, in whichever world and namespace they are. */
START_TEST(what_untracked_packets_miss_is_named)
{
	const char *options = _i ? "--netns other" : "";
	const char *in = _i ? "ip netns exec other" : "";
	const struct family *ipv4 = suite_family(0), *ipv6 = suite_family(1);
	json_t *root;

	must("ip netns add other");
	must("%s %s -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080", in,
	     ipv4->tables);
	must("%s %s -t nat -A POSTROUTING -j MASQUERADE", in, ipv4->tables);
	must("%s %s -t mangle -A OUTPUT -j CONNMARK --restore-mark", in, ipv6->tables);
	must("%s sysctl -w net.ipv4.ip_forward=1", in);
	root = must_json("notrackctl --json %s doctor", options);
	has(root, "NAT", "warning", format_text("2 rules, the first at %s: ",
						place_of(ipv4, "nat PREROUTING 1")));
	has(root, "marks", "warning", format_text("1 rule, the first at %s: ",
						  place_of(ipv6, "mangle OUTPUT 1")));
	has(root, "forwarding", "warning", "net.ipv4.ip_forward");
	if (suite_is_nft())
		has(root, "nftables of others", "warning", "2 tables (ip nat, ip6 mangle)");
	else
		has(root, "legacy rules of others", "ok", "3 rules");

	must("%s ip link add veth9 type veth peer name veth8", in);
	must("%s sysctl -w net.ipv4.ip_forward=0", in);
	must("%s sysctl -w net.ipv4.conf.veth9.forwarding=1", in);
	root = must_json("notrackctl --json %s doctor", options);
	has(root, "forwarding", "warning", "on (net.ipv4.conf.veth9.forwarding)");

	root = must_json("notrackctl --json %s doctor", _i ? "" : "--netns other");
	has(root, "NAT", "ok", "no rule");
	has(root, "forwarding", "ok", "off");
}
END_TEST

/* The switch for all of them is off; in the namespace that is asked about alone. */
START_TEST(a_bridge_that_hands_on_by_itself_is_named)
{
	const char *const switches[] = { "nf_call_iptables", "nf_call_ip6tables" };
	const char *in = "ip netns exec other";
	json_t *root;

	must("ip netns add other");
	for (int i = 0; i < 2; i++)
		run("%s sysctl -w net.bridge.bridge-nf-call-%s=0", in, switches[i] + strlen("nf_call_"));
	must("%s ip link add br9 type bridge", in);
	root = must_json("notrackctl --json --netns other doctor");
	has(root, "forwarding", "ok", "off");
	for (int i = 0; i < 2; i++) {
		must("%s ip link set br9 type bridge %s 1", in, switches[i]);
		if (!strstr(must("%s ip -d link show br9", in).out, format_text("%s 1", switches[i]))) {
			skip_test("%s: not in this kernel", switches[i]);
			return;
		}
		root = must_json("notrackctl --json --netns other doctor");
		has(root, "forwarding", "warning", format_text("on (%s of br9)", switches[i]));
		must("%s ip link set br9 type bridge %s 0", in, switches[i]);
	}
	must("%s ip link set br9 type bridge nf_call_iptables 1", in);
	root = must_json("notrackctl --json doctor");
	has(root, "forwarding", "ok", "off");
}
END_TEST

/* A rule of either world gives connections a helper, which reads what is tracked alone. */
START_TEST(a_helper_is_told)
{
	must("iptables-legacy -w -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp");
	has(must_json("notrackctl --json doctor"), "helpers", "warning", "1 rule, the first at raw PREROUTING 1");
	must("iptables-legacy -w -t raw -F");
	must_as(&(struct how){ .input = "table inet n {\nct helper x {\ntype \"ftp\" protocol tcp;\n}\n"
		"chain p {\ntype filter hook prerouting priority 0;\ntcp dport 80 counter\n"
		"tcp dport 21 ct helper set \"x\"\n}\n}\n" }, "nft -f -");
	has(must_json("notrackctl --json doctor"), "helpers", "warning", "1 rule, the first at inet n p 2");
}
END_TEST

START_TEST(managers_get_their_lines)
{
	json_t *root;

	must("nft add table inet firewalld");
	must("nft add table ip filter");
	must("nft add chain ip filter ufw-user-input");
	root = must_json("notrackctl --json doctor");
	has(root, "firewalld", "warning", "firewall-cmd --permanent --add-service=dns");
	has(root, "ufw", "warning", "ufw allow 53");

	must("notrackctl add dns --remote 192.0.2.1,2001:db8::1");
	must("notrackctl add relay --ports 5140,6000:6010");
	root = must_json("notrackctl --json doctor");
	has(root, "firewalld", "warning", "firewall-cmd --permanent --add-rich-rule='rule family=ipv6 "
	    "source address=2001:db8::1 source-port port=53 protocol=tcp accept'; ");
	has(root, "firewalld", "warning", "firewall-cmd --permanent --add-port=6000-6010/udp; "
	    "firewall-cmd --reload");
	has(root, "ufw", "warning", "ufw allow in proto udp from 192.0.2.1 port 53; ");
	has(root, "ufw", "warning", "ufw allow in proto udp to any port 5140,6000:6010");

	/* a name stands for the ports that it has to firewalld */
	must("notrackctl add dns --ports 5353 --proto udp --role inbound");
	must("notrackctl add relay --ports 6000:6010 --role outbound --remote 192.0.2.1");
	root = must_json("notrackctl --json doctor");
	has(root, "firewalld", "warning", "firewall-cmd --permanent --add-port=5353/udp; ");
	has(root, "firewalld", "warning", "source address=192.0.2.1 source-port port=6000-6010 protocol=udp "
	    "accept'; ");

	/* what is in this namespace is no matter of another one */
	must("ip netns add other");
	root = must_json("notrackctl --json --netns other doctor");
	has(root, "firewalld", "ok", "does not run");
	has(root, "ufw", "ok", "does not run");
}
END_TEST

/* nft owns a table as long as it runs: it waits here for what never comes. */
START_TEST(tables_of_others_alone_are_named)
{
	unsigned int waits = 0;
	int commands[2];
	pid_t nft;

	ck_assert_int_eq(pipe(commands), 0);
	nft = fork_child();
	if (!nft) {
		dup2(commands[0], 0);
		close(commands[1]);
		execlp("nft", "nft", "-i", NULL);
		_exit(1);
	}
	close(commands[0]);
	ck_assert_int_gt(dprintf(commands[1], "add table inet owned { flags owner; }\n"), 0);
	while (!strstr(must("nft list tables").out, "owned") && wait_a_little(&waits))
		;
	has(must_json("notrackctl --json doctor"), "tables that may not be edited", "warning",
	    "inet owned: ");
	close(commands[1]);
	wait_for(nft);
}
END_TEST

START_TEST(a_watch_that_runs_is_told)
{
	unsigned int waits = 0;
	pid_t watch;

	must_as(&(struct how){ .input = "[service dns]\n" }, "tee /run/notrack.conf");
	watch = start(HOST, "/run/watch.log", "notrackctl watch /run/notrack.conf");
	while (!strstr(must("cat /run/watch.log").out, "in force") && wait_a_little(&waits))
		;
	has(must_json("notrackctl --json doctor"), "watch", "ok", format_text("runs (process %d)", watch));
	stop(watch, SIGKILL);
	has(must_json("notrackctl --json doctor"), "watch", "ok", "does not run");
}
END_TEST

START_TEST(a_held_lock_is_a_warning)
{
	int fd = open("/run/xtables.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	has(must_json("notrackctl --json doctor"), "lock", "warning", "held by another program");
	close(fd);
}
END_TEST

/* Whoever filters there, and not here. */
START_TEST(another_namespace_is_looked_at_as_this_one)
{
	must("ip netns add other");
	must("ip netns exec other nft add table ip filter");
	must("ip netns exec other nft add table inet shield");
	must("ip netns exec other nft add table inet libnotrack");

	has(must_json("notrackctl --json --netns other doctor"), "nftables of others", "warning",
	    "2 tables (ip filter, inet shield)");
	has(must_json("notrackctl --json doctor"), "nftables of others", "ok", "no tables");
	must("nft add table bridge b");
	has(must_json("notrackctl --json doctor"), "nftables of others", "warning", "1 table (bridge b)");
}
END_TEST

/* As many as the sentence has room for, and no name that is cut short. */
START_TEST(many_tables_are_counted)
{
	json_t *check;
	const char *text;

	for (int i = 0; i < 60; i++)
		must("nft add table inet table-%03d", i);
	check = check_named(must_json("notrackctl --json doctor"), "nftables of others");
	text = json_string_value(json_object_get(check, "text"));
	ck_assert_msg(!strncmp(text, "60 tables (inet table-000, ", 27), "%s", text);
	text = strchr(text, ')');
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(strncmp(text - 14, "table-", 6), 0);
	ck_assert_int_eq(strncmp(text - 5, ", ...)", 6), 0);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, a_host_that_has_all_passes);
	tcase_add_loop_test(tcase, what_untracked_packets_miss_is_named, 0, 2);
	tcase_add_test(tcase, a_bridge_that_hands_on_by_itself_is_named);
	tcase_add_test(tcase, a_helper_is_told);
	tcase_add_test(tcase, managers_get_their_lines);
	tcase_add_test(tcase, tables_of_others_alone_are_named);
	tcase_add_test(tcase, a_watch_that_runs_is_told);
	tcase_add_test(tcase, a_held_lock_is_a_warning);
	tcase_add_test(tcase, another_namespace_is_looked_at_as_this_one);
	tcase_add_test(tcase, many_tables_are_counted);
}

int main(void)
{
	return netns_main("doctor", tests);
}
