/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services by their ports: those of the model, then the built-in ones. */
#ifndef LIB_KNOWN_H
#define LIB_KNOWN_H

#include "context.h"
#include "model/service.h"

struct catalogue {
	struct service **services;
	size_t count;
	size_t model_count;		/* so many, ahead of the others, are in the model */
};

int catalogue_read(struct catalogue *known, struct notrack *nt);
/* The first that has it, or NULL. */
struct service *catalogue_find(const struct catalogue *known, int protocol, uint16_t port);
void catalogue_free(struct catalogue *known);

#endif
