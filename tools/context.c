/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "heap.h"

static int enter_netns(struct notrack *nt, const char *name)
{
	char path[4096];

	if (strchr(name, '/'))
		return notrack_set_netns(nt, name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);	/* where ip-netns(8) keeps them */
	return notrack_set_netns(nt, path);
}

int set_backend(struct notrack *nt, const char *name, const char *place)
{
	int err = notrack_set_backend(nt, name);

	if (err == -EINVAL)	/* a word that we know and the library does not */
		return complain(EXIT_LACKS, "%s%s: the library was built without this backend", place,
				name);
	return err ? complain_notrack(nt, err) : 0;
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
	*code = err ? complain_notrack(nt, err) :
		options->backend ? set_backend(nt, options->backend, "--backend ") : 0;
	if (!*code) {
		heap_prepare(notrack_table_bytes(nt));
		return nt;
	}
	notrack_free(nt);
	return NULL;
}
