/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* del: removes a service. */
#include <errno.h>

#include "changes.h"

static int del_service(struct notrack *nt, const struct options *options)
{
	int err = notrack_remove_service(nt, options->words[0]);

	return err == -ENOENT ? 0 : err;
}

static int run_del(const struct options *options)
{
	char sentence[SENTENCE_SIZE];
	int err = notrack_check_value("name", options->words[0], sentence, sizeof(sentence));

	return err ? complain_error(err, sentence) : change_model(options, false, del_service);
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
