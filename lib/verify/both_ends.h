/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services of one role whose port other packets have at both ends as well: a server's that asks
 * others from its port, or a client's that others ask from theirs.  What is taken for a question
 * may be an answer, and the other way round; where that makes a difference, it is told.
 */
#ifndef LIB_BOTH_ENDS_H
#define LIB_BOTH_ENDS_H

#include "verify/guard.h"

/* Of a service, over all protocols.  0, or -ENOMEM. */
int both_ends_walk(const struct guard *guard, enum family family, const struct service *service,
		   struct findings *findings);

#endif
