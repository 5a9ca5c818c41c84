/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* del: removes a service. */
#include <errno.h>

#include "changes.h"
#include "context.h"

static int del_service(struct notrack *nt, const struct options *options)
{
	int err = notrack_remove_service(nt, options->words[0]);

	return err == -ENOENT ? 0 : err;
}

static int run_del(const struct options *options)
{
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = del_service(nt, options);		/* from nothing: judges the name */
	if (err)
		code = complain_notrack(nt, err);
	notrack_free(nt);
	return code ? code : change_model(options, false, del_service);
}

const struct command command_del = {
	.name = "del",
	.arguments = "SERVICE",
	.summary = "remove a service, and its limits",
	.help = "Remove a service, and its limits.\n",
	.words_min = 1,
	.words_max = 1,
	.run = run_del,
};
