/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of our chains and hash tables, which carry what they stand for:
 *
 *	NOTRACK-INPUT			entered from a built-in chain
 *	NOTRACK-LIMITS			entered from INPUT, ahead of all else
 *	NOTRACK-dns-in, -dns-out	what comes in, or goes out, of a service
 *	NOTRACK-dns-lim			where the limits of its clients begin
 *	NOTRACK-dns-n4q1k2m7x0ab	a part of those: the service as far as there is
 *					room, a letter for the kind, and a hash of all
 *					that makes the chain what it is
 */
#ifndef LIB_NAME_H
#define LIB_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "model/limit.h"
#include "model/service.h"

/* Every chain of ours begins so; nothing else in a table is ours, see name_is_ours(). */
#define CHAIN_PREFIX "NOTRACK-"
/* The longest chain name that iptables takes (XT_EXTENSION_MAXNAMELEN). */
#define CHAIN_NAME_MAX 28
/* The longest that the kernel takes, from whomever (XT_FUNCTION_MAXNAMELEN - 1). */
#define CHAIN_NAME_FOUND 29
/* The longest hashlimit table name that every revision takes (IFNAMSIZ - 1). */
#define HASHLIMIT_NAME_MAX 15

/* What ends the name of a service's chain. */
#define CHAIN_IN "-in"
#define CHAIN_OUT "-out"
#define CHAIN_LIMIT "-lim"
/* Instead of CHAIN_OUT, where that would make the name of a chain that twins lead to. */
#define CHAIN_OUT_APART "_out"

/* What ends the name of a chain that accepts what rules of the host accepted by state; then
   comes where its rules stand, unless that is input. */
#define CHAIN_ACCEPT "-accept"
#define CHAIN_ANY "-any"

/* The chain of all limits, which INPUT leads to first of all. */
#define CHAIN_LIMITS CHAIN_PREFIX "LIMITS"

/*
 * Whether it is one of the names that we give.  A chain of others may begin with
 * CHAIN_PREFIX as well: it is left alone, unless the rest looks like ours, too.
 */
bool name_is_ours(const char *name);

/* The chain that the built-in chain @builtin enters; and whether @name is such a chain. */
void chain_top_name(char name[CHAIN_NAME_MAX + 1], const char *builtin);
bool chain_is_top(const char *name);
/* The built-in chain that enters a chain of ours for which chain_is_top() says yes. */
const char *chain_builtin(const char *top);

/* Whether it is a chain that services are opened by: "NOTRACK-INPUT", or another beside it. */
bool chain_is_opening(const char *name);

void service_chain_name(char name[CHAIN_NAME_MAX + 1], const char *service, const char *suffix);
/* Puts the service that a chain is of into @service; false: it is not one with that suffix. */
bool chain_service(const char *chain, const char *suffix, char service[SERVICE_NAME_MAX + 1]);

/* The name of a part of a service's limits. */
void name_chain(char name[CHAIN_NAME_MAX + 1], const char *service, char kind,
		const void *essence, size_t size);

/* The same for a hash table: a changed rate needs a new one. */
void name_hashlimit(char name[HASHLIMIT_NAME_MAX + 1], const char *service,
		    const struct limit_rate *rate);

/* "NOTRACK-new-accept-out": @stem, one of those that name.c knows, and where the rules stand. */
void name_accept(char name[CHAIN_NAME_MAX + 1], const char *stem, const char *suffix);

/* "NOTRACK-new-n4q1k2m7x0a": what packets get there, and a hash of what is done to them. */
void name_twin(char name[CHAIN_NAME_MAX + 1], const char *stem, const void *essence, size_t size);

#endif
