/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this host has of what a commit needs. */
#include "legacy/image.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "legacy/features.h"
#include "support/netns.h"

struct trial {
	const struct xt_family *family;
	const char *name;
	bool exists, foreign;
	bool tried;
	int err;
	struct error error;
};

/* A table is made by being read: where it is not there, elsewhere. */
static void *try_table(void *data)
{
	struct trial *trial = data;
	struct table table = { 0 };

	trial->tried = trial->exists || !unshare(CLONE_NEWNET);
	if (!trial->tried)
		return NULL;
	trial->err = table_open(&table, trial->family, trial->name, trial->foreign, &trial->error);
	table_close(&table);
	return NULL;
}

static void check_table(const struct session *session, const struct check_visitor *visitor,
			const struct xt_family *family, const char *table)
{
	const int exists = table_exists(family, table);
	struct trial trial = { .family = family, .name = table, .exists = exists > 0,
			       .foreign = session->foreign_netns };
	char name[32];

	snprintf(name, sizeof(name), "table %s (%s)", table, family->name);
	errno = exists < 0 ? -exists : 0;
	if (errno)
		check_tell(visitor, name, NOTRACK_WARNING, 0, "could not be tried: %m");
	else if (netns_thread(try_table, &trial))
		check_tell(visitor, name, NOTRACK_WARNING, 0, "could not be tried: no thread");
	else if (!trial.tried)
		check_tell(visitor, name, NOTRACK_WARNING, 0, "not in use yet, and not tried: a network "
			   "namespace to try it in needs CAP_SYS_ADMIN");
	else if (trial.err)
		check_tell(visitor, name, NOTRACK_FAILED, trial.err, "%s", trial.error.text);
	else
		check_tell(visitor, name, NOTRACK_OK, 0, "%s", trial.exists ? "in use" :
			   "not in use yet, and can be had");
}

static void check_extensions(const struct check_visitor *visitor, const struct xt_family *family)
{
	struct features features = { 0 };
	struct error error;
	int err = features_ask(&features, family, &error);
	char name[40];

	snprintf(name, sizeof(name), "matches and targets (%s)", family->name);
	if (err)
		check_tell(visitor, name, NOTRACK_FAILED, err, "%s", error.text);
	else
		check_tell(visitor, name, NOTRACK_OK, 0, "multiport, comment, %s", features.notrack ?
			   "NOTRACK" : "CT --notrack in place of NOTRACK");
	snprintf(name, sizeof(name), "hashlimit (%s)", family->name);
	if (!err && !features.hashlimit)
		check_tell(visitor, name, NOTRACK_FAILED, -EPROTONOSUPPORT, "not there: services work, "
			   "limits do not; load module xt_hashlimit");
	else if (!err && features.hashlimit == 1)
		check_tell(visitor, name, NOTRACK_WARNING, 0, "revision 1: rates up to 10000/sec, in "
			   "coarse steps");
	else if (!err)
		check_tell(visitor, name, NOTRACK_OK, 0, "revision %d", features.hashlimit);
}

void legacy_check(const struct session *session, const struct check_visitor *visitor)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		if (!session_has(session, family))
			continue;
		check_table(session, visitor, &xt_families[family], table_name(RAW));
		check_table(session, visitor, &xt_families[family], table_name(FILTER));
		check_extensions(visitor, &xt_families[family]);
	}
}

/* Where no socket may be had of a family, nftables may do all the same. */
int legacy_probe(const struct session *session)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		struct features features = { 0 };

		if (session_has(session, family))
			err = features_ask(&features, &xt_families[family], session->error);
		if (err == -EPERM && table_family_is_forbidden(&xt_families[family]))
			err = -EPROTONOSUPPORT;
	}
	return err;
}
