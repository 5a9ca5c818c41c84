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
#include "support/stream.h"

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

/* The chains that a text for iptables-restore makes: ":NAME - [0:0]"; NULL without memory. */
static json_t *chains_of(const char *text)
{
	json_t *chains = json_object();
	char name[CHAIN_NAME];

	for (const char *line = text; chains && *line; line = after_line(line))
		if (*line == ':' && json_object_set_new_nocheck(chains, word_at(line + 1, name),
								json_true())) {
			json_decref(chains);
			return NULL;
		}
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

/* -errno and no text, or text for the caller to free. */
static int print_model(struct notrack *nt, char **text)
{
	struct stream stream;
	int err = stream_open(&stream), ended;

	if (err)
		return err;
	err = notrack_print_rules(nt, stream.out);
	ended = stream_close(&stream);
	*text = stream.text;
	return ended ? ended : err;
}

/* What a commit of nothing would remove is what there is. */
static int print_all(const struct options *options, char **text)
{
	int code, err, ended;
	struct notrack *nothing = open_context(options, &code);
	struct stream stream;

	if (!nothing)
		return code == EXIT_BUSY ? -ENOMEM : -EIO;
	err = stream_open(&stream);
	if (!err) {
		err = notrack_diff(nothing, stream.out, NULL);
		ended = stream_close(&stream);
		*text = stream.text;
		err = ended ? ended : err < 0 ? err : 0;
	}
	notrack_free(nothing);
	return err;
}

/* Where they cannot be told, but for want of memory, the rest is as good as ever. */
static int print_beside(const struct options *options, const char *printed)
{
	char *removed = NULL;
	json_t *chains;
	int err = print_all(options, &removed);

	if (!err) {
		chains = chains_of(printed);
		if (chains)
			print_host_rules(removed, chains);
		else
			err = -ENOMEM;
		json_decref(chains);
	}
	free(removed);
	return err == -ENOMEM ? err : 0;
}

int show_rules(struct notrack *nt, const struct options *options)
{
	char *text = NULL;
	int err = print_model(nt, &text);

	if (!err) {
		fputs(text, stdout);
		err = print_beside(options, text);
	}
	free(text);
	return err;
}
