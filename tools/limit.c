/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limit, unlimit */
#include <errno.h>
#include <stdio.h>

#include "notrackctl.h"
#include "prefixes.h"
#include "progress.h"

static struct prefix_words prefixes;

static int limit_clients(struct notrack *nt, const struct options *options)
{
	return hashlimit_add_clients(nt, options->words[0], prefixes.words, prefixes.count,
				     &options->limit);
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

static int run(struct options *options,
	       int (*change)(struct notrack *nt, const struct options *options))
{
	int code = prefixes_read(&prefixes, options->words[1]);
	char what[64];

	snprintf(what, sizeof(what), "%zu prefixes", prefixes.count);
	progress_begin(what);
	if (!code)
		code = rehearse(options, change);
	if (!code)
		code = change_model(options, change);
	progress_end();
	prefixes_free(&prefixes);
	return code;
}

static int run_limit(struct options *options)
{
	if (!options->limit.above)
		return complain(EXIT_BAD_INPUT, "limit: --above is missing: N/sec, N/min, N/hour or "
				"N/day");
	return run(options, limit_clients);
}

const struct command command_limit = {
	.name = "limit",
	.usage = "SERVICE PREFIX[,PREFIX...]|- --above N/sec|min|hour|day [--burst N] ...",
	.help = "Drop what a client asks of a service above a rate; repeated: the new rate\n"
		"replaces the old.  With -, prefixes come from standard input, one a line.\n\n"
		"  --above N/UNIT         requests by a source: sec, min, hour, day\n"
		"  --burst N              let through at once (5, or a hundredth of a second's)\n"
		"  --srcmask N            prefix length that is one source (32, IPv6: 64)\n"
		"  --htable-max N         sources remembered at most\n"
		"  --htable-size N        hash slots\n"
		"  --htable-expire MS     forget a source that was quiet for so long\n",
	.options = " above burst srcmask htable-max htable-size htable-expire ",
	.words_least = 2,
	.words_most = 2,
	.run = run_limit,
};

static int run_unlimit(struct options *options)
{
	return run(options, unlimit_clients);
}

const struct command command_unlimit = {
	.name = "unlimit",
	.usage = "SERVICE PREFIX[,PREFIX...]|-",
	.help = "Take the limit off clients.  With -, prefixes come from standard input.\n",
	.words_least = 2,
	.words_most = 2,
	.run = run_unlimit,
};
