/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show --rules: what the model means, and, as comments, the rules of ours that stand in chains
 * of the host or belong to those: what they are depends on the host's own.
 */
#include "show_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/stream.h"

/* -errno and no text, or text for the caller to free. */
static int print(struct notrack *nt, int (*print_to)(struct notrack *nt, FILE *out), char **text)
{
	struct stream stream;
	int err = stream_open(&stream), ended;

	*text = NULL;
	if (err)
		return err;
	err = print_to(nt, stream.out);
	ended = stream_close(&stream);
	*text = stream.text;
	return ended ? ended : err;
}

static void print_comments(const char *lines)
{
	if (*lines)
		puts("# beside them, for the rules that this host has:");
	for (size_t size; *lines; lines += size) {
		size = strcspn(lines, "\n") + 1;
		printf("# %.*s", (int)size, lines);
	}
}

/* Where what is beside cannot be told, but for want of memory, the rest is as good as ever. */
int show_rules(struct notrack *nt)
{
	char *rules, *beside = NULL;
	int err = print(nt, notrack_print_rules, &rules), told = 0;

	if (!err)
		told = print(nt, notrack_print_host_rules, &beside);
	if (told == -ENOMEM)
		err = told;
	if (!err)
		fputs(rules, stdout);
	if (!err && !told)
		print_comments(beside);
	free(rules);
	free(beside);
	return err;
}
