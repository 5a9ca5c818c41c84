/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services by their ports: those of the model, then the built-in ones. */
#ifndef LIB_CATALOGUE_H
#define LIB_CATALOGUE_H

#include "model/model.h"

struct catalogue {
	struct service **services;
	size_t count;
	size_t model_count;		/* so many, ahead of the others, are in the model */
};

/* Of both families; 0 or -errno with a sentence, and catalogue_free() is fine with either. */
int catalogue_make(struct catalogue *catalogue, const struct model *model, struct error *error);
/* The first that has it, or NULL. */
struct service *catalogue_find(const struct catalogue *catalogue, int protocol, uint16_t port);
void catalogue_free(struct catalogue *catalogue);

#endif
