/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a configuration that was read to the model. */
#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "config_sections.h"
#include "context.h"

/* --- [host] ----------------------------------------------------------- */

/* The other key, twins, is a default of each service: see host_twins(). */
static int build_host(const struct config *config, const struct section *section,
		      const struct options *options, struct notrack *nt)
{
	const char *backend = section->host[HOST_BACKEND];
	char place[500];

	for (const struct section *other = config->first; other != section; other = other->next)
		if (other->kind == SECTION_HOST)
			return complain_line(section->path, section->line, "[host]: is there twice; the "
					     "first is %s:%u", other->path, other->line);
	if (!backend || options->backend)
		return 0;
	snprintf(place, sizeof(place), "%.400s:%u: backend: ", section->path,
		 section->host_lines[HOST_BACKEND]);
	return set_backend(nt, backend, place);
}

/* --- [service NAME] --------------------------------------------------- */

/* What services have that do not say it themselves; [host] may stand behind them. */
static const char *host_twins(const struct config *config)
{
	for (const struct section *section = config->first; section; section = section->next)
		if (section->kind == SECTION_HOST)
			return section->host[HOST_TWINS];
	return NULL;
}

/* Two sections of one name may be there, for different families. */
static int check_twice(const struct config *config, const struct section *section)
{
	for (const struct section *other = config->first; other != section; other = other->next)
		if (other->kind == SECTION_SERVICE && !strcmp(other->name, section->name) &&
		    other->families & section->families)
			return complain_line(section->path, section->line, "service %s: is there "
					     "twice; the first is %s:%u", section->name, other->path,
					     other->line);
	return 0;
}

static int build_service(const struct config *config, struct section *section,
			 struct notrack *nt, unsigned int families)
{
	struct notrack_service words;
	char sentence[SENTENCE_SIZE];
	int code, err;

	section->service.name = section->name;
	err = notrack_check_service(&section->service, &section->families, sentence, sizeof(sentence));
	if (err)
		return complain_check(section->path, section->line, err, NULL, sentence);
	code = check_twice(config, section);
	if (code || !(section->families & families))
		return code;
	words = section->service;
	if (!words.twins)
		words.twins = host_twins(config);
	/* said aloud, so that it leaves a section for the other family as it is */
	if (section->families != NOTRACK_ANY)
		words.families = section->families == NOTRACK_IPV6 ? "ipv6" : "ipv4";
	err = notrack_add_service(nt, &words);
	return err ? complain_check(section->path, section->line, err, NULL, notrack_error(nt)) : 0;
}

/* --- [limit SERVICE] -------------------------------------------------- */

/* A number may be wrong for the rate, or the family, that it comes with: one by one. */
static int check_numbers(struct section *section, const struct client *client)
{
	struct hashlimit so_far = { .size = sizeof(so_far), .above = section->above };
	char sentence[SENTENCE_SIZE];

	for (size_t i = 0; i < NUMBERS; i++) {
		if (!section->number_lines[i])
			continue;
		*number_of(&so_far, i) = *number_of(&section->limit, i);
		if (hashlimit_check(&so_far, client->prefix, NULL, sentence, sizeof(sentence)))
			return complain_line(section->path, section->number_lines[i], "%s", sentence);
	}
	return 0;
}

static int build_client(const struct section *section, const struct client *client,
			struct notrack *nt)
{
	int found = hashlimit_has_client(nt, section->name, client->prefix), err;

	if (found == 1)
		return complain_line(section->path, client->line, "client %s: is named twice",
				     client->prefix);
	err = found < 0 ? found : hashlimit_add_client(nt, section->name, client->prefix,
						       &section->limit);
	return err ? complain_check(section->path, client->line, err, NULL, notrack_error(nt)) : 0;
}

static int build_limit(struct section *section, struct notrack *nt, unsigned int families)
{
	unsigned int checked = 0;	/* families */
	int code = 0;

	if (!section->above)
		return complain_line(section->path, section->line, "limit %s: above is missing",
				     section->name);
	if (!section->client_count)
		return complain_line(section->path, section->line, "limit %s: clients are missing",
				     section->name);
	for (size_t i = 0; i < section->client_count && !code; i++) {
		const struct client *client = &section->clients[i];

		if (!(checked & client->family))
			code = check_numbers(section, client);
		checked |= client->family;
		if (!code && families & client->family)
			code = build_client(section, client, nt);
	}
	return code;
}

/* --- all of it -------------------------------------------------------- */

/* An input that is empty by mistake, such as a pipe that failed, must not remove everything. */
static int check_empty(const struct config *config)
{
	if (config->first)
		return 0;
	return complain(EXIT_BAD_INPUT, "%s: has no section; to remove everything, write [host] "
			"alone, or use notrackctl clear", config->paths[0]);
}

static int build_section(const struct config *config, struct section *section,
			 const struct options *options, struct notrack *nt)
{
	unsigned int families = options->families ? options->families : NOTRACK_ANY;

	if (section->kind == SECTION_HOST)
		return build_host(config, section, options, nt);
	if (section->kind == SECTION_SERVICE)
		return build_service(config, section, nt, families);
	return build_limit(section, nt, families);
}

int config_build(const struct config *config, const struct options *options, struct notrack *nt)
{
	int code = check_empty(config);

	/* a limit may stand ahead of its service */
	for (enum section_kind kind = SECTION_HOST; kind <= SECTION_LIMIT; kind++)
		for (struct section *section = config->first; section && !code;
		     section = section->next)
			if (section->kind == kind)
				code = build_section(config, section, options, nt);
	return code;
}
