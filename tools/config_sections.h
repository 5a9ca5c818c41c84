/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration that was read, for the files that read and build it. */
#ifndef CONFIG_SECTIONS_H
#define CONFIG_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

enum section_kind {
	SECTION_HOST,
	SECTION_SERVICE,
	SECTION_LIMIT,
};

/* The keys of [host], each with the words that it takes. */
enum host_key_index {
	HOST_BACKEND,
	HOST_TWINS,
	HOST_KEYS
};
#define HOST_WORDS 3
extern const struct host_key {
	const char *key;
	const char *words[HOST_WORDS + 1];
} config_host_keys[HOST_KEYS];

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
	unsigned int family, line;
};

struct section {
	struct section *next;
	enum section_kind kind;
	const char *path;
	unsigned int line;
	char *name;				/* of the service; NULL of [host] */
	/* of [host] */
	const char *host[HOST_KEYS];		/* of config_host_keys; NULL: not given */
	unsigned int host_lines[HOST_KEYS];
	/* of a service */
	struct notrack_service service;		/* its strings are owned */
	unsigned int families;			/* that it has flows in: see config_build.c */
	/* of a limit */
	struct hashlimit limit;
	char *above;
	unsigned int number_lines[NUMBERS];	/* of a limit's keys; 0: not given */
	struct client *clients;
	size_t client_count, client_room;
	bool has_clients;
};

struct config {
	struct section *first, **last;
	char **paths;
	size_t path_count;
	size_t left;				/* bytes that may still be read */
};

/* A key, and a value without blanks around it; @continues: the line goes on with the one above. */
int config_take_key(struct section *section, unsigned int line, const char *key, char *value,
		    bool continues);

#endif
