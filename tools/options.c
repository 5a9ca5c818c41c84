/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line, taken apart. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define TIMES_MOST 1000000

enum option_value {
	OPTION_NETNS = 256,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
	/* below: a command's own */
	OPTION_PORTS,
	OPTION_PROTO,
	OPTION_ROLE,
	OPTION_LOCAL,
	OPTION_REMOTE,
	OPTION_INTERFACE,
	OPTION_REPLY_PORTS,
	OPTION_CLASSIC,
	OPTION_NO_ICMP_ERRORS,
	OPTION_ABOVE,
	OPTION_BURST,
	OPTION_SRCMASK,
	OPTION_HTABLE_MAX,
	OPTION_HTABLE_SIZE,
	OPTION_HTABLE_EXPIRE,
	OPTION_DRY_RUN,
	OPTION_RULES,
	OPTION_PROMETHEUS,
	OPTION_WATCH,
	OPTION_OUTPUT,
	OPTION_NOHEADINGS,
	OPTION_RAW,
	OPTION_BY,
	OPTION_NUMBER,
	OPTION_THRESHOLD,
	OPTION_TIMES,
	OPTION_FLUSH_TRACKED,
};

static const struct option long_options[] = {
	{ "ipv4", no_argument, NULL, '4' },
	{ "ipv6", no_argument, NULL, '6' },
	{ "netns", required_argument, NULL, OPTION_NETNS },
	{ "wait", required_argument, NULL, 'w' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "ports", required_argument, NULL, OPTION_PORTS },
	{ "proto", required_argument, NULL, OPTION_PROTO },
	{ "role", required_argument, NULL, OPTION_ROLE },
	{ "local", required_argument, NULL, OPTION_LOCAL },
	{ "remote", required_argument, NULL, OPTION_REMOTE },
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "reply-ports", required_argument, NULL, OPTION_REPLY_PORTS },
	{ "classic", no_argument, NULL, OPTION_CLASSIC },
	{ "no-icmp-errors", no_argument, NULL, OPTION_NO_ICMP_ERRORS },
	{ "above", required_argument, NULL, OPTION_ABOVE },
	{ "burst", required_argument, NULL, OPTION_BURST },
	{ "srcmask", required_argument, NULL, OPTION_SRCMASK },
	{ "htable-max", required_argument, NULL, OPTION_HTABLE_MAX },
	{ "htable-size", required_argument, NULL, OPTION_HTABLE_SIZE },
	{ "htable-expire", required_argument, NULL, OPTION_HTABLE_EXPIRE },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "rules", no_argument, NULL, OPTION_RULES },
	{ "prometheus", no_argument, NULL, OPTION_PROMETHEUS },
	{ "watch", required_argument, NULL, OPTION_WATCH },
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "noheadings", no_argument, NULL, OPTION_NOHEADINGS },
	{ "raw", no_argument, NULL, OPTION_RAW },
	{ "by", required_argument, NULL, OPTION_BY },
	{ "number", required_argument, NULL, OPTION_NUMBER },
	{ "threshold", required_argument, NULL, OPTION_THRESHOLD },
	{ "times", required_argument, NULL, OPTION_TIMES },
	{ "flush-tracked", no_argument, NULL, OPTION_FLUSH_TRACKED },
	{ NULL, 0, NULL, 0 },
};

static const char *option_name(int value)
{
	for (size_t i = 0; long_options[i].name; i++)
		if (long_options[i].val == value)
			return long_options[i].name;
	return "";
}

static int take_number(const char *name, const char *word, unsigned long least,
		       unsigned long most, uint32_t *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || value < least ||
	    value > most)
		return complain(EXIT_BAD_INPUT, "--%s %s: must be %lu to %lu", name, word, least, most);
	*number = (uint32_t)value;
	return 0;
}

/* 0 means the default in the library, and nothing here. */
static int take_positive(const char *name, const char *word, uint32_t *number)
{
	return take_number(name, word, 1, UINT32_MAX, number);
}

static int take_seconds(const char *name, const char *word, unsigned int *milliseconds)
{
	char *end;
	double seconds = strtod(word, &end);

	if (*word < '0' || *word > '9' || word[strspn(word, "0123456789.")] || *end ||
	    seconds > UINT_MAX / 1000)
		return complain(EXIT_BAD_INPUT, "%s %s: must be a number of seconds", name, word);
	*milliseconds = (unsigned int)(seconds * 1000);
	return 0;
}

/* "5", "0.5%": of a hundred. */
static int take_percent(const char *name, const char *word, double *share)
{
	char *end;
	double percent = strtod(word, &end);

	if (*word < '0' || *word > '9' || (*end && strcmp(end, "%")) || percent < 0.1 ||
	    percent > 100)
		return complain(EXIT_BAD_INPUT, "--%s %s: must be a percentage of 0.1 to 100", name,
				word);
	*share = percent / 100;
	return 0;
}

static int take_list(const char *name, const char *word, const char **member)
{
	if (!*word)
		return complain(EXIT_BAD_INPUT, "--%s: is empty", name);
	*member = word;
	return 0;
}

static int take_option(struct options *o, int value, const char *word)
{
	const char *name = option_name(value);

	switch (value) {
	case '4':
		o->families |= NOTRACK_IPV4;
		return 0;
	case '6':
		o->families |= NOTRACK_IPV6;
		return 0;
	case 'w':
		o->waits = true;
		return take_seconds("-w", word, &o->wait_ms);
	case OPTION_NETNS:
		return take_list(name, word, &o->netns);
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_PORTS:
		return take_list(name, word, &o->service.ports);
	case OPTION_PROTO:
		return take_list(name, word, &o->service.protocols);
	case OPTION_ROLE:
		return take_list(name, word, &o->service.roles);
	case OPTION_LOCAL:
		return take_list(name, word, &o->service.local);
	case OPTION_REMOTE:
		return take_list(name, word, &o->service.remote);
	case OPTION_INTERFACE:
		return take_list(name, word, &o->service.interfaces);
	case OPTION_REPLY_PORTS:
		return take_list(name, word, &o->service.reply_ports);
	case OPTION_CLASSIC:
		o->service.mode = "classic";
		return 0;
	case OPTION_NO_ICMP_ERRORS:
		o->service.icmp_errors = "no";
		return 0;
	case OPTION_ABOVE:
		return take_list(name, word, &o->limit.above);
	case OPTION_BURST:
		return take_positive(name, word, &o->limit.burst);
	case OPTION_SRCMASK:
		return take_positive(name, word, &o->limit.srcmask);
	case OPTION_HTABLE_MAX:
		return take_positive(name, word, &o->limit.htable_max);
	case OPTION_HTABLE_SIZE:
		return take_positive(name, word, &o->limit.htable_size);
	case OPTION_HTABLE_EXPIRE:
		return take_positive(name, word, &o->limit.htable_expire_ms);
	case OPTION_DRY_RUN:
		o->dry_run = true;
		return 0;
	case OPTION_RULES:
		o->rules = true;
		return 0;
	case OPTION_PROMETHEUS:
		o->prometheus = true;
		return 0;
	case OPTION_WATCH:
		return take_seconds("--watch", word, &o->watch_ms);
	case OPTION_OUTPUT:
		return take_list(name, word, &o->columns);
	case OPTION_NOHEADINGS:
		o->no_headings = true;
		return 0;
	case OPTION_BY:
		return take_list(name, word, &o->by);
	case OPTION_NUMBER:
		return take_positive(name, word, &o->number);
	case OPTION_THRESHOLD:
		return take_percent(name, word, &o->threshold);
	case OPTION_TIMES:
		return take_number(name, word, 1, TIMES_MOST, &o->times);
	case OPTION_FLUSH_TRACKED:
		o->flush_tracked = true;
		return 0;
	default:
		o->raw = true;
		return 0;
	}
}

/* After getopt_long(3) has said '?'. */
static int complain_option(const char *word)
{
	if (optopt >= OPTION_NETNS)
		return complain(EXIT_BAD_INPUT, "--%s: takes no argument", option_name(optopt));
	if (optopt)		/* of a cluster, maybe */
		return complain(EXIT_BAD_INPUT, "-%c: no such option; see --help", optopt);
	return complain(EXIT_BAD_INPUT, "%s: no such option, or short for several; see --help", word);
}

int options_parse(struct parse *parse, int argc, char **argv)
{
	int value, code = 0;

	opterr = 0;
	while (!code && (value = getopt_long(argc, argv, ":46hVw:o:n:", long_options, NULL)) != -1) {
		switch (value) {
		case 'h':
		case OPTION_HELP:
			parse->help = true;
			break;
		case 'V':
		case OPTION_VERSION:
			parse->version = true;
			break;
		case ':':
			return complain(EXIT_BAD_INPUT, "%s: needs an argument", argv[optind - 1]);
		case '?':
			return complain_option(argv[optind - 1]);
		default:
			if (value == 'o')
				value = OPTION_OUTPUT;
			if (value == 'n')
				value = OPTION_NUMBER;
			if (value >= OPTION_PORTS)
				parse->seen[value - OPTION_PORTS] = true;
			code = take_option(&parse->options, value, optarg);
		}
	}
	return code;
}

int options_check(const struct parse *parse, const struct command *command)
{
	for (size_t i = 0; i < sizeof(parse->seen); i++) {
		const char *name = option_name((int)i + OPTION_PORTS);
		size_t size = strlen(name);
		const char *at = command->options;

		if (!parse->seen[i])
			continue;
		while (at && (at = strstr(at, name)) && (at[-1] != ' ' || at[size] != ' '))
			at += size;
		if (!at)
			return complain(EXIT_BAD_INPUT, "--%s: does not go with %s; see "
					"notrackctl %s --help", name, command->name, command->name);
	}
	if (parse->options.word_count < command->words_least)
		return complain(EXIT_BAD_INPUT, "%s: too few arguments: notrackctl %s %s",
				command->name, command->name, command->usage);
	if (parse->options.word_count > command->words_most)
		return complain(EXIT_BAD_INPUT, "%s: one argument too many: notrackctl %s %s",
				parse->options.words[command->words_most], command->name,
				command->usage);
	return 0;
}
