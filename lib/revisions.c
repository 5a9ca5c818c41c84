/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel has, and in which revisions. */
#include "entry.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool has(int sockfd, const struct kernel *kernel, int option, const char *name,
		int revision)
{
	struct xt_get_revision asked = { .revision = (uint8_t)revision };
	socklen_t size = sizeof(asked);

	strcpy(asked.name, name);
	return !getsockopt(sockfd, kernel->level, option, &asked, &size);
}

static int newest(int sockfd, const struct kernel *kernel, int option, const char *name,
		  int from, int to)
{
	while (from >= to && !has(sockfd, kernel, option, name, from))
		from--;
	return from >= to ? from : -1;
}

int revisions_ask(struct revisions *revisions, const struct kernel *kernel,
		  struct error *error)
{
	static const struct {
		const char *name;
		int revision;
		const char *module, *option;
	} needed[] = {
		{ "udp", 0, "xt_tcpudp", "NETFILTER_XTABLES" },
		{ "multiport", 1, "xt_multiport", "NETFILTER_XT_MATCH_MULTIPORT" },
		{ "comment", 0, "xt_comment", "NETFILTER_XT_MATCH_COMMENT" },
	};
	int match = kernel->get_match_revision, target = kernel->get_target_revision;
	int sockfd;

	if (revisions->asked)
		return 0;
	sockfd = socket(kernel->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (sockfd < 0)
		return fail(error, -errno, "%s: no raw socket: %m", kernel->name);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (has(sockfd, kernel, match, needed[i].name, needed[i].revision))
			continue;
		close(sockfd);
		return fail(error, -EPROTONOSUPPORT,
			    "the kernel has no %s match for %s: load module %s, or build it "
			    "with CONFIG_%s", needed[i].name, kernel->name, needed[i].module,
			    needed[i].option);
	}
	revisions->hashlimit = newest(sockfd, kernel, match, "hashlimit", 3, 1);
	revisions->notrack = has(sockfd, kernel, target, "NOTRACK", 0);
	revisions->ct = newest(sockfd, kernel, target, "CT", 2, 1);
	close(sockfd);
	if (!revisions->notrack && revisions->ct < 0)
		return fail(error, -EPROTONOSUPPORT,
			    "the kernel has neither target NOTRACK nor CT for %s: load module "
			    "xt_CT, or build it with CONFIG_NETFILTER_XT_TARGET_CT", kernel->name);
	revisions->asked = true;
	return 0;
}
