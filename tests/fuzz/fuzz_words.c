/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service and a limit in the words of a caller, one "key = value" a line: what is
 * taken is given back as words that mean the same.
 */
#include "fuzz.h"

#include <errno.h>
#include <notrack.h>

struct words {
	struct notrack_service service;
	struct hashlimit limit;
	const char *client;
};

static uint32_t number(const char *word)
{
	return (uint32_t)strtoul(word, NULL, 10);
}

static void take_line(struct words *words, const char *key, const char *value)
{
	if (!strcmp(key, "name"))
		words->service.name = value;
	else if (!strcmp(key, "client"))
		words->client = value;
	else if (!strcmp(key, "above"))
		words->limit.above = value;
	else if (!strcmp(key, "burst"))
		words->limit.burst = number(value);
	else if (!strcmp(key, "srcmask"))
		words->limit.srcmask = number(value);
	else if (!strcmp(key, "htable-max"))
		words->limit.htable_max = number(value);
	else if (!strcmp(key, "htable-size"))
		words->limit.htable_size = number(value);
	else if (!strcmp(key, "htable-expire"))
		words->limit.htable_expire_ms = number(value);
	else
		notrack_service_set(&words->service, key, value);
}

static void read_words(struct words *words, char *text)
{
	char *line, *equals;

	*words = (struct words){ .service.size = sizeof(words->service),
				 .limit.size = sizeof(words->limit) };
	while ((line = strsep(&text, "\n"))) {
		equals = strstr(line, " = ");
		if (!equals)
			continue;
		*equals = '\0';
		take_line(words, line, equals + strlen(" = "));
	}
}

/* --- and back --------------------------------------------------------- */

struct copying {
	struct notrack *from, *to;
	const char *service;
};

static int copy_limit(const struct hashlimit *limit, const char *const *clients, size_t count,
		      void *data)
{
	const struct copying *copying = data;

	promise(!hashlimit_add_clients(copying->to, copying->service, clients, count, limit));
	return 0;
}

static int copy_service(const struct notrack_service *service, void *data)
{
	struct copying *copying = data;

	promise(!notrack_add_service(copying->to, service));
	copying->service = service->name;
	return hashlimit_each(copying->from, service, copy_limit, data);
}

static char *print(struct notrack *nt)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	promise(out);
	promise(!notrack_print_rules(nt, out));
	promise(!fclose(out) && text);
	return text;
}

static void promise_copy(struct notrack *nt)
{
	struct copying copying = { .from = nt, .to = notrack_new() };
	char *printed, *again;

	promise(copying.to && !notrack_each_service(nt, copy_service, &copying));
	printed = print(nt);
	again = print(copying.to);
	promise(!strcmp(printed, again));
	free(printed);
	free(again);
	notrack_free(copying.to);
}

static void promise_result(const struct notrack *nt, int err)
{
	promise(err == 0 || err == -EINVAL || err == -ENOENT);
	if (err)
		promise_sentence(notrack_error(nt));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct notrack *nt = notrack_new();
	struct words words;
	int err, checked;

	promise(nt);
	read_words(&words, text);
	checked = notrack_check_service(&words.service, NULL, NULL, 0);
	err = notrack_add_service(nt, &words.service);
	promise(checked == err);
	promise_result(nt, err);
	if (!err && words.client)
		promise_result(nt, hashlimit_add_client(nt, words.service.name, words.client, &words.limit));
	if (!err)
		promise_copy(nt);
	notrack_free(nt);
	free(text);
	return 0;
}
