/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "changes.h"
#include "context.h"
#include "json.h"

void print_flushed(const struct notrack_flushed *flushed)
{
	printf("%" PRIu64 " entr%s deleted\n", flushed->removed, flushed->removed == 1 ? "y" : "ies");
	if (flushed->left)
		complain(0, "warning: %" PRIu64 " entries of services bound to interfaces stay: "
			 "which interface a flow came by is not in its entry", flushed->left);
}

static int warn(const struct notrack_finding *finding, void *data)
{
	(void)data;
	complain(0, "warning: %s: %s", finding->code, finding->text);
	return 0;
}

int print_changes(const struct options *options, bool flush_tracked, struct notrack *nt,
		  const struct notrack_changes *changes)
{
	struct notrack_flushed flushed = { .size = sizeof(flushed) };
	int err = flush_tracked ? notrack_flush_tracked(nt, &flushed) : 0;
	json_t *root;

	notrack_each_finding(nt, warn, NULL);
	if (err) {
		int code = complain_notrack(nt, err);

		return complain(code, "the rules are in force; entries from before may be left, see "
				"notrackctl flush-tracked");
	}
	if (!options->json) {
		if (flush_tracked)
			print_flushed(&flushed);
		return EXIT_DONE;
	}
	root = json_pack("{s:b, s:i, s:i}", "changed", changes->added || changes->removed,
			 "added", (int)changes->added, "removed", (int)changes->removed);
	if (flush_tracked)
		json_object_set_new(root, "flushed", json_integer((json_int_t)flushed.removed));
	return json_print(root, JSON_ONE_LINE);
}

int change_model(const struct options *options, bool flush_tracked,
		 int (*change)(struct notrack *nt, const struct options *options))
{
	struct notrack_changes changes = { .size = sizeof(changes) };
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = notrack_lock(nt);
	if (!err)
		err = notrack_load(nt);
	if (err >= 0)
		err = change(nt, options);
	if (err >= 0)
		err = notrack_commit(nt, &changes);
	code = err < 0 ? complain_notrack(nt, err) :
			 print_changes(options, flush_tracked, nt, &changes);
	notrack_free(nt);
	return code;
}
