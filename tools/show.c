/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show: what is in the kernel, as configuration file, rules or JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_print.h"
#include "context.h"
#include "json.h"
#include "show_rules.h"

struct show {
	struct notrack *nt;
	const char *backend, *why;
	json_t *services, *limits;
};

/* What the library leaves out, being its default. */
#define REPLY_PORTS "1024:65535"

/* --- as JSON ---------------------------------------------------------- */

static json_t *json_word(const char *word, size_t size, bool numbers)
{
	char *end;
	long number = strtol(word, &end, 10);

	if (numbers && size && end == word + size)
		return json_integer(number);
	return json_stringn(word, size);
}

/* "udp, tcp" becomes ["udp", "tcp"]; numbers, but not ranges, become numbers. */
static json_t *json_list(const char *list, bool numbers)
{
	json_t *array = json_array();

	for (const char *word = list; word && *word; ) {
		size_t size = strcspn(word, ",");

		json_array_append_new(array, json_word(word, size, numbers));
		word += size;
		word += strspn(word, ", ");
	}
	return array;
}

static void set_positive(json_t *object, const char *key, uint32_t value)
{
	if (value)
		json_object_set_new(object, key, json_integer(value));
}

/* The clients of both families may be in one limit: IPv4 comes first. */
static void set_srcmask(json_t *object, const struct hashlimit *limit,
			const char *const *clients, size_t count)
{
	bool first6 = strchr(clients[0], ':'), last6 = strchr(clients[count - 1], ':');

	json_object_set_new(object, "srcmask",
			    json_integer(limit->srcmask ? limit->srcmask : first6 ? 64 : 32));
	if (!limit->srcmask && !first6 && last6)
		json_object_set_new(object, "srcmask6", json_integer(64));
}

static int add_json_limit(const struct hashlimit *limit, const char *const *clients,
			  size_t count, void *data)
{
	struct show *show = data;
	json_t *object = json_object(), *array = json_array();

	json_object_set_new(object, "above", json_string(limit->above));
	json_object_set_new(object, "burst", json_integer(limit->burst));
	set_srcmask(object, limit, clients, count);
	set_positive(object, "htable-max", limit->htable_max);
	set_positive(object, "htable-size", limit->htable_size);
	set_positive(object, "htable-expire", limit->htable_expire_ms);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(clients[i]));
	json_object_set_new(object, "clients", array);
	json_array_append_new(show->limits, object);
	return 0;
}

static int add_json_service(const struct notrack_service *service, void *data)
{
	struct show *show = data;
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(service->name));
	json_object_set_new(object, "protocols", json_list(service->protocols, false));
	json_object_set_new(object, "ports", json_list(service->ports, true));
	json_object_set_new(object, "roles", json_list(service->roles, false));
	json_object_set_new(object, "local", json_list(service->local, false));
	json_object_set_new(object, "remote", json_list(service->remote, false));
	json_object_set_new(object, "from", json_list(service->from, false));
	json_object_set_new(object, "interfaces", json_list(service->interfaces, false));
	json_object_set_new(object, "reply_ports", json_string(service->reply_ports ?
			    service->reply_ports : REPLY_PORTS));
	json_object_set_new(object, "mode", json_string(service->mode ? service->mode : "strict"));
	if (service->icmp_errors)
		json_object_set_new(object, "icmp-errors", json_false());
	if (service->families)
		json_object_set_new(object, "families", json_list(service->families, false));
	show->limits = json_array();
	json_object_set_new(object, "limits", show->limits);
	json_array_append_new(show->services, object);
	return hashlimit_each(show->nt, service, add_json_limit, show);
}

/* An exit code. */
static int print_json(struct show *show)
{
	json_t *root = json_object();
	int err;

	json_object_set_new(root, "backend", json_string(show->backend));
	show->services = json_array();
	json_object_set_new(root, "services", show->services);
	err = notrack_each_service(show->nt, add_json_service, show);
	if (!err)
		return json_print(root, JSON_LINES);
	json_decref(root);
	return complain_notrack(show->nt, err);
}

/* --- as configuration file -------------------------------------------- */

static int print_config(const struct show *show)
{
	printf("# backend %s: %s\n", show->backend, show->why);
	config_print_host();
	return config_print_services(show->nt);
}

/* --- the command ------------------------------------------------------ */

/* What cannot be read back is not shown; at least say that it is there. */
static int warn_of_drift(struct notrack *nt)
{
	int count = notrack_diff(nt, NULL, NULL);

	if (count > 0)
		complain(0, "warning: %d rules differ from what is shown: somebody edited chains "
			 "of ours, or they are in another backend than is asked for; the next "
			 "change puts them right", count);
	return count < 0 ? count : 0;
}

#define SHOW_WAIT_MS 1000

static bool rules;

static const struct option_row rows[] = {
	{ "rules", 0, NULL, take_flag, &rules, "print text for iptables-legacy-restore --noflush" },
	{ .name = NULL },
};

static int run_show(const struct options *options)
{
	int code = EXIT_DONE, err;
	bool quiet;
	struct show show = { 0 };

	if (rules && options->json)
		return complain(EXIT_BAD_INPUT, "--rules, --json: one of the two");
	show.nt = open_context(options, &code);
	if (!show.nt)
		return code;
	/* what a commit under way has done in part would look like drift */
	if (!options->wait.given)
		notrack_set_wait(show.nt, SHOW_WAIT_MS);
	quiet = !notrack_lock(show.nt);
	err = notrack_load(show.nt);
	if (err >= 0)		/* with the lock held, this reads nothing again */
		err = notrack_backend(show.nt, &show.backend, &show.why);
	if (err >= 0 && quiet)
		err = warn_of_drift(show.nt);
	notrack_unlock(show.nt);
	if (err >= 0 && options->json)
		code = print_json(&show);
	else if (err >= 0)
		err = rules ? show_rules(show.nt) : print_config(&show);
	if (err < 0)
		code = complain_notrack(show.nt, err);
	notrack_free(show.nt);
	return code;
}

const struct command command_show = {
	.name = "show",
	.arguments = "",
	.summary = "print what is in the kernel",
	.help = "Print what is in the kernel, in the words of the configuration file.\n",
	.rows = rows,
	.run = run_show,
};
