/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static const struct command *const commands[] = {
	&command_add, &command_del, &command_limit, &command_unlimit, &command_apply,
	&command_show, &command_stats, &command_top, &command_advise, &command_flush_tracked,
	&command_clear, &command_doctor, &command_verify,
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* --- help ------------------------------------------------------------- */

static void print_help(const struct command *command)
{
	if (command) {
		printf("Usage: notrackctl [OPTION...] %s%s%s\n\n%s", command->name,
		       *command->usage ? " " : "", command->usage, command->help);
		return;
	}
	puts("Usage: notrackctl [OPTION...] COMMAND ...\n\n"
	     "Take short exchanges out of connection tracking, and limit over-eager clients.\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf(*commands[i]->usage ? "  %-13s %s\n" : "  %s\n", commands[i]->name,
		       commands[i]->usage);
	puts("\nOptions, ahead of or behind the command:\n"
	     "  -4, --ipv4         IPv4 only\n"
	     "  -6, --ipv6         IPv6 only\n"
	     "      --netns NAME   in a network namespace of ip-netns(8), or a path\n"
	     "  -w, --wait SECONDS wait so long for the xtables lock (5)\n"
	     "      --json         print JSON\n"
	     "  -h, --help         this text, or that of a command\n"
	     "  -V, --version      the version\n\n"
	     "Exit codes: 0 done or nothing to do, 1 failed, 2 bad input, 3 the kernel or a\n"
	     "library lacks something, 4 busy (lock, out of memory).");
}

static int run_command(struct parse *parse, int argc, char **argv)
{
	const struct command *command = NULL;
	int code;

	if (optind < argc) {
		command = find_command(argv[optind]);
		if (!command)
			return complain(EXIT_BAD_INPUT, "%s: no such command; see notrackctl --help",
					argv[optind]);
	}
	if (parse->help) {
		print_help(command);
		return EXIT_DONE;
	}
	if (!command)
		return complain(EXIT_BAD_INPUT, "a command is missing; see notrackctl --help");
	parse->options.words = (const char *const *)argv + optind + 1;
	parse->options.word_count = argc - optind - 1;
	code = options_check(parse, command);
	return code ? code : command->run(&parse->options);
}

int main(int argc, char **argv)
{
	struct parse parse = { .options = {
		.service.size = sizeof(struct notrack_service),
		.limit.size = sizeof(struct hashlimit),
	} };
	int code = options_parse(&parse, argc, argv);

	if (!code && parse.version)
		printf("notrackctl %s\n", notrack_version());
	else if (!code)
		code = run_command(&parse, argc, argv);
	if (!code && (fflush(stdout) || ferror(stdout)))
		code = complain(EXIT_FAILED, "standard output: %m; what was asked for is done");
	return code;
}
