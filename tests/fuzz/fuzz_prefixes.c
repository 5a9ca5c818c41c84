/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of prefixes: those of a service, and its clients, all or none of which are taken. */
#include "fuzz.h"

#include <errno.h>
#include <notrack.h>

enum { CLIENTS_MAX = 4096 };

static void check_list(const char *list)
{
	char sentence[200];
	int err = notrack_check_value("local", list, sentence, sizeof(sentence));

	promise(err == 0 || err == -EINVAL);
	if (err)
		promise_sentence(sentence);
}

static size_t split(char *list, const char *words[CLIENTS_MAX])
{
	size_t count = 0;

	for (char *word; (word = strsep(&list, ",\n")) && count < CLIENTS_MAX;)
		words[count++] = word;
	return count;
}

/* Adds some and takes some off, and looks whether each is there or not. */
static void change_clients(struct notrack *nt, const char *const *words, size_t count)
{
	const struct hashlimit limit = { .size = sizeof(limit), .above = "10/sec" };
	size_t half = count / 2;
	int err = hashlimit_add_clients(nt, "dns", words, count, &limit);

	promise(err == 0 || err == -EINVAL);
	if (err) {
		promise_sentence(notrack_error(nt));
		return;
	}
	for (size_t i = 0; i < count; i++)
		promise(hashlimit_has_client(nt, "dns", words[i]) == 1);
	promise(!hashlimit_remove_clients(nt, "dns", words, half));
	for (size_t i = 0; i < half; i++)
		promise(!hashlimit_has_client(nt, "dns", words[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns" };
	char *list = fuzz_text(data, size);
	const char *words[CLIENTS_MAX];
	struct notrack *nt = notrack_new();

	promise(nt && !notrack_add_service(nt, &dns));
	check_list(list);
	change_clients(nt, words, split(list, words));
	notrack_free(nt);
	free(list);
	return 0;
}
