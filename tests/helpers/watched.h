/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host that notrackctl watches, and its owner, who goes on changing rules: what several
 * suites of watch share.
 */
#ifndef NOTRACK_TESTS_WATCHED_H
#define NOTRACK_TESTS_WATCHED_H

#include "packets.h"
#include "run.h"

#define WATCH_LOG "/run/watch.log"
#define WATCH_CONFIG "/run/notrack.conf"

/* --- the host and its owner --------------------------------------------- */

void write_text(const char *path, const char *text);

/* A table of nftables that bans one client and denies by default, with a rule of the test's. */
void load_shield(const char *rule);

/* The same in the words of iptables: @tool restores it, with a TCP port that is open. */
void restore(const char *tool, int port);

/* Without what is of the moment: what policies counted, and when it was printed. */
char *without_moment(const char *saved);

const char *nft_rules(void);

/* --- the watch ---------------------------------------------------------- */

/* Lines of the log that have the words. */
unsigned int count_in_log(const char *words);
void wait_for_log(const char *words, unsigned int times);

/* Until the rules are in force. */
pid_t start_watch(const char *options);
void end_watch(pid_t pid);

/* A number of /proc/PID/status, by what stands before it. */
unsigned long status_number(pid_t pid, const char *key);

/* --- who is answered ---------------------------------------------------- */

/* A client at PEER that asks the host's port 53 again and again. */
struct line {
	const struct family *family;
	int server, client;
	struct end at, from;
};

struct line open_line(const struct family *family);
void answers_are_back(const struct line *line);

/* All that was asked for is in force again, and nobody is deaf. */
void all_is_well(const struct line *line);

/* Who asks is answered, and dns is untracked. */
struct line given_a_watched_host(const struct family *family, const char *options, pid_t *pid);

#endif
