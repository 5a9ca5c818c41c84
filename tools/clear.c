/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clear: removes all that is ours. */
#include "changes.h"
#include "context.h"

static int run_clear(const struct options *options)
{
	struct notrack_changes changes = { .size = sizeof(changes) };
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = notrack_clear(nt, &changes);
	code = err < 0 ? complain_notrack(nt, err) : print_changes(options, false, nt, &changes);
	notrack_free(nt);
	return code;
}

const struct command command_clear = {
	.name = "clear",
	.arguments = "",
	.summary = "remove every rule of ours",
	.help = "Remove every rule of ours; rules of others stay as they are.\n",
	.run = run_clear,
};
