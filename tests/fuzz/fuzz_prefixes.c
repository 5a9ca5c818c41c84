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

/* Adds all or none, and takes some off at once and the others one by one: there are none left. */
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
	for (size_t i = half; i < count; i++)	/* some may have been there twice */
		if (hashlimit_has_client(nt, "dns", words[i]) == 1)
			promise(!hashlimit_remove_client(nt, "dns", words[i]));
}

/* To make one for each input takes ten times as long as all the rest. */
static struct notrack *context_without_clients(void)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns" };
	static struct notrack *nt;

	if (!nt) {
		nt = notrack_new();
		promise(nt && !notrack_add_service(nt, &dns));
	}
	return nt;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *list = fuzz_text(data, size);
	const char *words[CLIENTS_MAX];

	check_list(list);
	change_clients(context_without_clients(), words, split(list, words));
	free(list);
	return 0;
}
