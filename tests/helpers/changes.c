/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "changes.h"

#include "model.h"

static int nothing(struct notrack *nt)
{
	(void)nt;
	return 0;
}

static int other_rates_and_classic(struct notrack *nt)
{
	int err = add_service(nt, "dns", "classic");

	for (int i = 0; i < FAMILY_COUNT && !err; i++)
		err = add_client(nt, "dns", families[i].limited_prefix, "25/sec");
	return err;
}

static int without_dns(struct notrack *nt)
{
	return notrack_remove_service(nt, "dns");
}

static int one_client_more(struct notrack *nt)
{
	return add_client(nt, "dns", families[0].other_prefix, "10/sec");
}

const struct change changes[CHANGES] = {
	{ "dns and clients into tables of others", nothing, add_dns_with_two_clients, false },
	{ "strict to classic, and other rates", add_dns_with_two_clients,
	  other_rates_and_classic, false },
	{ "the last service and its limits taken out", add_dns_with_two_clients, without_dns,
	  false },
	{ "one client more", add_dns_with_two_clients, one_client_more, false },
	{ "strict to classic, and other rates, locked", add_dns_with_two_clients,
	  other_rates_and_classic, true },
};

int prepare_it(struct attempt *attempt)
{
	const struct change *change = attempt->change;
	int err = 0;

	if (attempt->prepared)
		return 0;
	if (change->locked)
		err = notrack_lock(attempt->nt);
	if (!err)
		err = notrack_load(attempt->nt);
	if (err >= 0)
		err = change->edit(attempt->nt);
	attempt->prepared = !err;
	return err;
}

int attempt_it(struct attempt *attempt)
{
	int err = prepare_it(attempt);

	return err ? err : notrack_commit(attempt->nt, NULL);
}
