/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* apply: make the kernel what the configuration says. */
#include <stdio.h>
#include <string.h>

#include "changes.h"
#include "config.h"
#include "context.h"
#include "heap.h"

static bool dry_run, flush_tracked, force;

static const struct option_row rows[] = {
	{ "dry-run", 0, NULL, take_flag, &dry_run, "print the rules that would come (+) and go (-)" },
	FORCE_ROW(force),
	FLUSH_TRACKED_ROW(flush_tracked),
	{ .name = NULL },
};

static int apply(const struct options *options, struct notrack *nt)
{
	struct notrack_changes changes = { .size = sizeof(changes) };
	int err;

	if (force)
		notrack_set_force(nt, NOTRACK_FORCE);
	err = dry_run ? notrack_diff(nt, options->json ? NULL : stdout, &changes) :
				     notrack_commit(nt, &changes);

	return err < 0 ? complain_notrack(nt, err) :
		print_changes(options, flush_tracked && !dry_run, nt, &changes);
}

static int run_apply(const struct options *options)
{
	int code = EXIT_DONE;
	struct config *config = config_new();
	struct notrack *nt;

	if (!config)
		return out_of_memory();
	code = config_read_files(config, options);
	if (!code)
		heap_prepare(config_clients(config) * HEAP_CLIENT_BYTES);
	nt = code ? NULL : open_context(options, &code);
	if (nt && !code)
		code = config_build(config, options, nt);
	if (nt && !code)
		code = apply(options, nt);
	notrack_free(nt);
	config_free(config);
	return code;
}

const struct command command_apply = {
	.name = "apply",
	.arguments = "[FILE]",
	.summary = "make the kernel what a file says",
	.help = "Make the kernel exactly what FILE says, - being standard input; without it,\n"
		CONFIG_FILE " and then " CONFIG_PARTS ".\n",
	.rows = rows,
	.words_max = 1,
	.run = run_apply,
};
