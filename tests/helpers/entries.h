/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What conntrack has, in the namespace of the calling thread. */
#ifndef NOTRACK_TESTS_ENTRIES_H
#define NOTRACK_TESTS_ENTRIES_H

#include <stdint.h>

struct entry {
	int domain;			/* AF_INET, AF_INET6 */
	uint8_t protocol;		/* IPPROTO_* */
	uint16_t source_port, destination_port;	/* of its first packet */
};

void entries_each(void (*visit)(const struct entry *entry, void *data), void *data);
void entries_forget(void);

#endif
