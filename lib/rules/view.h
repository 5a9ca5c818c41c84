/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The view: every chain at every hook of a network namespace, whoever made it,
 * decoded as far as we understand it.  Plain data: a backend fills it, and who
 * walks packets through it knows no backend.
 *
 *	view -> tables -> chains -> rules -> steps
 *	  hooks[]: the base chains, in the order in which packets meet them
 *
 * A rule is a row of steps.  A packet takes them one after another: a condition
 * that it does not meet ends the rule, an effect changes the packet and goes on,
 * a verdict says where the packet goes.  A packet that took all steps without a
 * verdict goes on to the next rule.
 */
#ifndef LIB_VIEW_H
#define LIB_VIEW_H

#include <net/if.h>

#include "model/prefix.h"
#include "support/arena.h"

enum world {
	WORLD_LEGACY,
	WORLD_NFT,
};

enum hook {
	HOOK_NONE,		/* a chain that others lead to */
	HOOK_PREROUTING,
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	HOOK_POSTROUTING,
	HOOKS
};

enum chain_type {
	CHAIN_FILTER,
	CHAIN_NAT,		/* met by the first packet of a tracked connection only */
	CHAIN_ROUTE,
};

/* --- steps ------------------------------------------------------------ */

/* What a condition looks at. */
enum field {
	FIELD_FAMILY,			/* AF_INET, AF_INET6 */
	FIELD_ETHER_TYPE,		/* the same, as ETH_P_IP, ETH_P_IPV6 */
	FIELD_PROTOCOL,			/* IPPROTO_* */
	FIELD_NEXT_HEADER,		/* in the header of IPv6: the protocol, or an extension header */
	FIELD_SOURCE,			/* addresses */
	FIELD_DESTINATION,
	FIELD_SOURCE_PORT,
	FIELD_DESTINATION_PORT,
	FIELD_EITHER_PORT,		/* one of the two is enough */
	FIELD_IN,			/* interfaces, by name */
	FIELD_OUT,
	FIELD_TCP_FLAGS,		/* RFC 9293, section 3.1 */
	FIELD_CHUNK,			/* of SCTP, the first: RFC 9260, section 3.2 */
	FIELD_ICMP_TYPE,
	FIELD_ICMP_CODE,
	FIELD_FRAGMENT,			/* as in an IPv4 header, without DF; 0: a whole packet */
	FIELD_EXTENSION,		/* 1: with an IPv6 extension header; see @length of a step */
	FIELD_MARK,
	FIELD_SOURCE_TYPE,		/* RTN_* of linux/rtnetlink.h */
	FIELD_DESTINATION_TYPE,
	FIELD_DESTINATION_TYPE_HERE,	/* LOCAL: of the very interface that the packet came by */
	FIELD_LINK_TYPE,		/* PACKET_* of linux/if_packet.h */
	FIELD_REVERSE_PATH,		/* 1: the source is reached by the interface it came by */
	FIELD_OTHER,			/* anything else of a packet, or the time, or chance */
	/* of conntrack; a packet without an entry has none of these but a state */
	FIELD_STATE,			/* bits of enum ct_state, one of which a packet has */
	FIELD_CT_DIRECTION,		/* 0: original, 1: reply */
	FIELD_CT_STATUS,		/* IPS_* of nf_conntrack_common.h */
	FIELD_CT_MARK,
	FIELD_CT_OTHER,			/* anything else that conntrack knows */
	FIELDS
};

enum ct_state {
	CT_INVALID = 1 << 0,
	CT_ESTABLISHED = 1 << 1,
	CT_RELATED = 1 << 2,
	CT_NEW = 1 << 3,
	CT_UNTRACKED = 1 << 6,
};

enum step_kind {
	/* conditions: the field, masked, is within one range or several */
	STEP_NUMBER,
	STEP_NUMBERS,
	STEP_PREFIX,
	STEP_ADDRESSES,
	STEP_INTERFACE,			/* of that name, as far as @length bytes */
	STEP_WITHIN_RATE,		/* a rate or quota is not used up */
	STEP_REMEMBERED,		/* an earlier packet of this source was recorded */
	STEP_SET,			/* in a set of which we know no more than the field; @count:
					   whether view.ask_set() says who is in it */
	STEP_LOOKUP,			/* in a set, by one field or several */
	STEP_UNKNOWN,			/* of a kind that we do not decode */

	/* effects: the packet goes on to the next step */
	STEP_COUNT,			/* nothing that a later rule sees: count, log, record, or change
					   what no rule looks at */
	STEP_NOTRACK,
	STEP_TEMPLATE,			/* zone, helper, timeout: tracked, whatever comes later */
	STEP_MARK,			/* mark = (mark & ~mask) ^ value */
	STEP_CT_MARK,			/* the connection gets a mark */
	STEP_RESTORE_MARK,		/* the packet gets that of its connection */

	/* verdicts */
	STEP_MAP,			/* what a map says; the next rule where it says nothing */
	STEP_ACCEPT,
	STEP_DROP,
	STEP_REJECT,
	STEP_RETURN,
	STEP_JUMP,
	STEP_GOTO,
	STEP_TRANSLATE,			/* NAT; @length is 0, or @address begins what it becomes */
	STEP_QUEUE,			/* a program decides */
	STEP_DIVERT,			/* to a socket of this host, whatever the destination */
	STEP_SYNPROXY,
	STEP_ANYTHING,			/* we do not know what it does: any verdict, or none */
};

#define FIRST_EFFECT STEP_COUNT
#define FIRST_VERDICT STEP_MAP

enum step_flags {
	STEP_INVERTED = 1 << 0,
	STEP_REMEMBERS = 1 << 1,	/* its answer depends on earlier packets, or is kept for later */
	STEP_WITHOUT_ENTRY = 1 << 2,	/* FIELD_CT_*: met by packets that have no entry;
					   STEP_TEMPLATE: those that are untracked get one again */
	STEP_HELPER = 1 << 3,		/* STEP_TEMPLATE, STEP_COUNT: it gives the connection a helper */
	STEP_ANY_VALUE = 1 << 4,	/* STEP_MARK, STEP_TRANSLATE: a map says which, or a hash;
					   STEP_UNKNOWN of conntrack: who knows what it says of
					   packets that have no entry */
	STEP_COUNTER = 1 << 5,		/* STEP_COUNT: a rule's own counter, and nothing else */
	STEP_GIVES_DATA = 1 << 6,	/* of a condition: a map, whose data a later step uses */
	STEP_OUTCOMES = 1 << 7,		/* STEP_TRANSLATE: no one address, but @outcomes */
	STEP_RULES_OWN = 1 << 7,	/* STEP_WITHIN_RATE: no other rule uses it up, and a copy has
					   one of its own */
};

/* What STEP_COUNT does; no later rule sees either. */
enum count {
	COUNT_NOTES,			/* it counts, logs or records the packet */
	COUNT_ALTERS,			/* it changes the packet, and keeps nothing of it */
};

struct range {
	uint32_t first, last;
};

struct address_range {
	uint8_t first[16], last[16];
};

enum translation {
	TRANSLATE_SOURCE,
	TRANSLATE_DESTINATION,
	TRANSLATE_MASQUERADE,		/* the source, to an address of the interface */
	TRANSLATE_REDIRECT,		/* the destination, to this host */
};

/* Addresses or ports that NAT gives packets: of one range, or as a map says. */
struct view_part {
	bool is_given;			/* else packets keep what they have */
	bool is_known;
	const struct view_lookup *map;	/* in the data of each of its elements: */
	uint8_t first_at, last_at;
	union {				/* without a map: */
		struct range ports;
		struct address_range addresses;
	};
};

struct view_outcomes {
	struct view_part address, port;
};

/* 24 bytes: a table may have 100,000 rules. */
struct step {
	uint8_t kind;			/* enum step_kind */
	uint8_t flags;			/* enum step_flags */
	uint8_t field;			/* enum field; of STEP_TRANSLATE: enum translation */
	uint8_t length;			/* of a prefix; of a name the bytes that count: with its NUL,
					   where it is the whole name; of numbers which question about
					   the field it is, where there are several */
	uint32_t mask;			/* of numbers: all ones for the whole; of STEP_TRANSLATE:
					   the ports, first << 16 | last, or 0 */
	union {
		struct range range;
		uint32_t value;
		uint8_t address[16];
		char name[IFNAMSIZ];
		struct {
			uint32_t count;		/* of a list, which is in order; of STEP_COUNT:
						   enum count */
			uint32_t index;		/* of a set, in the words of its backend */
			union {
				const struct range *ranges;
				const struct address_range *addresses;
				struct view_chain *chain;
				struct view_lookup *lookup;
				const struct view_outcomes *outcomes;
				const char *text;	/* what STEP_UNKNOWN and STEP_ANYTHING are; of
						   STEP_COUNT and STEP_NOTRACK: the target, if one */
			};
		};
	};
};

/* --- sets ------------------------------------------------------------- */

/* One of the fields that make up a key. */
struct key_field {
	uint8_t field;			/* enum field */
	uint8_t length;			/* of addresses: the bits of the prefix that counts */
	uint8_t size;			/* in bytes, as its backend has it */
	bool swapped;			/* its bytes are in the order of this host */
	uint32_t mask;			/* of numbers */
};
#define KEY_FIELDS_MAX 8

/* What one field of a packet is. */
struct key_value {
	union {
		uint32_t number;
		uint8_t address[16];
		char name[IFNAMSIZ];
	};
};

/* What one field may be in an element; one value is a range of one. */
struct key_range {
	union {
		struct range numbers;
		struct address_range addresses;
		struct {
			char name[IFNAMSIZ];
			uint8_t length;		/* as of STEP_INTERFACE */
		};
	};
};

struct set_element {
	uint8_t verdict;		/* of a map: enum step_kind */
	struct view_chain *chain;	/* of STEP_JUMP and STEP_GOTO */
	const uint8_t *data;		/* of a map whose data are no verdicts: see @data_size */
	struct key_range ranges[];	/* one for each field */
};

/*
 * How a rule looks something up.  A set that belongs to the rule is read whole.
 * One with a name is others' to fill, at any time and with any number of
 * elements: it is asked by key, see view.ask().  A map with a name that has verdicts
 * is read as well, as far as it can be, for where its elements lead.
 */
struct view_lookup {
	const struct view_table *table;
	const char *name;
	bool named;
	bool read;			/* its elements are here, and all that it will ever have */
	bool more;			/* it has more elements than are worth reading */
	bool has_rest;			/* what has none of the elements gets a verdict as well: */
	uint8_t rest_verdict;
	struct view_chain *rest_chain;
	uint8_t field_count;
	struct key_field fields[KEY_FIELDS_MAX];
	uint32_t count, room;
	uint32_t data_size;
	void *elements;			/* struct set_element, one behind another */
	const struct view_lookup *original;	/* of a copy that leads elsewhere: with the same keys */
};

/* --- rules, chains, tables -------------------------------------------- */

enum rule_flags {
	RULE_ASKS_STATE = 1 << 0,	/* a condition looks at FIELD_STATE */
	RULE_REMEMBERS = 1 << 1,	/* a step has STEP_REMEMBERS */
	RULE_UNKNOWN = 1 << 2,		/* a condition or verdict that we do not know */
	/* set by whoever lays a change over the view */
	RULE_ADDED = 1 << 3,		/* the change would put it there */
	RULE_REMOVED = 1 << 4,		/* ... or take it away */
	RULE_OURS = 1 << 5,		/* of our making, in whatever chain it stands */
};

/* Rules one behind another that each drop what a prefix names: see view_runs.c. */
struct view_run {
	struct view_rule *first, *last;	/* first is NULL where a rule came in between */
	uint32_t named;			/* which step of each names the prefix */
	uint8_t field;			/* FIELD_SOURCE, FIELD_DESTINATION */
	uint8_t length;			/* of the shortest prefix */
};

struct view_rule {
	struct view_rule *next;
	struct view_run *run;		/* that it is part of; NULL: of none */
	uint64_t handle;		/* what the backend that read it finds it by */
	uint32_t flags;			/* enum rule_flags */
	uint32_t number;		/* in its chain as it was read, from 1 on; 0: laid over it */
	uint32_t count;			/* of steps */
	uint32_t position;		/* in its chain as it was indexed: see rule_index.c */
	struct step steps[];
};

struct view_chain {
	struct view_chain *next;	/* of the table */
	struct view_chain *next_at_hook;
	struct view_chain *next_of_name;	/* in the view's hash table */
	struct view_table *table;
	const char *name;
	size_t number;			/* among all chains of the view, from 0 on */
	struct view_rule *rules, *last;
	int32_t priority;
	uint8_t hook;			/* enum hook */
	uint8_t type;			/* enum chain_type */
	bool is_base;			/* packets come to it by a hook, be it one that we know or not */
	bool drops;			/* the policy of a base chain */
	uint8_t hooks;			/* bits, 1 << enum hook: those whose packets can get here */
	uint8_t referrers;		/* rules with a jump or goto to it: 0, 1, or 2 for any more */
	bool only_drops;		/* what comes there, and lets the others return */
	bool indexed;			/* @index is that of its rules as they are, or they need none */
	struct rule_index *index;
	/* what view_forget_ours() took out of it: the opening that a jump led to, and the rule of
	   the host that the jump stood ahead of (NULL: at the end) */
	const struct view_chain *opened_by;
	struct view_rule *opened_before;
	bool was_ours;			/* likewise: rules of ours stood in it */
	const struct view_chain *lost_opening;	/* a chain of ours that opens, to which no jump leads */
};

struct view_table {
	struct view_table *next;
	struct view_chain *chains, *last;
	const char *name;
	const char *family_name;	/* "ip", "ip6", "inet" */
	uint8_t world;			/* enum world */
	uint8_t families;		/* bits, 1 << enum family */
	bool locked;			/* its owner is a program that lets nobody else edit it */
	bool dormant;			/* switched off as a whole */
	bool own;			/* all that is in it is ours */
	uint8_t hooks;			/* bits: those whose packets can get to any chain of it */
};

struct view {
	struct view_table *tables, *last;
	struct view_chain *hooks[HOOKS];
	struct view_chain **names;	/* hash table */
	size_t name_room, chain_count;
	struct arena arena;
	struct step *steps;		/* of the rule that is being built */
	size_t step_count, step_room;
	bool marks_connections;		/* a rule does, so that a connection's mark may be any */
	bool translates;		/* a rule does, so that a connection may be translated */
	bool marks_packets;		/* likewise */
	unsigned int first_edition;	/* bits, 1 << enum family: rules of the first edition of this
					   library, which view_forget_ours() took out of legacy tables */
	const struct prefix *own;	/* this host's addresses, where they are known */
	size_t own_count;
	bool knows_own[FAMILIES];	/* none of that family is still to come */

	/* of the backend that has sets with a name */
	void *asker;
	/* 1: it is there, with the verdict of a map; 0: it is not; or -errno */
	int (*ask)(void *asker, const struct view_lookup *lookup, const struct key_value *key,
		   struct set_element *found);
	void (*release)(void *asker);
	/* The same for STEP_SET, and one address; NULL where no rule looks up such a set. */
	int (*ask_set)(const struct step *step, enum family family, const uint8_t *address);
};

/* --- building: NULL or -ENOMEM if out of memory ------------------------ */

struct view_table *view_add_table(struct view *view, enum world world, unsigned int families,
				  const char *family_name, const char *name);
struct view_chain *view_add_chain(struct view *view, struct view_table *table, const char *name);
/* Of any family and world. */
bool view_has_table(const struct view *view, const char *name);
struct view_chain *view_find_chain(const struct view *view, const struct view_table *table,
				   const char *name);
/*
 * Makes it a base chain.  Those of a hook are in order of priority; of the same
 * one, the latest comes first, as in the kernel.
 */
void view_set_hook(struct view *view, struct view_chain *chain, enum hook hook, int priority);
/* ... at the hook and the priority of another, directly ahead of that. */
void view_set_hook_ahead(struct view *view, struct view_chain *chain, const struct view_chain *of);

/* Of "PREROUTING" and the other built-in chains of iptables; HOOK_NONE: it is none of them. */
enum hook hook_of_builtin(const char *chain);

/* A rule is built step by step, and then put at the end of a chain. */
struct step *view_add_step(struct view *view, enum step_kind kind);
/* A number, whole, within one range. */
struct step *view_add_number(struct view *view, enum field field, uint32_t first, uint32_t last);
/* Within one of several, which are put in order, and those that touch become one. */
struct step *view_add_numbers(struct view *view, enum field field, const struct range *ranges,
			      size_t count);
/* Makes a step of it, and keeps its flags. */
int view_set_numbers(struct view *view, struct step *step, enum field field,
		     const struct range *ranges, size_t count);
/* Has one of the states, of enum ct_state. */
struct step *view_add_states(struct view *view, uint32_t states);
/* @what is not copied. */
struct step *view_add_unknown(struct view *view, enum step_kind kind, const char *what);
struct view_rule *view_end_rule(struct view *view, struct view_chain *chain, uint64_t handle);
/* Behind @after, which is a rule of @chain; NULL: as its first. */
struct view_rule *view_insert_rule(struct view *view, struct view_chain *chain,
				   struct view_rule *after, const struct step *steps,
				   size_t count);

/*
 * What tells conditions of one kind apart whose values no step has room for: a hash of what they
 * ask, as their index or mask.
 */
static inline uint32_t view_hash(uint32_t hash, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;

	while (size--)
		hash = (hash ^ *byte++) * 0x01000193u;
	return hash;
}

/* Packets that have an element cannot be told by anything but the lookup itself. */
static inline bool lookup_is_hidden(const struct view_lookup *lookup)
{
	return lookup->fields[0].field == FIELD_OTHER || lookup->fields[0].field == FIELD_CT_OTHER;
}

static inline size_t element_size(const struct view_lookup *lookup)
{
	return sizeof(struct set_element) + lookup->field_count * sizeof(struct key_range);
}

static inline struct set_element *element_at(const struct view_lookup *lookup, size_t index)
{
	return (void *)((char *)lookup->elements + index * element_size(lookup));
}

/* view_reach.c: finds which chains packets of a hook can get to, for view_chain.hooks. */
int view_reach(struct view *view);	/* again after changes */
/* view_runs.c: finds the runs of the chains as they are; again after changes.  Or -ENOMEM. */
int view_find_runs(struct view *view);
/* rule_index.c: makes those that are not there; a chain whose rules change needs another.  Or -ENOMEM. */
int view_index_rules(struct view *view);
void view_drop_index(struct view_chain *chain);
/* view_forget.c: takes out all tables of a world, to read them again. */
void view_forget_world(struct view *view, enum world world);
/*
 * Takes out what is of ours: our table, our chains, and the rules of ours in chains of the
 * host.  What is left is the host as it was without us; again view_reach() after it.
 */
void view_forget_ours(struct view *view);
/* Chains and tables of ours are known by their names. */
bool chain_is_ours(const struct view_chain *chain);
void view_free(struct view *view);

/* --- places ----------------------------------------------------------- */

struct place {
	const struct view_chain *chain;
	const struct view_rule *rule;		/* NULL: the policy */
};

/*
 * "filter INPUT 3", "inet filter input 7", "filter INPUT policy"; a longer one is cut.  The
 * number is that of the host as it stands, whatever was laid over it.
 */
#define PLACE_TEXT 192
const char *view_format_place(const struct place *place, char text[PLACE_TEXT]);
/* The same, with the number that the rule has once that is committed. */
const char *view_format_planned(const struct place *place, char text[PLACE_TEXT]);
/* Of two places in one chain: whether packets come to @place first; a policy is the last. */
bool place_is_ahead(const struct place *place, const struct place *other);

/* A match of conntrack that nobody can read: who knows what it says of whom. */
static inline bool step_is_unread(const struct step *step)
{
	return step->kind == STEP_UNKNOWN && step->flags & STEP_ANY_VALUE;
}

static inline bool step_is_condition(const struct step *step)
{
	return step->kind < FIRST_EFFECT;
}

static inline bool step_is_verdict(const struct step *step)
{
	return step->kind >= FIRST_VERDICT;
}

/* What else is asked of packets is understood by it. */
static inline bool step_names_protocol(const struct step *step)
{
	return step->kind == STEP_NUMBER && !(step->flags & STEP_INVERTED) &&
	       (step->field == FIELD_PROTOCOL || step->field == FIELD_NEXT_HEADER);
}

/* The verdict of a rule; NULL if it has none. */
static inline const struct step *rule_verdict(const struct view_rule *rule)
{
	const struct step *last = rule->count ? &rule->steps[rule->count - 1] : NULL;

	return last && step_is_verdict(last) ? last : NULL;
}

/* The last rule of a run that begins at @rule, which may be that alone; else @rule. */
static inline const struct view_rule *rule_end_of_run(const struct view_rule *rule)
{
	return rule->run && rule->run->first == rule ? rule->run->last : rule;
}

#endif
