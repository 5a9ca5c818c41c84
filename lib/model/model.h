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
	bool came;			/* a caller has put it here since the last commit */
};

struct family_model {
	struct served *served;		/* by name */
	size_t count;
	char *damage;			/* see model_note_damage(); NULL: none */
};

struct model {
	struct family_model families[FAMILIES];
};

struct served *model_find(const struct family_model *model, const char *name);

/* Puts @service into the @families (bits), and takes that name out of the others
 * of @scope. */
int model_put_service(struct model *model, struct service *service, unsigned int families,
		      unsigned int scope);
/* A caller's wish: what stands is not to blame for how others' packets fare, what comes is. */
void model_note_came(struct model *model, const char *name, unsigned int families);
bool model_has_come(const struct model *model, unsigned int families);
/* They are in the kernel now. */
void model_forget_came(struct model *model, unsigned int families);
/* Returns whether it was there. */
bool model_remove_service(struct model *model, const char *name, unsigned int scope);
/*
 * A service was there to be read and could not be: somebody edited its description.
 * Where @format, the beginning of a sentence, says so, the model is not all there was, and
 * must not be committed as if it were.  Only the first is kept.
 */
int model_note_damage(struct family_model *model, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void model_forget_damage(struct model *model, unsigned int scope);
/* Empties the families of @scope. */
void model_clear(struct model *model, unsigned int scope);
void model_free(struct model *model);

#endif
