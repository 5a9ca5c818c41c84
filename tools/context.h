/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A context of the library, as the global options want it. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include "command.h"

/* NULL after a complaint, with the exit code in @code. */
struct notrack *open_context(const struct options *options, int *code);

#endif
