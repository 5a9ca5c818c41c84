/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plans from pools that are there to those that are wanted, against sets kept by hand:
 * who is in them afterwards, and that nobody was moved who need not be.
 */
#include "nft/plan.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "unit.h"

enum {
	ROUNDS = 400,
	STEPS = 6,		/* changes of one history */
	RATES = 4,
};

/* --- what the kernel would have ------------------------------------------- */

static void apply(struct nft_elements *elements, const struct nft_set_edit *edit)
{
	struct nft_elements left = { .count = 0 };

	for (size_t i = 0; i < edit->remove.count; i++)
		expect(elements_lookup(elements, edit->remove.list[i].key),
		       "%s: removes what is not there", edit->name);
	for (size_t i = 0; i < elements->count; i++)
		if (!elements_lookup(&edit->remove, elements->list[i].key))
			expect(!elements_append(&left, &elements->list[i]), "out of memory");
	for (size_t i = 0; i < edit->add.count; i++) {
		expect(!elements_lookup(&left, edit->add.list[i].key), "%s: adds what is there",
		       edit->name);
		expect(!elements_append(&left, &edit->add.list[i]), "out of memory");
	}
	elements_sort(&left);
	elements_free(elements);
	*elements = left;
}

static const struct nft_set_edit *edit_of(const struct nft_plan *plan, const char *kind,
					  const struct nft_pool_id *id, unsigned int index)
{
	char name[NFT_NAME_ROOM];

	nft_pool_name(name, kind, id, index);
	for (size_t i = 0; i < plan->edit_count; i++)
		if (!strcmp(plan->edits[i].name, name))
			return &plan->edits[i];
	return NULL;
}

static const struct nft_elements *have_of(const struct nft_pool *pool, const char *kind,
					  unsigned int index)
{
	const struct nft_parts *parts;

	if (!pool)
		return NULL;
	for (size_t i = 0; i < pool->group_count && !strcmp(kind, NFT_MEMBERS); i++)
		if (pool->groups[i].index == index)
			return &pool->groups[i].members;
	parts = !strcmp(kind, NFT_CLIENTS) ? &pool->clients : &pool->dropped;
	for (size_t i = 0; i < parts->count && strcmp(kind, NFT_MEMBERS); i++)
		if (parts->list[i].index == index)
			return &parts->list[i].elements;
	return NULL;
}

/* A set as it is after the plan: what is there, and its edit. */
static void fill(struct nft_elements *to, const struct nft_plan *plan,
		 const struct nft_pool *have, const char *kind, const struct nft_pool_id *id,
		 unsigned int index)
{
	const struct nft_set_edit *edit = edit_of(plan, kind, id, index);
	const struct nft_elements *from = have_of(have, kind, index);

	for (size_t i = 0; from && i < from->count; i++)
		expect(!elements_append(to, &from->list[i]), "out of memory");
	if (edit)
		apply(to, edit);
}

/* The pools that the plan makes of those that are there. */
static void carry_out(struct nft_pools *pools, const struct nft_plan *plan,
		      const struct nft_pools *have)
{
	for (size_t i = 0; i < plan->pools.count; i++) {
		const struct nft_pool *planned = &plan->pools.list[i];
		const struct nft_pool *before = nft_pools_find(have, &planned->id);
		struct nft_pool *pool = nft_pools_add(pools, &planned->id);

		expect(pool && !nft_pool_copy(pool, planned), "out of memory");
		pool->is_loaded = true;
		for (size_t j = 0; j < pool->clients.count; j++)
			fill(&pool->clients.list[j].elements, plan, before, NFT_CLIENTS, &pool->id,
			     pool->clients.list[j].index);
		for (size_t j = 0; j < pool->dropped.count; j++)
			fill(&pool->dropped.list[j].elements, plan, before, NFT_DROPPED, &pool->id,
			     pool->dropped.list[j].index);
		for (size_t j = 1; j < pool->group_count; j++)
			fill(&pool->groups[j].members, plan, before, NFT_MEMBERS, &pool->id,
			     pool->groups[j].index);
	}
}

/* --- models ----------------------------------------------------------------- */

static struct limit_rate rate_of(unsigned int which, enum family family)
{
	static const char *const above[RATES] = { "10/sec", "20/sec", "3/min", "7/hour" };
	const struct hashlimit words = { .size = sizeof(words), .above = above[which] };
	struct limit_rate rate;
	struct error error;

	expect(!limit_parse(&rate, &words, family, &error), "%s", error.text);
	return rate;
}

static void add_service(struct model *model, const char *name)
{
	const struct notrack_service words = { .size = sizeof(words), .name = name };
	unsigned int families = NOTRACK_ANY;
	struct service *service;
	struct error error;

	expect(!service_parse(&service, &words, &families, &error), "%s", error.text);
	expect(!model_put_service(model, service, families, families), "out of memory");
	service_unref(service);
}

/* A few come, go, or get another limit; now and then all get another one. */
static void change_clients(struct clients *clients, enum family family)
{
	bool all = random_chance(20);
	unsigned int which = random_below(RATES), count = random_below(30);

	for (unsigned int i = 0; i < count || all; i++) {
		struct limit_rate rate = rate_of(all ? which : random_below(RATES), family);
		char word[RANDOM_PREFIX];
		struct prefix prefix;
		struct error error;

		if (all && i == clients->list_count + clients->recent_count)
			break;
		random_client(word, 1u << family);
		expect(!prefix_parse(&prefix, word, &error), "%s", error.text);
		if (all)
			prefix = i < clients->list_count ? clients->list[i].prefix :
				 clients->recent[i - clients->list_count].prefix;
		if (!all && random_chance(40))
			clients_remove(clients, &prefix);
		else if (!all || clients_has(clients, &prefix))
			expect(!clients_add(clients, &prefix, 1, &rate), "out of memory");
	}
}

/* --- what must be so -------------------------------------------------------- */

static bool has_client(const struct nft_pool *pool, const uint8_t key[NFT_FIELD_MAX])
{
	for (size_t i = 0; i < pool->clients.count; i++)
		if (elements_lookup(&pool->clients.list[i].elements, key))
			return true;
	return false;
}

static void expect_limits(const struct nft_pools *pools, const struct served *served,
			  enum family family)
{
	const struct client **list = clients_list(&served->clients);
	size_t count = 0;

	for (size_t i = 0; i < served->clients.count; i++) {
		struct nft_pool_id id = { .family = family, .length = list[i]->prefix.length };
		const struct nft_pool *pool;
		const struct nft_group *group;

		strcpy(id.service, served->service->name);
		pool = nft_pools_find(pools, &id);
		expect(pool && has_client(pool, list[i]->prefix.address),
		       "a client is missing");
		group = &pool->groups[nft_pool_group_of(pool, list[i]->prefix.address)];
		expect(group->has_rate && limit_rate_same(&group->rate, &list[i]->limit->rate),
		       "a client has another limit");
	}
	for (size_t i = 0; i < pools->count; i++)
		if (pools->list[i].id.family == family &&
		    !strcmp(pools->list[i].id.service, served->service->name))
			for (size_t j = 0; j < pools->list[i].clients.count; j++)
				count += pools->list[i].clients.list[j].elements.count;
	expect(count == served->clients.count, "%zu clients in place of %zu", count,
	       served->clients.count);
	free(list);
}

/* Members are clients, of one group each, and no set is empty or too full. */
static void expect_sound(const struct nft_pools *pools)
{
	for (size_t i = 0; i < pools->count; i++) {
		const struct nft_pool *pool = &pools->list[i];
		struct nft_elements all = { .count = 0 };

		expect(pool->group_count && !pool->groups[0].index, "no first group");
		expect(pool->dropped.count, "no set of what was dropped");
		for (size_t j = 1; j < pool->group_count; j++) {
			const struct nft_elements *members = &pool->groups[j].members;

			expect(members->count && members->count <= pool->groups[j].size, "members");
			for (size_t k = 0; k < members->count; k++) {
				expect(has_client(pool, members->list[k].key),
				       "a member is no client");
				expect(!elements_append(&all, &members->list[k]), "out of memory");
			}
		}
		elements_sort(&all);
		for (size_t j = 1; j < all.count; j++)
			expect(memcmp(all.list[j - 1].key, all.list[j].key, NFT_FIELD_MAX),
			       "a member of two groups");
		elements_free(&all);
		for (size_t j = 0; j < pool->clients.count; j++)
			expect(pool->clients.list[j].elements.count &&
			       pool->clients.list[j].elements.count <= pool->clients.list[j].size,
			       "a set of clients");
	}
}

static size_t count_edits(const struct nft_plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->edit_count; i++)
		count += plan->edits[i].add.count + plan->edits[i].remove.count;
	return count;
}

static void step(struct nft_pools *pools, const struct model *model)
{
	struct nft_plan plan = { .edit_count = 0 }, again = { .edit_count = 0 };
	struct nft_pools next = { .count = 0 };

	expect(!nft_plan_clients(&plan, pools, model, NOTRACK_ANY), "out of memory");
	carry_out(&next, &plan, pools);
	expect_sound(&next);
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < model->families[family].count; i++)
			expect_limits(&next, &model->families[family].served[i], family);
	expect(!nft_plan_clients(&again, &next, model, NOTRACK_ANY), "out of memory");
	expect(!count_edits(&again), "a second plan changes something");
	nft_plan_free(&plan);
	nft_plan_free(&again);
	nft_pools_free(pools);
	*pools = next;
}

START_TEST(whoever_is_wanted_is_limited_as_wanted)
{
	random_begin();
	for (int round = 0; round < ROUNDS; round++) {
		struct model model = { .families = { { .count = 0 } } };
		struct nft_pools pools = { .count = 0 };

		add_service(&model, "dns");
		add_service(&model, "ntp");
		for (int i = 0; i < STEPS; i++) {
			for (enum family family = IPV4; family < FAMILIES; family++)
				change_clients(&model.families[family].served[random_below(2)].clients,
					       family);
			step(&pools, &model);
		}
		nft_pools_free(&pools);
		model_free(&model);
	}
}
END_TEST

/* --- changes of pools that are not known as a whole ---------------------------- */

static bool is_among(const struct client *const *changes, size_t count,
		     const struct nft_element *element, unsigned int length)
{
	for (size_t i = 0; i < count; i++)
		if (changes[i]->prefix.length == length &&
		    !memcmp(changes[i]->prefix.address, element->key, sizeof(element->key)))
			return true;
	return false;
}

/* What was looked up of a set; all of it, where @whole. */
static void look_up(struct nft_elements *to, const struct nft_elements *from,
		    const struct client *const *changes, size_t count, unsigned int length,
		    bool whole)
{
	for (size_t i = 0; i < from->count; i++)
		if (whole || is_among(changes, count, &from->list[i], length))
			expect(!elements_append(to, &from->list[i]), "out of memory");
}

static void look_up_pool(struct nft_pools *seen, const struct nft_pool *pool,
			 const struct clients *clients)
{
	struct nft_pool *copy = nft_pools_add(seen, &pool->id);
	bool whole = random_chance(30);
	size_t count;
	const struct client **changes = clients_changes(clients, &count);

	expect(copy && changes && !nft_pool_copy(copy, pool), "out of memory");
	copy->is_loaded = whole;
	copy->is_partial = !whole;
	for (size_t i = 0; i < pool->clients.count; i++)
		look_up(&copy->clients.list[i].elements, &pool->clients.list[i].elements, changes,
			count, pool->id.length, whole);
	for (size_t i = 0; i < pool->dropped.count; i++)
		look_up(&copy->dropped.list[i].elements, &pool->dropped.list[i].elements, changes,
			count, pool->id.length, whole);
	for (size_t i = 1; i < pool->group_count; i++) {
		look_up(&copy->groups[i].members, &pool->groups[i].members, changes, count,
			pool->id.length, whole);
		copy->groups[i].is_whole = copy->groups[i].members.count ==
					   pool->groups[i].members.count;
	}
	free(changes);
}

/* Changes both the whole list of clients, and one that has the changes alone. */
static void change_both(struct clients *whole, struct clients *changes, enum family family)
{
	changes->partial = true;
	for (unsigned int i = 0, count = random_below(6); i < count; i++) {
		struct limit_rate rate = rate_of(random_below(RATES), family);
		char word[RANDOM_PREFIX];
		struct prefix prefix;
		struct error error;

		random_client(word, 1u << family);
		expect(!prefix_parse(&prefix, word, &error), "%s", error.text);
		if (random_chance(40)) {
			clients_remove(whole, &prefix);
			expect(!clients_take_off(changes, &prefix), "out of memory");
		} else {
			expect(!clients_add(whole, &prefix, 1, &rate) &&
			       !clients_add(changes, &prefix, 1, &rate), "out of memory");
		}
	}
}

static void step_partially(struct nft_pools *pools, struct model *model)
{
	struct model partial = { .families = { { .count = 0 } } };
	struct nft_pools seen = { .count = 0 }, next = { .count = 0 };
	struct nft_plan plan = { .edit_count = 0 };

	add_service(&partial, "dns");
	add_service(&partial, "ntp");
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < 2; i++)
			change_both(&model->families[family].served[i].clients,
				    &partial.families[family].served[i].clients, family);
	for (size_t i = 0; i < pools->count; i++) {
		const struct nft_pool_id *id = &pools->list[i].id;

		look_up_pool(&seen, &pools->list[i],
			     &model_find(&partial.families[id->family], id->service)->clients);
	}
	expect(!nft_plan_clients(&plan, &seen, &partial, NOTRACK_ANY), "out of memory");
	carry_out(&next, &plan, pools);
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < model->families[family].count; i++)
			expect_limits(&next, &model->families[family].served[i], family);
	nft_plan_free(&plan);
	nft_pools_free(&seen);
	nft_pools_free(pools);
	model_free(&partial);
	*pools = next;
}

START_TEST(changes_alone_lead_to_the_same)
{
	random_begin();
	for (int round = 0; round < ROUNDS; round++) {
		struct model model = { .families = { { .count = 0 } } };
		struct nft_pools pools = { .count = 0 };

		add_service(&model, "dns");
		add_service(&model, "ntp");
		for (enum family family = IPV4; family < FAMILIES; family++)
			change_clients(&model.families[family].served[random_below(2)].clients,
				       family);
		step(&pools, &model);
		for (int i = 0; i < STEPS; i++)
			step_partially(&pools, &model);
		step(&pools, &model);
		nft_pools_free(&pools);
		model_free(&model);
	}
}
END_TEST

/* --- the least that does it -------------------------------------------------- */

static void limit(struct model *model, const char *word, unsigned int which)
{
	struct limit_rate rate = rate_of(which, IPV4);
	struct prefix prefix;
	struct error error;

	expect(!prefix_parse(&prefix, word, &error), "%s", error.text);
	expect(!clients_add(&model->families[IPV4].served[0].clients, &prefix, 1, &rate),
	       "out of memory");
}

static size_t edits_for(struct nft_pools *pools, const struct model *model)
{
	struct nft_plan plan = { .edit_count = 0 };
	size_t count;

	expect(!nft_plan_clients(&plan, pools, model, NOTRACK_ANY), "out of memory");
	count = count_edits(&plan);
	nft_plan_free(&plan);
	step(pools, model);
	return count;
}

START_TEST(a_changed_rate_touches_no_element)
{
	struct model model = { .families = { { .count = 0 } } };
	struct nft_pools pools = { .count = 0 };

	add_service(&model, "dns");
	limit(&model, "192.0.2.1", 0);
	limit(&model, "192.0.2.2", 0);
	limit(&model, "192.0.2.3", 1);
	step(&pools, &model);
	limit(&model, "192.0.2.1", 2);
	limit(&model, "192.0.2.2", 2);
	ck_assert_uint_eq(edits_for(&pools, &model), 0);
	limit(&model, "192.0.2.3", 3);
	ck_assert_uint_eq(edits_for(&pools, &model), 0);
	limit(&model, "192.0.2.3", 2);
	ck_assert_uint_eq(edits_for(&pools, &model), 0);
	nft_pools_free(&pools);
	model_free(&model);
}
END_TEST

START_TEST(one_client_is_one_element)
{
	struct model model = { .families = { { .count = 0 } } };
	struct nft_pools pools = { .count = 0 };

	add_service(&model, "dns");
	limit(&model, "192.0.2.1", 0);
	limit(&model, "192.0.2.2", 0);
	step(&pools, &model);
	limit(&model, "192.0.2.3", 0);
	ck_assert_uint_eq(edits_for(&pools, &model), 1);
	limit(&model, "192.0.2.4", 1);		/* and of the set of those who have that limit */
	ck_assert_uint_eq(edits_for(&pools, &model), 2);
	limit(&model, "192.0.2.2", 1);
	ck_assert_uint_eq(edits_for(&pools, &model), 1);
	nft_pools_free(&pools);
	model_free(&model);
}
END_TEST

/* Sets have a size: when they are full, others follow. */
START_TEST(full_sets_are_followed_by_others)
{
	enum { MANY = 9000 };
	struct prefix *prefixes = calloc(MANY, sizeof(*prefixes));
	struct model model = { .families = { { .count = 0 } } };
	struct nft_pools pools = { .count = 0 };
	struct limit_rate rates[2] = { rate_of(0, IPV4), rate_of(1, IPV4) };
	struct clients *clients;

	ck_assert_ptr_nonnull(prefixes);
	add_service(&model, "dns");
	clients = &model.families[IPV4].served[0].clients;
	for (unsigned int i = 0; i < MANY; i++)
		prefixes[i] = (struct prefix){ .length = 32, .address = { 10, (uint8_t)(i & 1),
			(uint8_t)(i >> 8), (uint8_t)i } };
	limit(&model, "192.0.2.1", 0);
	step(&pools, &model);
	for (unsigned int i = 0; i < MANY; i += 1000) {
		ck_assert_int_eq(clients_add(clients, prefixes + i, 1000, &rates[i / 1000 % 2]), 0);
		step(&pools, &model);
	}
	ck_assert_uint_gt(pools.list[0].clients.count, 1);
	ck_assert_uint_gt(pools.list[0].dropped.count, 1);
	ck_assert_int_eq(clients_add(clients, prefixes, MANY, &rates[1]), 0);
	step(&pools, &model);
	ck_assert_int_eq(clients_add(clients, prefixes, MANY, &rates[0]), 0);
	step(&pools, &model);
	nft_pools_free(&pools);
	model_free(&model);
	free(prefixes);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, whoever_is_wanted_is_limited_as_wanted);
	tcase_add_test(tcase, changes_alone_lead_to_the_same);
	tcase_add_test(tcase, a_changed_rate_touches_no_element);
	tcase_add_test(tcase, one_client_is_one_element);
	tcase_add_test(tcase, full_sets_are_followed_by_others);
}

int main(void)
{
	return unit_main("nft-plan", tests);
}
