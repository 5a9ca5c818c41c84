/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services by their ports: those of the model, then the built-in ones. */
#ifndef LIB_KNOWN_H
#define LIB_KNOWN_H

#include "context.h"
#include "service.h"

struct known {
	struct service **services;
	size_t count;
	size_t model_count;		/* so many, ahead of the others, are in the model */
};

int known_read(struct known *known, struct notrack *nt);
/* The first that has it, or NULL. */
struct service *known_find(const struct known *known, int protocol, uint16_t port);
void known_free(struct known *known);

#endif
