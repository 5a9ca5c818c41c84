/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/view_words.h"

#include <inttypes.h>
#include <sys/socket.h>

#include "rules/view_words_condition.h"

/* --- effects and verdicts --------------------------------------------- */

static const struct {
	const char *legacy, *nft;
} deeds[] = {
	[STEP_NOTRACK] = { "-j CT --notrack", "notrack" },
	[STEP_TEMPLATE] = { "-j CT (...)", "ct (...) set" },
	[STEP_MARK] = { "-j MARK", "meta mark set" },
	[STEP_CT_MARK] = { "-j CONNMARK (...)", "ct mark set" },
	[STEP_RESTORE_MARK] = { "-j CONNMARK --restore-mark", "meta mark set ct mark" },
	[STEP_MAP] = { "-j (a map)", "vmap" },
	[STEP_ACCEPT] = { "-j ACCEPT", "accept" },
	[STEP_DROP] = { "-j DROP", "drop" },
	[STEP_REJECT] = { "-j REJECT", "reject" },
	[STEP_RETURN] = { "-j RETURN", "return" },
	[STEP_JUMP] = { "-j", "jump" },
	[STEP_GOTO] = { "-g", "goto" },
	[STEP_QUEUE] = { "-j NFQUEUE", "queue" },
	[STEP_DIVERT] = { "-j TPROXY", "tproxy" },
	[STEP_SYNPROXY] = { "-j SYNPROXY", "synproxy" },
	[STEP_ANYTHING] = { "-j", "" },
};

static void add_translation(struct words *words, const struct step *step)
{
	static const char *const legacy[] = {
		[TRANSLATE_SOURCE] = "-j SNAT", [TRANSLATE_DESTINATION] = "-j DNAT",
		[TRANSLATE_MASQUERADE] = "-j MASQUERADE", [TRANSLATE_REDIRECT] = "-j REDIRECT",
	};
	static const char *const nft[] = {
		[TRANSLATE_SOURCE] = "snat", [TRANSLATE_DESTINATION] = "dnat",
		[TRANSLATE_MASQUERADE] = "masquerade", [TRANSLATE_REDIRECT] = "redirect",
	};

	words_add(words, "%s", (words->nft ? nft : legacy)[step->field]);
	if (step->flags & STEP_ANY_VALUE)
		words_add(words, " to (...)");
	else if (step->mask)
		words_add(words, words->nft ? " to :%" PRIu32 : " --to-ports %" PRIu32, step->mask >> 16);
}

/* What a packet leaves behind when it goes on: a count, a line of a log, an entry of a list. */
static void add_record(struct words *words, const struct step *step)
{
	if (step->flags & STEP_REMEMBERS)
		words_add(words, words->nft ? "update @(a set)" : "-m recent --set (...)");
	else if (words->nft)
		words_add(words, "%s", step->text ? step->text : "counter");
	else
		words_add(words, "-j %s (...)", step->text);
}

/* Of all bits or of some; or of what nobody can tell, as a map or a hash has it. */
static void add_mark(struct words *words, const struct step *step)
{
	if (step->flags & STEP_ANY_VALUE)
		words_add(words, " (...)");
	else if (!words->nft)
		words_add(words, " --set-xmark 0x%" PRIx32 "/0x%" PRIx32, step->value, step->mask);
	else if (step->mask == UINT32_MAX)
		words_add(words, " 0x%08" PRIx32, step->value);
	else
		words_add(words, " meta mark & 0x%08" PRIx32 " ^ 0x%08" PRIx32, ~step->mask,
			  step->value);
}

static void add_deed(struct words *words, const struct step *step)
{
	if (step->kind == STEP_TRANSLATE) {
		add_translation(words, step);
		return;
	}
	if (step->kind == STEP_COUNT) {
		add_record(words, step);
		return;
	}
	if (step->kind == STEP_NOTRACK && !words->nft && step->text) {
		words_add(words, "-j %s", step->text);
		return;
	}
	if (step->kind == STEP_MAP && words->nft) {
		words_add_keys(words, step->lookup);
		words_add(words, " ");
	}
	words_add(words, "%s", words->nft ? deeds[step->kind].nft : deeds[step->kind].legacy);
	if (step->kind == STEP_MARK)
		add_mark(words, step);
	else if (step->kind == STEP_JUMP || step->kind == STEP_GOTO)
		words_add(words, " %s", step->chain->name);
	else if (step->kind == STEP_MAP)
		words_add(words, " @%s", step->lookup->name ? step->lookup->name : "(a map)");
	else if (step->kind == STEP_ANYTHING && step->text)
		words_add(words, " %s", step->text);
}

static void note_protocol(struct words *words, const struct step *step)
{
	if (step_names_protocol(step))
		words->protocol = (uint8_t)step->range.first;
	if (words->nft && step->field == FIELD_FAMILY && step->kind == STEP_NUMBER)
		words->ipv6 = step->range.first == AF_INET6;
}

/* nft has the protocol in "udp dport", and iptables no word for what only counts. */
static bool goes_without_saying(const struct words *words, const struct step *step,
				const struct step *next)
{

	if (!words->nft)
		return step->kind == STEP_COUNT && !step->text && !(step->flags & STEP_REMEMBERS);
	return step_is_condition(step) && step->field == FIELD_PROTOCOL && words->protocol && next &&
	       step_is_condition(next) && words_tell_protocol(words, next->field);
}

/* --- a rule ----------------------------------------------------------- */

/* @next: NULL behind the last one. */
static void add_step(struct words *words, const struct step *step, const struct step *next)
{
	bool condition = step_is_condition(step);

	if (condition)
		note_protocol(words, step);
	if (goes_without_saying(words, step, next))
		return;
	if (words->used)
		words_add(words, " ");
	if (condition)
		words_add_condition(words, step);
	else
		add_deed(words, step);
}

/* What an entry of a legacy table asks by itself, without a match. */
static bool is_of_entry(const struct step *step)
{
	return (step->kind == STEP_NUMBER && step->field == FIELD_PROTOCOL) ||
	       step->kind == STEP_INTERFACE || step->kind == STEP_PREFIX;
}

/* In the order of iptables-save. Returns how many steps these are. */
static uint32_t add_entry(struct words *words, const struct view_rule *rule)
{
	static const enum field order[] = { FIELD_SOURCE, FIELD_DESTINATION, FIELD_IN, FIELD_OUT,
					    FIELD_PROTOCOL };
	uint32_t count = 0;

	while (count < rule->count && is_of_entry(&rule->steps[count]))
		count++;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (uint32_t j = 0; j < count; j++)
			if (rule->steps[j].field == order[i])
				add_step(words, &rule->steps[j], NULL);
	return count;
}

static void add_steps(struct words *words, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_step(words, &steps[i], i + 1 < count ? &steps[i + 1] : NULL);
}

static struct words words_for(const struct view_table *table, char *text, size_t size)
{
	text[0] = '\0';
	return (struct words){ .text = text, .size = size, .nft = table->world == WORLD_NFT,
			       .ipv6 = table->families == 1u << IPV6 };
}

const char *view_steps_words(const struct view_table *table, const struct step *steps,
			     size_t count, char *text, size_t size)
{
	struct words words = words_for(table, text, size);

	add_steps(&words, steps, count);
	return text;
}

const char *view_rule_words(const struct view_chain *chain, const struct view_rule *rule,
			    char text[RULE_WORDS])
{
	struct words words = words_for(chain->table, text, RULE_WORDS);
	uint32_t first = 0;

	if (!words.nft) {
		words_add(&words, "-A %s", chain->name);
		first = add_entry(&words, rule);
	}
	add_steps(&words, rule->steps + first, rule->count - first);
	return text;
}
