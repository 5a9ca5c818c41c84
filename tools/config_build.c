/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a configuration that was read to the model. */
#include <string.h>

#include "config_sections.h"
#include "notrackctl.h"

/* Whether two sections of one name are for different families. */
static bool apart(const struct section *a, const struct section *b)
{
	const char *one = a->service.families, *other = b->service.families;

	return one && other && !strchr(one, ',') && !strchr(other, ',') && strcmp(one, other);
}

static int build_service(const struct config *config, struct section *section,
			 struct notrack *nt, unsigned int families)
{
	struct notrack_service words = section->service;
	int err;

	for (const struct section *other = config->first; other != section; other = other->next)
		if (other->kind == SECTION_SERVICE && !strcmp(other->name, section->name) &&
		    !apart(other, section))
			return complain_line(section->path, section->line, "service %s: is there "
					     "twice; the first is %s:%d", section->name, other->path,
					     other->line);
	if (families && words.families && !strstr(words.families,
						   families == NOTRACK_IPV6 ? "ipv6" : "ipv4"))
		return 0;
	words.name = section->name;
	err = notrack_add_service(nt, &words);
	return err ? complain_line(section->path, section->line, "%s", notrack_error(nt)) : 0;
}

/* Numbers may be at fault for the rate, or a family, they come with: one by one. */
static int judge_numbers(const struct config *config, struct section *section,
			 const struct client *client)
{
	struct hashlimit so_far = { .size = sizeof(so_far), .above = section->above };

	for (size_t i = 0; i < NUMBERS; i++) {
		if (!section->number_lines[i])
			continue;
		*number_of(&so_far, i) = *number_of(&section->limit, i);
		if (hashlimit_add_client(config->judge, section->name, client->prefix, &so_far))
			return complain_line(section->path, section->number_lines[i], "%s",
					     notrack_error(config->judge));
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
	return err ? complain_line(section->path, client->line, "%s", notrack_error(nt)) : 0;
}

static int build_limit(const struct config *config, struct section *section,
		       struct notrack *nt, unsigned int families)
{
	bool judged[2] = { false };
	int code = 0;

	if (!section->above)
		return complain_line(section->path, section->line, "limit %s: above is missing",
				     section->name);
	if (!section->client_count)
		return complain_line(section->path, section->line, "limit %s: clients are missing",
				     section->name);
	for (size_t i = 0; i < section->client_count && !code; i++) {
		const struct client *client = &section->clients[i];
		bool ipv6 = strchr(client->prefix, ':');

		if (!judged[ipv6])
			code = judge_numbers(config, section, client);
		judged[ipv6] = true;
		if (!code && families != (ipv6 ? NOTRACK_IPV4 : NOTRACK_IPV6))
			code = build_client(section, client, nt);
	}
	return code;
}

int config_build(const struct config *config, struct notrack *nt, unsigned int families)
{
	int code = 0;

	if (families == NOTRACK_ANY)
		families = 0;
	for (struct section *section = config->first; section && !code; section = section->next)
		if (section->kind == SECTION_SERVICE)
			code = build_service(config, section, nt, families);
	for (struct section *section = config->first; section && !code; section = section->next)
		if (section->kind == SECTION_LIMIT)
			code = build_limit(config, section, nt, families);
	return code;
}
