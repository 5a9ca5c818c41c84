/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Address prefixes of both families. */
#ifndef LIB_PREFIX_H
#define LIB_PREFIX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/error.h"

enum family {
	IPV4,
	IPV6,
	FAMILIES
};

/* Bits past @len are 0; @len 0 is every address of the family. */
struct prefix {
	uint8_t address[16];
	uint8_t length;
	uint8_t family;
};

#define PREFIX_TEXT (INET6_ADDRSTRLEN + sizeof("/128"))

int prefix_parse(struct prefix *prefix, const char *word, struct error *error);

/* "192.0.2.7/32"; with @brief, a single address goes without its length. */
const char *prefix_format(const struct prefix *prefix, bool brief, char text[PREFIX_TEXT]);

/* By family, address, then length: a prefix comes before those it covers. */
int prefix_compare(const struct prefix *a, const struct prefix *b);
/* How many of a list are of a family. */
size_t prefixes_count(const struct prefix *list, size_t count, enum family family);

bool prefix_covers(const struct prefix *outer, const struct prefix *inner);

/* The longest prefix that covers both. */
struct prefix prefix_common(const struct prefix *a, const struct prefix *b);

/* The value of @count (up to 8) bits of the address from bit @first on. */
unsigned int prefix_bits(const struct prefix *prefix, unsigned int first, unsigned int count);

unsigned int family_bits(enum family family);
/* "IPv4", for sentences */
const char *family_name(enum family family);
/* "ipv4", as in words; ends with NULL */
extern const char *const family_words[];

#endif
