/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/essence.h"

#include <string.h>

static void put(FILE *out, const void *bytes, size_t size)
{
	fwrite(bytes, 1, size, out);
}

static void put_text(FILE *out, const char *text)
{
	put(out, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void put_element(FILE *out, const struct view_lookup *lookup,
			const struct set_element *element)
{
	put(out, &element->verdict, sizeof(element->verdict));
	put_text(out, element->chain ? element->chain->name : NULL);
	if (element->data)
		put(out, element->data, lookup->data_size);
	put(out, element->ranges, lookup->field_count * sizeof(element->ranges[0]));
}

/* The kernel numbers sets that have no name, each time anew. */
static void put_lookup(FILE *out, const struct view_lookup *lookup)
{
	put_text(out, lookup->named ? lookup->name : NULL);
	put(out, lookup->fields, lookup->field_count * sizeof(lookup->fields[0]));
	for (size_t i = 0; i < lookup->count && !lookup->named; i++)
		put_element(out, lookup, element_at(lookup, i));
}

static void put_part(FILE *out, const struct view_part *part)
{
	put(out, &part->is_given, sizeof(part->is_given));
	if (part->is_given && part->map)
		put_lookup(out, part->map);
	else if (part->is_given && part->is_known)
		put(out, &part->addresses, sizeof(part->addresses));
}

static void put_translation(FILE *out, const struct step *step)
{
	if (!(step->flags & STEP_OUTCOMES)) {
		put(out, step->address, sizeof(step->address));
		return;
	}
	put_part(out, &step->outcomes->address);
	put_part(out, &step->outcomes->port);
}

static void put_step(FILE *out, const struct step *step)
{
	put(out, step, offsetof(struct step, range));
	switch (step->kind) {
	case STEP_NUMBERS:
		put(out, step->ranges, step->count * sizeof(*step->ranges));
		break;
	case STEP_ADDRESSES:
		put(out, step->addresses, step->count * sizeof(*step->addresses));
		break;
	case STEP_JUMP:
	case STEP_GOTO:
		put_text(out, step->chain->name);
		break;
	case STEP_LOOKUP:
	case STEP_MAP:
		put_lookup(out, step->lookup);
		break;
	case STEP_UNKNOWN:
	case STEP_ANYTHING:
		put_text(out, step->text);
		break;
	case STEP_NUMBER:
		put(out, &step->range, sizeof(step->range));
		break;
	case STEP_PREFIX:
	case STEP_INTERFACE:
		put(out, step->address, sizeof(step->address));
		break;
	case STEP_TRANSLATE:
		put_translation(out, step);
		break;
	case STEP_MARK:
		put(out, &step->value, sizeof(step->value));
		break;
	case STEP_SET:
	case STEP_REMEMBERED:
		put(out, &step->index, sizeof(step->index));
		break;
	default:	/* what else is there, as a pointer, is no part of what it means */
		break;
	}
}

void essence_of_view_rule(FILE *out, const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		put_step(out, &rule->steps[i]);
}

static void put_ports(FILE *out, const struct ports *ports)
{
	put(out, &ports->count, sizeof(ports->count));
	put(out, &ports->inverted, sizeof(ports->inverted));
	put(out, ports->range, ports->count * sizeof(ports->range[0]));
}

static void put_prefix(FILE *out, const struct prefix *prefix)
{
	put(out, prefix->address, sizeof(prefix->address));
	put(out, &prefix->length, sizeof(prefix->length));
}

static void put_match(FILE *out, const struct match *match)
{
	const uint8_t numbers[] = {
		match->protocol, match->syn, match->sctp_init, match->sctp_not_init, match->icmp,
		match->icmp_type, match->tcp_mask, match->tcp_flags, match->states,
		match->to_local, match->from_local,
	};

	put_prefix(out, &match->to);
	put_text(out, match->in);
	put_text(out, match->out);
	put_ports(out, &match->source);
	put_ports(out, &match->destination);
	put(out, numbers, sizeof(numbers));
}

void essence_of_graft_rule(FILE *out, const struct graft_rule *rule)
{
	put(out, &rule->rule.target, sizeof(rule->rule.target));
	put_prefix(out, &rule->rule.source);
	put_text(out, rule->to ? rule->to->name : NULL);
	if (rule->rule.match)
		put_match(out, rule->rule.match);
	put(out, &rule->copies, sizeof(rule->copies));
	put(out, &rule->families, sizeof(rule->families));
	for (size_t i = 0; i < rule->lead_count; i++) {
		put(out, &rule->leads[i].becomes, sizeof(rule->leads[i].becomes));
		put_text(out, rule->leads[i].to ? rule->leads[i].to->name : NULL);
	}
	if (rule->original.row)
		essence_of_view_rule(out, rule->original.row);
}
