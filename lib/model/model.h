/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the caller asked for: for each family, services and their clients. */
#ifndef LIB_MODEL_H
#define LIB_MODEL_H

#include "model/client.h"
#include "model/service.h"

/* A service as one family has it. */
struct served {
	struct service *service;
	struct clients clients;
};

struct family_model {
	struct served *served;		/* by name */
	size_t count;
};

struct model {
	struct family_model families[FAMILIES];
};

struct served *model_find(const struct family_model *model, const char *name);

/* Puts @service into the @families (bits), and takes that name out of the others
 * of @scope. */
int model_put_service(struct model *model, struct service *service, unsigned int families,
		      unsigned int scope);
/* Returns whether it was there. */
bool model_remove_service(struct model *model, const char *name, unsigned int scope);
/* Empties the families of @scope. */
void model_clear(struct model *model, unsigned int scope);
void model_free(struct model *model);

#endif
