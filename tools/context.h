/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A context of the library, as the global options want it. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include "command.h"

/* NULL after a complaint, with the exit code in @code. */
struct notrack *open_context(const struct options *options, int *code);

/* @name: "auto", "legacy", "nft"; @place: who asks for it, ahead of a complaint.  An exit code. */
int set_backend(struct notrack *nt, const char *name, const char *place);

#endif
