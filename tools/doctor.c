/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* doctor: what this host has, as a checklist with what to do. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "context.h"
#include "json.h"

struct findings {
	json_t *checks;			/* NULL: print as they come */
	int code;
};

static int find(const struct notrack_check *check, void *data)
{
	static const char *const words[] = {
		[NOTRACK_OK] = "ok", [NOTRACK_WARNING] = "warning", [NOTRACK_FAILED] = "failed",
	};
	struct findings *findings = data;

	if (check->status == NOTRACK_FAILED && findings->code != EXIT_FAILED)
		findings->code = check->err == -EPROTONOSUPPORT ? EXIT_LACKS : EXIT_FAILED;
	if (findings->checks)
		json_array_append_new(findings->checks, json_pack("{s:s, s:s, s:s}",
			"check", check->name, "status", words[check->status], "text", check->text));
	else
		printf("%-7s  %-28s  %s\n", words[check->status], check->name, check->text);
	return 0;
}

static void tell(struct findings *findings, const char *name, enum notrack_status status,
		 const char *text)
{
	find(&(struct notrack_check){ .size = sizeof(struct notrack_check), .name = name,
				      .status = status, .text = text }, findings);
}

/* --- the conntrack table ---------------------------------------------- */

static void check_conntrack(struct findings *findings, struct notrack *nt)
{
	const struct notrack_usage_request request = { .size = sizeof(request) };
	struct notrack_conntrack totals = { .size = sizeof(totals) };
	bool nearly_full;
	char text[256];

	if (notrack_usage(nt, &request, &totals, NULL, NULL)) {
		tell(findings, "conntrack table", NOTRACK_WARNING, notrack_error(nt));
		return;
	}
	nearly_full = totals.max && totals.count >= totals.max / 10 * 9;
	snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64 " entries%s; so far, %" PRIu64
		 " packets dropped, %" PRIu64 " entries dropped early, %" PRIu64 " not inserted%s",
		 totals.count, totals.max, nearly_full ? ", nearly full" : "", totals.dropped,
		 totals.early_dropped, totals.insert_failed,
		 nearly_full || totals.dropped || totals.early_dropped ?
		 ": see notrackctl top, and notrackctl advise" : "");
	tell(findings, "conntrack table", nearly_full || totals.dropped || totals.early_dropped ?
	     NOTRACK_WARNING : NOTRACK_OK, text);
}

/* One record a read: "priority,number,microseconds,flags;text". */
static void check_log(struct findings *findings)
{
	char record[8192], text[160];
	unsigned long lines = 0;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t size;

	if (fd < 0) {
		tell(findings, "kernel log", NOTRACK_WARNING, "may not be read here");
		return;
	}
	while ((size = read(fd, record, sizeof(record) - 1)) > 0 || (size < 0 && errno == EPIPE)) {
		if (size < 0)	/* overwritten while we read: go on with what is there */
			continue;
		record[size] = '\0';
		if (strstr(record, "nf_conntrack") && strstr(record, "table full"))
			lines++;
	}
	close(fd);
	snprintf(text, sizeof(text), lines ? "%lu lines say that the conntrack table was full" :
		 "does not say that the conntrack table was full", lines);
	tell(findings, "kernel log", lines ? NOTRACK_WARNING : NOTRACK_OK, text);
}

/* --- who else filters ------------------------------------------------- */

static int count_table(const struct nlmsghdr *message, void *data)
{
	(void)message;
	++*(unsigned int *)data;
	return MNL_CB_OK;
}

/* -1 where nftables cannot be asked. */
static int count_nft_tables(void)
{
	char buffer[8192];	/* MNL_SOCKET_BUFFER_SIZE at most */
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	struct mnl_socket *netlink = mnl_socket_open(NETLINK_NETFILTER);
	unsigned int tables = 0, sequence = (unsigned int)time(NULL);
	ssize_t size = -1;
	int more = MNL_CB_OK;

	header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = sequence;
	generic->nfgen_family = NFPROTO_UNSPEC;
	generic->version = NFNETLINK_V0;
	if (netlink && !mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(netlink, header, header->nlmsg_len) >= 0)
		while (more > MNL_CB_STOP &&
		       (size = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer))) > 0)
			more = mnl_cb_run(buffer, (size_t)size, sequence,
					  mnl_socket_get_portid(netlink), count_table, &tables);
	if (netlink)
		mnl_socket_close(netlink);
	return size < 0 || more < MNL_CB_STOP ? -1 : (int)tables;
}

static void check_nft(struct findings *findings)
{
	char text[200];
	int tables = count_nft_tables();

	if (tables <= 0) {
		tell(findings, "nftables", tables ? NOTRACK_WARNING : NOTRACK_OK, tables ?
		     "cannot be asked; if rules of it are there, they run beside ours" :
		     "no tables beside ours");
		return;
	}
	snprintf(text, sizeof(text), "%d table%s beside ours: what they drop stays dropped, "
		 "whatever we accept; see nft list ruleset", tables, tables == 1 ? " runs" : "s run");
	tell(findings, "nftables", NOTRACK_WARNING, text);
}

static bool runs(const char *name)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (processes && !found && (entry = readdir(processes))) {
		char path[300], comm[32] = "";
		FILE *file;

		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		found = fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)) &&
			comm[strlen(name)] == '\n';
		fclose(file);
	}
	if (processes)
		closedir(processes);
	return found;
}

static void check_managers(struct findings *findings)
{
	if (runs("firewalld"))
		tell(findings, "firewalld", NOTRACK_WARNING, "runs: it may replace tables; apply "
		     "again after it was reloaded");
	else
		tell(findings, "firewalld", NOTRACK_OK, "does not run");
}

/* --- the command ------------------------------------------------------ */

static int run_doctor(const struct options *options)
{
	struct findings findings = { .checks = options->json ? json_array() : NULL };
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);
	json_t *root;

	if (!nt) {
		json_decref(findings.checks);
		return code;
	}
	err = notrack_doctor(nt, find, &findings);
	if (err)
		findings.code = complain_notrack(nt, err);
	check_conntrack(&findings, nt);
	notrack_free(nt);
	if (!options->netns)	/* it looks at our own namespace */
		check_nft(&findings);
	check_log(&findings);
	check_managers(&findings);
	if (!options->json)
		return findings.code;
	root = json_pack("{s:b, s:o}", "ok", !findings.code, "checks", findings.checks);
	code = json_print(root, JSON_LINES);
	return code ? code : findings.code;
}

const struct command command_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "tell what this host has, and what is in the way",
	.help = "Tell what this host has of what the commands need, and who else filters packets.\n"
		"Exit code 3: the kernel lacks something; 1: something else is in the way.\n",
	.run = run_doctor,
};
