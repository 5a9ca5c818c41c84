/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library's walk says of one packet, in the rules as they stand. */
#ifndef NOTRACK_TESTS_WALKER_H
#define NOTRACK_TESTS_WALKER_H

#include "wire.h"

/* What conntrack would say of the packet, if it is tracked. */
enum walker_state {
	WALKER_NEW, WALKER_ESTABLISHED,
	WALKER_LATER,			/* established, and of the one who asked */
};

/* Both of a pair: it is unsure. */
struct walker_says {
	bool through, dropped;
	bool tracked, untracked;
	bool zone;			/* tracked, in a zone of its own: its reply may not be */
	bool translated;		/* by NAT: then it says nothing of what follows */
	char accepted_by[192], dropped_by[192];	/* the rule that did, or "" */
};

struct walker;

/* Reads all rules of the namespace. */
struct walker *walker_read(void);
void walker_free(struct walker *walker);
struct walker_says walker_ask(struct walker *walker, const struct wire_packet *packet,
			      enum walker_state state);

#endif
