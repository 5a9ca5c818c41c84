/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "support/memory.h"
#include "support/search.h"

static int compare_name(const void *name, const void *served)
{
	return strcmp(name, ((const struct served *)served)->service->name);
}

/* Where @name is, or has to be. */
static size_t find_place(const struct family_model *model, const char *name, bool *found)
{
	return search_place(name, model->served, model->count, sizeof(*model->served),
			    compare_name, found);
}

struct served *model_find(const struct family_model *model, const char *name)
{
	bool found;
	size_t place = find_place(model, name, &found);

	return found ? &model->served[place] : NULL;
}

static int reserve(struct family_model *model)
{
	struct served *grown = memory_grow(model->served, model->count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	model->served = grown;
	return 0;
}

/* After reserve(), this cannot fail. */
static void put(struct family_model *model, struct service *service)
{
	bool found;
	size_t place = find_place(model, service->name, &found);
	struct served *served = &model->served[place];

	if (found) {
		service_unref(served->service);
	} else {
		memmove(served + 1, served, (model->count - place) * sizeof(*served));
		memset(served, 0, sizeof(*served));
		model->count++;
	}
	served->service = service_ref(service);
}

static bool take_out(struct family_model *model, const char *name)
{
	bool found;
	size_t place = find_place(model, name, &found);
	struct served *served;

	if (!found)
		return false;
	served = &model->served[place];
	service_unref(served->service);
	clients_free(&served->clients);
	model->count--;
	memmove(served, served + 1, (model->count - place) * sizeof(*served));
	return true;
}

int model_put_service(struct model *model, struct service *service, unsigned int families,
		      unsigned int scope)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (families & 1u << family && reserve(&model->families[family]))
			return -ENOMEM;
	for (enum family family = IPV4; family < FAMILIES; family++) {
		if (families & 1u << family)
			put(&model->families[family], service);
		else if (scope & 1u << family)
			take_out(&model->families[family], service->name);
	}
	return 0;
}

void model_note_came(struct model *model, const char *name, unsigned int families)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (families & 1u << family)
			model_find(&model->families[family], name)->came = true;
}

bool model_has_come(const struct model *model, unsigned int families)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < model->families[family].count; i++)
			if (families & 1u << family && model->families[family].served[i].came)
				return true;
	return false;
}

void model_forget_came(struct model *model, unsigned int families)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < model->families[family].count; i++)
			if (families & 1u << family)
				model->families[family].served[i].came = false;
}

bool model_remove_service(struct model *model, const char *name, unsigned int scope)
{
	bool found = false;

	for (enum family family = IPV4; family < FAMILIES; family++)
		if (scope & 1u << family && take_out(&model->families[family], name))
			found = true;
	return found;
}

int model_note_damage(struct family_model *model, const char *format, ...)
{
	va_list args;
	int size;

	if (model->damage)
		return 0;
	va_start(args, format);
	size = vasprintf(&model->damage, format, args);
	va_end(args);
	if (size < 0)
		model->damage = NULL;
	return size < 0 ? -ENOMEM : 0;
}

void model_forget_damage(struct model *model, unsigned int scope)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		if (!(scope & 1u << family))
			continue;
		free(model->families[family].damage);
		model->families[family].damage = NULL;
	}
}

void model_clear(struct model *model, unsigned int scope)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		struct family_model *one = &model->families[family];

		if (!(scope & 1u << family))
			continue;
		for (size_t i = 0; i < one->count; i++) {
			service_unref(one->served[i].service);
			clients_free(&one->served[i].clients);
		}
		free(one->served);
		free(one->damage);
		*one = (struct family_model){ 0 };
	}
}

void model_free(struct model *model)
{
	model_clear(model, NOTRACK_ANY);
}
