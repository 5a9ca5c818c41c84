/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "context.h"

static int enter_netns(struct notrack *nt, const char *name)
{
	char path[4096];

	if (strchr(name, '/'))
		return notrack_set_netns(nt, name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);	/* where ip-netns(8) keeps them */
	return notrack_set_netns(nt, path);
}

struct notrack *open_context(const struct options *options, int *code)
{
	struct notrack *nt = notrack_new();
	int err = 0;

	if (!nt) {
		*code = out_of_memory();
		return NULL;
	}
	if (options->families)
		err = notrack_set_families(nt, options->families);
	if (!err && options->netns)
		err = enter_netns(nt, options->netns);
	if (options->wait.given)
		notrack_set_wait(nt, options->wait.milliseconds);
	if (!err)
		return nt;
	*code = complain_notrack(nt, err);
	notrack_free(nt);
	return NULL;
}
