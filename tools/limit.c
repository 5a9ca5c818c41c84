/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limit, unlimit */
#include <errno.h>
#include <stdio.h>

#include "changes.h"
#include "context.h"
#include "prefixes.h"
#include "progress.h"

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
	return hashlimit_add_clients(nt, options->words[0], prefixes.words, prefixes.count,
				     &limit);
}

static int unlimit_clients(struct notrack *nt, const struct options *options)
{
	int err = 0;

	for (size_t i = 0; i < prefixes.count && !err; i++) {
		err = hashlimit_remove_client(nt, options->words[0], prefixes.words[i]);
		if (err == -ENOENT)
			err = 0;
	}
	return err;
}

/* A word of standard input that is no prefix is named by its line. */
static int complain_words(struct notrack *nt, const struct options *options, int err)
{
	for (size_t i = 0; i < prefixes.count && prefixes.lines[i]; i++)
		if (hashlimit_has_client(nt, options->words[0], prefixes.words[i]) == -EINVAL)
			return complain(EXIT_BAD_INPUT, "<stdin>:%u: %s", prefixes.lines[i],
					notrack_error(nt));
	return complain_notrack(nt, err);
}

/* On a service of that name, so that all words are judged ahead of the lock. */
static int rehearse(const struct options *options,
		    int (*change)(struct notrack *nt, const struct options *options))
{
	const struct notrack_service service = {
		.size = sizeof(service), .name = options->words[0], .ports = "1", .roles = "inbound",
	};
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = notrack_add_service(nt, &service);
	if (err) {
		code = complain_notrack(nt, err);
	} else {
		err = change(nt, options);
		code = err ? complain_words(nt, options, err) : EXIT_DONE;
	}
	notrack_free(nt);
	return code;
}

static int run(const struct options *options,
	       int (*change)(struct notrack *nt, const struct options *options))
{
	int code = prefixes_read(&prefixes, options->words[1]);
	char what[64];

	snprintf(what, sizeof(what), "%zu prefixes", prefixes.count);
	progress_begin(what);
	if (!code)
		code = rehearse(options, change);
	if (!code)
		code = change_model(options, false, change);
	progress_end();
	prefixes_free(&prefixes);
	return code;
}

static int run_limit(const struct options *options)
{
	if (!limit.above)
		return complain(EXIT_BAD_INPUT, "limit: --above is missing: N/sec, N/min, N/hour or "
				"N/day");
	return run(options, limit_clients);
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
	return run(options, unlimit_clients);
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
