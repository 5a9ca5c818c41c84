/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands, and the options that all of them take. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "json.h"

static const struct command *const commands[] = {
	&command_add, &command_del, &command_limit, &command_unlimit, &command_apply,
	&command_watch, &command_show, &command_stats, &command_top, &command_advise, &command_flush_tracked,
	&command_clear, &command_doctor, &command_verify,
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* --- global options --------------------------------------------------- */

static struct options options;

static int take_ipv4(const char *name, const char *word, void *to)
{
	(void)name;
	(void)word;
	*(unsigned int *)to |= NOTRACK_IPV4;
	return 0;
}

static int take_ipv6(const char *name, const char *word, void *to)
{
	(void)name;
	(void)word;
	*(unsigned int *)to |= NOTRACK_IPV6;
	return 0;
}

static int take_wait(const char *name, const char *word, void *to)
{
	(void)to;
	options.wait.given = true;
	return take_seconds(name, word, &options.wait.milliseconds);
}

static int take_backend(const char *name, const char *word, void *to)
{
	if (strcmp(word, "auto") && strcmp(word, "legacy") && strcmp(word, "nft"))
		return complain(EXIT_BAD_INPUT, "--%s %s: must be auto, legacy or nft", name, word);
	*(const char **)to = word;
	return 0;
}

static const struct option_row everywhere[] = {
	{ "ipv4", '4', NULL, take_ipv4, &options.families, "IPv4 only" },
	{ "ipv6", '6', NULL, take_ipv6, &options.families, "IPv6 only" },
	{ "netns", 0, "NAME", take_word, &options.netns,
	  "work in a network namespace of ip-netns(8), or a path" },
	{ "backend", 0, "NAME", take_backend, &options.backend,
	  "legacy (xtables), nft (nftables), or auto" },
	{ "wait", 'w', "SECONDS", take_wait, NULL, "wait so long for the xtables lock (5)" },
	{ "json", 0, NULL, take_flag, &options.json, "print JSON" },
	{ "help", 'h', NULL, take_flag, &options.help, "print this text, or that of a command" },
	{ "version", 'V', NULL, take_flag, &options.version, "print the version" },
	{ .name = NULL },
};

/* --- help ------------------------------------------------------------- */

static void print_help(void)
{
	puts("Usage: notrackctl [OPTION...] COMMAND [ARGUMENT...] [OPTION...]\n\n"
	     "Take short exchanges out of connection tracking, and limit over-eager clients.\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-14s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nOptions of all commands, ahead of the command or behind it:\n");
	options_help(everywhere);
	puts("\nExit codes: 0 done or nothing to do, 1 failed, 2 bad input, 3 the kernel or a\n"
	     "library lacks something, 4 busy (lock, out of memory).\n"
	     "notrackctl COMMAND --help has the options of that command.");
}

static void print_help_of(const struct command *command)
{
	printf("Usage: notrackctl [OPTION...] %s%s%s%s\n\n%s", command->name,
	       *command->arguments ? " " : "", command->arguments,
	       command->rows ? " [OPTION...]" : "", command->help);
	if (command->print_more_help)
		command->print_more_help();
	if (command->rows) {
		puts("\nOptions:\n");
		options_help(command->rows);
	}
	puts("\nnotrackctl --help has the options of all commands.");
}

/* --- the command line ------------------------------------------------- */

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int check_words(const struct command *command)
{
	if (options.word_count < command->words_min)
		return complain(EXIT_BAD_INPUT, "%s: too few arguments: notrackctl %s %s",
				command->name, command->name, command->arguments);
	if (options.word_count > command->words_max)
		return complain(EXIT_BAD_INPUT, "%s: one argument too many: notrackctl %s %s",
				options.words[command->words_max], command->name,
				command->arguments);
	return 0;
}

/* @argv begins with the name of a command. */
static int run_command(int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);
	int next, code;

	if (!command)
		return complain(EXIT_BAD_INPUT, "%s: no such command; see notrackctl --help", argv[0]);
	code = options_take(everywhere, command->rows, command->name, argc, argv, &next);
	if (code || options.version)
		return code;
	if (options.help) {
		print_help_of(command);
		return 0;
	}
	options.words = (const char *const *)argv + next;
	options.word_count = argc - next;
	code = check_words(command);
	return code ? code : command->run(&options);
}

int main(int argc, char **argv)
{
	int next, code = options_take(everywhere, NULL, NULL, argc, argv, &next);

	json_begin();
	if (!code && next < argc)
		code = run_command(argc - next, argv + next);
	else if (!code && options.help && !options.version)
		print_help();
	else if (!code && !options.version)
		code = complain(EXIT_BAD_INPUT, "a command is missing; see notrackctl --help");
	if (!code && options.version)
		printf("notrackctl %s\n", notrack_version());
	if (!code && (fflush(stdout) || ferror(stdout)))
		code = complain(EXIT_FAILED, "standard output: %m; what was asked for is done");
	return code;
}
