/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Services: their words, the built-in ones, validation. */
#ifndef LIB_SERVICE_H
#define LIB_SERVICE_H

#include <net/if.h>
#include <stdbool.h>

#include "support/arena.h"
#include "support/error.h"
#include "notrack.h"
#include "model/prefix.h"

#define SERVICE_NAME_MAX 16

enum protocol {
	UDP,
	TCP,
	SCTP,
	UDPLITE,
	PROTOCOLS
};

enum role {
	INBOUND = 1,
	OUTBOUND = 2,
};

struct port_range {
	uint16_t first;
	uint16_t last;
};

/* By the first port, for qsort(3). */
int port_range_compare(const void *a, const void *b);

extern const char *const protocol_names[], *const role_names[];
extern const uint8_t protocol_numbers[PROTOCOLS];	/* IPPROTO_* */

/* Immutable once parsed, and shared by the families it is for. */
struct service {
	unsigned int references;
	char name[SERVICE_NAME_MAX + 1];
	uint8_t protocols;		/* bits of enum protocol */
	uint8_t roles;			/* bits of enum role */
	bool classic;
	bool icmp_errors;
	bool no_twins;			/* nor anything else in chains of the host */
	struct port_range reply_ports;
	bool usual_reply_ports;		/* go without saying */
	struct port_range *ports;	/* in order, apart from each other */
	size_t port_count;
	struct prefix *local;		/* in order; none is any */
	size_t local_count;
	struct prefix *remote;
	size_t remote_count;
	struct prefix *from;		/* who may ask; over lo, everybody may */
	size_t from_count;
	char (*interfaces)[IFNAMSIZ];
	size_t interface_count;
	struct arena arena;
};

/*
 * Reads and validates the words; @families (NOTRACK_IPV4, NOTRACK_IPV6)
 * becomes those of them in which the service has flows.
 */
int service_parse(struct service **service, const struct notrack_service *words,
		  unsigned int *families, struct error *error);
struct service *service_ref(struct service *service);
void service_unref(struct service *service);

/* Leaves those of @families that the words, if there are any, name. */
int service_ask_families(const char *words, unsigned int *families, struct error *error);

bool service_has_port(const struct service *service, uint16_t port);
bool service_has_flows(const struct service *service, enum role role, enum family family);
/* The families in which it has flows, as bits. */
unsigned int service_families(const struct service *service);

/* The words of a service, as notrack_each_service() hands them out. */
int service_format(const struct service *service, struct notrack_service *words,
		   struct arena *arena);

/* All of it in one line, in the words of the configuration file. */
int service_describe(const struct service *service, char **line, struct arena *arena);
/* Whether that line fits into a rule; -EINVAL, -ENOMEM. */
int service_check_description(const struct service *service, struct error *error);
/* The way back; takes @line apart. */
int service_read(struct service **service, char *line, unsigned int *families,
		 struct error *error);

/* Whether ports and protocols are those of the built-in service of its name. */
bool service_is_usual(const struct service *service);
bool service_same(const struct service *a, const struct service *b);
int service_check_name(const char *name, struct error *error);

#endif
