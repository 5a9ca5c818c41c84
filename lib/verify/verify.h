/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of notrack_verify() share. */
#ifndef LIB_VERIFY_H
#define LIB_VERIFY_H

#include <string.h>

#include "model/model.h"
#include "notrack.h"
#include "rules/rule.h"
#include "rules/view.h"
#include "support/error.h"
#include "verify/finding.h"
#include "verify/host.h"
#include "verify/walk.h"

/* A packet of a service, at one hook. */
struct flow_row {
	const struct service *service;
	enum family family;
	enum protocol protocol;
	enum role role;
	bool request, input;
	bool loopback;			/* over lo, at the hook that it meets elsewhere not */
	bool is_unpicked;		/* no selector of ours picks its packets */
	enum notrack_answer untracked;
	enum notrack_verdict verdict;
	char by[PLACE_TEXT];
	struct port_range client_ports;	/* of whoever is not the server */
};

/* The jump to our chain of a table, at one hook; chain NULL: there is none. */
struct our_jump {
	const struct view_chain *chain;
	const struct view_rule *rule;
};

/* Results are collected first and reported after the tables are closed. */
struct verification {
	struct model *model;
	const char *name;		/* of a service, or NULL: all of them */
	int drift;			/* how many rules of ours differ */
	bool changes;			/* a commit asks, and is refused by what would be lost */
	struct host host;
	struct view view;
	struct our_jump jumps[FAMILIES][TABLES][2];	/* the last: output, input */
	struct flow_row *rows;
	size_t row_count;
	bool is_done;			/* all flows are judged */
	struct keepers *keepers;	/* of halves.c, at work */
	struct findings findings;
	/* Where not NULL, called for the first packets of each row, before they are judged. */
	int (*explain)(struct verification *verification, const struct flow_row *row,
		       const struct probe *probe);
	void *data;
};

/* What became of a packet of a flow. */
struct judgement {
	struct journey journey;
	enum notrack_answer untracked;
	enum notrack_verdict verdict;
	/* dropped: the host drops the usual packet, and lets others in; unsure: tracked, too */
	bool as_it_was;
};

/* Which of the ports, prefixes of the family and interfaces that a service names. */
struct variant {
	size_t ports, local, remote, interface;
};

/* Whether the one service that was asked for is this one. */
static inline bool verify_wants(const struct verification *verification,
				const struct service *service)
{
	return !verification->name || !strcmp(verification->name, service->name);
}

/* The built-in chain of raw or filter at a hook. */
static inline const char *verify_chain(enum table_id id, bool input)
{
	return !input ? "OUTPUT" : id == RAW ? "PREROUTING" : "INPUT";
}

/* packets.c: a packet of @row. */
struct probe verify_probe(const struct verification *verification, const struct flow_row *row,
			  const struct variant *variant);

/* Whether the interfaces of a probe, by name or by what their names begin with, have it. */
bool verify_is_among(const char *interface, const char *names);

/* Takes the packets of a row through the hooks that they meet. */
int verify_walk(const struct verification *verification, const struct flow_row *row,
		const struct probe *probe, bool as_tracked, struct journey *journey);

/*
 * What packets of the model's services miss when they are not tracked: translation, and
 * protection by SYNPROXY.  @all has the model, the view and the host.  0, or -ENOMEM.
 */
int verify_misses(struct verification *all);
/* The same of packets that would stay tracked, as those of the other direction would not. */
int verify_torn(struct verification *all);

/* flows.c: adds a row for each flow of a family, judged, and what is wrong with it. */
int verify_flows(struct verification *verification, enum family family);

/* ... calls @visit for all that its service names, one list at a time: the others are at their first. */
int verify_each_variant(struct verification *all, struct flow_row *row,
			int (*visit)(struct verification *all, struct flow_row *row,
				     const struct variant *variant));

/* Whether packets that are dropped were dropped when they were tracked, too; as_tracked.c. */
int verify_was_dropped(const struct verification *all, const struct flow_row *row,
		       const struct probe *probe, bool *as_it_was);

/* findings.c: what is wrong with a flow. */
int verify_explain(struct verification *verification, const struct flow_row *row,
		   const struct judgement *judgement);
/* unpicked.c: why no selector of ours picks any packets of a flow. */
int verify_tell_unpicked(struct verification *verification, const struct flow_row *row);
/* Looks for the jumps to our chains; before any flow is judged. */
void verify_find_jumps(struct verification *verification);
/* What is wrong with the tables of a family as such; its flows are judged. */
int verify_tables(struct verification *verification, enum family family);
/* unreached.c: chains of ours in nftables that no rule leads to. */
int verify_unreached(struct verification *verification, enum family family);
/* Whether packets of a flow at that hook are tracked or not let in. */
bool verify_some_flow_fails(const struct verification *verification, enum family family, bool input);
/* What untracked packets of the services miss that conntrack does: translation.c. */
int verify_translations(struct verification *verification, enum family family);
/* ways_in.c: packets of others that NAT makes the service's. */
int verify_ways_in(struct verification *all, const struct flow_row *row);
/* ... whether REDIRECT may lead packets of a row to another address than they are for. */
bool verify_redirects(const struct verification *all, const struct flow_row *row,
		      const struct translated *translated);
/* own_source.c: whether a rule gives what this host asks another address than it has anyway. */
int verify_own_source(const struct verification *all, const struct flow_row *row,
		      const struct translated *translated, bool *is_other);
/* protection.c. */
int verify_protections(struct verification *verification, enum family family);
/* own_ports.c: ports of services that this host may ask from. */
int verify_own_ports(struct verification *verification, enum family family);
/* ... and all of it, with what is of missed.c itself. */
int verify_missed(struct verification *verification, enum family family);
/* halves.c: packets that stay tracked, while those of the other direction do not. */
int verify_halves(struct verification *verification, enum family family);
/* other_ways.c: packets of services with interfaces, that take others. */
int verify_other_ways(struct verification *verification, enum family family);
/* Whether an ending is that of a rule ahead of our jump. */
bool verify_is_ahead(const struct verification *all, const struct flow_row *row,
		     const struct ending *ending);
/* hidden.c: rules of the host that an opening of ours hides. */
int verify_hidden(struct verification *verification, enum family family);

#endif
