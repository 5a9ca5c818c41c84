/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names in the kernel that carry what they stand for. */
#ifndef LIB_NAME_H
#define LIB_NAME_H

#include <stddef.h>

#include "rules/rule.h"

/* The longest hashlimit table name that every revision takes (IFNAMSIZ - 1). */
#define HASHLIMIT_NAME_MAX 15

/*
 * "NOTRACK-dns-n4q1k2m7x0ab": the service as far as there is room, a letter
 * for the kind, and a hash of all that makes the chain what it is.
 */
void name_chain(char name[CHAIN_NAME_MAX + 1], const char *service, char kind,
		const void *essence, size_t size);

/* The same for a hash table: a changed rate needs a new one. */
void name_hashlimit(char name[HASHLIMIT_NAME_MAX + 1], const char *service,
		    const struct limit_rate *rate);

#endif
