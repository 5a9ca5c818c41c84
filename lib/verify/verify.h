/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of notrack_verify() share. */
#ifndef LIB_VERIFY_H
#define LIB_VERIFY_H

#include "context.h"
#include "verify/host.h"
#include "verify/walk.h"

/* "filter NOTRACK-dns-in 3" */
#define PLACE_TEXT (CHAIN_NAME_MAX + 24)

/* A packet of a service, at one hook. */
struct flow_row {
	const struct service *service;
	enum family family;
	enum protocol protocol;
	enum role role;
	bool request, input;
	bool loopback;			/* over lo, at the hook that it meets elsewhere not */
	enum notrack_answer untracked;
	enum notrack_verdict verdict;
	char by[PLACE_TEXT];
};

struct finding {
	const char *code;
	enum notrack_status severity;
	char text[512];
};

/* Read first, told later: visitors do not run in the kernel's time. */
struct verification {
	struct notrack *nt;
	const char *name;		/* of a service, or NULL: all of them */
	struct host host;
	struct blob tables[FAMILIES][TABLES];
	struct flow_row *rows;
	size_t row_count;
	struct finding *findings;
	size_t finding_count;
};

/* What became of a packet of a flow. */
struct judgement {
	struct journey raw;		/* who is accepted there goes on */
	struct journey whole;		/* to the end of filter */
	enum notrack_answer untracked;
	enum notrack_verdict verdict;
};

/* Which of the ports, prefixes of the family and interfaces that a service names. */
struct variant {
	size_t ports, local, remote, interface;
};

/* A packet of @row. */
struct probe verify_probe(const struct verification *verification, const struct flow_row *row,
			  const struct variant *variant);

/* Whether the one service that was asked for is this one. */
bool verify_wants(const struct verification *verification, const struct service *service);

/* The built-in chain of raw or filter at a hook. */
const char *verify_chain(enum table_id id, bool input);

const char *verify_format_place(const struct place *place, char text[PLACE_TEXT]);

/* Adds a finding, once. */
int verify_find(struct verification *verification, const char *code,
		enum notrack_status severity, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* What is wrong with a flow. */
int verify_explain(struct verification *verification, const struct flow_row *row,
		   const struct judgement *judgement);
/* What is wrong with the tables of a family as such; its flows are judged. */
int verify_tables(struct verification *verification, enum family family);

#endif
