/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/features.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "legacy/table_info.h"

struct asking {
	int sockfd;
	const struct xt_family *family;
	int err;			/* the first thing that the kernel could not say */
};

static bool has(struct asking *asking, int option, const char *name, int revision)
{
	struct xt_get_revision asked = { .revision = (uint8_t)revision };
	socklen_t size = sizeof(asked);

	strcpy(asked.name, name);
	if (!getsockopt(asking->sockfd, asking->family->level, option, &asked, &size))
		return true;
	if (!asking->err && errno != ENOENT && errno != EPROTONOSUPPORT && errno != ENOPROTOOPT)
		asking->err = -errno;
	return false;
}

/* The newest revision there is; 0 is none. */
static int newest(struct asking *asking, int option, const char *name, int from)
{
	while (from > 0 && !has(asking, option, name, from))
		from--;
	return from;
}

static const struct {
	const char *name;
	int revision;
	const char *module, *option;
} needed[] = {
	{ "udp", 0, "xt_tcpudp", "NETFILTER_XTABLES" },
	{ "multiport", 1, "xt_multiport", "NETFILTER_XT_MATCH_MULTIPORT" },
	{ "comment", 0, "xt_comment", "NETFILTER_XT_MATCH_COMMENT" },
};

static int cannot_ask(const struct xt_family *family, int err, struct error *error)
{
	errno = -err;
	return error_set(error, err == -EPERM ? err : error_of_system(err), "the kernel does not say "
			 "which matches and targets it has for %s: %m", family->name);
}

/* What no rule of ours can do without. */
static int check_needed(struct asking *asking, const struct features *features, struct error *error)
{
	const struct xt_family *family = asking->family;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!has(asking, family->get_match_revision, needed[i].name, needed[i].revision) &&
		    !asking->err)
			return error_set(error, -EPROTONOSUPPORT, "the kernel has no %s match for %s: "
					 "load module %s, or build it with CONFIG_%s", needed[i].name,
					 family->name, needed[i].module, needed[i].option);
	if (!features->notrack && !features->ct && !asking->err)
		return error_set(error, -EPROTONOSUPPORT, "the kernel has neither target NOTRACK nor CT "
				 "for %s: load module xt_CT, or build it with "
				 "CONFIG_NETFILTER_XT_TARGET_CT", family->name);
	return 0;
}

static void ask(struct asking *asking, struct features *features)
{
	const int match = asking->family->get_match_revision;
	const int target = asking->family->get_target_revision;

	features->hashlimit = newest(asking, match, "hashlimit", 3);
	features->conntrack = newest(asking, match, "conntrack", 3);
	features->addrtype = has(asking, match, "addrtype", 1);
	features->notrack = has(asking, target, "NOTRACK", 0);
	features->ct = newest(asking, target, "CT", 2);
}

int features_ask(struct features *features, const struct xt_family *family, struct error *error)
{
	struct asking asking = { .family = family };
	int err;

	if (features->asked)
		return 0;
	asking.sockfd = table_socket(family);
	if (asking.sockfd < 0 && errno == EAFNOSUPPORT)
		return table_explain_family(family, error);
	if (asking.sockfd < 0)
		return cannot_ask(family, -errno, error);
	ask(&asking, features);
	err = check_needed(&asking, features, error);
	close(asking.sockfd);
	if (!err && asking.err)
		err = cannot_ask(family, asking.err, error);
	features->asked = !err;
	return err;
}
