/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rates as the kernel's hashlimit keeps them. */
#ifndef LIB_LIMIT_H
#define LIB_LIMIT_H

#include "support/error.h"
#include "notrack.h"
#include "model/prefix.h"

/* XT_HASHLIMIT_SCALE_v2 and XT_HASHLIMIT_BURST_MAX of iptables' libxt_hashlimit.c */
#define LIMIT_SCALE 1000000u
#define LIMIT_BURST_MAX 1000000u

/* All resolved for one family. */
struct limit_rate {
	uint64_t period;	/* microseconds between requests */
	uint32_t burst;
	uint32_t srcmask;
	uint32_t htable_max;
	uint32_t htable_size;
	uint32_t htable_expire_ms;
	uint32_t coarse;	/* the period is known to a multiple of so much; 0: exactly */
};

/* How long the prefix is that counts as one source, where nobody says. */
extern const uint8_t limit_usual_srcmask[FAMILIES];

bool limit_rate_same(const struct limit_rate *a, const struct limit_rate *b);

/* "10/sec": the roundest number that the kernel takes for @period. */
#define LIMIT_ABOVE_TEXT 32
void limit_format_above(uint64_t period, char text[LIMIT_ABOVE_TEXT]);

int limit_parse(struct limit_rate *rate, const struct hashlimit *words, enum family family,
		struct error *error);

/* The words for it; @above is where words->above will point to. */
void limit_format(const struct limit_rate *rate, enum family family, struct hashlimit *words,
		  char above[LIMIT_ABOVE_TEXT]);

/* The bucket life that lets no bucket be forgotten before it is full again. */
uint32_t limit_default_expire_ms(uint64_t period, uint32_t burst);

/* As many sources as hashlimit remembers with these parameters, on a host with enough memory. */
uint32_t limit_sources_max(const struct limit_rate *rate);

#endif
