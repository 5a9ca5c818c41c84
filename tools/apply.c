/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* apply: make the kernel what the configuration says. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "changes.h"
#include "config.h"
#include "context.h"
#include "heap.h"

#define CONFIG_FILE "/etc/notrack.conf"
#define CONFIG_PARTS "/etc/notrack.conf.d/*.conf"

static bool dry_run, flush_tracked, force;

static const struct option_row rows[] = {
	{ "dry-run", 0, NULL, take_flag, &dry_run, "print the rules that would come (+) and go (-)" },
	FORCE_ROW(force),
	FLUSH_TRACKED_ROW(flush_tracked),
	{ .name = NULL },
};

/* A folder that is not there is one without parts; one that cannot be read is not. */
static int is_fatal(const char *path, int err)
{
	if (err == ENOENT || err == ENOTDIR)
		return 0;
	errno = err;
	complain(0, "%s: %m", path);
	return 1;
}

/* The file, then the parts in order of name. */
static int read_default(struct config *config)
{
	int code = config_read(config, CONFIG_FILE), found;
	glob_t parts;

	if (code)
		return code;
	found = glob(CONFIG_PARTS, 0, is_fatal, &parts);
	if (found == GLOB_NOMATCH)
		return 0;
	if (found)
		return found == GLOB_NOSPACE ? out_of_memory() : EXIT_BAD_INPUT;
	for (size_t i = 0; i < parts.gl_pathc && !code; i++)
		code = config_read(config, parts.gl_pathv[i]);
	globfree(&parts);
	return code;
}

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
	code = options->word_count ? config_read(config, options->words[0]) : read_default(config);
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
