/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expressions that do something with the packet: effects, limits and verdicts. */
#include "nft/view_machine.h"
#include "nft/view_reader.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "legacy/extensions/extension.h"

/* What goes on behind it is not met by any packet. */
#define RULE_ENDS 1

static int add_step(struct machine *machine, enum step_kind kind, uint8_t flags)
{
	struct step *step = view_add_step(machine->view, kind);

	if (!step)
		return -ENOMEM;
	step->flags = flags;
	return 0;
}

static int add_end(struct machine *machine, enum step_kind kind)
{
	return add_step(machine, kind, 0) ? -ENOMEM : RULE_ENDS;
}

int run_count(struct machine *machine, const struct attributes *data)
{
	(void)data;
	return add_step(machine, STEP_COUNT, 0);
}

int run_log(struct machine *machine, const struct attributes *data)
{
	(void)data;
	return view_add_unknown(machine->view, STEP_COUNT, "log") ? 0 : -ENOMEM;
}

int run_counter(struct machine *machine, const struct attributes *data)
{
	(void)data;
	return add_step(machine, STEP_COUNT, STEP_COUNTER);
}

int run_reject(struct machine *machine, const struct attributes *data)
{
	(void)data;
	return add_end(machine, STEP_REJECT);
}

int run_notrack(struct machine *machine, const struct attributes *data)
{
	(void)data;
	return add_step(machine, STEP_NOTRACK, 0);
}

int run_queue(struct machine *machine, const struct attributes *data)
{
	(void)data;
	return add_end(machine, STEP_QUEUE);
}

/* A packet without a socket to go to does not meet the rule. */
int run_tproxy(struct machine *machine, const struct attributes *data)
{
	(void)data;
	return add_end(machine, STEP_DIVERT);
}

int run_synproxy(struct machine *machine, const struct attributes *data)
{
	(void)data;
	return add_end(machine, STEP_SYNPROXY);
}

/* --- what depends on the packets before ------------------------------- */

static int add_rate(struct machine *machine, bool over, uint8_t flags)
{
	return add_step(machine, STEP_WITHIN_RATE,
			(uint8_t)(STEP_REMEMBERS | flags | (over ? STEP_INVERTED : 0)));
}

int run_limit(struct machine *machine, const struct attributes *data)
{
	return add_rate(machine, number_in(data->of[NFTA_LIMIT_FLAGS]) & NFT_LIMIT_F_INV,
			STEP_RULES_OWN);
}

int run_quota(struct machine *machine, const struct attributes *data)
{
	/* a copy would begin with nothing used up */
	return add_rate(machine, number_in(data->of[NFTA_QUOTA_FLAGS]) & NFT_QUOTA_F_INV, 0);
}

/* How many connections a source has: conntrack counts them. */
int run_connlimit(struct machine *machine, const struct attributes *data)
{
	bool over = number_in(data->of[NFTA_CONNLIMIT_FLAGS]) & NFT_CONNLIMIT_F_INV;
	struct step *step = view_add_step(machine->view, STEP_WITHIN_RATE);

	if (!step)
		return -ENOMEM;
	step->flags = STEP_REMEMBERS | (over ? STEP_INVERTED : 0);
	step->field = FIELD_CT_OTHER;
	return 0;
}

/* Each packet is recorded; a limit of the element may end the rule. */
static int run_element(struct machine *machine, const struct nlattr *attr)
{
	struct attributes expression = attributes_in(attr);
	const char *name = attribute_text(expression.of[NFTA_EXPR_NAME]);
	struct attributes data = attributes_in(expression.of[NFTA_EXPR_DATA]);

	if (!strcmp(name, "limit"))
		return run_limit(machine, &data);
	if (!strcmp(name, "quota"))
		return run_quota(machine, &data);
	if (!strcmp(name, "connlimit"))
		return run_connlimit(machine, &data);
	return 0;
}

int run_dynset(struct machine *machine, const struct attributes *data)
{
	const struct nlattr *list = data->of[NFTA_DYNSET_EXPRESSIONS], *attr;
	const struct view_set *set = reader_find_set(machine->reader, machine->chain->table,
						    attribute_text(data->of[NFTA_DYNSET_SET_NAME]));
	uint32_t flags = number_in(data->of[NFTA_DYNSET_FLAGS]);
	int err = add_step(machine, STEP_COUNT, STEP_REMEMBERS);

	if (!err && flags & NFT_DYNSET_F_INV)	/* only those that a full set has no room for */
		return add_step(machine, STEP_WITHIN_RATE, STEP_REMEMBERS | STEP_INVERTED);
	if (!err && data->of[NFTA_DYNSET_EXPR])
		return run_element(machine, data->of[NFTA_DYNSET_EXPR]);
	if (!err && !list && set && set->judges)
		return machine_add_unknown(machine, "set with limits", SOURCE_UNKNOWN);
	if (!list)
		return err;
	mnl_attr_for_each_nested(attr, list)
		if (!err)
			err = run_element(machine, attr);
	return err;
}

int run_objref(struct machine *machine, const struct attributes *data)
{
	uint32_t type = number_or(data->of[NFTA_OBJREF_IMM_TYPE], NFT_OBJECT_UNSPEC);
	const char *name = attribute_text(data->of[NFTA_OBJREF_IMM_NAME]);
	const struct view_object *object;

	switch (type) {
	case NFT_OBJECT_COUNTER:
	case NFT_OBJECT_SECMARK:
	case NFT_OBJECT_CT_TIMEOUT:
	case NFT_OBJECT_CT_EXPECT:
		return add_step(machine, STEP_COUNT, 0);
	case NFT_OBJECT_CT_HELPER:
		return add_step(machine, STEP_COUNT, STEP_HELPER);
	case NFT_OBJECT_SYNPROXY:
		return add_end(machine, STEP_SYNPROXY);
	case NFT_OBJECT_LIMIT:
	case NFT_OBJECT_QUOTA:
	case NFT_OBJECT_CONNLIMIT:
		object = reader_find_object(machine->reader, machine->chain->table, name, type);
		if (object)
			return add_rate(machine, object->inverted, 0);
		/* fall through */
	default:	/* by a map: who is not in it does not meet the rule */
		return machine_add_unknown(machine, "object", SOURCE_UNKNOWN);
	}
}

/* --- verdicts --------------------------------------------------------- */

int machine_verdict(const struct view *view, const struct view_table *table,
		    const struct nlattr *attr, struct view_chain **chain)
{
	struct attributes verdict = attributes_in(attr);
	int code = (int)number_or(verdict.of[NFTA_VERDICT_CODE], (uint32_t)NFT_BREAK);

	*chain = NULL;
	switch (code) {
	case NFT_CONTINUE:
		return -1;
	case NFT_RETURN:
		return STEP_RETURN;
	case NFT_JUMP:
	case NFT_GOTO:
		*chain = view_find_chain(view, table,
					 attribute_text(verdict.of[NFTA_VERDICT_CHAIN]));
		return !*chain ? STEP_ANYTHING : code == NFT_JUMP ? STEP_JUMP : STEP_GOTO;
	case NF_ACCEPT:
		return STEP_ACCEPT;
	case NF_DROP:
		return STEP_DROP;
	default:
		return (code & NF_VERDICT_MASK) == NF_QUEUE ? STEP_QUEUE : STEP_ANYTHING;
	}
}

static int add_verdict(struct machine *machine, const struct nlattr *attr)
{
	struct view_chain *chain;
	int verdict = machine_verdict(machine->view, machine->chain->table, attr, &chain);
	struct step *step;

	if (verdict < 0)	/* "continue" */
		return 0;
	step = view_add_unknown(machine->view, (enum step_kind)verdict, "verdict");
	if (!step)
		return -ENOMEM;
	if (chain)
		step->chain = chain;
	return RULE_ENDS;
}

int run_immediate(struct machine *machine, const struct attributes *data)
{
	struct attributes value = attributes_in(data->of[NFTA_IMMEDIATE_DATA]);
	const struct nlattr *attr = value.of[NFTA_DATA_VALUE];
	const uint8_t *bytes = attr ? mnl_attr_get_payload(attr) : NULL;
	size_t size = attr ? mnl_attr_get_payload_len(attr) : 0;
	struct symbol *to;

	if (value.of[NFTA_DATA_VERDICT])
		return add_verdict(machine, value.of[NFTA_DATA_VERDICT]);
	to = machine_register(machine, data->of[NFTA_IMMEDIATE_DREG], &size);
	for (size_t i = 0; i < size; i++)
		to[i] = (struct symbol){ .kind = SYMBOL_CONSTANT, .value = bytes[i] };
	return 0;
}

/* --- NAT -------------------------------------------------------------- */

/* What comes out of a map may be any port. */
#define ANY_PORT UINT16_MAX

/* Registers from which NAT takes what it gives packets, the first and the last of a range. */
struct given {
	const struct nlattr *first, *last;
	size_t size;
};

static bool is_constant(struct machine *machine, const struct given *given, uint8_t *first,
			uint8_t *last)
{
	if (!machine_constant(machine, given->first, first, given->size))
		return false;
	if (!given->last)
		memcpy(last, first, given->size);
	return !given->last || machine_constant(machine, given->last, last, given->size);
}

static uint32_t ports_of(struct machine *machine, const struct given *given)
{
	uint8_t from[2], to[2];

	if (!is_constant(machine, given, from, to))
		return given->first ? ANY_PORT : 0;
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)to[0] << 8 | to[1];
}

/* The map whose data are in a register as they are, and where they begin there; NULL: of none. */
static struct view_lookup *map_in(struct machine *machine, const struct nlattr *attr, size_t size,
				  uint8_t *at)
{
	size_t room = size;
	const struct symbol *bytes = machine_register(machine, attr, &room);

	if (!attr || room < size || bytes->kind != SYMBOL_UNKNOWN || !bytes->size)
		return NULL;
	for (size_t i = 0; i < size; i++)
		if (bytes[i].kind != SYMBOL_UNKNOWN || bytes[i].size != bytes->size ||
		    bytes[i].weight != bytes->weight + i || bytes[i].mask != 0xff || bytes[i].value)
			return NULL;
	*at = bytes->weight;
	return machine->maps[bytes->size - 1];
}

/* A map that nobody can change any more is read as one that belongs to the rule. */
static void read_if_constant(struct machine *machine, struct view_lookup *map)
{
	const struct view_set *set = reader_find_set(machine->reader, map->table, map->name);

	if (set && set->flags & NFT_SET_CONSTANT)
		map->named = false;
}

static void find_part(struct machine *machine, const struct given *given, struct view_part *part)
{
	struct view_lookup *map = map_in(machine, given->first, given->size, &part->first_at);

	part->is_given = given->first;
	part->last_at = part->first_at;
	if (!map || (given->last && map_in(machine, given->last, given->size, &part->last_at) != map))
		return;
	read_if_constant(machine, map);
	part->map = map;
	part->is_known = !map->named;
}

static int find_outcomes(struct machine *machine, struct step *step, const struct given *addresses,
			 const struct given *ports)
{
	struct view_outcomes *outcomes = arena_alloc(&machine->view->arena, sizeof(*outcomes));
	struct view_part *address, *port;

	if (!outcomes)
		return -ENOMEM;
	address = &outcomes->address;
	port = &outcomes->port;
	step->flags |= STEP_OUTCOMES;
	step->outcomes = outcomes;
	find_part(machine, addresses, address);
	if (address->is_given && !address->map)
		address->is_known = is_constant(machine, addresses, address->addresses.first,
						address->addresses.last);
	find_part(machine, ports, port);
	if (port->is_given && !port->map) {
		port->is_known = step->mask != ANY_PORT;
		port->ports = (struct range){ step->mask >> 16, (uint16_t)step->mask };
	}
	return 0;
}

static int add_translation(struct machine *machine, enum translation translation,
			   const struct given *addresses, const struct given *ports)
{
	struct step *step = view_add_step(machine->view, STEP_TRANSLATE);
	uint8_t first[16], last[16];
	bool constant = is_constant(machine, addresses, first, last);
	int err;

	if (!step)
		return -ENOMEM;
	step->field = (uint8_t)translation;
	step->mask = ports_of(machine, ports);
	if (step->mask == ANY_PORT || (addresses->first && !constant))
		step->flags = STEP_ANY_VALUE;
	if (step->flags || (constant && memcmp(first, last, addresses->size))) {
		err = find_outcomes(machine, step, addresses, ports);
		return err ? err : RULE_ENDS;
	}
	if (constant) {
		memcpy(step->address, first, addresses->size);
		step->length = (uint8_t)(8 * addresses->size);
	}
	return RULE_ENDS;
}

int run_nat(struct machine *machine, const struct attributes *data)
{
	bool source = number_or(data->of[NFTA_NAT_TYPE], NFT_NAT_DNAT) == NFT_NAT_SNAT;
	bool ipv6 = number_or(data->of[NFTA_NAT_FAMILY], AF_INET) == AF_INET6;

	return add_translation(machine, source ? TRANSLATE_SOURCE : TRANSLATE_DESTINATION,
			       &(struct given){ data->of[NFTA_NAT_REG_ADDR_MIN],
						data->of[NFTA_NAT_REG_ADDR_MAX], ipv6 ? 16 : 4 },
			       &(struct given){ data->of[NFTA_NAT_REG_PROTO_MIN],
						data->of[NFTA_NAT_REG_PROTO_MAX], 2 });
}

int run_masquerade(struct machine *machine, const struct attributes *data)
{
	return add_translation(machine, TRANSLATE_MASQUERADE, &(struct given){ .size = 4 },
			       &(struct given){ data->of[NFTA_MASQ_REG_PROTO_MIN],
						data->of[NFTA_MASQ_REG_PROTO_MAX], 2 });
}

int run_redirect(struct machine *machine, const struct attributes *data)
{
	return add_translation(machine, TRANSLATE_REDIRECT, &(struct given){ .size = 4 },
			       &(struct given){ data->of[NFTA_REDIR_REG_PROTO_MIN],
						data->of[NFTA_REDIR_REG_PROTO_MAX], 2 });
}

/* --- matches and targets of xtables ----------------------------------- */

static size_t copy_info(const struct nlattr *attr, void *info)
{
	size_t size = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (size > INFO_MAX)
		size = 0;
	if (size)
		memcpy(info, mnl_attr_get_payload(attr), size);
	return size;
}

static enum family family_of(const struct machine *machine)
{
	return machine->chain->table->families & 1u << IPV4 ? IPV4 : IPV6;
}

int run_match(struct machine *machine, const struct attributes *data)
{
	_Alignas(16) char info[INFO_MAX];
	size_t size = copy_info(data->of[NFTA_MATCH_INFO], info);

	return extension_view_match(machine->view, family_of(machine),
				    attribute_text(data->of[NFTA_MATCH_NAME]),
				    (uint8_t)number_in(data->of[NFTA_MATCH_REV]), info, size);
}

int run_target(struct machine *machine, const struct attributes *data)
{
	_Alignas(16) char info[INFO_MAX];
	size_t size = copy_info(data->of[NFTA_TARGET_INFO], info);

	return extension_view_target(machine->view, family_of(machine),
				     attribute_text(data->of[NFTA_TARGET_NAME]),
				     (uint8_t)number_in(data->of[NFTA_TARGET_REV]), info,
				     size);
}
