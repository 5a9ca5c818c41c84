/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines to run, for programs that manage the rules of a host. */
#include "managers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct lines {
	char text[MANAGER_LINES];
	size_t used;
	bool cut;
};

static void add_line(struct lines *lines, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A line that is cut short would do something else: three dots stand for those without room. */
static void add_line(struct lines *lines, const char *format, ...)
{
	static const char dots[] = "; ...";
	size_t room = sizeof(lines->text) - lines->used - sizeof(dots);
	char line[300];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (lines->cut)
		return;
	lines->cut = strlen(line) + 2 > room;
	lines->used += (size_t)sprintf(lines->text + lines->used, "%s%s", lines->cut || lines->used ?
				       "; " : "", lines->cut ? "..." : line);
}

/* --- firewalld -------------------------------------------------------- */

/* What one line lets in. */
struct packets {
	const struct service *service;
	enum protocol protocol;
	bool answers;			/* to what this host asks */
	const struct prefix *peer, *own;	/* NULL: any, of both families */
	const char *interface;		/* NULL: any */
};

/* What firewalld calls the built-in services, whose ports are those that it opens by that name. */
static const char *firewalld_name(const struct service *service)
{
	static const char *const names[][2] = {
		{ "dns", "dns" }, { "dns-auth", "dns" }, { "dot", "dns-over-tls" },
		{ "syslog", "syslog" }, { "syslog-tls", "syslog-tls" }, { "ntp", "ntp" },
		{ "http", "http" }, { "https", "https" }, { "quic", "http3" },
		{ "radius", "radius" }, { "snmp-trap", "snmptrap" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i][0], service->name) && service_is_usual(service))
			return names[i][1];
	return NULL;
}

#define RANGE_TEXT sizeof("65535-65535")

static const char *format_range(const struct port_range *range, char between, char text[RANGE_TEXT])
{
	if (range->first == range->last)
		snprintf(text, RANGE_TEXT, "%u", range->first);
	else
		snprintf(text, RANGE_TEXT, "%u%c%u", range->first, between, range->last);
	return text;
}

#define ADDRESS_TEXT (PREFIX_TEXT + sizeof(" destination address="))

/* The address behind the word that is ahead of it; nothing where it is any. */
static const char *format_address(const char *word, const struct prefix *prefix,
				  char text[ADDRESS_TEXT])
{
	char address[PREFIX_TEXT];

	snprintf(text, ADDRESS_TEXT, "%s%s", prefix ? word : "",
		 prefix ? prefix_format(prefix, true, address) : "");
	return text;
}

/* A "rich rule", as firewalld calls what has an address; all addresses go by the family. */
static void add_rich_rule(struct lines *lines, const struct packets *packets, const char *what)
{
	const struct prefix *any = packets->peer ? packets->peer : packets->own;
	const struct prefix *from = packets->peer && packets->peer->length ? packets->peer : NULL;
	char peer[ADDRESS_TEXT], own[ADDRESS_TEXT];

	add_line(lines, "firewall-cmd --permanent --add-rich-rule='rule family=%s%s%s %s accept'",
		 family_words[any->family],
		 format_address(" source address=", from, peer),
		 format_address(" destination address=", packets->own, own), what);
}

static void tell_firewalld_ports(struct lines *lines, const struct packets *packets)
{
	const struct service *service = packets->service;
	const char *protocol = protocol_names[packets->protocol];
	bool rich = packets->peer || packets->own;
	char range[RANGE_TEXT], what[80];

	for (size_t i = 0; i < service->port_count; i++) {
		format_range(&service->ports[i], '-', range);
		snprintf(what, sizeof(what), "%s port=%s protocol=%s",
			 packets->answers ? "source-port" : "port", range, protocol);
		if (rich)
			add_rich_rule(lines, packets, what);
		else
			add_line(lines, "firewall-cmd --permanent --add-port=%s/%s", range, protocol);
	}
}

static void tell_firewalld(struct lines *lines, const struct packets *packets)
{
	const char *name = packets->answers ? NULL : firewalld_name(packets->service);
	char what[40];

	if (!name) {
		tell_firewalld_ports(lines, packets);
		return;
	}
	if (packets->service->protocols & ((1u << packets->protocol) - 1))
		return;		/* the name stands for all protocols, and was said of the first one */
	snprintf(what, sizeof(what), "service name=%s", name);
	if (packets->peer || packets->own)
		add_rich_rule(lines, packets, what);
	else
		add_line(lines, "firewall-cmd --permanent --add-service=%s", name);
}

/* --- ufw -------------------------------------------------------------- */

/* As a rule of xtables has them: a range is two. */
#define UFW_PORTS 15

/* As many ports as a rule of ufw may have, from @first on; returns the first of the next rule. */
static size_t format_ports(const struct service *service, size_t first,
			   char text[UFW_PORTS * RANGE_TEXT])
{
	char range[RANGE_TEXT];
	size_t used = 0, i = first;

	for (size_t room = UFW_PORTS; i < service->port_count; i++) {
		size_t takes = service->ports[i].first == service->ports[i].last ? 1 : 2;

		if (takes > room)
			break;
		room -= takes;
		used += (size_t)sprintf(text + used, "%s%s", i > first ? "," : "",
					format_range(&service->ports[i], ':', range));
	}
	return i;
}

static void tell_ufw(struct lines *lines, const struct packets *packets)
{
	const char *on = packets->interface ? " on " : "", *protocol = protocol_names[packets->protocol];
	const char *interface = packets->interface ? packets->interface : "";
	char peer[ADDRESS_TEXT], own[ADDRESS_TEXT], ports[UFW_PORTS * RANGE_TEXT];

	format_address(" from ", packets->peer, peer);
	format_address(" to ", packets->own, own);
	for (size_t i = 0; i < packets->service->port_count;) {
		i = format_ports(packets->service, i, ports);
		if (packets->answers)
			add_line(lines, "ufw allow in%s%s proto %s%s port %s%s", on, interface, protocol,
				 peer, ports, own);
		else
			add_line(lines, "ufw allow in%s%s proto %s%s%s port %s", on, interface, protocol,
				 peer, packets->own ? own : " to any", ports);
	}
}

/* --- both ------------------------------------------------------------- */

static const struct manager {
	const char *name;
	unsigned int protocols;		/* of which it can open ports */
	bool zones;			/* interfaces are no matter of a rule */
	void (*tell)(struct lines *lines, const struct packets *packets);
} firewalld = { "firewalld", 1u << UDP | 1u << TCP | 1u << SCTP, true, tell_firewalld },
  ufw = { "ufw", 1u << UDP | 1u << TCP, false, tell_ufw };

/* An empty list is one of NULL, which is any. */
static size_t one_at_least(size_t count)
{
	return count ? count : 1;
}

static void tell_addresses(struct lines *lines, const struct manager *manager, struct packets packets,
			   unsigned int families)
{
	const struct service *service = packets.service;
	size_t count = manager->zones ? 1 : one_at_least(service->interface_count);

	if ((packets.peer && !(families & 1u << packets.peer->family)) ||
	    (packets.own && !(families & 1u << packets.own->family)) ||
	    (packets.peer && packets.own && packets.peer->family != packets.own->family))
		return;
	for (size_t i = 0; i < count; i++) {
		packets.interface = service->interface_count ? service->interfaces[i] : NULL;
		manager->tell(lines, &packets);
	}
}

/* Never a source port alone, which would open every port of this host to it. */
static void tell_packets(struct lines *lines, const struct manager *manager, struct packets packets,
			 unsigned int families)
{
	static const struct prefix all[FAMILIES] = { { .family = IPV4 }, { .family = IPV6 } };
	const struct service *service = packets.service;
	const struct prefix *peers = packets.answers ? service->remote : service->from;
	size_t count = packets.answers ? service->remote_count : service->from_count;

	if (!count && packets.answers)
		return;
	if (!count && !service->local_count && families != NOTRACK_ANY) {
		peers = &all[families == NOTRACK_IPV6 ? IPV6 : IPV4];
		count = 1;
	}
	for (size_t i = 0; i < one_at_least(count); i++)
		for (size_t j = 0; j < one_at_least(service->local_count); j++) {
			packets.peer = count ? &peers[i] : NULL;
			packets.own = service->local_count ? &service->local[j] : NULL;
			tell_addresses(lines, manager, packets, families);
		}
}

static void tell_service(struct lines *lines, const struct manager *manager,
			 const struct service *service, unsigned int families)
{
	for (enum protocol protocol = 0; protocol < PROTOCOLS; protocol++) {
		struct packets packets = { .service = service, .protocol = protocol };

		if (!(service->protocols & 1u << protocol))
			continue;
		if (!(manager->protocols & 1u << protocol)) {
			add_line(lines, "of %s, %s has no ports of %s", service->name, manager->name,
				 protocol_names[protocol]);
			continue;
		}
		if (service->roles & INBOUND)
			tell_packets(lines, manager, packets, families);
		packets.answers = true;
		if (service->roles & OUTBOUND)
			tell_packets(lines, manager, packets, families);
	}
	if (service->roles & OUTBOUND && !service->remote_count)
		add_line(lines, "of %s, name the servers asked as remote, for a line each", service->name);
	if (manager->zones && service->interface_count)
		add_line(lines, "of %s, say --zone= of its interfaces", service->name);
}

/* Once for both families, where it is the same in both. */
static void tell_model(struct lines *lines, const struct manager *manager, const struct model *model)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < model->families[family].count; i++) {
			const struct service *service = model->families[family].served[i].service;
			const struct served *other = model_find(&model->families[!family], service->name);
			bool both = other && service_same(service, other->service);

			if (!both || family == IPV4)
				tell_service(lines, manager, service, both ? NOTRACK_ANY : 1u << family);
		}
}

bool managers_firewalld_lines(const struct model *model, char text[MANAGER_LINES])
{
	struct lines lines = { .text = "" };

	tell_model(&lines, &firewalld, model);
	if (strstr(lines.text, "firewall-cmd"))
		add_line(&lines, "firewall-cmd --reload");
	strcpy(text, lines.text);
	return lines.used;
}

bool managers_ufw_lines(const struct model *model, char text[MANAGER_LINES])
{
	struct lines lines = { .text = "" };

	tell_model(&lines, &ufw, model);
	strcpy(text, lines.text);
	return lines.used;
}
