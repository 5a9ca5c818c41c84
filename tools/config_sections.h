/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration that was read, for the files that read and build it. */
#ifndef CONFIG_SECTIONS_H
#define CONFIG_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

enum section_kind {
	SECTION_SERVICE,
	SECTION_LIMIT,
};

/* The keys of a limit that are numbers. */
#define NUMBERS 5
extern const struct number_key {
	const char *key;
	size_t member;
} config_numbers[NUMBERS];

static inline uint32_t *number_of(struct hashlimit *limit, size_t index)
{
	return (uint32_t *)((char *)limit + config_numbers[index].member);
}

struct client {
	char *prefix;
	int line;
};

struct section {
	struct section *next;
	enum section_kind kind;
	char *name;
	const char *path;
	int line;
	struct notrack_service service;		/* its strings are owned */
	unsigned int families;			/* that it has flows in: see config_build.c */
	struct hashlimit limit;
	char *above;
	int number_lines[NUMBERS];		/* of a limit's keys; 0: not given */
	struct client *clients;
	size_t client_count, client_room;
	bool has_clients;
};

struct config {
	struct section *first, **last;
	char **paths;
	size_t path_count;
	struct notrack *judge;
};

/* "path:line: ..." on standard error; the exit code of bad input. */
int complain_line(const char *path, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
