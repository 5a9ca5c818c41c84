/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch, while others change the rules of the host: those who were answered before
 * are answered again, and rules of others stay as their owners wrote them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"
#include "tables.h"

#define LOG "/run/watch.log"
#define CONFIG "/run/notrack.conf"

enum {
	EXIT_BAD_INPUT = 2,
	CLIENT_PORT = 40053,
	RELOADS_DEFAULT = 100,		/* NOTRACK_WATCH_RELOADS for more */
	RELOADS_FIRST = 80,		/* behind several SIGHUPs, which read the configuration */
	GROWTH_MAX_KB = 64,
	STORM_MS = 2000,
	PAUSE_MS = 100,
	TIMES_MAX = 10,
	KILLS = 8,
	KILLS_APART_NS = 1000000,
	AT_WORK_NS = 500000,		/* more than a look at tables that did not change takes */
};

/* --- the host and its owner --------------------------------------------- */

static const char shield[] =
	"flush ruleset\n"
	"table inet shield {\n"
	"	set banned { type ipv4_addr; elements = { 192.0.2.66 } }\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy drop;\n"
	"		iif lo accept\n"
	"		ip saddr @banned drop\n"
	"		ct state established,related accept\n"
	"		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"		%s\n"
	"	}\n"
	"	chain output {\n"
	"		type filter hook output priority filter; policy accept;\n"
	"		ct state invalid drop\n"
	"	}\n"
	"}\n";

static const char filter[] =
	"*filter\n"
	":INPUT DROP [0:0]\n"
	":FORWARD DROP [0:0]\n"
	":OUTPUT ACCEPT [0:0]\n"
	"-A INPUT -i lo -j ACCEPT\n"
	"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A INPUT -p tcp -m tcp --dport %d -j ACCEPT\n"
	"COMMIT\n";

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void load_shield(const char *rule)
{
	must_as(&(struct how){ .input = format_text(shield, rule) }, "nft -f -");
}

static void restore(const char *tool, int port)
{
	must_as(&(struct how){ .input = format_text(filter, port) }, "%s", tool);
}

/* Without what is of the moment: what policies counted, and when it was printed. */
static char *without_moment(const char *saved)
{
	char *text = keep(strdup(saved)), *to = text;

	for (char *line = text, *next; *line; line = next) {
		size_t length = strcspn(line, *line == ':' ? "[\n" : "\n");

		next = line + strcspn(line, "\n");
		next += *next == '\n';
		if (*line == '#')
			continue;
		memmove(to, line, length);
		to += length;
		*to++ = '\n';
	}
	*to = '\0';
	return text;
}

static const char *nft_rules(void)
{
	return must("nft -s list ruleset").out;
}

/* --- the watch ---------------------------------------------------------- */

/* By line, as the log of many reloads is long. */
static unsigned int count_in_log(const char *words)
{
	FILE *log = fopen(LOG, "re");
	unsigned int count = 0;
	char line[2000];

	while (log && fgets(line, sizeof(line), log))
		count += strstr(line, words) != NULL;
	if (log)
		fclose(log);
	return count;
}

static bool begins_with(const char *text, const char *words)
{
	return !strncmp(text, words, strlen(words));
}

static void wait_for_log(const char *words, unsigned int times)
{
	unsigned int waits = 0;

	while (count_in_log(words) < times && wait_a_little(&waits))
		;
	ck_assert_msg(count_in_log(words) >= times, "not %u times \"%s\": %s", times, words,
		      read_file(LOG));
}

static pid_t start_watch(const char *options)
{
	unsigned int before = count_in_log("in force");
	pid_t pid = start(HOST, LOG, "notrackctl %s watch " CONFIG, options);

	wait_for_log("in force", before + 1);
	return pid;
}

static void end_watch(pid_t pid)
{
	ck_assert_int_eq(stop(pid, SIGTERM), 0);
}

/* --- who is answered ---------------------------------------------------- */

struct line {
	const struct family *family;
	int server, client;
	struct end at, from;
};

static struct line open_line(const struct family *family)
{
	struct line line = {
		.family = family,
		.at = { HOST, family->host, 53 },
		.from = { PEER, family->peer, CLIENT_PORT },
	};

	line.server = udp_open(family, line.at);
	line.client = udp_open(family, line.from);
	return line;
}

static bool comes_out(int fd)
{
	for (int i = 0; i < 5; i++) {
		if (udp_pending(fd))
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return false;
}

static bool is_answered(const struct line *line)
{
	udp_send(line->family, line->client, line->at, 1);
	if (!comes_out(line->server))
		return false;
	udp_send(line->family, line->server, line->from, 1);
	return comes_out(line->client);
}

static void answers_are_back(const struct line *line)
{
	unsigned int waits = 0;

	while (!is_answered(line) && wait_a_little(&waits))
		;
	ck_assert_msg(is_answered(line), "%s is deaf: %s", line->family->name, read_file(LOG));
}

/* All that was asked for is in force again, and nobody is deaf. */
static void all_is_well(const struct line *line)
{
	unsigned int waits = 0;

	/* without a service, there is nothing that verify could find fault with */
	while (run("notrackctl verify dns").code && wait_a_little(&waits))
		;
	must("notrackctl verify dns");
	answers_are_back(line);
}

static struct line given_a_watched_host(const struct family *family, const char *options, pid_t *pid)
{
	struct line line;

	netns_add_peer();
	write_text(CONFIG, "[service dns]\n");
	*pid = start_watch(options);
	line = open_line(family);
	answers_are_back(&line);
	return line;
}

/* --- nftables ----------------------------------------------------------- */

START_TEST(a_changed_file_of_nft_is_followed)
{
	const char *wanted;
	struct line line;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[_i], "--backend nft", &pid);

	/* the kernel says last who it was, on a busy machine too late for the line, now and then */
	for (unsigned int times = 1; !count_in_log("nft (process "); times++) {
		ck_assert_uint_le(times, TIMES_MAX);
		load_shield("tcp dport { 22, 80 } accept");
		all_is_well(&line);
		wait_for_log("put right", times);
	}

	end_watch(pid);
	must("notrackctl clear");
	wanted = nft_rules();
	load_shield("tcp dport { 22, 80 } accept");
	assert_same_text(wanted, nft_rules());
}
END_TEST

START_TEST(a_flushed_rule_set_gets_ours_back)
{
	struct line line;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[_i], "", &pid);

	must("nft flush ruleset");
	all_is_well(&line);
	wait_for_log("put right", 1);
	must("nft list table inet libnotrack");	/* and not in the other world */

	end_watch(pid);
	must("notrackctl clear");
	ck_assert_str_eq(nft_rules(), "");
}
END_TEST

START_TEST(iptables_nft_restore_is_followed)
{
	char *wanted;
	struct line line;
	pid_t pid;

	restore("iptables-nft-restore", 22);
	restore("ip6tables-nft-restore", 22);
	line = given_a_watched_host(&families[_i], "", &pid);

	restore("iptables-nft-restore", 80);
	restore("ip6tables-nft-restore", 80);
	all_is_well(&line);

	end_watch(pid);
	must("notrackctl clear");
	wanted = without_moment(must("iptables-nft-save -t filter").out);
	restore("iptables-nft-restore", 80);
	assert_same_text(wanted, without_moment(must("iptables-nft-save -t filter").out));
}
END_TEST

/* However often it changes, it is followed, and at most every so often. */
START_TEST(a_storm_is_followed_in_steps)
{
	struct timespec begin, now;
	unsigned int repairs;
	struct line line;
	long passed_ms;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[0], "--backend nft", &pid);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		load_shield("tcp dport 22 accept");
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed_ms = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
	} while (passed_ms < STORM_MS);
	all_is_well(&line);
	clock_gettime(CLOCK_MONOTONIC, &now);
	passed_ms = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;

	repairs = count_in_log("put right");
	ck_assert_uint_ge(repairs, 3);
	ck_assert_int_le(repairs, passed_ms / PAUSE_MS + 1);
	end_watch(pid);
}
END_TEST

static unsigned long status_number(pid_t pid, const char *key)
{
	const char *at = strstr(read_file(format_text("/proc/%d/status", pid)), key);

	ck_assert_ptr_nonnull(at);
	return strtoul(at + strlen(key), NULL, 10);
}

START_TEST(its_own_commits_are_no_reason_to_work)
{
	unsigned long before;
	pid_t pid;

	write_text(CONFIG, "[service dns]\n");
	pid = start_watch("--backend nft");
	must("nft delete table inet libnotrack");
	wait_for_log("put right", 1);
	before = status_number(pid, "\nvoluntary_ctxt_switches:");

	/* a commit each 100 ms, or a loop, would wait, or work, more often than that */
	nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL);
	ck_assert_uint_le(status_number(pid, "\nvoluntary_ctxt_switches:") - before, 20);
	ck_assert_uint_eq(count_in_log("put right"), 1);
	end_watch(pid);
}
END_TEST

/* --- the legacy tables -------------------------------------------------- */

START_TEST(iptables_legacy_restore_is_followed)
{
	const struct family *family = &families[_i];
	char *wanted;
	struct line line;
	pid_t pid;

	restore("iptables-legacy-restore", 22);
	restore("ip6tables-legacy-restore", 22);
	line = given_a_watched_host(family, "", &pid);

	restore("iptables-legacy-restore", 80);
	restore("ip6tables-legacy-restore", 80);
	all_is_well(&line);
	wait_for_log("changed the legacy tables", 1);

	end_watch(pid);
	must("notrackctl clear");
	wanted = without_moment(must("%s -t filter", family->save).out);
	ck_assert_ptr_null(strstr(wanted, "NOTRACK"));
	ck_assert_ptr_nonnull(strstr(wanted, "--dport 80 -j ACCEPT"));
	ck_assert_ptr_null(strstr(wanted, "--dport 22"));
}
END_TEST

/* Of the same size as before: seen when all of it is looked at. */
START_TEST(a_rule_of_ours_that_was_replaced_is_put_right)
{
	struct line line;
	pid_t pid;

	restore("iptables-legacy-restore", 22);
	line = given_a_watched_host(&families[0], "-4", &pid);

	/* past the look that follows its own commit, which would find it, too */
	nanosleep(&(struct timespec){ .tv_sec = 2, .tv_nsec = 500000000 }, NULL);
	must("iptables-legacy -w -t raw -R NOTRACK-PREROUTING 1 -p udp --dport 5354 -j RETURN");
	wait_for_log("put right", 1);
	ck_assert_ptr_null(strstr(must("iptables-legacy-save").out, "5354"));
	answers_are_back(&line);
	end_watch(pid);
}
END_TEST

/* --- what its owner says ------------------------------------------------ */

START_TEST(sighup_reads_the_file_again)
{
	pid_t pid;

	write_text(CONFIG, "[service dns]\n");
	pid = start_watch("");
	write_text(CONFIG, "[service ntp]\n");
	kill(pid, SIGHUP);
	wait_for_log("in force", 2);
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "[service dns]"));
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service ntp]"));

	write_text(CONFIG, "[service ntp\n");
	kill(pid, SIGHUP);
	wait_for_log("stays in force", 1);
	ck_assert_uint_eq(count_in_log(CONFIG ":1: "), 1);
	must("nft flush ruleset");
	must("notrackctl clear");
	wait_for_log("put right", 1);
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service ntp]"));
	end_watch(pid);
}
END_TEST

/* From then on, what is for others is none of ours. */
START_TEST(a_host_that_begins_to_forward_is_followed)
{
	const char *const switches[] = { "ipv4/ip_forward", "ipv4/conf/veth0/forwarding",
					 "ipv6/conf/all/forwarding" };
	const char *local = _i % 2 ? "fib daddr type local" : "--dst-type LOCAL";
	pid_t pid;

	netns_add_peer();
	write_text(CONFIG, "[service dns]\n");
	pid = start_watch(_i % 2 ? "--backend nft" : "--backend legacy");
	ck_assert_ptr_null(strstr(must("notrackctl show --rules").out, local));
	must("sh -c 'echo 1 >/proc/sys/net/%s'", switches[_i / 2]);
	wait_for_log("put right", 1);
	ck_assert_uint_eq(count_in_log("whether this host forwards"), 1);
	ck_assert_ptr_nonnull(strstr(must(_i % 2 ? "nft list table inet libnotrack" :
					  "iptables-legacy-save -t raw").out, local));
	end_watch(pid);
}
END_TEST

/* The kernel does not tell of the switches of bridges; a bridge, or its own switch, comes later. */
START_TEST(a_bridge_that_begins_to_hand_on_is_followed)
{
	const char *local = "--dst-type LOCAL";
	pid_t pid;

	run("sysctl -w net.bridge.bridge-nf-call-iptables=0");
	run("sysctl -w net.bridge.bridge-nf-call-ip6tables=0");
	must("ip link add br9 type bridge");
	write_text(CONFIG, "[service dns]\n");
	pid = start_watch("--backend legacy");
	ck_assert_ptr_null(strstr(must("iptables-legacy-save -t raw").out, local));
	must("ip link set br9 type bridge nf_call_iptables 1");
	if (strstr(must("ip -d link show br9").out, "nf_call_iptables 1")) {
		wait_for_log("put right", 1);
		ck_assert_uint_eq(count_in_log("whether this host forwards"), 1);
		ck_assert_ptr_nonnull(strstr(must("iptables-legacy-save -t raw").out, local));
		must("ip link del br9");
		wait_for_log("put right", 2);
		ck_assert_uint_eq(count_in_log("whether this host forwards"), 2);
		ck_assert_ptr_null(strstr(must("iptables-legacy-save -t raw").out, local));
	} else {
		fprintf(stderr, "nf_call_iptables: not in this kernel: skipped\n");
	}
	end_watch(pid);
}
END_TEST

/* The name of a network namespace stands for another one by now: the watch stays where it is. */
START_TEST(a_namespace_that_was_made_anew_is_not_followed)
{
	pid_t pid;

	write_text(CONFIG, "[service dns]\n");
	must("ip netns add blue");
	must("touch /run/netns/kept");
	must("mount --bind /run/netns/blue /run/netns/kept");
	pid = start_watch("--backend nft --netns blue");
	must("ip netns del blue");
	must("ip netns add blue");
	kill(pid, SIGHUP);
	wait_for_log("stays in force", 1);
	ck_assert_uint_eq(count_in_log("another network namespace"), 1);

	for (unsigned int i = 1; i <= 2; i++) {		/* it has all that it needs */
		must("ip netns exec kept nft flush ruleset");
		wait_for_log("put right", i);
	}
	ck_assert_ptr_nonnull(strstr(must("ip netns exec kept nft list ruleset").out, "notrack"));
	ck_assert_str_eq(must("ip netns exec blue nft list ruleset").out, "");
	end_watch(pid);
}
END_TEST

START_TEST(a_file_that_is_wrong_at_the_start_changes_nothing)
{
	struct run wrong;

	must("notrackctl add ntp");
	write_text(CONFIG, "[service dns]\nports = 70000\n");
	wrong = run("notrackctl watch " CONFIG);
	ck_assert_int_eq(wrong.code, EXIT_BAD_INPUT);
	ck_assert_ptr_nonnull(strstr(wrong.err, CONFIG ":2: "));
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, "[service ntp]"));
	ck_assert_int_eq(run("notrackctl watch -").code, EXIT_BAD_INPUT);
}
END_TEST

START_TEST(sigterm_and_sigint_leave_the_rules)
{
	const int signals[] = { SIGTERM, SIGINT };
	const char *before;
	pid_t pid;

	write_text(CONFIG, "[service dns]\n");
	pid = start_watch("");
	before = must("notrackctl show --rules").out;
	ck_assert_int_eq(stop(pid, signals[_i]), 0);
	ck_assert_str_eq(must("notrackctl show --rules").out, before);
	ck_assert_ptr_nonnull(strstr(before, "NOTRACK"));
	ck_assert_ptr_null(strstr(must("ls /run").out, "notrack-watch"));
}
END_TEST

START_TEST(a_second_one_says_so)
{
	struct run second;
	pid_t pid;

	write_text(CONFIG, "[service dns]\n");
	pid = start_watch("");
	second = run("notrackctl watch " CONFIG);
	ck_assert_int_eq(second.code, 1);
	ck_assert_ptr_nonnull(strstr(second.err, format_text("process %d ", pid)));

	/* another network namespace is another host */
	must("ip netns add other");
	start(HOST, "/run/other.log", "notrackctl --netns other watch " CONFIG);
	for (unsigned int waits = 0; !strstr(must("cat /run/other.log").out, "in force");)
		ck_assert_msg(wait_a_little(&waits), "%s", read_file("/run/other.log"));
	end_watch(pid);
}
END_TEST

START_TEST(what_a_killed_one_left_is_put_right_by_the_next)
{
	struct line line;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[0], "", &pid);
	ck_assert_int_eq(stop(pid, SIGKILL), 128 + SIGKILL);
	load_shield("tcp dport 80 accept");
	must("notrackctl add ntp");
	pid = start_watch("");
	all_is_well(&line);
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "[service ntp]"));
	end_watch(pid);
}
END_TEST

/* --- killed at work ------------------------------------------------------ */

static void change_nft(int port)
{
	load_shield(format_text("tcp dport %d accept", port));
}

static void flush_nft(int port)
{
	change_nft(port);
	must("nft flush ruleset");
}

static void restore_nft(int port)
{
	restore("iptables-nft-restore", port);
}

static void restore_legacy(int port)
{
	restore("iptables-legacy-restore", port);
}

static const struct change {
	const char *what;
	void (*make)(int port);
} changes[] = {
	{ "nft -f", change_nft },
	{ "nft flush ruleset", flush_nft },
	{ "iptables-nft-restore", restore_nft },
	{ "iptables-legacy-restore", restore_legacy },
};

/* How long it has been on a processor. */
static unsigned long long worked_ns(pid_t pid)
{
	unsigned long long ns = 0;
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (file && fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	if (file)
		fclose(file);
	return ns;
}

/* So long after it began to work, beside the test. */
static void kill_at_work(pid_t pid, long after_ns)
{
	unsigned long long before = worked_ns(pid);

	if (fork_child())
		return;
	while (worked_ns(pid) < before + AT_WORK_NS)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	nanosleep(&(struct timespec){ .tv_nsec = after_ns }, NULL);
	kill(pid, SIGKILL);
	_exit(0);
}

/* Rules of others, but for ours, which may be beside them for now. */
static const char *rules_of_others(void)
{
	must("notrackctl clear");
	return format_text("%s%s", nft_rules(), without_moment(must("iptables-legacy-save").out));
}

/*
 * It repairs for a few milliseconds: killed before, within and after that.  Whatever it left
 * undone, those who were answered are answered again after the next start.
 */
START_TEST(killed_at_work_it_leaves_nothing_that_the_next_one_does_not_mend)
{
	const struct change *change = &changes[_i];
	const char *left;
	struct line line;
	pid_t pid;

	change->make(22);
	line = given_a_watched_host(&families[0], "", &pid);
	for (int i = 0; i < KILLS; i++) {
		kill_at_work(pid, i * KILLS_APART_NS);
		change->make(i % 2 ? 22 : 80);
		ck_assert_int_eq(wait_for(pid), 128 + SIGKILL);
		pid = start_watch("");
		all_is_well(&line);
	}
	end_watch(pid);
	left = rules_of_others();
	change->make(KILLS % 2 ? 80 : 22);
	assert_same_text(left, rules_of_others());
}
END_TEST

/* --- where there is trouble --------------------------------------------- */

START_TEST(a_held_lock_is_waited_for)
{
	int lock = open("/run/xtables.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	pid_t pid;

	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	write_text(CONFIG, "[service dns]\n");
	pid = start(HOST, LOG, "notrackctl -w 0 watch " CONFIG);
	wait_for_log("held by another program", 1);
	nanosleep(&(struct timespec){ .tv_sec = 2 }, NULL);
	ck_assert_uint_eq(count_in_log("held by another program"), 1);
	close(lock);
	wait_for_log("in force", 1);
	end_watch(pid);
}
END_TEST

/* Of two sources in one rule, which a twin would need, iptables-nft reads one. */
START_TEST(where_it_cannot_be_our_rules_go)
{
	struct line line;
	pid_t pid;

	netns_add_peer();
	write_text(CONFIG, "[service dns]\n[service relay]\nports = 7000\nfrom = 192.0.2.0/24\n");
	pid = start_watch("--backend nft");
	line = open_line(&families[_i]);
	answers_are_back(&line);

	restore("iptables-nft-restore", 53);
	must("iptables-nft -I INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT");
	must("iptables-nft -N relays");
	must("iptables-nft -A INPUT ! -s 192.0.2.77 -p udp --dport 7000 -m conntrack --ctstate NEW -j relays");
	wait_for_log("no rule of ours is there now", 1);
	answers_are_back(&line);	/* by rules of the host, as it is tracked */
	ck_assert_int_ne(run("nft list table inet libnotrack").code, 0);
	must("iptables-nft -A INPUT -p tcp --dport 80 -j ACCEPT");

	must("nft flush ruleset");
	wait_for_log("in force", 2);
	answers_are_back(&line);
	ck_assert_uint_eq(count_in_log("no rule of ours is there now"), 1);
	end_watch(pid);
}
END_TEST

/* Whose table nobody else edits, as it is made anew at will. */
static const char firewalld[] =
	"table inet firewalld {\n"
	"	chain filter_INPUT {\n"
	"		type filter hook input priority 10; policy accept;\n"
	"		ct state established,related accept\n"
	"		iifname lo accept\n"
	"		udp dport 53 accept\n"
	"		tcp dport 53 accept\n"
	"		meta l4proto ipv6-icmp accept\n"
	"		reject\n"
	"	}\n"
	"}\n";

/* Nothing of ours is missing, and yet answers to the host would be dropped from now on. */
START_TEST(rules_that_make_it_deaf_later_are_noticed)
{
	struct line line;
	pid_t pid;

	line = given_a_watched_host(&families[0], _i ? "--backend nft" : "--backend legacy", &pid);
	must_as(&(struct how){ .input = firewalld }, "nft -f -");
	wait_for_log("no rule of ours is there now", 1);
	answers_are_back(&line);
	ck_assert_ptr_null(strstr(must("notrackctl show").out, "[service dns]"));

	must("nft delete table inet firewalld");
	wait_for_log("in force", 2);
	all_is_well(&line);
	end_watch(pid);
}
END_TEST

/* Memory after so many reloads of the firewall is what it was after the first few. */
START_TEST(reloads_take_no_memory)
{
	const char *number = getenv("NOTRACK_WATCH_RELOADS");
	unsigned int reloads = number ? (unsigned int)atoi(number) : RELOADS_DEFAULT, repairs = 0;
	unsigned int in_force = 1, waits = 0;
	unsigned long first = 0, last;
	struct line line;
	pid_t pid;

	load_shield("tcp dport 22 accept");
	line = given_a_watched_host(&families[0], "--backend nft", &pid);
	for (unsigned int i = 0; i < reloads; i++) {
		load_shield(i % 2 ? "tcp dport 22 accept" : "tcp dport 80 accept");
		if (i % 10 == 9)
			wait_for_log("put right", ++repairs);
		if (i % 25 == 24) {
			kill(pid, SIGHUP);
			wait_for_log("in force", ++in_force);
		}
		if (i == RELOADS_FIRST)
			first = status_number(pid, "\nRssAnon:");
	}
	all_is_well(&line);
	do	/* it may still be at work */
		last = status_number(pid, "\nRssAnon:");
	while (last > first + GROWTH_MAX_KB && wait_a_little(&waits));
	ck_assert_msg(last <= first + GROWTH_MAX_KB, "%lu kB after %u reloads, %lu kB after %u", first,
		      RELOADS_FIRST, last, reloads);
	fprintf(stderr, "%u reloads, %u repairs: %lu kB after %u, %lu kB at the end\n", reloads,
		count_in_log("put right"), first, RELOADS_FIRST, last);
	end_watch(pid);
}
END_TEST

/* --- the journal -------------------------------------------------------- */

static const struct journal_case {
	const char *options, *damage, *harmless;
} journal_cases[] = {
	{ "--backend nft", "nft flush ruleset", "nft add table inet other" },
	{ "--backend legacy", "iptables-legacy -w -t raw -F", "iptables-legacy -w -A FORWARD -j ACCEPT" },
};

/* Lines of the log, with the priority that the journal takes from their beginning. */
static void assert_log(unsigned int in_force, unsigned int repairs, unsigned int warnings)
{
	unsigned int lines = 0, known = 0;

	for (const char *line = read_file(LOG); *line; line += strcspn(line, "\n") + 1, lines++)
		known += begins_with(line, "<6>the rules are in force: ") ||
			 (begins_with(line, "<5>put right: ") && strstr(line, " had changed ") &&
			  !strstr(line, "notrackctl (process")) ||
			 begins_with(line, "<4>warning: numbers: ");
	ck_assert_msg(lines == known && count_in_log("in force") == in_force &&
		      count_in_log("put right") == repairs && count_in_log("warning") == warnings,
		      "not %u lines in force, %u of repairs and %u warnings alone: %s", in_force, repairs,
		      warnings, read_file(LOG));
}

/* A line for each, and none for what others did that is no matter of ours. */
START_TEST(what_it_did_is_a_line_each)
{
	const struct journal_case *given = &journal_cases[_i];
	pid_t pid;

	setenv("JOURNAL_STREAM", "1:2", 1);
	write_text(CONFIG, "[service dns]\n");
	pid = start_watch(given->options);
	for (unsigned int i = 1; i <= 3; i++) {
		must("%s", given->damage);
		wait_for_log("put right", i);
	}
	for (unsigned int i = 1; i <= 2; i++) {
		kill(pid, SIGHUP);
		wait_for_log("in force", i + 1);
	}
	must("%s", given->harmless);
	/* the legacy tables are looked at once a second */
	nanosleep(&(struct timespec){ .tv_sec = 2, .tv_nsec = 500000000 }, NULL);
	assert_log(3, 3, 0);
	end_watch(pid);
}
END_TEST

/* The host's firewall takes us along when it is reloaded, thousands of times. */
START_TEST(a_warning_is_not_repeated_when_nothing_is_new)
{
	pid_t pid;

	setenv("JOURNAL_STREAM", "1:2", 1);
	load_shield("tcp dport 22 accept");
	write_text(CONFIG, "[service dns]\n");
	pid = start_watch("--backend nft");
	wait_for_log("warning: numbers: ", 1);
	for (unsigned int i = 1; i <= 2; i++) {
		kill(pid, SIGHUP);
		wait_for_log("in force", i + 1);
	}
	end_watch(pid);
	assert_log(3, 0, 1);
}
END_TEST

/* --- the service manager ------------------------------------------------ */

static int manager;

static void listen_at(const char *name, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);

	memcpy(address.sun_path + abstract, name, length);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(manager, (const void *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + length +
					  !abstract)), 0);
	setenv("NOTIFY_SOCKET", format_text("%s%s", abstract ? "@" : "", name), 1);
}

/* The next message that has the words; those before it are not of interest. */
static const char *hear(const char *words)
{
	static char text[4096];
	unsigned int waits = 0;

	do {
		ssize_t size = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

		text[size > 0 ? size : 0] = '\0';
		if (size > 0 && strstr(text, words))
			return text;
	} while (wait_a_little(&waits));
	ck_abort_msg("the manager was not told %s: %s", words, read_file(LOG));
}

START_TEST(the_manager_is_told)
{
	const char *text;
	pid_t pid;

	listen_at(_i ? "manager" : "/run/manager", _i);
	setenv("WATCHDOG_USEC", "400000", 1);
	setenv("JOURNAL_STREAM", "1:2", 1);
	write_text(CONFIG, "[service dns]\n");
	pid = start_watch("");

	text = hear("READY=1\n");
	ck_assert_ptr_nonnull(strstr(text, "STATUS=the rules are in force"));
	hear("WATCHDOG=1");
	hear("WATCHDOG=1");
	kill(pid, SIGHUP);
	text = hear("RELOADING=1\n");
	ck_assert_ptr_nonnull(strstr(text, "MONOTONIC_USEC="));
	hear("READY=1\n");
	write_text(CONFIG, "[service");
	kill(pid, SIGHUP);
	hear("RELOADING=1\n");
	text = hear("READY=1\n");
	ck_assert_ptr_nonnull(strstr(text, "STATUS=the configuration cannot be used"));
	kill(pid, SIGTERM);
	hear("STOPPING=1\n");
	ck_assert_int_eq(wait_for(pid), 0);
	ck_assert_int_eq(strncmp(read_file(LOG), "<6>the rules are in force", 24), 0);
	ck_assert_uint_eq(count_in_log("<3>" CONFIG ":1: "), 1);
}
END_TEST

START_TEST(json_is_a_line_each)
{
	json_error_t error;
	json_t *event;
	pid_t pid;

	write_text(CONFIG, "[service dns]\n");
	pid = start(HOST, LOG, "notrackctl --json watch " CONFIG);
	wait_for_log("\n", 1);
	event = keep(json_loads(read_file(LOG), JSON_DISABLE_EOF_CHECK, &error));
	ck_assert_msg(event != NULL, "%s: %s", error.text, read_file(LOG));
	ck_assert_str_eq(json_string_value(json_object_get(event, "event")), "in-place");
	ck_assert_int_gt(json_integer_value(json_object_get(event, "added")), 0);
	end_watch(pid);
}
END_TEST

/* --- rules that go, and are not ours to replace ------------------------- */

static const char allowing[] =
	"flush ruleset\n"
	"table inet own {\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy drop;\n"
	"		iif lo accept\n"
	"		ct state established,related accept\n"
	"		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"		%s\n"
	"	}\n"
	"}\n";

static void load_allowing(const char *rule)
{
	must_as(&(struct how){ .input = format_text(allowing, rule) }, "nft -f -");
}

/* Whoever took back what let some in has not asked us to let in everybody. */
START_TEST(what_the_host_closes_stays_closed)
{
	const struct family *family = &families[0];
	unsigned int repairs;
	struct line line;
	pid_t pid;

	netns_add_peer();
	load_allowing("ip saddr 192.0.2.0/24 udp dport 53 accept");
	write_text(CONFIG, "[service dns]\n");
	pid = start_watch("--backend nft");
	line = open_line(family);
	answers_are_back(&line);

	repairs = count_in_log("put right");
	load_allowing("");
	wait_for_log("put right", repairs + 1);
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(!client_is_answered(family, family->limited));

	repairs = count_in_log("put right");
	load_allowing("ip saddr 192.0.2.0/24 udp dport 53 accept");
	wait_for_log("put right", repairs + 1);
	answers_are_back(&line);
	end_watch(pid);
}
END_TEST

/* A firewall that is loaded behind us, and lets in nobody: once it is at rest, we open it. */
START_TEST(what_shuts_the_host_later_is_opened)
{
	struct line line;
	pid_t pid;

	line = given_a_watched_host(&families[0], "--backend nft", &pid);
	load_allowing("");
	answers_are_back(&line);
	load_allowing("tcp dport 22 accept");
	answers_are_back(&line);
	load_allowing("ip saddr 198.51.100.7 accept");
	answers_are_back(&line);
	end_watch(pid);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, what_the_host_closes_stays_closed);
	tcase_add_test(tcase, what_shuts_the_host_later_is_opened);
	tcase_add_loop_test(tcase, a_changed_file_of_nft_is_followed, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_flushed_rule_set_gets_ours_back, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, iptables_nft_restore_is_followed, 0, FAMILY_COUNT);
	tcase_add_test(tcase, a_storm_is_followed_in_steps);
	tcase_add_test(tcase, its_own_commits_are_no_reason_to_work);
	tcase_add_loop_test(tcase, iptables_legacy_restore_is_followed, 0, FAMILY_COUNT);
	tcase_add_test(tcase, a_rule_of_ours_that_was_replaced_is_put_right);
	tcase_add_test(tcase, sighup_reads_the_file_again);
	tcase_add_loop_test(tcase, a_host_that_begins_to_forward_is_followed, 0, 6);
	tcase_add_test(tcase, a_bridge_that_begins_to_hand_on_is_followed);
	tcase_add_test(tcase, a_namespace_that_was_made_anew_is_not_followed);
	tcase_add_test(tcase, a_file_that_is_wrong_at_the_start_changes_nothing);
	tcase_add_loop_test(tcase, sigterm_and_sigint_leave_the_rules, 0, 2);
	tcase_add_test(tcase, a_second_one_says_so);
	tcase_add_test(tcase, what_a_killed_one_left_is_put_right_by_the_next);
	tcase_add_loop_test(tcase, killed_at_work_it_leaves_nothing_that_the_next_one_does_not_mend, 0,
			    sizeof(changes) / sizeof(changes[0]));
	tcase_add_test(tcase, a_held_lock_is_waited_for);
	tcase_add_loop_test(tcase, where_it_cannot_be_our_rules_go, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, rules_that_make_it_deaf_later_are_noticed, 0, 2);
	tcase_add_test(tcase, reloads_take_no_memory);
	tcase_add_loop_test(tcase, what_it_did_is_a_line_each, 0,
			    sizeof(journal_cases) / sizeof(journal_cases[0]));
	tcase_add_test(tcase, a_warning_is_not_repeated_when_nothing_is_new);
	tcase_add_loop_test(tcase, the_manager_is_told, 0, 2);
	tcase_add_test(tcase, json_is_a_line_each);
}

int main(void)
{
	return netns_main("watch", tests);
}
