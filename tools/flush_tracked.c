/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flush-tracked: deletes entries of what was tracked before its service came. */
#include "changes.h"
#include "context.h"
#include "json.h"

static int print(const struct options *options, const struct notrack_flushed *flushed)
{
	if (!options->json) {
		print_flushed(flushed);
		return EXIT_DONE;
	}
	return json_print(json_pack("{s:I, s:I}", "flushed", (json_int_t)flushed->removed,
				    "left", (json_int_t)flushed->left), JSON_ONE_LINE);
}

static int run_flush_tracked(const struct options *options)
{
	struct notrack_flushed flushed = { .size = sizeof(flushed) };
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = notrack_load(nt);
	if (err >= 0)
		err = notrack_flush_tracked(nt, &flushed);
	code = err < 0 ? complain_notrack(nt, err) : print(options, &flushed);
	notrack_free(nt);
	return code;
}

const struct command command_flush_tracked = {
	.name = "flush-tracked",
	.arguments = "",
	.summary = "delete entries of flows that are tracked no more",
	.help = "Delete the connection tracking entries of services that are untracked by now, and\n"
		"no others: by protocol, port, role and addresses. Without it, they stay until they\n"
		"time out.\n",
	.run = run_flush_tracked,
};
