/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/service.h"
#include "support/words.h"

/* What this host asks from, and most daemons do not listen at (RFC 6056, section 3.2). */
#define REPLY_PORTS "1024:65535"

/* What a name stands for; roles as the typical host of it has them. */
#define SIZE .size = sizeof(struct notrack_service)
static const struct notrack_service builtin[] = {
	{ SIZE, .name = "dns", .ports = "53", .protocols = "udp, tcp", .roles = "both" },
	{ SIZE, .name = "dns-auth", .ports = "53", .protocols = "udp, tcp", .roles = "inbound" },
	{ SIZE, .name = "dot", .ports = "853", .protocols = "tcp", .roles = "inbound" },
	{ SIZE, .name = "doq", .ports = "853", .protocols = "udp", .roles = "inbound" },
	{ SIZE, .name = "syslog", .ports = "514", .protocols = "udp", .roles = "inbound" },
	{ SIZE, .name = "syslog-tls", .ports = "6514", .protocols = "tcp", .roles = "inbound" },
	/* RFC 5905, section 9.1: both ends may use the same port */
	{ SIZE, .name = "ntp", .ports = "123", .protocols = "udp", .roles = "both",
	  .reply_ports = "123" },
	{ SIZE, .name = "http", .ports = "80", .protocols = "tcp", .roles = "inbound" },
	{ SIZE, .name = "https", .ports = "443", .protocols = "tcp", .roles = "inbound" },
	{ SIZE, .name = "quic", .ports = "443", .protocols = "udp", .roles = "inbound" },
	{ SIZE, .name = "radius", .ports = "1812,1813", .protocols = "udp", .roles = "inbound" },
	{ SIZE, .name = "snmp-trap", .ports = "162", .protocols = "udp", .roles = "inbound" },
};

const char *const protocol_names[] = {
	[UDP] = "udp", [TCP] = "tcp", [SCTP] = "sctp", [UDPLITE] = "udplite", NULL
};
const uint8_t protocol_numbers[PROTOCOLS] = {
	[UDP] = IPPROTO_UDP, [TCP] = IPPROTO_TCP, [SCTP] = IPPROTO_SCTP, [UDPLITE] = IPPROTO_UDPLITE,
};
const char *const role_names[] = { "inbound", "outbound", "both", NULL };
static const char *const mode_names[] = { "strict", "classic", NULL };
static const char *const twins_names[] = { "auto", "none", NULL };
static const char *const answers[] = { "no", "yes", NULL };

/* A list that grows in an arena: old versions stay there until the end. */
static void *list_add(struct arena *arena, void *list, size_t count, size_t size)
{
	char *grown;

	if (count & (count - 1))	/* room up to the next power of two */
		return list;
	grown = arena_alloc(arena, (count ? 2 * count : 1) * size);
	if (grown && count)
		memcpy(grown, list, count * size);
	return grown;
}

static int parse_port_range(struct port_range *range, const char *word, struct error *error)
{
	char copy[16];
	uint64_t first, last;
	char *colon;

	if (strlen(word) >= sizeof(copy))
		goto bad;
	strcpy(copy, word);
	colon = strchr(copy, ':');
	if (colon)
		*colon++ = '\0';
	if (!words_number(copy, 65535, &first))
		goto bad;
	last = first;
	if (colon && !words_number(colon, 65535, &last))
		goto bad;
	if (last < first)
		return error_set(error, -EINVAL, "port range %s is reversed: first:last", word);
	*range = (struct port_range){ (uint16_t)first, (uint16_t)last };
	return 0;
bad:
	return error_set(error, -EINVAL, "port %s: ports are 1 to 65535, ranges first:last", word);
}

static int take_ports(const char *word, void *data, struct error *error)
{
	struct service *service = data;
	struct port_range range;
	int err = parse_port_range(&range, word, error);

	if (err)
		return err;
	service->ports = list_add(&service->arena, service->ports, service->port_count,
				  sizeof(range));
	if (!service->ports)
		return error_set(error, -ENOMEM, "out of memory");
	service->ports[service->port_count++] = range;
	return 0;
}

int port_range_compare(const void *a, const void *b)
{
	return (int)((const struct port_range *)a)->first - ((const struct port_range *)b)->first;
}

/* One way to say it: in order, and no port twice. */
static void normalize_ports(struct service *service)
{
	struct port_range *ports = service->ports;
	size_t kept = 0;

	qsort(ports, service->port_count, sizeof(*ports), port_range_compare);
	for (size_t i = 1; i < service->port_count; i++) {
		if (ports[i].first > ports[kept].last)
			ports[++kept] = ports[i];
		else if (ports[i].last > ports[kept].last)
			ports[kept].last = ports[i].last;
	}
	service->port_count = kept + 1;
}

static int take_protocol(const char *word, void *data, struct error *error)
{
	struct service *service = data;
	int protocol = words_index(protocol_names, word);

	if (protocol < 0)
		return error_set(error, -EINVAL, "protocol %s: known are udp, tcp, sctp, udplite", word);
	service->protocols |= (uint8_t)(1u << protocol);
	return 0;
}

static int take_role(const char *word, void *data, struct error *error)
{
	struct service *service = data;
	int role = words_index(role_names, word);

	if (role < 0)
		return error_set(error, -EINVAL, "role %s: known are inbound, outbound, both", word);
	service->roles |= (uint8_t)(role + 1);
	return 0;
}

static int take_family(const char *word, void *data, struct error *error)
{
	int family = words_index(family_words, word);

	if (family < 0)
		return error_set(error, -EINVAL, "family %s: known are ipv4, ipv6", word);
	*(unsigned int *)data |= 1u << family;
	return 0;
}

struct prefix_list {
	struct prefix *prefixes;
	size_t count;
	struct arena *arena;
};

static int take_prefix(const char *word, void *data, struct error *error)
{
	struct prefix_list *list = data;
	struct prefix prefix;
	int err = prefix_parse(&prefix, word, error);

	if (err)
		return err;
	list->prefixes = list_add(list->arena, list->prefixes, list->count, sizeof(prefix));
	if (!list->prefixes)
		return error_set(error, -ENOMEM, "out of memory");
	list->prefixes[list->count++] = prefix;
	return 0;
}

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static int parse_prefixes(const char *words, struct prefix **prefixes, size_t *count,
			  struct arena *arena, struct error *error)
{
	struct prefix_list list = { .arena = arena };
	char text[PREFIX_TEXT];
	int err = words_each(words, error, take_prefix, &list);

	if (err)
		return err;
	qsort(list.prefixes, list.count, sizeof(*list.prefixes), compare_prefixes);
	for (size_t i = 1; i < list.count; i++)
		if (prefix_covers(&list.prefixes[i - 1], &list.prefixes[i]))
			return error_set(error, -EINVAL, "%s: named twice in a list",
				    prefix_format(&list.prefixes[i], true, text));
	*prefixes = list.prefixes;
	*count = list.count;
	return 0;
}

/* Neither what the kernel refuses nor what a description gives a meaning to. */
static bool plain_name(const char *name)
{
	for (; *name; name++)
		if (!isgraph((unsigned char)*name) || strchr("/:;,\"'\\!", *name))
			return false;
	return true;
}

/*
 * What the kernel takes: dev_valid_name() in net/core/dev.c, and "+" at the end.  An asterisk is
 * nft's word for that, and would be none in a name.
 */
static int take_interface(const char *word, void *data, struct error *error)
{
	struct service *service = data;
	size_t size = strlen(word);

	if (size >= IFNAMSIZ || !strcmp(word, "+") || !plain_name(word) ||
	    !strcmp(word, ".") || !strcmp(word, ".."))
		return error_set(error, -EINVAL, "interface %s: not a name of 1 to %d characters without "
				 "spaces, control characters or any of /:;,\"'\\!", word, IFNAMSIZ - 1);
	if (strchr(word, '*'))
		return error_set(error, -EINVAL, "interface %s: an asterisk stands for nothing; a name "
				 "that ends with + is that of all that begin so", word);
	for (size_t i = 0; i < service->interface_count; i++)
		if (!strcmp(service->interfaces[i], word))
			return error_set(error, -EINVAL, "interface %s: named twice", word);
	service->interfaces = list_add(&service->arena, service->interfaces,
				       service->interface_count, IFNAMSIZ);
	if (!service->interfaces)
		return error_set(error, -ENOMEM, "out of memory");
	strcpy(service->interfaces[service->interface_count++], word);
	return 0;
}

int service_check_name(const char *name, struct error *error)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (!name || !*name)
		return error_set(error, -EINVAL, "a service needs a name");
	if (strlen(name) > SERVICE_NAME_MAX)
		return error_set(error, -EINVAL, "service name %.60s: longer than %d characters",
			    name, SERVICE_NAME_MAX);
	if (name[0] == '-' || strspn(name, letters) != strlen(name))
		return error_set(error, -EINVAL,
			    "service name %s: letters, digits, '_', '.' and '-' only, "
			    "and no '-' at the beginning", name);
	return 0;
}

const struct notrack_service *notrack_builtin_service(unsigned int index)
{
	return index < sizeof(builtin) / sizeof(builtin[0]) ? &builtin[index] : NULL;
}

static const struct notrack_service *find_builtin(const char *name)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (!strcmp(builtin[i].name, name))
			return &builtin[i];
	return NULL;
}

static bool given(const char *words)
{
	return words && *words;
}

static const char *fallback(const char *words, const char *by_name, const char *by_default)
{
	if (given(words))
		return words;
	return given(by_name) ? by_name : by_default;
}

static int parse_choice(const char *word, const char *const *names, const char *key,
			bool *second, struct error *error)
{
	int index = words_index(names, word);

	if (index < 0)
		return error_set(error, -EINVAL, "%s %s: must be %s or %s", key, word, names[0],
			    names[1]);
	*second = index == 1;
	return 0;
}

static int check_from(const struct service *service, const struct notrack_service *words,
		      struct error *error)
{
	if (!service->from_count)
		return 0;
	if (!(service->roles & INBOUND))
		return error_set(error, -EINVAL, "from %s: names who may ask an inbound service, and %s is "
				 "outbound only", words->from, service->name);
	if (service->classic)
		return error_set(error, -EINVAL, "from %s: the classic rules of service %s are for "
				 "everybody; use the strict mode", words->from, service->name);
	return 0;
}

static int parse_lists(struct service *service, const struct notrack_service *words,
		       struct error *error)
{
	int err = 0;

	if (given(words->local))
		err = parse_prefixes(words->local, &service->local, &service->local_count,
				     &service->arena, error);
	if (!err && given(words->remote))
		err = parse_prefixes(words->remote, &service->remote, &service->remote_count,
				     &service->arena, error);
	if (!err && given(words->from))
		err = parse_prefixes(words->from, &service->from, &service->from_count,
				     &service->arena, error);
	if (!err && given(words->interfaces))
		err = words_each(words->interfaces, error, take_interface, service);
	if (!err && given(words->remote) && !(service->roles & OUTBOUND))
		err = error_set(error, -EINVAL,
			   "remote %s: names the servers an outbound service asks, "
			   "and %s is inbound only", words->remote, service->name);
	return err ? err : check_from(service, words, error);
}

static bool is_usual(const struct port_range *range)
{
	struct port_range usual;

	parse_port_range(&usual, REPLY_PORTS, &(struct error){ 0 });
	return !memcmp(range, &usual, sizeof(usual));
}

/*
 * What a name says of the ports that are asked from; with both roles these are the
 * server's own, where nobody can know who asks whom, so that they say nothing then.
 */
static const char *known_reply_ports(const struct notrack_service *known,
				     const struct service *service)
{
	return service->roles == (INBOUND | OUTBOUND) ? NULL : known->reply_ports;
}

static int parse_into(struct service *service, const struct notrack_service *words,
		      struct error *error)
{
	const struct notrack_service *known = find_builtin(words->name);
	const struct notrack_service none = { 0 };
	int err;

	strcpy(service->name, words->name);
	if (!known)
		known = &none;
	if (!given(words->ports) && !given(known->ports))
		return error_set(error, -EINVAL, "service %s: not a built-in one, so it needs ports",
			    words->name);
	err = words_each(fallback(words->ports, known->ports, NULL), error, take_ports, service);
	if (!err)
		err = words_each(fallback(words->protocols, known->protocols, "udp"), error,
				 take_protocol, service);
	if (!err)
		err = words_each(fallback(words->roles, known->roles, "inbound"), error,
				 take_role, service);
	if (!err)
		err = parse_port_range(&service->reply_ports,
				       fallback(words->reply_ports,
						known_reply_ports(known, service), REPLY_PORTS),
				       error);
	if (!err)
		err = parse_choice(fallback(words->mode, NULL, "strict"), mode_names, "mode",
				   &service->classic, error);
	if (!err)
		err = parse_choice(fallback(words->icmp_errors, NULL, "yes"), answers,
				   "icmp-errors", &service->icmp_errors, error);
	if (!err)
		err = parse_choice(fallback(words->twins, NULL, "auto"), twins_names, "twins",
				   &service->no_twins, error);
	if (!err)
		err = parse_lists(service, words, error);
	if (!err)
		normalize_ports(service);
	service->usual_reply_ports = !given(known_reply_ports(known, service)) &&
				     is_usual(&service->reply_ports);
	return err;
}

static bool names_family(const struct prefix *prefixes, size_t count, enum family family)
{
	for (size_t i = 0; i < count; i++)
		if (prefixes[i].family == family)
			return true;
	return count == 0;
}

bool service_has_port(const struct service *service, uint16_t port)
{
	for (size_t i = 0; i < service->port_count; i++)
		if (port >= service->ports[i].first && port <= service->ports[i].last)
			return true;
	return false;
}

bool service_has_flows(const struct service *service, enum role role, enum family family)
{
	return service->roles & role &&
	       names_family(service->local, service->local_count, family) &&
	       (role == INBOUND ? names_family(service->from, service->from_count, family) :
				  names_family(service->remote, service->remote_count, family));
}

unsigned int service_families(const struct service *service)
{
	unsigned int families = 0;

	for (enum family family = IPV4; family < FAMILIES; family++)
		if (service_has_flows(service, INBOUND, family) ||
		    service_has_flows(service, OUTBOUND, family))
			families |= 1u << family;
	return families;
}

int service_ask_families(const char *words, unsigned int *families, struct error *error)
{
	unsigned int asked = 0;
	int err = given(words) ? words_each(words, error, take_family, &asked) : 0;

	if (!err && given(words))
		*families &= asked;
	return err;
}

static int choose_families(const struct service *service, const char *words,
			   unsigned int *families, struct error *error)
{
	int err = service_ask_families(words, families, error);

	if (err)
		return err;
	*families &= service_families(service);
	if (!*families)
		return error_set(error, -EINVAL,
			    "service %s: its addresses leave nothing to do in the families asked for",
			    service->name);
	return 0;
}

int service_parse(struct service **parsed, const struct notrack_service *words,
		  unsigned int *families, struct error *error)
{
	struct service *service;
	int err = service_check_name(words->name, error);

	if (err)
		return err;
	service = calloc(1, sizeof(*service));
	if (!service)
		return error_set(error, -ENOMEM, "out of memory");
	service->references = 1;
	err = parse_into(service, words, error);
	if (!err)
		err = choose_families(service, words->families, families, error);
	if (err)
		service_unref(service);
	else
		*parsed = service;
	return err;
}

bool service_is_usual(const struct service *service)
{
	const struct notrack_service *known = find_builtin(service->name);
	unsigned int families = NOTRACK_ANY;
	struct service *usual = NULL;
	struct error error;
	bool same = known && !service_parse(&usual, known, &families, &error) &&
		    usual->protocols == service->protocols &&
		    usual->port_count == service->port_count &&
		    !memcmp(usual->ports, service->ports, usual->port_count * sizeof(*usual->ports));

	if (usual)
		service_unref(usual);
	return same;
}

struct service *service_ref(struct service *service)
{
	service->references++;
	return service;
}

void service_unref(struct service *service)
{
	if (!service || --service->references)
		return;
	arena_free(&service->arena);
	free(service);
}
