/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend_host.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "rules/compile.h"
#include "nft/view.h"
#include "verify/parity.h"

#define BACKEND (&nft_backend)
#define TEXTS_MAX 4096

struct backend_host {
	struct session session;
	struct error error;
	struct model model;
	struct tape tape;		/* of what is read from planning on, to the end */
	void (*between)(void);		/* happens between planning and the backend's turn */
};

/* What is wanted, with all that it refers to. */
struct wish {
	struct wanted wanted;
	int err;
	struct view view;
	struct host host;
	struct parity parity;
	struct opening_memory memory;
	struct model had;		/* what is in the kernel */
};

static int must_have_done(struct backend_host *host, int result, const char *what)
{
	ck_assert_msg(result >= 0, "%s: %d: %s", what, result, host->error.text);
	return result;
}

struct backend_host *host_new(unsigned int families)
{
	struct backend_host *host = calloc(1, sizeof(*host));

	ck_assert_ptr_nonnull(host);
	host->session = (struct session){ .families = families, .error = &host->error };
	return host;
}

void host_free(struct backend_host *host)
{
	model_free(&host->model);
	free(host);
}

const char *host_error(const struct backend_host *host)
{
	return host->error.text;
}

/* --- the model ------------------------------------------------------------ */

static int parse_service(struct backend_host *host, const char *description,
			 struct service **service, unsigned int *families)
{
	struct notrack_service words = { .size = sizeof(words), .name = description };
	char line[512];

	if (!strchr(description, ':'))
		return service_parse(service, &words, families, &host->error);
	snprintf(line, sizeof(line), "service %s", description);
	return service_read(service, line, families, &host->error);
}

void host_add(struct backend_host *host, const char *description)
{
	unsigned int families = host->session.families;
	struct service *service;

	must_have_done(host, parse_service(host, description, &service, &families), description);
	must_have_done(host, model_put_service(&host->model, service, families,
					       host->session.families), description);
	service_unref(service);
}

void host_remove(struct backend_host *host, const char *service)
{
	ck_assert(model_remove_service(&host->model, service, host->session.families));
}

void host_clear(struct backend_host *host, unsigned int families)
{
	model_clear(&host->model, families);
}

bool host_serves(const struct backend_host *host, const char *service, int family)
{
	const struct served *served = model_find((struct family_model *)
						 &host->model.families[family], service);

	return served && served->service->roles & INBOUND;
}

const char *host_damage(const struct backend_host *host, int family)
{
	const char *damage = host->model.families[family].damage;

	return damage ? damage : "";
}

static struct clients *clients_of(struct backend_host *host, const char *service,
				  const char *word, struct prefix *prefix)
{
	struct served *served;

	must_have_done(host, prefix_parse(prefix, word, &host->error), word);
	served = model_find(&host->model.families[prefix->family], service);
	ck_assert_msg(served != NULL, "no service %s", service);
	return &served->clients;
}

void host_limit_as(struct backend_host *host, const char *service, const char *word,
		   const struct hashlimit *limit)
{
	struct prefix prefix;
	struct clients *clients = clients_of(host, service, word, &prefix);
	struct limit_rate rate;

	must_have_done(host, limit_parse(&rate, limit, prefix.family, &host->error), word);
	ck_assert_int_eq(clients_add(clients, &prefix, 1, &rate), 0);
}

void host_limit(struct backend_host *host, const char *service, const char *prefix,
		const char *above, unsigned int burst)
{
	host_limit_as(host, service, prefix, &(struct hashlimit){
		.size = sizeof(struct hashlimit), .above = above, .burst = burst });
}

void host_limit_many(struct backend_host *host, const char *service, unsigned int first,
		     unsigned int count, const char *above)
{
	const struct hashlimit words = { .size = sizeof(words), .above = above };
	struct served *served = model_find(&host->model.families[IPV4], service);
	struct prefix *prefixes = calloc(count, sizeof(*prefixes));
	struct limit_rate rate;

	ck_assert_ptr_nonnull(prefixes);
	must_have_done(host, limit_parse(&rate, &words, IPV4, &host->error), above);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t address = htonl(0x0a000000 + first + i);

		prefixes[i].length = 32;
		memcpy(prefixes[i].address, &address, sizeof(address));
	}
	ck_assert_int_eq(clients_add(&served->clients, prefixes, count, &rate), 0);
	free(prefixes);
}

void host_unlimit(struct backend_host *host, const char *service, const char *word)
{
	struct prefix prefix;
	struct clients *clients = clients_of(host, service, word, &prefix);

	if (clients->partial) {
		ck_assert_int_eq(clients_take_off(clients, &prefix), 0);
		return;
	}
	ck_assert(clients_has(clients, &prefix));
	clients_remove(clients, &prefix);
}

static void print_client(const struct client *client, FILE *out)
{
	const struct limit_rate *rate = &client->limit->rate;
	char text[PREFIX_TEXT];

	fprintf(out, "%s %llu %u %u %u %u %u\n", prefix_format(&client->prefix, false, text),
		(unsigned long long)rate->period, rate->burst, rate->srcmask, rate->htable_max,
		rate->htable_size, rate->htable_expire_ms);
}

static void print_served(const struct served *served, FILE *out)
{
	const struct client **list = clients_list(&served->clients);
	struct arena arena = { 0 };
	char *line;

	ck_assert_ptr_nonnull(list);
	ck_assert_int_eq(service_describe(served->service, &line, &arena), 0);
	fprintf(out, "%s\n", line);
	for (size_t i = 0; i < served->clients.count; i++)
		print_client(list[i], out);
	arena_free(&arena);
	free(list);
}

char *host_words(const struct backend_host *host)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	for (int family = 0; family < FAMILIES; family++) {
		fprintf(out, "%s\n", family == IPV6 ? "ipv6" : "ipv4");
		for (size_t i = 0; i < host->model.families[family].count; i++)
			print_served(&host->model.families[family].served[i], out);
	}
	fclose(out);
	return text;
}

/* --- what is wanted -------------------------------------------------------- */

/* As a commit of the library plans it, and whatever it finds. */
static int plan_parity(struct backend_host *host, struct wish *wish)
{
	const struct parity_options options = {
		.model = &host->model, .families = 1u << IPV4 | 1u << IPV6, .host = &wish->host,
		.world = WORLD_NFT, .edits = true, .at_rest = true, .memory = &wish->memory,
	};
	const struct session session = { .tape = &host->tape, .error = &host->error };
	int err = host_look(&wish->host, &host->error);

	if (!err)
		err = nft_view(&session, NULL, &wish->view);
	if (!err)
		err = parity_plan(&wish->view, &options, &wish->parity);
	wish->parity.grafts.moment = host->tape.runs ? host->tape.stamp : 0;
	wish->wanted.local_only = wish->parity.local_only;
	wish->wanted.grafts = &wish->parity.grafts;
	return err;
}

static struct wish *wish_of(struct backend_host *host)
{
	struct wish *wish = calloc(1, sizeof(*wish));

	ck_assert_ptr_nonnull(wish);
	host->session.tape = &host->tape;
	wish->wanted = (struct wanted){ .families = host->session.families,
					.model = &host->model };
	wish->err = plan_parity(host, wish);
	return wish;
}

/* Answers of services that are there, and are not wanted any more. */
static int see_what_leaves(struct backend_host *host, struct wish *wish, struct image *image)
{
	int err = BACKEND->raise(image, PART_RULES, &wish->had);

	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (host->session.families & 1u << family)
			err = compile_leaving(&wish->had.families[family],
					      &host->model.families[family], family,
					      wish->wanted.local_only,
					      &wish->wanted.leaving[family], &host->error);
	return err;
}

static void forget_wish(struct backend_host *host, struct wish *wish)
{
	tape_free(&host->tape);
	host->session.tape = NULL;
	for (enum family family = IPV4; family < FAMILIES; family++)
		ruleset_free(&wish->wanted.leaving[family]);
	model_free(&wish->had);
	parity_free(&wish->parity);
	opening_memory_free(&wish->memory);
	view_free(&wish->view);
	host_release(&wish->host);
	free(wish);
}

/* --- the kernel ----------------------------------------------------------- */

enum then { THEN_END, THEN_ROLLBACK };

static int commit(struct backend_host *host, enum then then, struct notrack_changes *changes)
{
	struct change *change;
	struct image *image;
	struct wish *wish;
	int err;

	*host->error.text = '\0';
	*changes = (struct notrack_changes){ .size = sizeof(*changes) };
	wish = wish_of(host);
	err = wish->err ? wish->err : BACKEND->read(&host->session, PART_RULES, &image);
	if (err) {
		forget_wish(host, wish);
		return err;
	}
	if (host->between)
		host->between();
	err = see_what_leaves(host, wish, image);
	if (!err)
		err = BACKEND->begin(image, &wish->wanted, &change);
	if (!err) {
		err = BACKEND->commit(change, PHASES, changes);
		if (!err && then == THEN_ROLLBACK)
			err = BACKEND->rollback(change);
		BACKEND->end(change);
	}
	BACKEND->release(image);
	forget_wish(host, wish);
	return err;
}

void host_let_happen(struct backend_host *host, void (*between)(void))
{
	host->between = between;
}

struct notrack_changes host_commit(struct backend_host *host)
{
	struct notrack_changes changes;

	must_have_done(host, commit(host, THEN_END, &changes), "commit");
	return changes;
}

int host_try_commit(struct backend_host *host)
{
	struct notrack_changes changes;

	return commit(host, THEN_END, &changes);
}

int host_try_rollback(struct backend_host *host)
{
	struct notrack_changes changes;

	return commit(host, THEN_ROLLBACK, &changes);
}

char *host_diff(struct backend_host *host)
{
	struct wish *wish = wish_of(host);
	struct notrack_changes changes = { .size = sizeof(changes) };
	struct change *change;
	struct image *image;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	must_have_done(host, BACKEND->read(&host->session, PART_RULES, &image), "read");
	must_have_done(host, BACKEND->begin(image, &wish->wanted, &change), "begin");
	must_have_done(host, BACKEND->diff(change, out, &changes), "diff");
	BACKEND->end(change);
	BACKEND->release(image);
	forget_wish(host, wish);
	fclose(out);
	return text;
}

char *host_print(struct backend_host *host)
{
	struct wanted wanted = { .families = host->session.families,
				 .model = &host->model };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	must_have_done(host, BACKEND->print(&host->session, &wanted, out), "print");
	fclose(out);
	return text;
}

static int load(struct backend_host *host, unsigned int parts)
{
	struct image *image;
	int err;

	*host->error.text = '\0';
	model_clear(&host->model, host->session.families);
	err = BACKEND->read(&host->session, parts, &image);
	if (err)
		return err;
	err = BACKEND->raise(image, image->parts, &host->model);
	BACKEND->release(image);
	return err;
}

int host_try_load(struct backend_host *host)
{
	return load(host, PART_RULES | PART_CLIENTS);
}

void host_load(struct backend_host *host)
{
	must_have_done(host, host_try_load(host), "load");
}

void host_load_services(struct backend_host *host)
{
	must_have_done(host, load(host, PART_RULES), "load");
}

int host_try_probe(struct backend_host *host)
{
	*host->error.text = '\0';
	return BACKEND->probe(&host->session);
}

/* --- counters --------------------------------------------------------------- */

struct search {
	const char *service;
	enum family family;
	struct prefix prefix;
	struct host_counts counts;
	unsigned int found;
};

static int take_service(const char *name, enum family family, const struct notrack_count *untracked,
			const struct notrack_count *accepted, void *data)
{
	struct search *search = data;

	if (strcmp(name, search->service) || family != search->family)
		return 0;
	search->counts.untracked = *untracked;
	search->counts.accepted = *accepted;
	search->found++;
	return 0;
}

static int take_client(const char *service, const struct client_counts *client, void *data)
{
	struct search *search = data;

	if (strcmp(service, search->service) || prefix_compare(&client->prefix, &search->prefix))
		return 0;
	search->counts.seen = client->seen;
	search->counts.passed = client->passed;
	search->counts.dropped = client->dropped;
	search->found++;
	return 0;
}

struct host_counts host_count(struct backend_host *host, const char *service, int family,
			      const char *prefix)
{
	struct search search = { .service = service, .family = (enum family)family };
	const struct count_visitor visitor = {
		.service = prefix ? NULL : take_service,
		.client = prefix ? take_client : NULL,
		.data = &search,
	};
	struct image *image;

	if (prefix)
		must_have_done(host, prefix_parse(&search.prefix, prefix, &host->error), prefix);
	must_have_done(host, BACKEND->read(&host->session, PART_RULES | PART_CLIENTS, &image),
		       "read");
	ck_assert_int_eq(BACKEND->count(image, &visitor), 0);
	BACKEND->release(image);
	ck_assert_msg(search.found == 1, "%s %s: counted %u times", service, prefix ? prefix : "",
		      search.found);
	return search.counts;
}

static int count_bucket(const struct bucket *bucket, void *data)
{
	(void)bucket;
	++*(unsigned int *)data;
	return 0;
}

unsigned int host_count_buckets(struct backend_host *host, const char *service, int family)
{
	const struct served *served = model_find(&host->model.families[family], service);
	unsigned int count = 0;

	must_have_done(host, BACKEND->buckets(&host->session, service, &served->clients,
					      (enum family)family, count_bucket, &count), "buckets");
	return count;
}

struct checked {
	enum notrack_status worst;
	char text[TEXTS_MAX];
};

static void take_check(void *data, const char *name, enum notrack_status status, int err,
		       const char *format, ...)
{
	struct checked *checked = data;
	const size_t used = strlen(checked->text);
	va_list args;

	(void)name;
	(void)err;
	if (status > checked->worst)
		checked->worst = status;
	if (status == NOTRACK_OK)
		return;
	va_start(args, format);
	vsnprintf(checked->text + used, sizeof(checked->text) - used, format, args);
	va_end(args);
}

enum notrack_status host_check(struct backend_host *host, char **text)
{
	struct checked checked = { .worst = NOTRACK_OK };
	const struct check_visitor visitor = { take_check, &checked };

	BACKEND->check(&host->session, &visitor);
	*text = strdup(checked.text);
	ck_assert_ptr_nonnull(*text);
	return checked.worst;
}
