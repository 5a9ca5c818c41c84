/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limit, unlimit */
#include <errno.h>
#include <stdio.h>

#include "changes.h"
#include "heap.h"
#include "prefixes.h"
#include "progress.h"

#define MANY 1000

static struct prefix_words prefixes;
static struct hashlimit limit = { .size = sizeof(limit) };

static const struct option_row rows[] = {
	{ "above", 0, "N/UNIT", take_word, &limit.above,
	  "requests by a source: a sec, min, hour or day" },
	{ "burst", 0, "N", take_positive, &limit.burst,
	  "let through at once (5, or a hundredth of a second's)" },
	{ "srcmask", 0, "N", take_positive, &limit.srcmask,
	  "prefix length that is one source (32, IPv6: 64)" },
	{ "htable-max", 0, "N", take_positive, &limit.htable_max, "sources remembered at most" },
	{ "htable-size", 0, "N", take_positive, &limit.htable_size, "hash slots" },
	{ "htable-expire", 0, "MS", take_positive, &limit.htable_expire_ms,
	  "forget a source that was quiet for so long" },
	{ .name = NULL },
};

static int limit_clients(struct notrack *nt, const struct options *options)
{
	return hashlimit_add_clients(nt, options->words[0], (const char *const *)prefixes.words,
				     prefixes.count, &limit);
}

static int ignore_limit(const struct hashlimit *ignored, const char *const *clients, size_t count,
			void *data)
{
	(void)ignored, (void)clients, (void)count, (void)data;
	return 0;
}

/* Of many, all are read at once: to ask the kernel for each of them takes longer. */
static int unlimit_clients(struct notrack *nt, const struct options *options)
{
	const struct notrack_service service = { .size = sizeof(service), .name = options->words[0] };
	int err = prefixes.count > MANY ? hashlimit_each(nt, &service, ignore_limit, NULL) : 0;

	if (err == -ENOENT)
		return 0;
	for (size_t i = 0; i < prefixes.count && !err; i++) {
		err = hashlimit_remove_client(nt, options->words[0], prefixes.words[i]);
		if (err == -ENOENT)
			err = 0;
	}
	return err;
}

/* --- bad words are bad words, whether or not the lock and the privilege are there --- */

static int check_client(const struct options *options, const struct hashlimit *words, size_t index)
{
	const char *client = prefixes.words[index];
	char sentence[SENTENCE_SIZE];
	unsigned int family;
	int err = hashlimit_check(words, client, &family, sentence, sizeof(sentence));

	if (!err && options->families && !(family & options->families)) {
		err = -EINVAL;
		snprintf(sentence, sizeof(sentence), "%.60s: is not of the family of -%d", client,
			 options->families == NOTRACK_IPV6 ? 6 : 4);
	}
	if (err == -EINVAL && prefixes.lines[index])
		return complain_line("<stdin>", prefixes.lines[index], "%s", sentence);
	return err ? complain_error(err, sentence) : 0;
}

/* @words is NULL where limits go. */
static int check(const struct options *options, const struct hashlimit *words)
{
	char sentence[SENTENCE_SIZE];
	int err = notrack_check_value("name", options->words[0], sentence, sizeof(sentence)), code = 0;

	if (!err && words)
		err = hashlimit_check(words, NULL, NULL, sentence, sizeof(sentence));
	if (err)
		return complain_error(err, sentence);
	for (size_t i = 0; i < prefixes.count && !code; i++)
		code = check_client(options, words, i);
	return code;
}

static int run(const struct options *options, const struct hashlimit *words,
	       int (*change)(struct notrack *nt, const struct options *options))
{
	int code = prefixes_read(&prefixes, options->words[1]);
	char what[64];

	snprintf(what, sizeof(what), "%zu prefixes", prefixes.count);
	progress_begin(what);
	if (!code)
		code = check(options, words);
	if (!code && words)
		heap_prepare(prefixes.count * HEAP_CLIENT_BYTES);
	if (!code)
		code = change_model(options, false, change);
	progress_end();
	prefixes_free(&prefixes);
	return code;
}

static int run_limit(const struct options *options)
{
	if (!limit.above)
		return complain(EXIT_BAD_INPUT, "limit: --above is missing: N/sec, N/min, N/hour or N/day");
	return run(options, &limit, limit_clients);
}

const struct command command_limit = {
	.name = "limit",
	.arguments = "SERVICE PREFIX[,PREFIX...]|- --above N/UNIT",
	.summary = "hold clients of a service to a rate",
	.help = "Drop what a client asks of a service above a rate; repeated: the new rate\n"
		"replaces the old.  With -, prefixes come from standard input, one a line.\n",
	.rows = rows,
	.words_min = 2,
	.words_max = 2,
	.run = run_limit,
};

static int run_unlimit(const struct options *options)
{
	return run(options, NULL, unlimit_clients);
}

const struct command command_unlimit = {
	.name = "unlimit",
	.arguments = "SERVICE PREFIX[,PREFIX...]|-",
	.summary = "take the limit off clients",
	.help = "Take the limit off clients.  With -, prefixes come from standard input.\n",
	.words_min = 2,
	.words_max = 2,
	.run = run_unlimit,
};
