/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* add: one service, or a new definition of it. */
#include <stdio.h>
#include <string.h>

#include "changes.h"

#define HELP_WIDTH 72

static struct notrack_service service = { .size = sizeof(service) };
static bool flush_tracked, force;

static int take_classic(const char *name, const char *word, void *to)
{
	(void)name;
	(void)word;
	*(const char **)to = "classic";
	return 0;
}

static int take_no(const char *name, const char *word, void *to)
{
	(void)name;
	(void)word;
	*(const char **)to = "no";
	return 0;
}

static const struct option_row rows[] = {
	{ "ports", 0, "LIST", take_word, &service.ports, "53 or 80,443,8000:8080" },
	{ "proto", 0, "LIST", take_word, &service.protocols, "udp, tcp, sctp, udplite" },
	{ "role", 0, "ROLE", take_word, &service.roles,
	  "inbound (this host serves), outbound (it asks), both" },
	{ "from", 0, "PREFIXES", take_word, &service.from, "who may ask it; default: anybody" },
	{ "local", 0, "PREFIXES", take_word, &service.local, "addresses of this host" },
	{ "remote", 0, "PREFIXES", take_word, &service.remote, "the servers that it asks" },
	{ "interface", 0, "NAMES", take_word, &service.interfaces, "by these interfaces only" },
	{ "reply-ports", 0, "A:B", take_word, &service.reply_ports,
	  "what outbound UDP asks from (1024:65535)" },
	{ "classic", 0, NULL, take_classic, &service.mode,
	  "the plain rules, which let replies reach any port" },
	{ "no-icmp-errors", 0, NULL, take_no, &service.icmp_errors,
	  "do not accept ICMP errors about untracked flows" },
	{ "twins", 0, "WHICH", take_word, &service.twins,
	  "auto, or none: edit no chain of the host" },
	FORCE_ROW(force),
	FLUSH_TRACKED_ROW(flush_tracked),
	{ .name = NULL },
};

static int add_service(struct notrack *nt, const struct options *options)
{
	(void)options;
	if (force)
		notrack_set_force(nt, NOTRACK_FORCE);
	return notrack_add_service(nt, &service);
}

/* Bad words are bad words, whether or not the lock and the privilege are there. */
static int check_service(const struct options *options)
{
	struct notrack_service checked = service;
	char sentence[SENTENCE_SIZE];
	int err;

	if (options->families && options->families != NOTRACK_ANY)
		checked.families = options->families == NOTRACK_IPV6 ? "ipv6" : "ipv4";
	err = notrack_check_service(&checked, NULL, sentence, sizeof(sentence));
	return err ? complain_error(err, sentence) : 0;
}

static int run_add(const struct options *options)
{
	int code;

	service.name = options->words[0];
	code = check_service(options);
	return code ? code : change_model(options, flush_tracked, add_service);
}

/* Lines of as many names as fit. */
static void print_builtin(void)
{
	const struct notrack_service *builtin;
	int column = printf("Built-in:");

	for (unsigned int i = 0; (builtin = notrack_builtin_service(i)); i++) {
		if (column + (int)strlen(builtin->name) + 1 > HELP_WIDTH) {
			putchar('\n');
			column = printf("%s", builtin->name);
		} else {
			column += printf(" %s", builtin->name);
		}
	}
	puts("; any other\nname needs ports.");
}

const struct command command_add = {
	.name = "add",
	.arguments = "SERVICE",
	.summary = "add a service, or change it",
	.help = "Add one service, or change it to just what is said here; the others stay.\n",
	.print_more_help = print_builtin,
	.rows = rows,
	.words_min = 1,
	.words_max = 1,
	.run = run_add,
};
