/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show --rules: what the model means, and, as comments, the rules of ours that stand in chains
 * of the host or belong to those: what they are depends on the host's own.
 */
#include "show_rules.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"

/* --- what was printed already ------------------------------------------- */

#define CHAIN_NAME 32

static const char *after_line(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line == '\n');
}

/* A word of a line, as far as a name of a chain may go. */
static const char *word_at(const char *text, char word[CHAIN_NAME])
{
	snprintf(word, CHAIN_NAME, "%.*s", (int)strcspn(text, " \n"), text);
	return word;
}

/* The chains that a text for iptables-restore makes: ":NAME - [0:0]". */
static json_t *chains_of(const char *text)
{
	json_t *chains = json_object();
	char name[CHAIN_NAME];

	for (const char *line = text; chains && *line; line = after_line(line))
		if (*line == ':')
			json_object_set_new_nocheck(chains, word_at(line + 1, name), json_true());
	return chains;
}

static const char *last_word(const char *line)
{
	const char *word = line;

	for (; *line && *line != '\n'; line++)
		if (*line == ' ')
			word = line + 1;
	return word;
}

/* "ip filter INPUT ..." of nftables, "-4 filter -A INPUT ..." of the legacy tables. */
static bool is_of_the_host(const char *line, const json_t *printed)
{
	const char *chain = strstr(line, " filter -A ");
	char name[CHAIN_NAME];

	if (*line != '-')	/* nftables */
		return strncmp(line, "inet libnotrack ", 16) != 0;
	if (!chain || chain != line + 2)
		return false;
	chain += strlen(" filter -A ");
	/* its plain jumps to chains that were printed were printed, too */
	return !json_object_get(printed, word_at(chain, name)) &&
	       !json_object_get(printed, word_at(last_word(chain), name));
}

/* --- all of it ------------------------------------------------------------ */

/* Each line begins with "-", as all of it would go. */
static void print_host_rules(const char *removed, const json_t *printed)
{
	bool begun = false;

	for (const char *line = removed; *line; line = after_line(line)) {
		if (*line != '-' || !is_of_the_host(line + 1, printed))
			continue;
		if (!begun)
			puts("# beside them, for the rules that this host has:");
		begun = true;
		printf("# %.*s\n", (int)strcspn(line + 1, "\n"), line + 1);
	}
}

/* What a commit of nothing would remove is what there is. */
static int list_all(const struct options *options, char **text)
{
	int code, err;
	size_t size;
	struct notrack *nothing = open_context(options, &code);
	FILE *out = nothing ? open_memstream(text, &size) : NULL;

	if (!out) {
		notrack_free(nothing);
		return -ENOMEM;
	}
	err = notrack_diff(nothing, out, NULL);
	fclose(out);
	notrack_free(nothing);
	return err < 0 ? err : *text ? 0 : -ENOMEM;
}

int show_rules(struct notrack *nt, const struct options *options)
{
	char *text = NULL, *removed = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *printed;
	int err;

	if (!out)
		return -ENOMEM;
	err = notrack_print_rules(nt, out);
	fclose(out);
	if (err >= 0 && !text)
		err = -ENOMEM;
	if (err >= 0) {
		fputs(text, stdout);
		/* where that cannot be told, the rest is as good as ever */
		if (!list_all(options, &removed)) {
			printed = chains_of(text);
			print_host_rules(removed, printed);
			json_decref(printed);
		}
	}
	free(removed);
	free(text);
	return err;
}
