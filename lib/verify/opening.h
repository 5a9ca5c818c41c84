/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening: where the host lets nobody in by a flow, or everybody, the service gets a
 * chain that accepts it, ahead of what drops all there is.  Where the host lets some in, it has
 * said whom, and nothing is opened.
 */
#ifndef LIB_OPENING_H
#define LIB_OPENING_H

#include "verify/opening_options.h"

/* @view has nothing of ours.  Adds to openings->grafts and ->findings; 0, or -ENOMEM. */
int openings_make(const struct view *view, const struct opening_options *options,
		  struct openings *openings);
void openings_free(struct openings *openings);

#endif
