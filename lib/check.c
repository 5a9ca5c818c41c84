/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls that check words, without a context or a model. */
#include <errno.h>
#include <string.h>

#include "context.h"
#include "layout.h"

static int give_sentence(int err, const struct error *error, char *sentence, size_t size)
{
	if (sentence && size)
		snprintf(sentence, size, "%s", err < 0 ? error->text : "");
	return err;
}

/* The rest of a service with which any value that is right for its key is right. */
static int check_value(const char *key, const char *value, struct error *error)
{
	struct notrack_service words = {
		.size = sizeof(words), .name = "x", .ports = "1", .roles = "both",
	};
	unsigned int families = NOTRACK_ANY;
	struct service *service = NULL;
	int err;

	if (!key)
		return error_set(error, -EINVAL, "the key of a value is missing");
	if (!strcmp(key, "name"))
		return service_check_name(value, error);
	if (notrack_service_set(&words, key, value))
		return error_set(error, -EINVAL, "%.60s: not a key of a service", key);
	if (!value || !*value)
		return 0;
	err = service_parse(&service, &words, &families, error);
	service_unref(service);
	return err;
}

int notrack_check_value(const char *key, const char *value, char *sentence, size_t size)
{
	struct error error = { .text = "" };

	return give_sentence(check_value(key, value, &error), &error, sentence, size);
}

static int check_service(const struct notrack_service *words, unsigned int *families,
			 struct error *error)
{
	struct service *service = NULL;
	struct notrack_service all;
	int err = layout_take(&layout_service, &all, words, error);

	*families = NOTRACK_ANY;
	if (!err)
		err = service_parse(&service, &all, families, error);
	if (!err)
		err = service_check_description(service, error);
	service_unref(service);
	return err;
}

int notrack_check_service(const struct notrack_service *service, unsigned int *families,
			  char *sentence, size_t size)
{
	struct error error = { .text = "" };
	unsigned int found;
	int err = check_service(service, &found, &error);

	if (!err && families)
		*families = found;
	return give_sentence(err, &error, sentence, size);
}

/* Takes those out of @families in which the limit cannot be; an error if none is left. */
static int check_limit(const struct hashlimit *words, unsigned int *families, struct error *error)
{
	unsigned int asked = *families;
	struct limit_rate rate;
	struct hashlimit all;
	int err = layout_take(&layout_limit, &all, words, error);

	if (err)
		return err;
	for (enum family family = IPV4; family < FAMILIES; family++) {
		int failed = asked & 1u << family ? limit_parse(&rate, &all, family, error) : 0;

		if (!failed)
			continue;
		err = failed;
		*families &= ~(1u << family);
	}
	return *families ? 0 : err;
}

int hashlimit_check(const struct hashlimit *limit, const char *client, unsigned int *families,
		    char *sentence, size_t size)
{
	struct error error = { .text = "" };
	unsigned int found = NOTRACK_ANY;
	struct prefix prefix;
	int err = client ? prefix_parse(&prefix, client, &error) : 0;

	if (!err && client)
		found = 1u << prefix.family;
	if (!err && limit)
		err = check_limit(limit, &found, &error);
	if (!err && families)
		*families = found;
	return give_sentence(err, &error, sentence, size);
}
