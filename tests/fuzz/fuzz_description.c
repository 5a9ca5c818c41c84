/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The comment that holds a service, edited by somebody: what is read is written the same way. */
#include "fuzz.h"
#include "model/service.h"

static struct service *read_line(const char *line, struct error *error)
{
	unsigned int families = NOTRACK_ANY;
	struct service *service = NULL;
	char *copy = strdup(line);
	int err;

	promise(copy);
	err = service_read(&service, copy, &families, error);
	free(copy);
	promise(!err == (service != NULL));
	promise(err || (families && !(families & ~NOTRACK_ANY)));
	return service;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = fuzz_text(data, size), *written = NULL;
	struct error error = { "" };
	struct service *service = read_line(line, &error), *again;
	struct arena arena = { 0 };

	free(line);
	if (!service) {
		promise_sentence(error.text);
		return 0;
	}
	promise(!service_describe(service, &written, &arena));
	again = read_line(written, &error);
	promise(again && service_same(service, again));
	service_unref(again);
	service_unref(service);
	arena_free(&arena);
	return 0;
}
