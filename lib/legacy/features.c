/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/features.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 1 or 0; -errno where the kernel could not say. */
static int has(int sockfd, const struct xt_family *family, int option, const char *name,
	       int revision)
{
	struct xt_get_revision asked = { .revision = (uint8_t)revision };
	socklen_t size = sizeof(asked);

	strcpy(asked.name, name);
	if (!getsockopt(sockfd, family->level, option, &asked, &size))
		return 1;
	return errno == ENOENT || errno == EPROTONOSUPPORT || errno == ENOPROTOOPT ? 0 : -errno;
}

/* The newest revision there is; 0 is none; -errno. */
static int newest(int sockfd, const struct xt_family *family, int option, const char *name, int from)
{
	int result = 0;

	for (; from > 0 && !result; from--)
		result = has(sockfd, family, option, name, from);
	return result > 0 ? from + 1 : result;
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
	err = err == -EPERM || err == -ENOMEM ? err : -EIO;
	return error_set(error, err, "the kernel does not say which matches and targets it has for "
		    "%s: %m", family->name);
}

static int ask_needed(int sockfd, const struct xt_family *family, struct error *error)
{
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		int result = has(sockfd, family, family->get_match_revision, needed[i].name,
				 needed[i].revision);

		if (result < 0)
			return cannot_ask(family, result, error);
		if (!result)
			return error_set(error, -EPROTONOSUPPORT, "the kernel has no %s match for %s: load "
				    "module %s, or build it with CONFIG_%s", needed[i].name,
				    family->name, needed[i].module, needed[i].option);
	}
	return 0;
}

static int ask_optional(struct features *features, int sockfd, const struct xt_family *family,
			struct error *error)
{
	int notrack = has(sockfd, family, family->get_target_revision, "NOTRACK", 0);
	int addrtype;

	features->hashlimit = newest(sockfd, family, family->get_match_revision, "hashlimit", 3);
	features->ct = newest(sockfd, family, family->get_target_revision, "CT", 2);
	features->conntrack = newest(sockfd, family, family->get_match_revision, "conntrack", 3);
	addrtype = has(sockfd, family, family->get_match_revision, "addrtype", 1);
	features->notrack = notrack > 0;
	features->addrtype = addrtype > 0;
	if (notrack < 0 || features->hashlimit < 0 || features->ct < 0)
		return cannot_ask(family, notrack < 0 ? notrack : features->ct < 0 ?
				  features->ct : features->hashlimit, error);
	if (features->conntrack < 0 || addrtype < 0)
		return cannot_ask(family, addrtype < 0 ? addrtype : features->conntrack, error);
	if (!features->notrack && !features->ct)
		return error_set(error, -EPROTONOSUPPORT, "the kernel has neither target NOTRACK nor CT "
			    "for %s: load module xt_CT, or build it with "
			    "CONFIG_NETFILTER_XT_TARGET_CT", family->name);
	return 0;
}

int features_ask(struct features *features, const struct xt_family *family, struct error *error)
{
	int sockfd, err;

	if (features->asked)
		return 0;
	sockfd = socket(family->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (sockfd < 0)
		return error_set(error, errno == EAFNOSUPPORT ? -EPROTONOSUPPORT : -errno,
				 "%s: no raw socket: %m", family->name);
	err = ask_needed(sockfd, family, error);
	if (!err)
		err = ask_optional(features, sockfd, family, error);
	close(sockfd);
	features->asked = !err;
	return err;
}
