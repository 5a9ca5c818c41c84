/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watched.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLIENT_PORT = 40053 };

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

void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

void load_shield(const char *rule)
{
	must_as(&(struct how){ .input = format_text(shield, rule) }, "nft -f -");
}

void restore(const char *tool, int port)
{
	must_as(&(struct how){ .input = format_text(filter, port) }, "%s", tool);
}

char *without_moment(const char *saved)
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

const char *nft_rules(void)
{
	return must("nft -s list ruleset").out;
}

/* --- the watch ---------------------------------------------------------- */

/* By line, as the log of many reloads is long. */
unsigned int count_in_log(const char *words)
{
	FILE *log = fopen(WATCH_LOG, "re");
	unsigned int count = 0;
	char line[2000];

	while (log && fgets(line, sizeof(line), log))
		count += strstr(line, words) != NULL;
	if (log)
		fclose(log);
	return count;
}

void wait_for_log(const char *words, unsigned int times)
{
	unsigned int waits = 0;

	while (count_in_log(words) < times && wait_a_little(&waits))
		;
	ck_assert_msg(count_in_log(words) >= times, "not %u times \"%s\": %s", times, words,
		      read_file(WATCH_LOG));
}

pid_t start_watch(const char *options)
{
	unsigned int before = count_in_log("in force");
	pid_t pid = start(HOST, WATCH_LOG, "notrackctl %s watch " WATCH_CONFIG, options);

	wait_for_log("in force", before + 1);
	return pid;
}

void end_watch(pid_t pid)
{
	ck_assert_int_eq(stop(pid, SIGTERM), 0);
}

unsigned long status_number(pid_t pid, const char *key)
{
	const char *at = strstr(read_file(format_text("/proc/%d/status", pid)), key);

	ck_assert_ptr_nonnull(at);
	return strtoul(at + strlen(key), NULL, 10);
}

/* --- who is answered ---------------------------------------------------- */

struct line open_line(const struct family *family)
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

void answers_are_back(const struct line *line)
{
	unsigned int waits = 0;

	while (!is_answered(line) && wait_a_little(&waits))
		;
	ck_assert_msg(is_answered(line), "%s is deaf: %s", line->family->name, read_file(WATCH_LOG));
}

void all_is_well(const struct line *line)
{
	unsigned int waits = 0;

	/* without a service, there is nothing that verify could find fault with */
	while (run("notrackctl verify dns").code && wait_a_little(&waits))
		;
	must("notrackctl verify dns");
	answers_are_back(line);
}

struct line given_a_watched_host(const struct family *family, const char *options, pid_t *pid)
{
	struct line line;

	netns_add_peer();
	write_text(WATCH_CONFIG, "[service dns]\n");
	*pid = start_watch(options);
	line = open_line(family);
	answers_are_back(&line);
	return line;
}
