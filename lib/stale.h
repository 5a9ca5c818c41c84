/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of connections that conntrack knew before they were untracked, when NOTRACK goes. */
#ifndef LIB_STALE_H
#define LIB_STALE_H

#include "context.h"

/*
 * A connection of TCP that is older than NOTRACK has an entry still, with the sequence numbers of
 * that time: all that comes when it is tracked again would be INVALID, and it would hang.  So
 * the kernel is told not to look at these numbers, for flows that are untracked as long as
 * services of @had are there, and are not by the context's model, of which @local_only says what
 * struct wanted does.  To be called before NOTRACK goes, in the kernel's time: the packets between
 * the two would be INVALID, and dropped by most hosts.  So it stays done where the commit fails then,
 * or is tried again, which does no harm: the flows are untracked as before, and meet no entry; a
 * loosened one takes more than others, and none that was removed had been answered.  What cannot be
 * done is a warning; 0, or -ENOMEM.
 */
int stale_loosen(struct notrack *nt, const struct model *had, bool local_only);

#endif
