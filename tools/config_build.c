/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a configuration that was read to the model. */
#include <string.h>

#include "config_sections.h"
#include "complain.h"

static int count_service(const struct notrack_service *service, void *data)
{
	(void)service;
	++*(int *)data;
	return 0;
}

static bool has_family(struct notrack *nt, unsigned int family)
{
	int count = 0;

	notrack_set_families(nt, family);
	return !notrack_each_service(nt, count_service, &count) && count;
}

/* In a context of its own, the section tells its families, by addresses or by name. */
static int ask_families(struct section *section)
{
	struct notrack *nt = notrack_new();
	int err;

	if (!nt)
		return out_of_memory();
	err = notrack_add_service(nt, &section->service);
	if (err)
		err = complain_line(section->path, section->line, "%s", notrack_error(nt));
	if (!err && has_family(nt, NOTRACK_IPV4))
		section->families |= NOTRACK_IPV4;
	if (!err && has_family(nt, NOTRACK_IPV6))
		section->families |= NOTRACK_IPV6;
	notrack_free(nt);
	return err;
}

/* Two sections of one name may be there, for different families. */
static int check_twice(const struct config *config, const struct section *section)
{
	for (const struct section *other = config->first; other != section; other = other->next)
		if (other->kind == SECTION_SERVICE && !strcmp(other->name, section->name) &&
		    other->families & section->families)
			return complain_line(section->path, section->line, "service %s: is there "
					     "twice; the first is %s:%d", section->name, other->path,
					     other->line);
	return 0;
}

static int build_service(const struct config *config, struct section *section,
			 struct notrack *nt, unsigned int families)
{
	struct notrack_service words;
	int err;

	section->service.name = section->name;
	err = ask_families(section);
	if (!err)
		err = check_twice(config, section);
	if (err || (families && !(section->families & families)))
		return err;
	words = section->service;
	/* said aloud, so that it leaves a section for the other family as it is */
	if (section->families != NOTRACK_ANY)
		words.families = section->families == NOTRACK_IPV6 ? "ipv6" : "ipv4";
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
