/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What untracks packets, in a view, where it would stand after a commit. */
#ifndef LIB_OUR_RAW_H
#define LIB_OUR_RAW_H

#include "model/model.h"
#include "rules/view.h"

struct our_raw {
	const struct model *model;
	unsigned int families;
	bool local_only;		/* what has no address of this host at its own end is left alone */
	enum world world;		/* of the backend */
};

/*
 * Lays it over the view, whose chains are reached.  Where rules of ours stand in it that lead
 * packets there, it comes where these are, as a commit leaves them there.  0, or -ENOMEM.
 */
int our_raw_lay(struct view *view, const struct our_raw *raw);

#endif
