/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flush-tracked: what was tracked before its service came. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "flush.h"

void tell_flushed(const struct notrack_flushed *flushed)
{
	printf("%" PRIu64 " entries deleted\n", flushed->removed);
	if (flushed->left)
		complain(0, "warning: %" PRIu64 " entries of services bound to interfaces stay: "
			 "which interface a flow came by is not in its entry", flushed->left);
}

static int tell(const struct options *options, const struct notrack_flushed *flushed)
{
	json_t *told;

	if (!options->json) {
		tell_flushed(flushed);
		return EXIT_DONE;
	}
	told = json_pack("{s:I, s:I}", "flushed", (json_int_t)flushed->removed,
			 "left", (json_int_t)flushed->left);
	json_dumpf(told, stdout, 0);
	putchar('\n');
	json_decref(told);
	return EXIT_DONE;
}

static int run_flush(struct options *options)
{
	struct notrack_flushed flushed = { .size = sizeof(flushed) };
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = notrack_load(nt);
	if (err >= 0)
		err = notrack_flush_tracked(nt, &flushed);
	code = err < 0 ? complain_notrack(nt, err) : tell(options, &flushed);
	notrack_free(nt);
	return code;
}

const struct command command_flush_tracked = {
	.name = "flush-tracked",
	.usage = "",
	.help = "Delete the connection tracking entries of services that are untracked by now, and\n"
		"no others: by protocol, port, role and addresses. Without it, they stay until they\n"
		"time out.\n\n"
		"  --json                 as JSON\n",
	.run = run_flush,
};
