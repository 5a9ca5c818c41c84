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

/* --- services --------------------------------------------------------- */

typedef void tell_service(struct lines *lines, const struct service *service);

/* Once for both families. */
static bool is_again(const struct model *model, const struct service *service, enum family family)
{
	return family == IPV6 && model_find(&model->families[IPV4], service->name);
}

struct port_list {
	char text[200];
};

static struct port_list write_ports(const struct service *service, char between, const char *separator)
{
	struct port_list ports = { .text = "" };
	size_t used = 0;

	for (size_t i = 0; i < service->port_count && used < sizeof(ports.text) - 20; i++) {
		const struct port_range *range = &service->ports[i];

		used += (size_t)sprintf(ports.text + used, "%s%u", i ? separator : "", range->first);
		if (range->last != range->first)
			used += (size_t)sprintf(ports.text + used, "%c%u", between, range->last);
	}
	return ports;
}

/* --- firewalld -------------------------------------------------------- */

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

static const char *format_range(const struct port_range *range, char text[RANGE_TEXT])
{
	if (range->first == range->last)
		snprintf(text, RANGE_TEXT, "%u", range->first);
	else
		snprintf(text, RANGE_TEXT, "%u-%u", range->first, range->last);
	return text;
}

static void open_in_firewalld(struct lines *lines, const struct service *service)
{
	const char *name = firewalld_name(service);
	char ports[RANGE_TEXT];

	if (name) {
		add_line(lines, "firewall-cmd --permanent --add-service=%s", name);
		return;
	}
	for (int protocol = 0; protocol < PROTOCOLS; protocol++)
		for (size_t i = 0; i < service->port_count && service->protocols & 1u << protocol; i++)
			add_line(lines, "firewall-cmd --permanent --add-port=%s/%s",
				 format_range(&service->ports[i], ports), protocol_names[protocol]);
}

/* Never a source port alone, which would open every port of this host to it. */
static void answer_in_firewalld(struct lines *lines, const struct service *service,
				const struct prefix *remote)
{
	char address[PREFIX_TEXT], ports[RANGE_TEXT];

	prefix_format(remote, true, address);
	for (int protocol = 0; protocol < PROTOCOLS; protocol++)
		for (size_t i = 0; i < service->port_count && service->protocols & 1u << protocol; i++)
			add_line(lines, "firewall-cmd --permanent --add-rich-rule='rule family=%s "
				 "source address=%s source-port port=%s protocol=%s accept'",
				 remote->family == IPV6 ? "ipv6" : "ipv4", address,
				 format_range(&service->ports[i], ports), protocol_names[protocol]);
}

static void tell_firewalld(struct lines *lines, const struct service *service)
{
	if (service->roles & INBOUND)
		open_in_firewalld(lines, service);
	if (!(service->roles & OUTBOUND))
		return;
	for (size_t i = 0; i < service->remote_count; i++)
		answer_in_firewalld(lines, service, &service->remote[i]);
	if (!service->remote_count)
		add_line(lines, "of %s, name the servers asked as remote, for a line each", service->name);
}

/* --- ufw -------------------------------------------------------------- */

static void tell_ufw(struct lines *lines, const struct service *service)
{
	struct port_list ports = write_ports(service, ':', ",");
	char address[PREFIX_TEXT];

	for (int protocol = 0; protocol < PROTOCOLS; protocol++) {
		if (!(service->protocols & 1u << protocol))
			continue;
		if (service->roles & INBOUND)
			add_line(lines, "ufw allow in proto %s to any port %s", protocol_names[protocol],
				 ports.text);
		for (size_t i = 0; i < service->remote_count && service->roles & OUTBOUND; i++)
			add_line(lines, "ufw allow in proto %s from %s port %s", protocol_names[protocol],
				 prefix_format(&service->remote[i], true, address), ports.text);
	}
	if (service->roles & OUTBOUND && !service->remote_count)
		add_line(lines, "of %s, name the servers asked as remote, for a line each", service->name);
}

/* --- both ------------------------------------------------------------- */

static void tell_model(struct lines *lines, const struct model *model, tell_service *tell)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < model->families[family].count; i++) {
			const struct service *service = model->families[family].served[i].service;

			if (!is_again(model, service, family))
				tell(lines, service);
		}
}

bool managers_firewalld_lines(const struct model *model, char text[MANAGER_LINES])
{
	struct lines lines = { .text = "" };

	tell_model(&lines, model, tell_firewalld);
	if (lines.used)
		add_line(&lines, "firewall-cmd --reload");
	strcpy(text, lines.text);
	return lines.used;
}

bool managers_ufw_lines(const struct model *model, char text[MANAGER_LINES])
{
	struct lines lines = { .text = "" };

	tell_model(&lines, model, tell_ufw);
	strcpy(text, lines.text);
	return lines.used;
}
